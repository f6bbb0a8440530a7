"""
Giving money back at Stripe, and hearing what was given back there.

A refund carries our decision's id, so that one whose answer was lost is found again and not made twice; one without was
made at Stripe by hand, and is written down as that.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from botaniqal.integrations import owed, stripe_client
from botaniqal.integrations.owed import WaitFor
from botaniqal.integrations.stripe_client import Refund, Stripe, cents, dollars

from ..models import Booking, Checkout, Payment, RefundDecision
from . import refunds

Cause, Status = RefundDecision.Cause, RefundDecision.Status

LOOK_SECONDS = 3_600
UNDER_WAY = "Stripe is at it; a bank can take days."
BY_HAND = "Given back at Stripe, by hand."


def work_due() -> int:
    """Give back at Stripe what was decided, and count it."""
    stripe = stripe_client.client()
    return owed.work(RefundDecision.objects.all(), lambda row: _bring_up(row, stripe))


def look(*, payment_intent: str, now: datetime) -> list[str]:
    """
    Ask Stripe what was given back of a payment, and bring our decisions in line; answers how each stands, in words.

    :raises VendorUnavailable: Stripe gives no answer.
    :raises VendorRefused: Stripe said no.
    """
    checkout = Checkout.objects.filter(payment_intent=payment_intent).first()
    if checkout is None:
        return []
    rows = _bring_in_line(checkout, stripe_client.client().refunds_of(payment_intent), now)
    return [f"${row.amount} {row.get_status_display().lower()}" for row in rows]


def _bring_up(row: RefundDecision, stripe: Stripe) -> Mapping[str, Any]:
    if row.status != Status.SENDING:
        return {}
    checkout = row.checkout
    found = stripe.refunds_of(checkout.payment_intent)
    if not any(_is_of(refund, row) for refund in found):
        owed.renew(row)
        terms = {"reference": f"{row.pk}", "payment_intent": checkout.payment_intent, "amount": cents(row.amount)}
        found.append(stripe.give_back(key=f"refund:{row.pk}", **terms))
    _bring_in_line(checkout, found, timezone.now())
    if RefundDecision.objects.filter(pk=row.pk, status=Status.SENDING).exists():
        raise WaitFor(UNDER_WAY, seconds=LOOK_SECONDS)
    return {}


@transaction.atomic
def _bring_in_line(checkout: Checkout, found: Iterable[Refund], now: datetime) -> list[RefundDecision]:
    Booking.objects.select_for_update().get(pk=checkout.booking_id)
    rows = [_heard(checkout, refund, now) for refund in sorted(found, key=lambda refund: refund.created_at)]
    return [row for row in rows if row]


def _heard(checkout: Checkout, refund: Refund, now: datetime) -> RefundDecision | None:
    """Write down how a refund stands at Stripe, on our decision or on one that is made for it."""
    row = _decision_of(checkout, refund) or _decided_there(checkout, refund, now)
    if row is None:
        return None
    if row.external_id is None:
        row.external_id = refund.id
        row.save(update_fields=["external_id"])
    if refund.status == "succeeded" and row.status == Status.SENDING:
        refunds.note_given_back(row, now=now)
    elif refund.has_failed and row.status in (Status.SENDING, Status.GIVEN_BACK):
        refunds.note_failed(row, why=refund.failure_reason, now=now)
    return row


def _decision_of(checkout: Checkout, refund: Refund) -> RefundDecision | None:
    ours = RefundDecision.objects.filter(checkout=checkout)
    known = next((row.pk for row in ours if _is_of(refund, row)), None)
    return refunds.locked(known) if known else None


def _decided_there(checkout: Checkout, refund: Refund, now: datetime) -> RefundDecision | None:
    """Take a refund that was made at Stripe as the answer to the decision that waits, or as one of its own."""
    if refund.has_failed:
        return None
    amount = dollars(refund.amount)
    waiting = RefundDecision.objects.filter(checkout=checkout, status=Status.WAITING, paid__gte=amount).first()
    if waiting:
        row = refunds.locked(waiting.pk)
        row.amount, row.reason, row.decided_at, row.status = amount, BY_HAND, now, Status.SENDING
        row.save(update_fields=["amount", "reason", "decided_at", "status"])
        return row
    made = RefundDecision.objects.create(
        payment=Payment.objects.get(booking=checkout.booking_id),
        checkout=checkout,
        cause=Cause.OUTSIDE,
        paid=max(checkout.amount, amount),
        suggested=amount,
        policy=BY_HAND,
        status=Status.SENDING,
        amount=amount,
        reason=BY_HAND,
        decided_at=now,
    )
    return refunds.locked(made.pk)


def _is_of(refund: Refund, row: RefundDecision) -> bool:
    return refund.id == row.external_id or (row.external_id is None and refund.reference == f"{row.pk}")
