"""What the patient is told of money: how to pay, and what was given back."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from botaniqal.messages import writing
from botaniqal.messages.models import Message
from practitioners import public_times

from ..models import Booking, Checkout, RefundDecision


def send_payment_link(*, checkout: Checkout, now: datetime) -> None:
    """Send the address of a way to pay that is open."""
    until = _spoken(checkout.expires_at.astimezone(checkout.booking.patient.zone))
    _send(Message.Kind.PAYMENT_LINK, checkout.booking, checkout.amount, now, link=checkout.url, until=until)


def send_refunded(*, decision: RefundDecision, now: datetime) -> None:
    """Tell that money was given back."""
    is_to_card = bool(decision.external_id)
    _send(Message.Kind.REFUNDED, decision.payment.booking, decision.amount, now, is_to_card=is_to_card)


def _send(kind: Message.Kind, booking: Booking, amount: Decimal, now: datetime, **facts: Any) -> None:
    patient = booking.patient
    if patient.email:
        facts |= {"first_name": patient.first_name, "amount": f"${amount:.2f}", "number": booking.number}
        writing.write(kind=kind, reference=booking.pk, to=patient.email, send_at=now, context=facts)


def _spoken(local: datetime) -> str:
    """Say a moment of the patient's clock: Tuesday 24 November, 9:00 am."""
    return f"{local:%A %-d %B}, {public_times.hour(local)}"
