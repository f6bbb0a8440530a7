"""Money that was taken and has to be given back; nothing is given back by itself."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing, RuleBroken

from .models import Booking, Checkout, Payment, RefundDecision, RefundRule
from .payments import refuse_card_number

CENT = Decimal("0.01")


class NothingToGiveBack(RuleBroken):
    """No money waits to be given back."""

    code = "nothing_to_give_back"

    def __init__(self) -> None:
        super().__init__("payment", "No money waits to be given back for this booking.")


def consider(*, booking: Booking, cause: RefundDecision.Cause, now: datetime) -> RefundDecision | None:
    """
    Let somebody decide what is given back of the money that came for a locked booking, in its transaction.

    What the policy suggests goes by who called the visit off and how long before it; None where no money came.
    """
    payment = Payment.objects.select_for_update().filter(booking=booking).first()
    if payment is None or payment.status != Payment.Status.COLLECTED or not payment.amount:
        return None
    percent, policy = _policy(booking, cause, now)
    payment.status = Payment.Status.REFUND_DUE
    payment.save(update_fields=["status"])
    booking.attention = f"${payment.amount} was paid for a visit that was called off. Decide what is given back."
    booking.save(update_fields=["attention"])
    return RefundDecision.objects.create(
        payment=payment,
        checkout=booking.checkouts.filter(status=Checkout.Status.PAID).order_by("paid_at").first(),
        cause=cause,
        paid=payment.amount,
        suggested=(payment.amount * percent / 100).quantize(CENT, ROUND_HALF_UP),
        policy=policy,
    )


def _policy(booking: Booking, cause: RefundDecision.Cause, now: datetime) -> tuple[int, str]:
    """Say which part of the price goes back, in per cent, and by which rule."""
    if cause != RefundDecision.Cause.PATIENT:
        return 100, "All of it, since the patient did not call it off."
    hours = (booking.starts_at - now) / timedelta(hours=1)
    rule = RefundRule.objects.filter(hours__lte=max(hours, 0)).order_by("-hours").first()
    if rule is None:
        return 0, "Nothing: it was called off too shortly before."
    return rule.percent, f"{rule.percent} %: it was called off at least {rule.hours} hours before."


@transaction.atomic
def mark_given_back(*, booking_id: UUID, reference: str, by: User | None, now: datetime) -> Payment:
    """
    Note that the money was given back.

    :raises Missing: there is no such booking.
    :raises NothingToGiveBack: none waits for it.
    :raises Malformed: no reference, or one that looks like a card number.
    """
    reference = reference.strip()
    if not reference:
        raise Malformed("Say by which slip or transfer.", details={"reference": ["Required."]})
    refuse_card_number(reference, "reference")
    # The booking first, as whoever cancels it does.
    booking = Booking.objects.select_for_update().filter(pk=booking_id).first()
    if booking is None:
        raise Missing("There is no such booking.")
    payment = Payment.objects.select_for_update().filter(booking=booking).first()
    if payment is None or payment.status != Payment.Status.REFUND_DUE:
        raise NothingToGiveBack
    payment.status, payment.refund_reference, payment.given_back = Payment.Status.REFUNDED, reference, payment.amount
    payment.refunded_at, payment.refunded_by = now, by
    payment.save(update_fields=["status", "refund_reference", "given_back", "refunded_at", "refunded_by"])
    payment.refund_decisions.filter(status=RefundDecision.Status.WAITING).update(
        status=RefundDecision.Status.GIVEN_BACK,
        amount=payment.amount,
        reference=reference,
        decided_at=now,
        decided_by=by,
        settled_at=now,
        told=F("wanted"),
    )
    booking.attention = ""
    booking.save(update_fields=["attention"])
    return payment
