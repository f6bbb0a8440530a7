"""A booking beside the calendar: what it is, where it stands, and moving it to another free time."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.views.decorators.http import require_http_methods, require_safe

from bookings import lifecycle
from bookings.admin import PAYMENT_TONES, STATE_TONES
from bookings.intake import answered
from bookings.models import Booking
from bookings.vendors.sync_admin import shown_systems
from botaniqal.admin import BACK, PLAIN, badge, clinic_time, shown_phone
from botaniqal.errors import Malformed, Missing
from practitioners import availability
from practitioners.availability import CLINIC
from practitioners.models import Practitioner

from .known import Known

DAYS = 7
MOST_PEOPLE = 6
"""So many people's free times of a day are offered, whose booking it is first."""
PARTS = [
    "patient",
    "practitioner",
    "appointment_type__service",
    "entry__room",
    "payment",
    "hand_over__read_by",
    "call",
    "triage_session",
]


@dataclass(frozen=True, slots=True)
class Time:
    """A free time to choose: its value in the form, the clinic's clock, and the patient's where it differs."""

    value: str
    clinic: str
    patient: str


@require_safe
def view(request: HttpRequest, site: AdminSite, booking_id: UUID) -> HttpResponse:
    """Show a booking, in a dialog or on a page; of others' patients no more than the calendar does."""
    if not request.user.has_perm("bookings.view_booking"):
        raise PermissionDenied
    booking = _find(booking_id)
    known = Known.to(request, [booking.patient_id])
    context = {
        "booking": booking,
        "title": known.name(booking.patient_id, booking.patient.name),
        "is_known": known.has(booking.patient_id),
        "state": badge(booking.get_state_display(), STATE_TONES[booking.state]),
        "times": _times(booking),
        "room": booking.entry.room if booking.entry else None,
        "back": _calendar_on(booking.starts_at),
    }
    if known.has(booking.patient_id):
        context |= _details(request, site, booking)
    return _answer(request, site, "booking", context)


@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, site: AdminSite, booking_id: UUID) -> HttpResponse:
    """Offer the free times of a week and move the booking to the one that is chosen."""
    if not request.user.has_perm("bookings.change_booking"):
        raise PermissionDenied
    booking = _find(booking_id)
    if not Known.to(request, [booking.patient_id]).has(booking.patient_id):
        raise PermissionDenied
    now = timezone.now()
    if request.method == "POST":
        starts_at, practitioner = _chosen(request.POST.get("to", ""), booking)
        moved = lifecycle.move(
            booking_id=booking.pk, starts_at=starts_at, practitioner=practitioner, by=request.user, now=now
        )
        site.get_model_admin(Booking).log_change(request, moved, "Move")
        where = f"{clinic_time(starts_at)} with {moved.practitioner}"
        messages.success(request, f"{moved} is moved to {where}. The patient is told by e-mail.")
        return redirect(_calendar_on(starts_at))
    if booking.state != Booking.State.CONFIRMED:
        raise lifecycle.WrongMove(booking, "moved")
    return _answer(request, site, "move", {"booking": booking, **_offers(request, booking, now)})


def _find(booking_id: UUID) -> Booking:
    """
    Read a booking with everything that its panel shows.

    :raises Missing: there is no such booking.
    """
    booking = Booking.objects.select_related(*PARTS).prefetch_related("sync_records").filter(pk=booking_id).first()
    if booking is None:
        raise Missing("There is no such booking.")
    return booking


def _details(request: HttpRequest, site: AdminSite, booking: Booking) -> dict[str, Any]:
    """Give what those see who know the patient: money, vendors, the hand-over card, the call, and what can be done."""
    admin, payment = site.get_model_admin(Booking), getattr(booking, "payment", None)
    may = request.user.has_perm
    back = urlencode({BACK: _calendar_on(booking.starts_at)})
    verbs = [
        {**each, "url": f"{each['url']}?{back}"}
        for each in admin.verbs_for(request, booking)
        if not each["url"].endswith("/do/move/")
    ]
    is_movable = booking.state == Booking.State.CONFIRMED
    call = getattr(booking, "call", None) or getattr(booking, "triage_session", None)
    return {
        "phone": shown_phone(booking.patient.phone),
        "paid": badge(payment.get_status_display(), PAYMENT_TONES.get(payment.status, PLAIN)) if payment else "",
        "systems": shown_systems(booking) if may("bookings.view_syncrecord") else "",
        "card": getattr(booking, "hand_over", None) if may("triage.view_handover") else None,
        "forms": answered.sent_for([booking]).get(booking.pk) if may("bookings.view_formanswers") else None,
        "call": call if may("triage.view_triagesession") else None,
        "verbs": verbs,
        "may_move": is_movable and may("bookings.change_booking"),
    }


def _offers(request: HttpRequest, booking: Booking, now: datetime) -> dict[str, Any]:
    """Find the free times of a week, of whoever gives the appointment, and those of one of its days in full."""
    today = timezone.localdate(now, CLINIC)
    try:
        day = parse_date(request.GET.get("day", ""))
    except ValueError:
        day = None
    kind = booking.appointment_type
    furthest = today + timedelta(days=kind.horizon_days)
    day = min(max(day or booking.starts_at.astimezone(CLINIC).date(), today), furthest)
    first = max(today, day - timedelta(days=day.weekday()))
    people = Practitioner.objects.active().filter(appointment_types=kind)
    if kind.is_free_consultation:  # a call goes to another consultant at the desk
        people = people.filter(pk=booking.practitioner_id)
    offers = [availability.Offer(person, kind) for person in people]
    by_person = {
        slots.practitioner: [moment.astimezone(CLINIC) for moment in slots.times]
        for slots in availability.find_slots(offers=offers, first_day=first, days=DAYS)
    }
    of_day = [
        (person, [_time(person, moment, booking) for moment in moments if moment.date() == day])
        for person, moments in by_person.items()
    ]
    free = sorted(
        ((person, times) for person, times in of_day if times),
        key=lambda each: (each[0] != booking.practitioner, each[1][0].clinic, each[0].name),
    )
    address = reverse("admin:calendar_move", args=(booking.pk,))
    moments = [moment.date() for of_one in by_person.values() for moment in of_one]
    days = [first + timedelta(days=n) for n in range(DAYS)]
    return {
        "title": f"Move {booking.patient.name}",
        "times": _times(booking),
        "day": day,
        "days": [(each, f"{address}?day={each}", moments.count(each), each == day) for each in days],
        "earlier": f"{address}?day={max(today, first - timedelta(days=7))}" if first > today else "",
        "later": f"{address}?day={first + timedelta(days=7 - first.weekday())}" if days[-1] < furthest else "",
        "free": free[:MOST_PEOPLE],
        "has_more": len(free) > MOST_PEOPLE,
        "is_elsewhere": booking.patient.time_zone != CLINIC.key,
        "back": reverse("admin:calendar_booking", args=(booking.pk,)),
    }


def _time(person: Practitioner, moment: datetime, booking: Booking) -> Time:
    patients = moment.astimezone(ZoneInfo(booking.patient.time_zone))
    is_other = patients.utcoffset() != moment.utcoffset()
    return Time(f"{person.pk}@{moment.isoformat()}", f"{moment:%H:%M}", f"{patients:%H:%M}" if is_other else "")


def _chosen(value: str, booking: Booking) -> tuple[datetime, Practitioner | None]:
    """
    Read which time was chosen, and with whom.

    :raises Malformed: none was, or it is none.
    """
    pk, _, moment = value.partition("@")
    try:
        starts_at = parse_datetime(moment)
        practitioner = Practitioner.objects.active().filter(pk=UUID(pk)).first()
    except ValueError:
        starts_at = practitioner = None
    if starts_at is None or practitioner is None or timezone.is_naive(starts_at):
        raise Malformed("Choose one of the free times.")
    return starts_at, practitioner if practitioner != booking.practitioner else None


def _times(booking: Booking) -> str:
    ends_at = booking.ends_at.astimezone(CLINIC)
    return f"{clinic_time(booking.starts_at)}–{ends_at:%H:%M}"


def _calendar_on(moment: datetime) -> str:
    day: date = moment.astimezone(CLINIC).date()
    return f"{reverse('admin:calendar')}?{urlencode({'date': day.isoformat()})}"


def _answer(request: HttpRequest, site: AdminSite, name: str, context: dict[str, Any]) -> HttpResponse:
    """Show a panel in the dialog that asks for it, or on a page of its own."""
    if request.headers.get("X-Fragment") == "dialog":
        return TemplateResponse(request, f"calendar/_{name}.html", context)
    panel = {"panel": f"calendar/_{name}.html", **site.each_context(request), **context}
    return TemplateResponse(request, "calendar/panel.html", panel)
