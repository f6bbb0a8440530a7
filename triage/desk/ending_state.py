"""What the desk shows of a call's end: how it can end, and what is left to do after a booking."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from bookings.models import Booking, Payment
from botaniqal.api.fields import in_utc
from practitioners import availability, timegrid
from practitioners.models import Practitioner
from services.prices import clinic_day

from .. import hand_over, letters, undo
from ..models import CallEvent, Disposition, HandOver, Outcome, TriageSession

State = TriageSession.State


def endings() -> list[tuple[Outcome, list[Disposition]]]:
    """List how a call can end without a booking, with the finer words under each."""
    finer = list(Disposition.objects.filter(is_active=True))
    return [(one, [row for row in finer if row.outcome == one]) for one in Outcome if one != Outcome.BOOKED]


def ending_of(session: TriageSession, consultant: Practitioner | None, now: datetime) -> dict[str, Any] | None:
    """Say what can be done after the booking, what the practitioner is told, and which call comes next."""
    is_own = consultant is not None and session.consultant_id == consultant.pk
    if session.booking_id is None:
        wants_letter = session.state == State.DONE and letters.asks_for_letter(session)
        return {"letter": letter_address(session)} if wants_letter else None
    until = undo.undo_until(session) if is_own else None
    payment = session.booking.payment
    return {
        "undoUntil": in_utc(until) if until and until > now else None,
        "giveBack": f"{payment.amount}" if payment.status == Payment.Status.COLLECTED else None,
        "isPaidOnline": payment.method == Payment.Method.STRIPE_LINK,
        "card": _card_of(session, is_own, now),
        "next": _next_of(session, consultant, now) if is_own and session.state == State.WRAP_UP else None,
    }


def owed_of(session: TriageSession) -> list[dict[str, Any]]:
    """List what was paid for visits that were undone in this call, as long as it has not been given back."""
    undone = session.events.filter(kind=CallEvent.Kind.UNDONE).values("words")
    payments = Payment.objects.filter(booking__number__in=undone, status=Payment.Status.REFUND_DUE)
    return [
        {
            "number": payment.booking.number,
            "amount": f"{payment.amount}",
            "isPaidOnline": payment.method == Payment.Method.STRIPE_LINK,
        }
        for payment in payments.select_related("booking").order_by("booking__created_at")
    ]


def letter_address(session: TriageSession) -> str:
    """Say where the letter of a call is written."""
    return reverse("admin:triage_triagesession_letter", args=[session.pk])


def _card_of(session: TriageSession, is_own: bool, now: datetime) -> dict[str, Any] | None:
    card = HandOver.objects.filter(booking=session.booking_id).first()
    if card is None:
        return None
    card.booking = booking = session.booking
    is_ahead = booking.state == Booking.State.CONFIRMED and booking.starts_at > now
    # Until the call is closed its answers can still change, and with them what the card will say.
    lines = hand_over.lines_of(session) if session.state == State.WRAP_UP and is_ahead else card.lines
    return {
        "lines": lines,
        "remark": card.remark,
        "readAt": in_utc(card.read_at) if card.is_read else None,
        "canEdit": is_own and is_ahead,
    }


def _next_of(session: TriageSession, consultant: Practitioner, now: datetime) -> dict[str, str] | None:
    """Find the call of today that this consultant makes next."""
    _, midnight = timegrid.day_edges(clinic_day(now), availability.CLINIC)
    own = TriageSession.objects.to_call().filter(consultant=consultant, due_at__lt=midnight).exclude(pk=session.pk)
    call = own.select_related("patient", "consultation").first()
    if call is None:
        return None
    return {
        "name": call.patient.first_name,
        "dueAt": in_utc(call.due_at),
        "address": reverse("admin:triage_triagesession_desk", args=[call.pk]),
    }
