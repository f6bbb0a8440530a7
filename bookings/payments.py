"""Money for a booking: what it costs, and what was collected."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import RuleBroken
from services import prices
from services.models import AppointmentType

from .models import Booking, Payment

OTHER_PRICE = "bookings.charge_other_price"

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
    """The amount is not the price book's."""

    code = "wrong_amount"

    def __init__(self, expected: Decimal) -> None:
        super().__init__(
            "amount",
            f"The price is ${expected}. Another amount needs the right to charge it, and a reason.",
            extra={"expectedAmount": float(expected)},
        )


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
