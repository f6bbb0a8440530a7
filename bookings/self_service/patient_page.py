"""A patient's own page behind the link in e-mails: see, pay, move and cancel a visit; works without JavaScript."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET, require_POST

from botaniqal.admin import BAD, INFO, OK, PLAIN, WAITING
from botaniqal.errors import DomainError, Malformed, Missing
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.owed import NeedsPerson
from botaniqal.public import public_page
from practitioners import public_times
from practitioners.availability import Alternative, Offer, alternatives
from practitioners.diary import SlotTaken
from services.models import AppointmentType

from .. import ics, reasons
from ..intake import form_filling
from ..models import Booking, CancelReason, Checkout, Payment
from ..money import settlement
from . import links, own_visit

State, Mode = Booking.State, AppointmentType.Mode

STATES = {
    State.PENDING_PAYMENT: ("Waiting for payment", WAITING),
    State.CONFIRMED: ("Confirmed", OK),
    State.COMPLETED: ("Took place", INFO),
    State.NO_SHOW: ("Missed", PLAIN),
    State.CANCELLED: ("Cancelled", BAD),
}


@public_page
def visit(request: HttpRequest, token: str) -> HttpResponse:
    """Show a visit as it stands, and what can be done with it."""
    now = timezone.now()
    return leads_to_stripe(render(request, "public/visit.html", _shown(links.visit_of(token, now=now), token, now)))


@require_POST
@public_page
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """Lead to where a visit is paid for."""
    now = timezone.now()
    booking = links.visit_of(token, now=now)
    try:
        checkout = own_visit.pay(booking_id=booking.pk, by=None, now=now)
    except DomainError as refusal:
        return _page(request, booking, token, now, refusal)
    return to_checkout(request, booking, checkout)


@require_POST
@public_page
def paid(request: HttpRequest, token: str) -> HttpResponse:
    """Ask Stripe how a payment stands, for somebody who has paid and does not see it here yet."""
    now = timezone.now()
    booking = links.visit_of(token, now=now)
    opened = Checkout.objects.filter(booking=booking, status=Checkout.Status.OPEN).first()
    try:
        if opened:
            settlement.look(opened.pk, now)
    except (VendorUnavailable, VendorRefused, NeedsPerson):
        pass  # the page says how it stands as far as we know, and a worker asks again
    return redirect("visit", token=token)


@public_page
def move(request: HttpRequest, token: str) -> HttpResponse:
    """Show to when a visit can be moved, and move it."""
    now = timezone.now()
    booking = links.visit_of(token, now=now)
    if request.method != "POST" or "look" in request.POST:
        return _move_page(request, booking, token, now)
    try:
        own_visit.move(
            booking_id=booking.pk,
            starts_at=public_times.chosen(request.POST.get("time")),
            practitioner_id=uuid_of(request.POST.get("who")),
            by=None,
            now=now,
        )
    except DomainError as refusal:
        booking = links.visit_of(token, now=now)
        return _move_page(request, booking, token, now, refusal)
    return redirect("visit", token=token)


@public_page
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    """Say what comes back, and call a visit off."""
    now = timezone.now()
    booking = links.visit_of(token, now=now)
    if request.method != "POST":
        return _cancel_page(request, booking, token, now)
    try:
        own_visit.cancel(
            booking_id=booking.pk,
            cause=_cause(request.POST.get("cause")),
            detail=" ".join(request.POST.get("detail", "")[:1000].split()),
            percent=_percent(request.POST.get("percent")),
            by=None,
            now=now,
        )
    except DomainError as refusal:
        booking = links.visit_of(token, now=now)
        return _cancel_page(request, booking, token, now, refusal)
    return redirect("visit", token=token)


@require_GET
@public_page
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """Give a visit as a file for the patient's own calendar."""
    now = timezone.now()
    booking = links.visit_of(token, now=now)
    if not booking.is_promised:
        raise Missing("This time is not booked for you. There is nothing for your calendar.")
    text = ics.appointment_file(booking=booking, join_link=booking.join_link, now=now)
    method = "CANCEL" if booking.state == State.CANCELLED else "PUBLISH"
    answer = HttpResponse(text, content_type=f"text/calendar; charset=utf-8; method={method}")
    answer["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return answer


def to_checkout(request: HttpRequest, booking: Booking, checkout: Checkout) -> HttpResponse:
    """Lead to Stripe; where it gives no answer, say that the time is kept and let people try again."""
    try:
        return redirect(settlement.open_now(checkout.pk))
    except (VendorUnavailable, VendorRefused):
        shown = {
            "token": links.token_of(booking),
            "until": _until(booking),
            "price": checkout.amount,
        }
        return leads_to_stripe(
            render(request, "public/visit_not_reached.html", shown, status=HTTPStatus.SERVICE_UNAVAILABLE)
        )


def leads_to_stripe(answer: HttpResponse) -> HttpResponse:
    """Let a form of this page end at Stripe's: browsers hold the policy against redirects as well."""
    answer._csp_update = {"form-action": [settings.STRIPE_CHECKOUT_URL]}
    return answer


def uuid_of(typed: str | None) -> UUID | None:
    """
    Read the key of whom somebody chose; None where nobody was chosen.

    :raises Malformed: it is no key.
    """
    try:
        return UUID(typed) if typed else None
    except ValueError:
        raise Malformed("Choose one of the list.") from None


def day_of(typed: str | None) -> date | None:
    """Read from which day on times are wanted; None where that makes no sense."""
    try:
        return parse_date(typed or "")
    except ValueError:
        return None


def nearest(found: list[Alternative], zone: ZoneInfo) -> list[dict[str, str]]:
    """Write free times that are offered instead, each with whom it is."""
    return [
        {
            "value": public_times.choice(one.starts_at, zone).value,
            "who": str(one.practitioner.pk),
            "with": one.practitioner.name,
            "when": public_times.both(one.starts_at, zone),
        }
        for one in found
    ]


def _page(request: HttpRequest, booking: Booking, token: str, now: datetime, refusal: DomainError) -> HttpResponse:
    booking = links.visit_of(token, now=now)
    shown = {**_shown(booking, token, now), "problem": refusal.message}
    return leads_to_stripe(render(request, "public/visit.html", shown, status=refusal.status))


def _shown(booking: Booking, token: str, now: datetime) -> dict[str, Any]:
    payment: Payment | None = getattr(booking, "payment", None)
    is_waiting = booking.state == State.PENDING_PAYMENT
    is_standing = booking.state in (State.PENDING_PAYMENT, State.CONFIRMED)
    is_due = payment is not None and payment.status == Payment.Status.PENDING and booking.state != State.CANCELLED
    words, tone = STATES[booking.state]
    return {
        "token": token,
        "booking": booking,
        "first_name": booking.patient.first_name,
        "when": public_times.both(booking.starts_at, booking.patient.zone),
        "state": words,
        "tone": tone,
        "is_waiting": is_waiting,
        "is_over": is_waiting and booking.pays_until <= now,
        "until": _until(booking),
        "is_online": booking.appointment_type.is_bookable_online,
        "is_lapsed": booking.state == State.CANCELLED and not booking.is_promised,
        "is_ahead": is_standing and booking.ends_at > now,
        "is_confirmed": booking.state == State.CONFIRMED,
        "may_pay": is_due and not (is_waiting and booking.pays_until <= now),
        "is_opened": is_waiting and booking.checkouts.filter(status=Checkout.Status.OPEN).exists(),
        "payment": payment,
        "how": _how(booking),
        "join_link": booking.join_link if is_standing and booking.is_promised else "",
        "may_move": not own_visit.why_not_move(booking, now=now),
        "may_cancel": not own_visit.why_not_cancel(booking, now=now),
        "form": form_filling.state_of(booking) if booking.is_promised and is_standing else "none",
    }


def _move_page(
    request: HttpRequest, booking: Booking, token: str, now: datetime, refusal: DomainError | None = None
) -> HttpResponse:
    if why := own_visit.why_not_move(booking, now=now):
        raise own_visit.NotMovable(why)
    zone, offers = booking.patient.zone, own_visit.offers_to_move(booking)
    said = request.POST if request.method == "POST" else request.GET
    who = uuid_of(said.get("who")) if refusal is None else None
    wanted: list[Offer] = [offer for offer in offers if who in (None, offer.practitioner.pk)]
    week = public_times.week(offers=wanted, zone=zone, first_day=day_of(said.get("day")), now=now)
    taken = isinstance(refusal, SlotTaken)
    near = booking.starts_at if not taken else public_times.chosen(said.get("time"))
    shown = {
        "token": token,
        "first_name": booking.patient.first_name,
        "when": public_times.both(booking.starts_at, zone),
        "people": [offer.practitioner for offer in offers] if len(offers) > 1 else [],
        "who": who,
        "week": week,
        "days": public_times.by_day(week.times, zone),
        **public_times.clocks(zone, now),
        "problem": refusal.message if refusal else "",
        "nearest": nearest(
            alternatives(
                appointment_type=booking.appointment_type,
                near=near,
                practitioner=booking.practitioner,
                hides_stale=True,
            ),
            zone,
        )
        if taken
        else [],
    }
    return render(request, "public/visit_move.html", shown, status=refusal.status if refusal else HTTPStatus.OK)


def _cancel_page(
    request: HttpRequest, booking: Booking, token: str, now: datetime, refusal: DomainError | None = None
) -> HttpResponse:
    if why := own_visit.why_not_cancel(booking, now=now):
        raise own_visit.NotCancellable(why)
    shown = {
        "token": token,
        "first_name": booking.patient.first_name,
        "when": public_times.both(booking.starts_at, booking.patient.zone),
        "is_waiting": not booking.is_promised,
        "terms": own_visit.terms(booking, now=now),
        "rules": own_visit.rules_in_words(),
        "causes": reasons.for_patients(),
        "cause": request.POST.get("cause", ""),
        "detail": request.POST.get("detail", "")[:150] if refusal and "reason" not in refusal.details else "",
        "problem": refusal.message if refusal else "",
    }
    return render(request, "public/visit_cancel.html", shown, status=refusal.status if refusal else HTTPStatus.OK)


def _until(booking: Booking) -> str:
    """Say until when a time is kept by the patient's clock; nothing of one that is not only kept."""
    if booking.state != State.PENDING_PAYMENT:
        return ""
    return public_times.hour(booking.pays_until.astimezone(booking.patient.zone))


def _how(booking: Booking) -> str:
    match booking.appointment_type.mode:
        case Mode.IN_PERSON:
            return "In person, at our clinic"
        case Mode.PHONE:
            return "By phone: we ring you at that time"
    return "By video" if booking.join_link else "By video. The link to join comes by e-mail."


def _cause(typed: str | None) -> CancelReason | None:
    """
    Find the reason that was chosen.

    :raises Malformed: it is none that patients can choose.
    """
    if not typed:
        return None
    cause = reasons.for_patients().filter(code=typed[:40]).first()
    if cause is None:
        raise Malformed("Choose a reason of the list.", details={"cause": ["Choose one of the list."]})
    return cause


def _percent(typed: str | None) -> int:
    """Read what the page said comes back; what is no number was never said."""
    return int(typed) if typed and typed.isascii() and typed.isdigit() and len(typed) <= 3 else -1
