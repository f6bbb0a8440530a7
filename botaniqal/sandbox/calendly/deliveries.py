"""Calendly's webhooks: who listens to what, how they are signed, and when a subscription is given up."""

import hashlib
import hmac
import json
import time

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from botaniqal.sandbox import deliveries, dial
from botaniqal.sandbox.calendly.clinic import id_of, moment, public
from botaniqal.sandbox.deliveries import portal_url
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import CALENDLY

# After so long without a success, the next message that fails disables the subscription.
PATIENCE_HOURS = 24
STATES = ("active", "disabled")


def announce(kind: str, invitee: Document, event: Document) -> None:
    """Tell everybody who subscribed; where nobody did, the portal's own two addresses."""
    payload = public(invitee) | {"scheduled_event": public(event)}
    for url, subscription in _listeners(kind, event):
        if subscription and dial.draws(CALENDLY.name, dial.WEBHOOKS, "disabled"):
            _put(subscription, state="disabled")
            continue
        body = {
            "event": kind,
            "created_at": moment(timezone.now()),
            "created_by": subscription["creator"] if subscription else event["_host"],
            "payload": payload,
        }
        deliveries.send(
            CALENDLY.name,
            event=kind,
            url=url,
            body=json.dumps(body),
            subscription=subscription and id_of(subscription["uri"]),
            scheduled_event=id_of(event["uri"]),
            name=invitee["name"],
        )


def sign(body: bytes, *, key: str, at: int) -> str:
    """Write the header Calendly-Webhook-Signature for a raw body."""
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


def set_state(state: str) -> int:
    """
    Disable or revive all subscriptions; answers how many there are.

    :raises ValueError: Calendly's subscriptions have no such state.
    """
    if state not in STATES:
        raise ValueError(f"state must be {' or '.join(STATES)}")
    subscriptions = store.find("subscription")
    for subscription in subscriptions:
        _put(subscription, state=state, retry_started_at=None)
    return len(subscriptions)


def _listeners(kind: str, event: Document) -> list[tuple[str, Document | None]]:
    subscriptions = store.find("subscription")
    if not subscriptions:
        if not _tells_without_subscription():
            return []
        event_type = store.get("event_type", id_of(event["event_type"]))
        door = "triage" if event_type and event_type["_inbound"] else "practitioner"
        return [(f"{portal_url()}/webhooks/calendly/{door}", None)]
    return [
        (subscription["callback_url"], subscription)
        for subscription in subscriptions
        if subscription["state"] == "active"
        and kind in subscription["events"]
        and subscription["user"] in (None, event["_host"])
    ]


def _tells_without_subscription() -> bool:
    kept = store.get("setting", "unasked")
    return kept["value"] if kept else True


def _headers(delivery: Document, body: bytes) -> dict[str, str]:
    subscription = delivery["subscription"] and store.get("subscription", delivery["subscription"])
    key = (subscription or {}).get("_signing_key") or settings.CALENDLY_WEBHOOK_SIGNING_KEY
    headers = {"Content-Type": "application/json", "User-Agent": "Calendly"}
    return headers | ({"Calendly-Webhook-Signature": sign(body, key=key, at=int(time.time()))} if key else {})


def _may_go(delivery: Document) -> bool:
    subscription = delivery["subscription"] and store.get("subscription", delivery["subscription"])
    return delivery["subscription"] is None or (subscription is not None and subscription["state"] == "active")


def _heard(delivery: Document, is_taken: bool) -> None:
    """Note since when an address fails; give it up when it has failed for a day."""
    with store.transaction():
        subscription = delivery["subscription"] and store.get("subscription", delivery["subscription"])
        if not subscription:
            return
        failing_since = subscription["retry_started_at"]
        if is_taken and failing_since:
            _put(subscription, retry_started_at=None)
        elif not is_taken and failing_since is None:
            _put(subscription, retry_started_at=moment(timezone.now()))
        elif not is_taken and not delivery["tries"] and _is_too_long(failing_since):
            _put(subscription, state="disabled")


def _is_too_long(since: str) -> bool:
    return (timezone.now() - parse_datetime(since)).total_seconds() >= deliveries.seconds_of(PATIENCE_HOURS)


def _put(subscription: Document, **changes: str | None) -> None:
    store.put(
        "subscription", id_of(subscription["uri"]), subscription | changes | {"updated_at": moment(timezone.now())}
    )


deliveries.open_channel(
    deliveries.Channel(vendor=CALENDLY.name, headers=_headers, may_go=_may_go, heard=_heard, set_state=set_state)
)
