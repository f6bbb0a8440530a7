"""Taking back a booking that was made by mistake a moment ago."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from bookings import lifecycle, locking, notices, reasons
from bookings.models import Booking, Payment, RefundDecision
from botaniqal.accounts.models import User
from botaniqal.errors import RuleBroken
from practitioners.models import Practitioner

from . import sessions
from .models import CallEvent, TriageSession

MISTAKE = "Mistake"


class NothingToUndo(RuleBroken):
    """The call led to no booking that still stands, or is closed."""

    code = "nothing_to_undo"

    def __init__(self, message: str) -> None:
        super().__init__("undo", message)


class TooLateToUndo(RuleBroken):
    """The time for undoing is over."""

    code = "too_late_to_undo"

    def __init__(self, booking: Booking) -> None:
        minutes = settings.UNDO_SECONDS / 60
        super().__init__(
            "undo",
            f"A booking can be undone for {minutes:g} minutes. Cancel {booking} on its page, with a reason.",
        )


def undo_until(session: TriageSession) -> datetime | None:
    """Say until when a call's booking can be undone, if it can be at all; the booking should be read along."""
    booking = session.booking
    if session.state != TriageSession.State.WRAP_UP or not booking or booking.state != Booking.State.CONFIRMED:
        return None
    return booking.created_at + timedelta(seconds=settings.UNDO_SECONDS)


@transaction.atomic
def undo_booking(
    *, session_id: UUID, consultant: Practitioner | None, by: User | None, now: datetime
) -> Payment | None:
    """
    Cancel what the call has just led to and go on with the call; give the payment that has to be given back.

    :raises NotYourSession: another consultant has the call.
    :raises NothingToUndo: nothing was booked, it was cancelled already, or the call is closed.
    :raises TooLateToUndo: it was booked too long ago.
    """
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    if session.booking is None:
        raise NothingToUndo("Nothing was booked in this call, or it was undone already.")
    booking = locking.locked(session.booking_id)
    session.booking = booking
    until = undo_until(session)
    if until is None:
        is_closed = session.state == TriageSession.State.DONE
        why = "This call is closed" if is_closed else f"{booking} is {booking.get_state_display().lower()}"
        raise NothingToUndo(f"{why}, so there is nothing to undo. What was booked is cancelled on its page.")
    if now > until:
        raise TooLateToUndo(booking)
    session.booking, session.outcome, session.state = None, "", TriageSession.State.IN_PROGRESS
    session.save(update_fields=["booking", "outcome", "state"])
    session.events.create(kind=CallEvent.Kind.UNDONE, at=now, by=by, words=booking.number)
    cause = reasons.mistake()
    booking = lifecycle.cancel(
        booking_id=booking.pk,
        cause=cause,
        reason=MISTAKE if cause is None or cause.asks_for_detail else "",
        by=by,
        now=now,
        tell_patient=False,
        refund_cause=RefundDecision.Cause.UNDONE,
    )
    payment = Payment.objects.filter(booking=booking, status=Payment.Status.REFUND_DUE).first()
    notices.send_correction(booking=booking, now=now)
    return payment
