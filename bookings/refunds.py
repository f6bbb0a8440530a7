"""Money that was taken and has to be given back; nothing is given back by itself."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing, RuleBroken

from .models import Booking, Payment
from .payments import refuse_card_number


class NothingToGiveBack(RuleBroken):
    """No money waits to be given back."""

    code = "nothing_to_give_back"

    def __init__(self) -> None:
        super().__init__("payment", "No money waits to be given back for this booking.")


def owe_back(*, booking: Booking) -> Payment | None:
    """Note that what was collected for a locked booking has to be given back, and let somebody look at it."""
    payment = Payment.objects.select_for_update().filter(booking=booking).first()
    if payment is None or payment.status != Payment.Status.COLLECTED:
        return None
    payment.status = Payment.Status.REFUND_DUE
    payment.save(update_fields=["status"])
    booking.attention = f"${payment.amount} was paid for a visit that was undone. Give it back."
    booking.save(update_fields=["attention"])
    return payment


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
    payment.status, payment.refund_reference = Payment.Status.REFUNDED, reference
    payment.refunded_at, payment.refunded_by = now, by
    payment.save(update_fields=["status", "refund_reference", "refunded_at", "refunded_by"])
    booking.attention = ""
    booking.save(update_fields=["attention"])
    return payment
