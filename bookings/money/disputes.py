"""Payments that a bank asks back: shown, and somebody is woken; they are answered at Stripe."""

from datetime import datetime

from django.db import transaction

from botaniqal.integrations import incidents, stripe_client
from botaniqal.integrations.stripe_client import StripeDispute, dollars

from ..models import Booking, Checkout, Dispute, on_clock

Outcome = Dispute.Outcome

DISPUTED = "The patient's bank asks the payment back. Answer it at Stripe."
OUTCOMES = {"won": Outcome.WON, "warning_closed": Outcome.WON, "prevented": Outcome.WON, "lost": Outcome.LOST}
"""From Stripe's words for a dispute that is over to ours; every other word is for one that is not."""


def look(*, dispute_id: str, now: datetime) -> Dispute:
    """
    Ask Stripe how a dispute stands, and note it; to be called outside any transaction.

    :raises VendorUnavailable: Stripe gives no answer.
    :raises VendorRefused: Stripe said no.
    """
    return _note(stripe_client.client().dispute(dispute_id), now)


@transaction.atomic
def _note(told: StripeDispute, now: datetime) -> Dispute:
    outcome = OUTCOMES.get(told.status, Outcome.OPEN)
    checkout = Checkout.objects.filter(payment_intent=told.payment_intent).first() if told.payment_intent else None
    if checkout:  # first the booking, as everybody does
        Booking.objects.select_for_update().get(pk=checkout.booking_id)
    known = Dispute.objects.select_for_update().filter(external_id=told.id).first()
    if known and known.outcome != Outcome.OPEN:
        return known
    dispute, _ = Dispute.objects.update_or_create(
        external_id=told.id,
        defaults={
            "checkout": checkout,
            "payment_intent": told.payment_intent or "",
            "amount": dollars(told.amount),
            "reason": told.reason[:50],
            "outcome": outcome,
            "answer_by": told.answer_by,
            "opened_at": told.created_at,
            "closed_at": None if outcome == Outcome.OPEN else now,
        },
    )
    _tell(dispute, now)
    return dispute


def _tell(dispute: Dispute, now: datetime) -> None:
    """Wake somebody for a dispute that is open, and mark its booking; take both back when it is over."""
    key = f"stripe-dispute:{dispute.external_id}"
    booking = Booking.objects.filter(checkouts=dispute.checkout) if dispute.checkout else Booking.objects.none()
    if dispute.outcome == Outcome.OPEN:
        until = f" Answer it by {on_clock(dispute.answer_by)}." if dispute.answer_by else ""
        summary = f"A bank asks ${dispute.amount} back at Stripe.{until}"
        incidents.open_incident(key=key, summary=summary, severity=incidents.Severity.WARNING, now=now)
        booking.filter(attention="").update(attention=DISPUTED)
    else:
        incidents.resolve(key=key, now=now)
        booking.filter(attention=DISPUTED).update(attention="")
