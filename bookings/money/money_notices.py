"""What the patient is told of money: how to pay, and what was given back."""

from datetime import datetime

from botaniqal.messages import writing
from botaniqal.messages.models import Message
from practitioners import public_times

from ..models import Checkout, RefundDecision


def send_payment_link(*, checkout: Checkout, now: datetime) -> None:
    """Send the address of a way to pay that is open."""
    booking = checkout.booking
    if booking.patient.email:
        writing.write(
            kind=Message.Kind.PAYMENT_LINK,
            reference=booking.pk,
            to=booking.patient.email,
            send_at=now,
            context={
                "first_name": booking.patient.first_name,
                "amount": f"${checkout.amount:.2f}",
                "link": checkout.url,
                "until": _spoken(checkout.expires_at.astimezone(booking.patient.zone)),
                "number": booking.number,
            },
        )


def send_refunded(*, decision: RefundDecision, now: datetime) -> None:
    """Tell that money was given back."""
    booking = decision.payment.booking
    if booking.patient.email:
        writing.write(
            kind=Message.Kind.REFUNDED,
            reference=booking.pk,
            to=booking.patient.email,
            send_at=now,
            context={
                "first_name": booking.patient.first_name,
                "amount": f"${decision.amount:.2f}",
                "is_to_card": bool(decision.external_id),
                "number": booking.number,
            },
        )


def _spoken(local: datetime) -> str:
    """Say a moment of the patient's clock: Tuesday 24 November, 9:00 am."""
    return f"{local:%A %-d %B}, {public_times.hour(local)}"
