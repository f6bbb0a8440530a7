"""Deliveries from Calendly, signed and posted to the portal's own door."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from pathlib import Path

from botaniqal import webhooks
from botaniqal.integrations import inbox
from botaniqal.integrations.models import InboundEvent
from tests.factories import next_morning

PAYLOADS = Path(__file__).parent / "payloads" / "calendly"
KEY = "signing-key-of-the-tests"
TEN = next_morning(10)
QUARTER = timedelta(minutes=15)
TRIAGE, PRACTITIONER = "/webhooks/calendly/triage", "/webhooks/calendly/practitioner"


def delivery(name="invitee.created", *, starts_at=TEN, minutes=15, event_type="TRIAGE", event_id=None, **changes):
    """A delivery in Calendly's own shape, at another time or of another event type."""
    payload = json.loads((PAYLOADS / f"{name}.json").read_text())
    event = payload["payload"]["scheduled_event"]
    event["start_time"], event["end_time"] = starts_at.isoformat(), (starts_at + timedelta(minutes=minutes)).isoformat()
    event["event_type"] = f"https://api.calendly.com/event_types/{event_type}"
    if event_id:
        event["uri"] = payload["payload"]["event"] = f"https://api.calendly.com/scheduled_events/{event_id}"
        payload["payload"]["uri"] = f"{event['uri']}/invitees/{event_id}"
    payload["payload"].update(changes)
    return payload


def seed_delivery(name="seed.invitee.created", *, starts_at=TEN, calendar="TRIAGE"):
    """A delivery in the shape of the clinic's first specification."""
    payload = json.loads((PAYLOADS / f"{name}.json").read_text())
    payload["payload"]["event"] |= {
        "start_time": starts_at.isoformat(),
        "end_time": (starts_at + QUARTER).isoformat(),
        "calendar_id": calendar,
    }
    return payload


def post(client, payload, path=TRIAGE, *, key=KEY, age=0, tamper=b""):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return client.post(path, body + tamper, content_type="application/json", headers=signed(body, key=key, age=age))


def signed(body, *, key=KEY, age=0):
    """The header that Calendly signs a body with."""
    stamp = str(int(time.time()) - age)
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Calendly-Webhook-Signature": f"t={stamp},v1={digest}"}


def work():
    inbox.work_due(webhooks.HANDLERS)


def take_in(client, *payloads, path=TRIAGE):
    """Post deliveries and work them, one after the other."""
    for payload in payloads:
        assert post(client, payload, path).status_code == 200
        work()
    assert not InboundEvent.objects.for_a_person().exists()
