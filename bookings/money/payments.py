"""Money for a booking: what it costs, and what was collected."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing, RuleBroken
from services import prices
from services.models import AppointmentType

from ..locking import locked
from ..models import Booking, Checkout, Payment
from . import checkouts

OTHER_PRICE = "bookings.charge_other_price"
COLLECTED = ["status", "method", "reference", "collected_at", "collected_by"]

refuse_card_number = cards.refuse
without_card_numbers = cards.blanked
no_card_number = cards.validate_none


@dataclass(frozen=True, slots=True)
class Taken:
    """What the consultant says of the money: collected or not, how, and an amount when it is not the price book's."""

    is_collected: bool = False
    method: str = Payment.Method.CREDIT_CARD_PHONE
    amount: Decimal | None = None
    amount_reason: str = ""
    reference: str = ""


class WrongAmount(RuleBroken):
    """The amount is not what is due."""

    code = "wrong_amount"

    def __init__(self, expected: Decimal, message: str = "") -> None:
        usual = f"The price is ${expected}. Another amount needs the right to charge it, and a reason."
        super().__init__("amount", message or usual, extra={"expectedAmount": float(expected)})


class ReferenceNeeded(RuleBroken):
    """A payment on the terminal without its receipt number."""

    code = "reference_needed"

    def __init__(self) -> None:
        super().__init__("reference", "Type the receipt number that the terminal printed, then confirm.")


class NothingDue(RuleBroken):
    """No payment is waited for."""

    code = "nothing_due"

    def __init__(self, message: str) -> None:
        super().__init__("payment", message)


def amount_due(*, appointment_type: AppointmentType, taken: Taken, by: User | None, now: datetime) -> Decimal:
    """
    Say what a visit costs when booked now: the price book's price, or another by right and with a reason.

    :raises RuleBroken: the type has no price yet.
    :raises WrongAmount: another amount without right or reason.
    """
    price = prices.price_of(appointment_type, prices.clinic_day(now))
    if price is None:
        raise RuleBroken("no_price", f"{appointment_type} has no price yet, so it cannot be booked.")
    if taken.amount is None or taken.amount == price:
        return price
    if not (taken.amount_reason.strip() and by and by.has_perm(OTHER_PRICE)):
        raise WrongAmount(price)
    return taken.amount


def record(*, booking: Booking, taken: Taken, by: User | None, now: datetime) -> Payment:
    """
    Write down how a booking is paid.

    :raises Malformed: the reference looks like a card number.
    """
    refuse_card_number(taken.reference, "reference")
    free = booking.price == 0
    collected = taken.is_collected and not free
    return Payment.objects.create(
        booking=booking,
        amount=booking.price,
        method=Payment.Method.NONE if free else taken.method,
        status=Payment.Status.NOT_NEEDED if free else Payment.Status.COLLECTED if collected else Payment.Status.PENDING,
        reference=taken.reference,
        collected_at=now if collected else None,
        collected_by=by if collected else None,
    )


def require_reference(*, taken: Taken, amount: Decimal) -> None:
    """
    Make sure that money taken on the terminal comes with its receipt number.

    :raises ReferenceNeeded: it does not.
    """
    is_on_terminal = taken.is_collected and taken.method == Payment.Method.CREDIT_CARD_PHONE
    if is_on_terminal and amount and not taken.reference.strip():
        raise ReferenceNeeded


@transaction.atomic
def mark_collected(
    *, booking_id: UUID, method: str, reference: str, amount: Decimal, by: User | None, now: datetime
) -> Payment:
    """
    Note that what was still to be paid for a booking has come; the same receipt told again changes nothing.

    :raises Missing: there is no such booking, or it has no payment.
    :raises NothingDue: it is paid with another receipt, costs nothing, or the booking is cancelled.
    :raises WrongAmount: another amount than is due.
    :raises Malformed: no reference, one that looks like a card number, or a method that brings no money.
    """
    reference = reference.strip()
    if not reference:
        raise Malformed("Say which receipt or transfer it is.", details={"reference": ["Required."]})
    refuse_card_number(reference, "reference")
    if method not in Payment.Method.values or method == Payment.Method.NONE:
        raise Malformed("Choose how it was paid.", details={"method": ["Not a way to pay."]})
    booking = locked(booking_id)  # the booking first, as whoever cancels it does
    payment = Payment.objects.select_for_update().filter(booking=booking).first()
    if payment is None:
        raise Missing("This booking has no payment.")
    if payment.status == Payment.Status.COLLECTED and (payment.reference, payment.amount) == (reference, amount):
        return payment
    if payment.status != Payment.Status.PENDING:
        standing = f"{payment.get_status_display().lower()}"
        raise NothingDue(f"Nothing is due for {booking}: {standing}.")
    if booking.state == Booking.State.CANCELLED:
        raise NothingDue(f"{booking} is cancelled, so nothing is due for it.")
    if amount != payment.amount:
        raise WrongAmount(payment.amount, f"${payment.amount} is due for {booking}, so ${amount} cannot settle it.")
    payment.status, payment.method, payment.reference = Payment.Status.COLLECTED, method, reference
    payment.collected_at, payment.collected_by = now, by
    payment.save(update_fields=COLLECTED)
    checkouts.take_back(booking=booking, now=now)
    return payment


def collect_online(*, payment: Payment, checkout: Checkout, now: datetime) -> None:
    """Note on a locked payment that was due that its money came through Stripe."""
    payment.status, payment.method = Payment.Status.COLLECTED, Payment.Method.STRIPE_LINK
    payment.reference = checkout.payment_intent
    payment.collected_at, payment.collected_by = now, checkout.created_by
    payment.save(update_fields=COLLECTED)
