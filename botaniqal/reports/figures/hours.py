"""How much of what practitioners offered was booked."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache, reduce
from operator import or_
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from bookings.models import Booking
from practitioners import timegrid
from practitioners.availability import CLINIC
from practitioners.day_plan import Use
from practitioners.models import LONGEST_ENTRY, Practitioner, TimeOff, WorkingHours
from practitioners.timegrid import CELL_MINUTES, Span, Window
from services.models import PractitionerType
from services.prices import clinic_day

from ..models import Day, DayOfHours
from .counting import spans_of
from .period import EVERYTHING, Only, Period, day_start
from .touched import open_days

IS_BOOKED = [Booking.State.CONFIRMED, Booking.State.COMPLETED, Booking.State.NO_SHOW]
LONGEST_BUFFER = timedelta(hours=2)
"""So far a visit's break may lean out of it, on both sides; the triggers of the figures say the same."""

Minutes = tuple[int, int]
"""Offered, and booked of them."""
Cells = dict[tuple[date, UUID], int]
"""Cells of a day, by the day and by whose they are."""


def utilisation(period: Period, only: Only = EVERYTHING, *, now: datetime | None = None) -> list[Use]:
    """
    Add up for each practitioner the minutes that they offered in a period, and those that were booked.

    With a service, these are the hours of those who give it, whatever else they gave in them.
    """
    added = minutes(period, only, by=["practitioner"], now=now or timezone.now())
    people = Practitioner.objects.filter(pk__in=[pk for (pk,) in added]).order_by("name", "pk")
    return [Use(person, booked, offered) for person in people for offered, booked in [added[person.pk,]]]


def minutes(period: Period, only: Only, *, by: Sequence[str], now: datetime) -> dict[tuple, Minutes]:
    """Add up offered and booked minutes by ``day``, ``practitioner`` or both; whoever offered nothing is left out."""
    days = open_days(period, today=clinic_day(now))
    rows = _kept(period, only, days).order_by().values_list(*by)
    added: dict[tuple, Minutes] = {
        tuple(key): (offered, booked)
        for *key, offered, booked in rows.annotate(offered=Sum("offered_minutes"), booked=Sum("booked_minutes"))
    }
    wanted = (
        set(Practitioner.objects.filter(_people(only, prefix="")).values_list("pk", flat=True))
        if _people(only)
        else None
    )
    for row in count_hours(days):
        if row.offered_minutes and (wanted is None or row.practitioner_id in wanted):
            key = tuple({"day": row.day, "practitioner": row.practitioner_id}[column] for column in by)
            offered, booked = added.get(key, (0, 0))
            added[key] = offered + row.offered_minutes, booked + row.booked_minutes
    return added


def kept_hours(period: Period, only: Only, *, now: datetime) -> QuerySet[DayOfHours]:
    """List what was offered and booked on the days of a period that are closed."""
    return _kept(period, only, open_days(period, today=clinic_day(now)))


def count_hours(days: Iterable[date]) -> list[DayOfHours]:
    """
    Count what was offered and booked on days, from the rows themselves.

    On a day that was closed before, the roster is what it was then; time off that was noted since counts all the same.
    """
    days = sorted(days)
    booked = _cells(_booked(days), days)
    away = _cells(_away(days), days)
    counted = []
    for (day, person), mask in _rosters(days, booked).items():
        offered = mask & ~away.get((day, person), 0)
        taken = offered & booked.get((day, person), 0)
        counted.append(
            DayOfHours(
                day=day,
                practitioner_id=person,
                hours=list(_spans(_window(day), mask)),
                offered_minutes=offered.bit_count() * CELL_MINUTES,
                booked_minutes=taken.bit_count() * CELL_MINUTES,
            )
        )
    return counted


def _kept(period: Period, only: Only, still_open: Sequence[date]) -> QuerySet[DayOfHours]:
    rows = DayOfHours.objects.filter(_people(only), day__gte=period.first, day__lte=period.last)
    return rows.filter(offered_minutes__gt=0).exclude(day__in=still_open)


def _people(only: Only, *, prefix: str = "practitioner__") -> Q:
    wanted = Q()
    if only.practitioner:
        wanted &= Q(**{f"{prefix}pk": only.practitioner.pk})
    if only.service:
        giving = Practitioner.objects.filter(appointment_types__service=only.service)
        wanted &= Q(**{f"{prefix}pk__in": giving.values("pk")})
    return wanted


def _rosters(days: Sequence[date], booked: Cells) -> Cells:
    fixed = set(Day.objects.filter(day__in=days).values_list("day", flat=True))
    kept = DayOfHours.objects.filter(day__in=fixed).values_list("day", "practitioner", "hours")
    rosters = {
        (day, person): _window(day).mask_of((span.lower, span.upper) for span in spans) for day, person, spans in kept
    }
    fresh = [day for day in days if day not in fixed]
    return rosters | _rosters_now(fresh, booked) if fresh else rosters


def _rosters_now(days: Sequence[date], booked: Cells) -> Cells:
    """Read the roster of today: of those who give care now, and of those who left on the days on which they did."""
    people = Practitioner.objects.exclude(type=PractitionerType.CONSULTANT)
    people = people.filter(Q(is_active=True) | Q(pk__in={person for _, person in booked}))
    rules: dict[UUID, list[timegrid.WeeklyHours]] = defaultdict(list)
    weekly = WorkingHours.objects.filter(practitioner__in=people).order_by("starts")
    for person, *rule in weekly.values_list("practitioner", "weekday", "starts", "ends", "valid_from", "valid_until"):
        rules[person].append(tuple(rule))
    masks = {
        (day, person.pk): timegrid.hours_mask(_window(day), tuple(rules[person.pk]), ZoneInfo(person.time_zone))
        for person in people
        for day in days
        if person.is_active or (day, person.pk) in booked
    }
    return {key: mask for key, mask in masks.items() if mask}


def _booked(days: Sequence[date]) -> Iterable[tuple[UUID, datetime, datetime]]:
    """When visits took somebody's time, buffers included; one with no place in the diary took its own."""
    lies = reduce(or_, (_touching(*span) for span in spans_of(days)), Q())
    rows = Booking.objects.filter(lies, state__in=IS_BOOKED) if days else Booking.objects.none()
    starts, ends = Coalesce("entry__starts_at", "starts_at"), Coalesce("entry__ends_at", "ends_at")
    return rows.order_by().values_list("practitioner", starts, ends).iterator(chunk_size=10_000)


def _away(days: Sequence[date]) -> QuerySet[Any, tuple[UUID, datetime, datetime]]:
    if not days:
        return TimeOff.objects.none()
    around = {"starts_at__lt": spans_of(days)[-1][1], "ends_at__gt": day_start(days[0])}
    return TimeOff.objects.filter(**around).order_by().values_list("practitioner", "starts_at", "ends_at")


def _touching(since: datetime, until: datetime) -> Q:
    # By the start as well, which has an index.
    begins = {"starts_at__gt": since - LONGEST_ENTRY, "starts_at__lt": until + LONGEST_BUFFER}
    return Q(**begins, ends_at__gt=since - LONGEST_BUFFER)


def _cells(rows: Iterable[tuple[UUID, datetime, datetime]], days: Sequence[date]) -> Cells:
    cells: Cells = defaultdict(int)
    for person, starts_at, ends_at in rows:
        place = bisect_left(days, clinic_day(starts_at))
        while place < len(days) and day_start(days[place]) < ends_at:
            day = days[place]
            cells[day, person] |= _window(day).mask_of([(starts_at, ends_at)])
            place += 1
    return cells


def _spans(window: Window, mask: int) -> Iterator[Span]:
    """List the spans that the cells of a mask make, side by side in one."""
    while mask:
        first = timegrid.first_bit(mask)
        last = first + timegrid.first_bit(~(mask >> first))
        yield window.moment(first), window.moment(last)
        mask &= ~timegrid.mask_between(first, last)


@lru_cache(maxsize=4096)
def _window(day: date) -> Window:
    return Window.around(*timegrid.day_edges(day, CLINIC))
