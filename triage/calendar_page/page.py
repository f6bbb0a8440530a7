"""The calendar's page: what is asked for, who is shown, and how one steps through it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import conditional_page, require_safe

from bookings.models import Booking
from practitioners.day_plan import CLINIC
from practitioners.models import Practitioner, Room
from practitioners.timegrid import day_edges
from services.models import PractitionerType

from . import columns

DAY, WEEK = "day", "week"
PRACTITIONER, ROOM = "practitioner", "room"
SIDE_BY_SIDE = 12
"""So many people or rooms stand beside each other; the others are a page further."""
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of the calendar is asked for; what makes no sense is today."""

    view: str
    by: str
    day: date
    who: str
    part: int

    @classmethod
    def by_query(cls, query: dict[str, str], today: date) -> "Asked":
        """Read an address."""
        try:
            day = parse_date(query.get("date", ""))
        except ValueError:
            day = None
        part = query.get("part", "")
        return cls(
            view=WEEK if query.get("view") == WEEK else DAY,
            by=ROOM if query.get("by") == ROOM else PRACTITIONER,
            day=day if day and FIRST_DAY <= day <= LAST_DAY else today,
            who=query.get("who", ""),
            part=int(part) if part.isdecimal() and len(part) < 4 else 1,
        )

    @property
    def days(self) -> list[date]:
        """The day, or its week from Monday."""
        if self.view == DAY:
            return [self.day]
        monday = self.day - timedelta(days=self.day.weekday())
        return [monday + timedelta(days=n) for n in range(7)]

    def address(self, **other: Any) -> str:
        """Write the address of this or of another part."""
        wanted = {"view": self.view, "date": self.day.isoformat(), "by": self.by, "who": self.who, **other}
        return f"{reverse('admin:calendar')}?{urlencode({name: value for name, value in wanted.items() if value})}"


@require_safe
@conditional_page
def view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show a day or a week; the grid alone to whoever has the page already, or 304 while it is the same."""
    if not request.user.has_perm("practitioners.view_diaryentry"):
        raise PermissionDenied
    now = timezone.now()
    today = timezone.localdate(now, CLINIC)
    asked = Asked.by_query(request.GET.dict(), today)
    everybody = _everybody(asked)
    owner = next((each for each in everybody if str(each.pk) == asked.who), None)
    parts = -(-len(everybody) // SIDE_BY_SIDE) or 1
    part = min(max(asked.part, 1), parts)
    shown = [owner] if owner else everybody[(part - 1) * SIDE_BY_SIDE : part * SIDE_BY_SIDE]
    is_roster = asked.view == WEEK and owner is None
    draw = columns.roster if is_roster else columns.grid
    context = {
        "asked": asked,
        "today": today,
        "is_roster": is_roster,
        "drawn": draw(request, owners=shown, days=asked.days, now=now, address=asked.address),
    }
    if request.headers.get("X-Fragment") == "grid":
        return render(request, "calendar/_roster.html" if is_roster else "calendar/_grid.html", context)
    step = timedelta(days=7 if asked.view == WEEK else 1)
    context |= {
        **site.each_context(request),
        "title": "Calendar",
        "days": asked.days,
        "owner": owner,
        "everybody": everybody,
        "earlier": asked.address(date=asked.day - step),
        "later": asked.address(date=asked.day + step),
        "now_there": asked.address(date=""),
        "views": [
            ("Day", asked.address(view=""), asked.view == DAY),
            ("Week", asked.address(view=WEEK), asked.view == WEEK),
        ],
        "kinds": [
            ("Practitioners", asked.address(by="", who=""), asked.by == PRACTITIONER),
            ("Rooms", asked.address(by=ROOM, who=""), asked.by == ROOM),
        ],
        "parts": [] if owner or parts == 1 else [(n, asked.address(part=n)) for n in range(1, parts + 1)],
        "part": part,
    }
    return TemplateResponse(request, "calendar/page.html", context)


def _everybody(asked: Asked) -> list[Practitioner] | list[Room]:
    """List whose time is shown: who works here, with those who left but have visits then; or the rooms."""
    if asked.by == ROOM:
        return list(Room.objects.filter(is_active=True))
    starts_at, ends_at = day_edges(asked.days[0], CLINIC)[0], day_edges(asked.days[-1], CLINIC)[1]
    visited = Booking.objects.filter(starts_at__gte=starts_at, starts_at__lt=ends_at).exclude(
        state=Booking.State.CANCELLED
    )
    people = Practitioner.objects.with_freshness(timezone.now()).filter(
        Q(is_active=True) | Q(pk__in=visited.values("practitioner"))
    )
    return sorted(people, key=lambda person: (person.type == PractitionerType.CONSULTANT, person.name))
