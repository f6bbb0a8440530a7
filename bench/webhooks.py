"""Deliveries of Calendly's at a constant rate: verified, kept once and answered, with none lost."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from bench import _django  # noqa: F401 - before any app
from bench import _figures as figures
from bench._data import fill
from bench._load import always, each, load, post, server
from botaniqal.integrations.models import InboundEvent
from practitioners.models import CalendlyEventType, Practitioner

PAYLOAD = Path("tests/payloads/calendly/invitee.created.json")
SECONDS, PER_SECOND = 60, 100
EVENT_TYPE = "BENCH"


def main() -> None:
    """Print how long a delivery waits for its answer, and whether every one was kept."""
    kind = fill(bookings=100_000, practitioners=6)
    CalendlyEventType.objects.create(
        calendly_id=EVENT_TYPE, practitioner=Practitioner.objects.first(), appointment_type=kind
    )
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE integrations_inboundevent CASCADE")

    with server() as port:
        bare = load(port, always(post("/bench/insert"))).expect(200)
        figures.heading(f"Webhooks: {PER_SECOND} deliveries/s for {SECONDS} s, each another one")
        result = load(port, each(deliveries()), seconds=SECONDS, per_second=PER_SECOND).expect(200)
        figures.at_most("p95 from due to answered", result.percentile(95), 50, "ms")
        figures.note("p99", result.percentile(99), "ms")
        figures.exactly("kept", InboundEvent.objects.count(), SECONDS * PER_SECOND)
        most = load(port, each(deliveries("again")), seconds=3).expect(200)
        figures.note("deliveries/s, as many as go", most.rate)
        figures.note("… of a bare INSERT view", most.rate / bare.rate)
        kept = InboundEvent.objects.count()
        repeated = load(port, each(deliveries()), seconds=3).expect(200)
        figures.note("repeated deliveries/s, known already", repeated.rate)
        figures.exactly("kept twice", InboundEvent.objects.count() - kept, 0)


def deliveries(name: str = "first") -> Iterator[bytes]:
    """Write down one delivery after the other, signed at the moment of its sending."""
    payload = json.loads(PAYLOAD.read_text())
    invitee, event = payload["payload"], payload["payload"]["scheduled_event"]
    event["event_type"] = f"https://api.calendly.com/event_types/{EVENT_TYPE}"
    starts_at: datetime = timezone.now() + timedelta(days=1)
    for number in range(10_000_000):
        event["uri"] = invitee["event"] = f"https://api.calendly.com/scheduled_events/{name}-{number}"
        invitee["uri"] = f"{event['uri']}/invitees/{number}"
        event["start_time"] = starts_at.isoformat()
        body = json.dumps(payload).encode()
        stamp = str(int(time.time()))
        key = settings.CALENDLY_WEBHOOK_SIGNING_KEY.encode()
        digest = hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        yield post("/webhooks/calendly/practitioner", body, {"Calendly-Webhook-Signature": f"t={stamp},v1={digest}"})


if __name__ == "__main__":
    main()
