"""How money comes at Stripe: sessions open, paid, declined, expired; an event told of each."""

import hashlib
import hmac
import json
import secrets
import time
from typing import Any

from django.conf import settings

from botaniqal.sandbox import deliveries
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import STRIPE, Refused

API_VERSION = "2026-10-28.endive"


def new_id(prefix: str) -> str:
    """Make an id of Stripe's form."""
    return f"{prefix}_{secrets.token_hex(12)}"


def get(kind: str, id: str) -> Document:
    """
    Read a session, payment intent, charge, refund, dispute or event.

    :raises Refused: 404 for an unknown one.
    """
    expire_due()
    document = store.get(f"stripe_{kind}", id)
    if document is None:
        raise Refused(404, f"No such {kind}: '{id}'", [("id", "is unknown")])
    return document


def keep(kind: str, document: Document) -> Document:
    """Keep a session, payment intent, charge, refund, dispute or event."""
    return store.put(f"stripe_{kind}", document["id"], document)


def pay(session_id: str) -> Document:
    """
    Pay an open session by card; answers the session.

    :raises Refused: 400 for one that is not open.
    """
    with store.transaction():
        session = _completed(_open(session_id), "paid")
        tell("payment_intent.succeeded", _charge(session, int(time.time())))
        tell("checkout.session.completed", session)
    return session


def was_paid(session_id: str, at: int) -> Document:
    """
    Let an open session have been paid at a moment that is past; nobody is told of it any more; answers the session.

    :raises Refused: 400 for one that is not open.
    """
    with store.transaction():
        session = _completed(_open(session_id), "paid")
        _charge(session, at)
    return session


def debit(session_id: str) -> Document:
    """
    Pay an open session from a bank account: it is complete at once, and the money comes days later, or never.

    :raises Refused: 400 for one that is not open.
    """
    with store.transaction():
        session = _completed(_open(session_id), "unpaid")
        keep("payment_intent", get("payment_intent", session["_intent_id"]) | {"status": "processing"})
        tell("checkout.session.completed", session)
    return session


def arrive(session_id: str) -> Document:
    """
    Let the money of a debit come.

    :raises Refused: 400 where none is on its way.
    """
    with store.transaction():
        session = keep("session", _on_its_way(session_id) | {"payment_status": "paid"})
        tell("payment_intent.succeeded", _charge(session, int(time.time())))
        tell("checkout.session.async_payment_succeeded", session)
    return session


def bounce(session_id: str) -> Document:
    """
    Let a bank refuse a debit: the session stays complete, and unpaid.

    :raises Refused: 400 where none is on its way.
    """
    with store.transaction():
        session = _on_its_way(session_id)
        error = {"code": "debit_not_authorized", "message": "The bank refused it.", "type": "card_error"}
        intent = get("payment_intent", session["_intent_id"])
        intent |= {"status": "requires_payment_method", "last_payment_error": error}
        keep("payment_intent", intent)
        tell("payment_intent.payment_failed", intent)
        tell("checkout.session.async_payment_failed", session)
    return session


def decline(session_id: str) -> Document:
    """
    Let a card be declined: the session stays open for another try.

    :raises Refused: 400 for one that is not open.
    """
    with store.transaction():
        session = _open(session_id)
        intent = _intent_of(session)
        error = {"code": "card_declined", "message": "Your card was declined.", "type": "card_error"}
        intent |= {"status": "requires_payment_method", "last_payment_error": error}
        keep("payment_intent", intent)
        tell("payment_intent.payment_failed", intent)
    return session


def expire(session_id: str) -> Document:
    """
    Close an open session unpaid.

    :raises Refused: 400 for one that is not open.
    """
    with store.transaction():
        session = _open(session_id) | {"status": "expired", "url": None}
        keep("session", session)
        tell("checkout.session.expired", session)
    return session


def expire_due() -> None:
    """Close the sessions whose time is over: nothing else here watches the clock."""
    for session in store.scan("stripe_session", status="open"):
        if session["expires_at"] <= time.time():
            with store.transaction():
                late = store.get("stripe_session", session["id"])
                if late and late["status"] == "open":
                    keep("session", late | {"status": "expired", "url": None})
                    tell("checkout.session.expired", late | {"status": "expired", "url": None})


def tell(kind: str, subject: dict[str, Any]) -> None:
    """Keep an event, and deliver it."""
    event = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": int(time.time()),
        "livemode": False,
        "pending_webhooks": 1,
        "type": kind,
        "data": {"object": {name: value for name, value in subject.items() if not name.startswith("_")}},
        "request": {"id": None, "idempotency_key": None},
    }
    keep("event", event)
    deliveries.send(
        STRIPE.name,
        event=kind,
        url=f"{deliveries.portal_url()}/webhooks/stripe",
        body=json.dumps(event),
        name=subject.get("client_reference_id") or subject["id"],
    )


def _open(session_id: str) -> Document:
    session = get("session", session_id)
    if session["status"] != "open":
        raise Refused(400, "Only Checkout Sessions with a status of open can be changed.")
    return session


def _on_its_way(session_id: str) -> Document:
    session = get("session", session_id)
    intent = store.get("stripe_payment_intent", session["_intent_id"] or "")
    if intent is None or intent["status"] != "processing":
        raise Refused(400, "No payment of this session is on its way.")
    return session


def _completed(session: Document, payment_status: str) -> Document:
    intent = _intent_of(session)
    session |= {
        "status": "complete",
        "payment_status": payment_status,
        "url": None,
        "payment_intent": intent["id"],
        "customer_details": {"email": session["customer_email"], "name": None},
    }
    return keep("session", session)


def _charge(session: Document, at: int) -> Document:
    """Take the money of a session; answers the payment."""
    intent, charge_id = get("payment_intent", session["_intent_id"]), new_id("ch")
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge_id,
        "last_payment_error": None,
    }
    keep("payment_intent", intent)
    charge = {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "captured": True,
        "currency": intent["currency"],
        "created": at,
        "disputed": False,
        "livemode": False,
        "metadata": intent["metadata"],
        "paid": True,
        "payment_intent": intent["id"],
        "refunded": False,
        "status": "succeeded",
    }
    keep("charge", charge)
    return intent


def _intent_of(session: Document) -> Document:
    """Find the payment that was begun for a session, or begin one."""
    if session["_intent_id"]:
        return get("payment_intent", session["_intent_id"])
    about = session["_payment_intent_data"]
    intent = {
        "id": new_id("pi"),
        "object": "payment_intent",
        "amount": session["amount_total"],
        "amount_received": 0,
        "currency": session["currency"],
        "status": "requires_payment_method",
        "latest_charge": None,
        # A session's own metadata is not copied to it.
        "metadata": about["metadata"],
        "created": int(time.time()),
        "livemode": False,
        "description": about["description"],
        "receipt_email": about["receipt_email"],
        "last_payment_error": None,
    }
    session["_intent_id"] = intent["id"]
    keep("session", session)
    return keep("payment_intent", intent)


def _headers(delivery: Document, body: bytes) -> dict[str, str]:
    at = int(time.time())
    signed = hmac.new(settings.STRIPE_WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": f"t={at},v1={signed.hexdigest()}",
    }


PRESSES = {"pay": pay, "debit": debit, "decline": decline, "expire": expire}
"""What a patient may do on the checkout page."""

# About three days in all.
deliveries.open_channel(deliveries.Channel(vendor=STRIPE.name, headers=_headers, hours=(0, 1, 2, 4, 8, 16, 24)))
