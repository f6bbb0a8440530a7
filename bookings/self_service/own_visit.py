"""What patients may do with a visit of their own, from the link in their e-mails: pay, move and cancel it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from botaniqal.accounts.models import User
from botaniqal.errors import Conflict, Malformed, RuleBroken
from practitioners import availability, diary
from practitioners.availability import Offer

from .. import lifecycle, locking, reasons
from ..models import Booking, CancelReason, Checkout, Payment, RefundDecision, RefundRule
from ..money import checkouts, refunds
from . import online

State = Booking.State
PAUSE = timedelta(minutes=1)
"""How long a visit that was moved stays where it is: a button that is pressed twice moves once."""
BY_THE_PATIENT = "Cancelled by the patient."


class NotMovable(RuleBroken):
    """The visit stays where it is."""

    code = "not_movable"

    def __init__(self, message: str) -> None:
        super().__init__("move", message)


class NotCancellable(RuleBroken):
    """The visit cannot be called off any more."""

    code = "not_cancellable"

    def __init__(self, message: str) -> None:
        super().__init__("cancel", message)


class TermsChanged(Conflict):
    """What comes back of the money is something else by now than what was said."""

    code = "terms_changed"
    message = "What you get back has changed while this page was open. Please read it again."


class TimeToPayOver(RuleBroken):
    """The time is not kept any more."""

    code = "time_to_pay_over"

    def __init__(self) -> None:
        super().__init__("payment", "The time to pay is over, and the time is not kept any more. Choose one anew.")


@dataclass(frozen=True, slots=True)
class Terms:
    """What comes back when a patient cancels now, as the clinic's rules suggest: so many per cent of what was paid."""

    paid: Decimal = Decimal(0)
    percent: int = 0
    back: Decimal = Decimal(0)
    is_by_move: bool = False
    """The notice with which they moved the visit decides, not how long it is until now."""


def why_not_move(booking: Booking, *, now: datetime) -> str:
    """Say why the patient cannot move a visit; empty when they can."""
    kind = booking.appointment_type
    if booking.state == State.PENDING_PAYMENT:
        return "This time is kept until it is paid. Pay for it, or cancel it and choose another one."
    if booking.state != State.CONFIRMED or booking.starts_at <= now:
        return "This visit cannot be moved any more."
    if _is_being_called(booking):
        return "We are ringing you, or about to. It cannot be moved now."
    if booking.starts_at < now + timedelta(minutes=kind.min_notice_minutes):
        return "It is too late to move this visit here. Reply to your e-mail, and we see what can be done."
    return ""


def why_not_cancel(booking: Booking, *, now: datetime) -> str:
    """Say why the patient cannot cancel a visit; empty when they can."""
    if booking.state not in (State.PENDING_PAYMENT, State.CONFIRMED) or booking.starts_at <= now:
        return "This visit cannot be cancelled any more."
    return "We are ringing you, or about to. Tell us on the phone." if _is_being_called(booking) else ""


def offers_to_move(booking: Booking) -> list[Offer]:
    """List with whom a visit could take place: whoever gives it, but a call only with who makes it."""
    kind = booking.appointment_type
    offers = availability.offers_of(service=kind.service.slug, kind=kind.code)
    if kind.is_free_consultation:
        return [offer for offer in offers if offer.practitioner == booking.practitioner]
    return sorted(offers, key=lambda offer: offer.practitioner != booking.practitioner)


def terms(booking: Booking, *, now: datetime) -> Terms:
    """Say what comes back of the money when the patient cancels now."""
    payment = Payment.objects.filter(booking=booking, status=Payment.Status.COLLECTED).first()
    if payment is None or payment.given_back >= payment.amount:
        return Terms()
    notice = refunds.notice_of(booking, now=now)
    rule = refunds.rule_for(notice)
    percent = rule.percent if rule else 0
    left = payment.amount - payment.given_back
    return Terms(left, percent, refunds.suggested(payment, percent), is_by_move=notice < booking.starts_at - now)


def rules_in_words() -> list[str]:
    """Put the clinic's rules in words, the kindest first: what comes back until when before a visit."""
    rules = list(RefundRule.objects.order_by("-hours"))
    said = [f"Until {_hours(rule.hours)} before the visit: {_part(rule.percent)}." for rule in rules]
    if not rules:
        return ["When you cancel, the price does not come back."]
    if rules[-1].hours:
        said.append("After that: nothing.")
    return [*said, "When you move the visit and cancel it later, the shorter of the two notices counts."]


@transaction.atomic
def pay(*, booking_id: UUID, by: User | None, now: datetime) -> Checkout:
    """
    Give the patient a way to pay for their visit, the one that is open where there is one.

    :raises TimeToPayOver: it was not paid in time, and is about to lapse.
    :raises NothingToPay: it is paid, costs nothing, or is cancelled.
    """
    booking = locking.locked(booking_id)
    if booking.state == State.PENDING_PAYMENT and booking.pays_until <= now:
        raise TimeToPayOver
    return checkouts.ask(booking=booking, door=Checkout.Door.PATIENT, by=by, now=now)


@transaction.atomic
def move(
    *, booking_id: UUID, starts_at: datetime, practitioner_id: UUID | None, by: User | None, now: datetime
) -> Booking:
    """
    Move a visit for its patient, to somebody else as well; without a practitioner to the same, or whoever is free.

    Moving it to where it is changes nothing.

    :raises NotMovable: too late, over, cancelled, not paid yet, or moved a moment ago.
    :raises Missing: nobody of that key gives it.
    :raises RuleBroken: notice, horizon, step, hours, time off, or a day that is full.
    :raises SlotTaken: the new time is taken; the old one is kept.
    """
    booking = locking.locked(booking_id)
    kind, own = booking.appointment_type, booking.practitioner
    if booking.starts_at == starts_at and practitioner_id in (None, own.pk):
        return booking
    if why := why_not_move(booking, now=now):
        raise NotMovable(why)
    if booking.moved_at and now - booking.moved_at < PAUSE:
        raise NotMovable("This visit was moved a moment ago. Wait a minute before you move it again.")
    wanted = own.pk if kind.is_free_consultation else practitioner_id
    people = online.who_could(kind, wanted, starts_at=starts_at, now=now)
    for practitioner in sorted(people, key=lambda person: person != own):
        try:
            # A savepoint: one who turns out to be taken leaves the visit as it was for the next.
            with transaction.atomic():
                return lifecycle.move(
                    booking_id=booking_id,
                    starts_at=starts_at,
                    practitioner=practitioner,
                    by=by,
                    now=now,
                    by_patient=True,
                )
        except (diary.SlotTaken, RuleBroken):
            if wanted:
                raise
    raise online.NobodyFree


@transaction.atomic
def cancel(
    *,
    booking_id: UUID,
    cause: CancelReason | None,
    detail: str,
    percent: int,
    by: User | None,
    now: datetime,
) -> Booking:
    """
    Call a visit off for its patient; of what was paid, somebody decides what is given back.

    ``percent`` is what the patient was told comes back. Calling it off twice changes nothing.

    :raises NotCancellable: it has begun, or is over.
    :raises TermsChanged: something else comes back by now.
    :raises Malformed: a card number, no reason where one has to be chosen, or too few words for the chosen one.
    """
    booking = locking.locked(booking_id)
    if booking.state == State.CANCELLED:
        return booking
    if why := why_not_cancel(booking, now=now):
        raise NotCancellable(why)
    if terms(booking, now=now).percent != percent:
        raise TermsChanged
    offered = reasons.for_patients()
    if cause is None and offered.exists():
        raise Malformed("Choose a reason.", details={"cause": ["Choose a reason."]})
    return lifecycle.cancel(
        booking_id=booking_id,
        cause=cause,
        reason=detail if cause else detail or BY_THE_PATIENT,
        by=by,
        now=now,
        tell_patient=booking.is_promised,
        refund_cause=RefundDecision.Cause.PATIENT,
    )


def _is_being_called(booking: Booking) -> bool:
    call = getattr(booking, "call", None)  # by its name: triage lies above
    return call is not None and call.state != "scheduled"


def _hours(hours: int) -> str:
    if hours and hours % 24 == 0:
        days = hours // 24
        return "a day" if days == 1 else f"{days} days"
    return "an hour" if hours == 1 else f"{hours} hours"


def _part(percent: int) -> str:
    if percent == 100:
        return "all of what you paid comes back"
    return f"{percent} % of what you paid comes back" if percent else "nothing comes back"
