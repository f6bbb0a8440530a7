"""A practitioner's own day: the visits in order, each with the card from the call, and how it ended."""

from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from bookings.admin import STATE_TONES, BookingAdmin
from bookings.intake import answered
from bookings.intake.answered import Answered
from bookings.models import Booking
from botaniqal.admin import badge, shown_phone
from practitioners.day_plan import CLINIC
from practitioners.models import Practitioner
from practitioners.timegrid import day_edges

from . import hand_over, red_flags
from .models import HandOver

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
ENDINGS = {"completed": "complete", "no-show": "mark_no_show"}
"""The words of the addresses, and the bookings' verbs that they stand for."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One of the day's visits, with what can be done with it now."""

    booking: Booking
    phone: str
    state: SafeString
    is_now: bool
    card: HandOver | None
    forms: list[Answered]
    endings: list[tuple[str, str]]


def urls(site: AdminSite) -> list[URLPattern]:
    """List the addresses of one's own day within the portal."""
    at = {"site": site}
    return [
        path("my-day/", site.admin_view(view), at, name="my_day"),
        path("my-day/<uuid:booking_id>/read/", site.admin_view(mark_read), at, name="my_day_read"),
        path("my-day/<uuid:booking_id>/<slug:ending>/", site.admin_view(end), at, name="my_day_end"),
    ]


@require_safe
def view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show a day of one's own; nobody else's."""
    if not hasattr(request.user, "practitioner"):
        context = {**site.each_context(request), "title": "My day"}
        context["reason"] = "No visits are yours: your login belongs to no practitioner. The calendar has everybody's."
        return TemplateResponse(request, "admin/refused.html", context, status=HTTPStatus.FORBIDDEN)
    own = request.user.practitioner
    if not request.user.has_perm("bookings.view_booking") or request.GET.get("who", str(own.pk)) != str(own.pk):
        raise PermissionDenied
    today = timezone.localdate(timezone.now(), CLINIC)
    day = _day(request.GET.get("date", ""), today)
    context = {
        **site.each_context(request),
        "title": "My day",
        "day": day,
        "today": today,
        "own": own,
        "is_elsewhere": own.time_zone != CLINIC.key,
        "flags": red_flags.waiting_for(request.user),
        "visits": _visits(request, site.get_model_admin(Booking), own, day),
        "earlier": _address(day - timedelta(days=1)),
        "later": _address(day + timedelta(days=1)),
        "week_url": f"{reverse('admin:calendar')}?{urlencode({'view': 'week', 'who': own.pk, 'date': day})}",
    }
    return TemplateResponse(request, "calendar/my_day.html", context)


@require_POST
def mark_read(request: HttpRequest, site: AdminSite, booking_id: UUID) -> HttpResponse:
    """Mark the card of an own visit as read."""
    if not request.user.has_perm("triage.change_handover"):
        raise PermissionDenied
    booking = _own(request, booking_id)
    hand_over.mark_read(booking_id=booking.pk, by=request.user, now=timezone.now())
    messages.success(request, f"The card of {booking.patient.first_name} is marked as read.")
    return redirect(_address(booking.starts_at.astimezone(CLINIC).date()))


@require_POST
def end(request: HttpRequest, site: AdminSite, booking_id: UUID, ending: str) -> HttpResponse:
    """Say how an own visit ended, by the verb of the bookings' pages."""
    booking, admin = _own(request, booking_id), site.get_model_admin(Booking)
    name = ENDINGS.get(ending)
    if name is None or not admin.may_use(request, booking, name):
        raise PermissionDenied
    verb = getattr(admin, name)
    if not verb.verb.when(booking):
        messages.warning(request, f"“{verb.verb.label}” is not possible here now.")
    else:
        messages.success(request, verb(request, booking))
        admin.log_change(request, booking, verb.verb.label)
    return redirect(_address(booking.starts_at.astimezone(CLINIC).date()))


def _own(request: HttpRequest, booking_id: UUID) -> Booking:
    """
    Find a visit of one's own.

    :raises PermissionDenied: it is somebody else's.
    """
    parts = ("practitioner", "patient", "appointment_type")
    booking = get_object_or_404(Booking.objects.select_related(*parts), pk=booking_id)
    if booking.practitioner.user_id != request.user.pk:
        raise PermissionDenied
    return booking


def _visits(request: HttpRequest, admin: BookingAdmin, own: Practitioner, day: date) -> list[Visit]:
    begins, over = day_edges(day, CLINIC)
    bookings = (
        own.bookings.filter(starts_at__gte=begins, starts_at__lt=over)
        .exclude(state=Booking.State.CANCELLED)
        .select_related("patient", "practitioner", "appointment_type__service", "entry__room", "call")
        .order_by("starts_at")
    )
    cards, now = hand_over.cards_for(own, day), timezone.now()
    forms = answered.sent_for(bookings) if request.user.has_perm("bookings.view_formanswers") else {}
    return [
        Visit(
            booking=booking,
            phone=shown_phone(booking.patient.phone),
            state=badge(booking.get_state_display(), STATE_TONES[booking.state]),
            is_now=booking.starts_at <= now < booking.ends_at,
            card=cards.get(booking.pk),
            forms=forms.get(booking.pk, []),
            endings=[
                (word, getattr(admin, name).verb.label)
                for word, name in ENDINGS.items()
                if admin.may_use(request, booking, name) and getattr(admin, name).verb.when(booking)
            ],
        )
        for booking in bookings
    ]


def _day(typed: str, today: date) -> date:
    """Read a day from an address; what makes no sense is today."""
    try:
        day = parse_date(typed)
    except ValueError:
        day = None
    return day if day and FIRST_DAY <= day <= LAST_DAY else today


def _address(day: date) -> str:
    return f"{reverse('admin:my_day')}?{urlencode({'date': day.isoformat()})}"
