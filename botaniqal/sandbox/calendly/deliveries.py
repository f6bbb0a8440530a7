"""Webhooks on their way to the portal: signed like Calendly's, tried again for a while, kept to look at."""

import hashlib
import hmac
import json
import threading
import time
from uuid import uuid4

import requests
from django.conf import settings
from django.utils import timezone

from botaniqal.sandbox.calendly.clinic import id_of, moment, public
from botaniqal.sandbox.store import Document, store

# Seconds to wait before each try.
BACK_OFF = (0, 1, 2, 4, 8)
TIMEOUT_SECONDS = 15

# A burst of bookings must not open more connections to the portal than the vendor would.
_lines = threading.BoundedSemaphore(8)


def announce(kind: str, invitee: Document, event: Document) -> None:
    """Tell everybody who subscribed; where nobody did, the portal's own two addresses."""
    payload = public(invitee) | {"scheduled_event": public(event)}
    for url, subscription in _listeners(kind, event):
        body = {
            "event": kind,
            "created_at": moment(timezone.now()),
            "created_by": subscription["creator"] if subscription else event["_host"],
            "payload": payload,
        }
        delivery = {
            "id": str(uuid4()),
            "event": kind,
            "url": url,
            "subscription": id_of(subscription["uri"]) if subscription else None,
            "scheduled_event": id_of(event["uri"]),
            "name": invitee["name"],
            "body": json.dumps(body),
            "state": "waiting",
            "tries": [],
            "created_at": body["created_at"],
        }
        store.put("delivery", delivery["id"], delivery)
        _start(delivery["id"], BACK_OFF)


def send_again(id: str, *, times: int) -> None:
    """Send a delivery some more times, all at once, each signed anew."""
    for _ in range(times):
        _start(id, (0,))


def resume() -> None:
    """Go on with what was under way when the sandbox was stopped."""
    for delivery in store.find("delivery", state="waiting"):
        _start(delivery["id"], BACK_OFF)


def portal_url() -> str:
    """Where the portal is: as the environment says, unless somebody has pointed the sandbox elsewhere."""
    pointed = store.get("setting", "portal_url")
    return pointed["value"] if pointed else settings.PORTAL_URL


def sign(body: bytes, *, key: str, at: int) -> str:
    """Write the header Calendly-Webhook-Signature for a raw body."""
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


def _listeners(kind: str, event: Document) -> list[tuple[str, Document | None]]:
    subscriptions = store.find("subscription")
    if not subscriptions:
        event_type = store.get("event_type", id_of(event["event_type"]))
        door = "triage" if event_type and event_type["_inbound"] else "practitioner"
        return [(f"{portal_url()}/webhooks/calendly/{door}", None)]
    return [
        (subscription["callback_url"], subscription)
        for subscription in subscriptions
        if kind in subscription["events"] and subscription["user"] in (None, event["_host"])
    ]


def _start(id: str, pauses: tuple[int, ...]) -> None:
    # A daemon, so that a stop never waits for a portal that does not answer.
    threading.Thread(target=_deliver, args=(id, pauses), daemon=True).start()


def _deliver(id: str, pauses: tuple[int, ...]) -> None:
    for number, pause in enumerate(pauses, start=1):
        time.sleep(pause)
        delivery = store.get("delivery", id)
        if delivery is None:
            return
        with _lines:
            status = _post(delivery)
        taken = status is not None and 200 <= status < 300
        with store.transaction():
            delivery = store.get("delivery", id)
            if delivery is None:
                return
            delivery["tries"].append({"at": moment(timezone.now()), "status": status})
            if taken:
                delivery["state"] = "taken"
            elif number == len(pauses) and delivery["state"] == "waiting":
                delivery["state"] = "refused"
            store.put("delivery", id, delivery)
        if taken:
            return


def _post(delivery: Document) -> int | None:
    """Post once; None stands for no answer."""
    body = delivery["body"].encode()
    headers = {"Content-Type": "application/json", "User-Agent": "Calendly"}
    subscription = delivery["subscription"] and store.get("subscription", delivery["subscription"])
    key = (subscription or {}).get("_signing_key") or settings.CALENDLY_WEBHOOK_SIGNING_KEY
    if key:
        headers["Calendly-Webhook-Signature"] = sign(body, key=key, at=int(time.time()))
    with requests.Session() as session:
        # The portal is next door: a proxy from the environment would only lose the call.
        session.trust_env = False
        try:
            return session.post(
                delivery["url"], data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
            ).status_code
        except requests.RequestException:
            return None
