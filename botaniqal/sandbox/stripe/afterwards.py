"""What happens at Stripe to money that came: given back, or asked back by a bank; an event told of each."""

import time

from botaniqal.sandbox import dial
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.stripe.payments import get, keep, new_id, tell
from botaniqal.sandbox.vendors import STRIPE, Refused

DAY = 24 * 60 * 60
ANSWER_WITHIN = 7 * DAY
OUTCOMES = ("won", "lost")


def refund(intent: Document, *, amount: int | None, reason: str | None, metadata: dict[str, str]) -> Document:
    """
    Give money back, all that is left unless an amount is named; answers the refund.

    Where the dial lets refunds fail, it is on its way by the answer, and fails afterwards.

    :raises Refused: 400 for more than is left, or nothing.
    """
    with store.transaction():
        if intent["status"] != "succeeded":
            raise Refused(400, "This PaymentIntent does not have a successful charge to refund.")
        left = intent["amount_received"] - refunded(intent["id"])
        if left == 0:
            raise Refused(400, "Charge has already been refunded.", code="charge_already_refunded")
        amount = left if amount is None else amount
        if not 0 < amount <= left:
            raise Refused(400, f"Refund amount is not between 1 and {left}", [("amount", "is out of range")])
        fails = dial.draws(STRIPE.name, "refunds", "refund_fails")
        made = {
            "id": new_id("re"),
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "charge": intent["latest_charge"],
            "status": "pending" if fails else "succeeded",
            "reason": reason,
            "failure_reason": None,
            "created": int(time.time()),
            "metadata": metadata,
        }
        keep("refund", made)
        tell("refund.created", made)
        tell("charge.refunded", _brought_up(intent))
        if fails:
            fail_refund(intent)
    return made


def fail_refund(intent: Document) -> Document:
    """
    Let the latest refund of a payment come back; answers the refund.

    :raises Refused: 400 where none is there to fail.
    """
    with store.transaction():
        rows = [row for row in store.find("stripe_refund", payment_intent=intent["id"]) if row["status"] != "failed"]
        if not rows:
            raise Refused(400, "No refund of this payment can fail.")
        failed = keep("refund", rows[-1] | {"status": "failed", "failure_reason": "expired_or_canceled_card"})
        _brought_up(intent)
        tell("refund.failed", failed)
    return failed


def refunded(intent_id: str) -> int:
    """Say how many cents of a payment were given back."""
    rows = store.scan("stripe_refund", payment_intent=intent_id)
    return sum(row["amount"] for row in rows if row["status"] in ("pending", "succeeded"))


def dispute(intent: Document) -> Document:
    """
    Let the patient's bank ask a payment back; answers the dispute.

    :raises Refused: 400 where there is nothing to dispute, or it is disputed already.
    """
    with store.transaction():
        if intent["status"] != "succeeded" or store.find("stripe_dispute", payment_intent=intent["id"]):
            raise Refused(400, "This payment cannot be disputed.")
        now = int(time.time())
        made = {
            "id": new_id("du"),
            "object": "dispute",
            "amount": intent["amount_received"],
            "charge": intent["latest_charge"],
            "created": now,
            "currency": intent["currency"],
            "evidence_details": {"due_by": now + ANSWER_WITHIN, "has_evidence": False, "past_due": False},
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": intent["id"],
            "reason": "product_not_received",
            "status": "needs_response",
        }
        keep("charge", get("charge", intent["latest_charge"]) | {"disputed": True})
        keep("dispute", made)
        tell("charge.dispute.created", made)
    return made


def close_dispute(intent: Document, outcome: str) -> Document:
    """
    Let a bank decide a dispute; answers the dispute.

    :raises Refused: 400 where none is open.
    """
    with store.transaction():
        found = store.find("stripe_dispute", payment_intent=intent["id"], status="needs_response")
        if not found or outcome not in OUTCOMES:
            raise Refused(400, "No dispute of this payment is open.")
        closed = keep("dispute", found[0] | {"status": outcome})
        tell("charge.dispute.closed", closed)
    return closed


def _brought_up(intent: Document) -> Document:
    """Write what was given back of a payment into its charge."""
    back = refunded(intent["id"])
    charge = get("charge", intent["latest_charge"])
    return keep("charge", charge | {"amount_refunded": back, "refunded": back == charge["amount"]})
