"""A practitioner's own page: when they work, what they give and when next, their calendars, their day and week."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from botaniqal.admin import BAD, OK, WAITING, badge, clinic_time, limited_to_own, shown_phone
from botaniqal.integrations.trouble import in_words
from services.models import AppointmentType

from . import availability, day_plan
from .admin import freshness
from .day_plan import CLINIC
from .models import Practitioner, WorkingHours
from .timegrid import day_edges

EXPIRES_SOON = timedelta(days=60)
MOST_ABSENCES = 10
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Given:
    """An appointment type that they give, and when it can be had next."""

    appointment_type: AppointmentType
    next_at: str


def urls(site: AdminSite) -> list[URLPattern]:
    """List the page's address within the portal."""
    route = "practitioners/practitioner/<uuid:person_id>/view/"
    return [path(route, site.admin_view(view), {"site": site}, name="practitioners_practitioner_view")]


@require_safe
def view(request: HttpRequest, site: AdminSite, person_id: UUID) -> HttpResponse:
    """Show a practitioner's page."""
    if not request.user.has_perm("practitioners.view_practitioner"):
        raise PermissionDenied
    person = get_object_or_404(Practitioner.objects.select_related("user"), pk=person_id)
    now = timezone.now()
    today = timezone.localdate(now, CLINIC)
    admin = site.get_model_admin(Practitioner)
    (use,) = day_plan.uses_of_week(people=[person], monday=today - timedelta(days=today.weekday()))
    week = {"view": "week", "who": person.pk}
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": person.name,
        "opts": Practitioner._meta,
        "person": person,
        "phone": shown_phone(person.phone),
        "is_elsewhere": person.time_zone != CLINIC.key,
        "week": _hours_of_week(person, today),
        "absences": [
            (clinic_time(row.starts_at), clinic_time(row.ends_at), row.reason)
            for row in person.time_off.filter(ends_at__gte=now).order_by("starts_at")[:MOST_ABSENCES]
        ],
        "calendars": [(row, freshness(row), in_words(row.problem)) for row in person.calendars.all()],
        "given": _given(person, now),
        "visits": _visits(request, person, today),
        "use": use,
        "booked": _length(use.booked_minutes),
        "offered": _length(use.offered_minutes),
        "registration": _registration(person, today),
        "verbs": list(admin.verbs_for(request, person)),
        "edit_url": admin.change_url(person),
        "may_change": admin.has_change_permission(request, person),
        "calendar_url": f"{reverse('admin:calendar')}?{urlencode(week)}",
    }
    return TemplateResponse(request, "practitioners/person.html", context)


def _hours_of_week(person: Practitioner, today: date) -> list[tuple[str, list[str]]]:
    """Write the hours of each weekday on the person's own clock, with the days between which they hold."""
    week: dict[int, list[str]] = {day: [] for day in WorkingHours.Weekday.values}
    for rule in person.working_hours.order_by("starts"):
        if rule.valid_until and rule.valid_until < today:
            continue
        words = f"{rule.starts:%H:%M}–{rule.ends:%H:%M}"
        if rule.location != Practitioner.Location.BOTH:
            words += f", {rule.get_location_display()}"
        if rule.valid_from and rule.valid_from > today:
            words += f", from {rule.valid_from:%-d %b %Y}"
        if rule.valid_until:
            words += f", until {rule.valid_until:%-d %b %Y}"
        week[rule.weekday].append(words)
    return [(WorkingHours.Weekday(day).label, words) for day, words in week.items()]


def _given(person: Practitioner, now: datetime) -> list[Given]:
    """Tell of each type that they give when it can be had next."""
    types = list(person.appointment_types.in_catalogue_order().select_related("service"))
    offered = [kind for kind in types if kind.is_active and kind.service.status == kind.service.Status.ACTIVE]
    offers = [availability.Offer(person, kind) for kind in offered if person.is_active]
    found = availability.find_slots(offers=offers, first_day=timezone.localdate(now, CLINIC), days=1) if offers else []
    next_at = {slots.appointment_type.pk: slots.next_available for slots in found}
    nothing = "Nothing free" if person.is_active else "Not offered"
    return [
        Given(kind, (clinic_time(next_at.get(kind.pk)) if next_at.get(kind.pk) else nothing))
        if kind in offered
        else Given(kind, "Not offered")
        for kind in types
    ]


def _visits(request: HttpRequest, person: Practitioner, today: date) -> list[tuple[str, str, Any]] | None:
    """List today's visits, of others' patients by the first name; nobody's for those who read no bookings."""
    if not request.user.has_perm("bookings.view_booking"):
        return None
    is_first_name = limited_to_own(request) and person.user_id != request.user.pk
    starts_at, ends_at = day_edges(today, CLINIC)
    visits = (
        person.bookings.filter(starts_at__gte=starts_at, starts_at__lt=ends_at)
        .exclude(state=CANCELLED)
        .select_related("patient", "appointment_type")
        .order_by("starts_at")
    )
    return [
        (
            f"{visit.starts_at.astimezone(CLINIC):%H:%M}",
            visit.patient.first_name if is_first_name else visit.patient.name,
            visit,
        )
        for visit in visits
    ]


def _length(minutes: int) -> str:
    """Write a length as people say it: 45 min, 7 h, 7 h 30 min."""
    hours, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if part
    )


def _registration(person: Practitioner, today: date) -> SafeString | str:
    """Show the registration, and warn before it ends."""
    ends_on = person.registration_expires_on
    if ends_on is None:
        return ""
    if ends_on < today:
        return badge(f"Lapsed on {ends_on:%-d %b %Y}: cannot be booked", BAD)
    if ends_on - today <= EXPIRES_SOON:
        days = (ends_on - today).days
        when = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days, on {ends_on:%-d %b %Y}")
        return badge(f"Expires {when}", WAITING)
    return badge(f"Until {ends_on:%-d %b %Y}", OK)
