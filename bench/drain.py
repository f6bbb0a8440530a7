"""A thousand bookings that no vendor has heard of yet: how long until all are told, with limits off."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

from tools.dev import environment

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    PORT = probe.getsockname()[1]
# The settings read them once, so they come before everything else.
os.environ |= environment.vendors_at(f"http://127.0.0.1:{PORT}") | dict.fromkeys(environment.LIMITS, "off")
os.environ["SANDBOX_STATE"] = ":memory:"

from django.utils import timezone

from bench import _django  # noqa: F401 - before any app
from bench import _figures as figures
from bench._data import fill, free_times
from bookings import lifecycle, notices
from bookings.models import Booking, Patient, SyncRecord
from botaniqal.messages.models import Message
from practitioners.models import CalendlyEventType, Practitioner
from services.models import AppointmentType
from tests.sandbox_server import Sandbox, started

BOOKINGS, BUDGET, LONGEST = 1_000, 60, 300  # bookings and seconds
CELERY = ["celery", "-A", "botaniqal", "--quiet"]
WORKER = ["worker", "-P", "threads", "-c", "8", "--without-gossip", "--without-mingle", "-l", "ERROR"]
SANDBOX = ["granian", "--interface", "wsgi", "--workers", "1", "--blocking-threads", "32", "--log-level", "error"]


def main() -> None:
    """Print how long each vendor took, and what it holds afterwards."""
    kind = fill(bookings=1_000, practitioners=6)
    with process(*SANDBOX, "--port", str(PORT), "botaniqal.sandbox.wsgi:application") as child:
        sandbox = started(child, Sandbox(f"http://127.0.0.1:{PORT}"))
        know(sandbox, kind)
        book(kind)
        with process(*CELERY, *WORKER), process(*CELERY, "beat", "--schedule", "var/bench/beat", "--pidfile="):
            ends = watch()
        figures.heading(f"Drain: {BOOKINGS:,} bookings, six practitioners, everything on this machine")
        for name, seconds in ends.items():
            figures.at_most(f"{name}: all told after", seconds, BUDGET, "s")
        figures.note("bookings/s", BOOKINGS / max(ends.values()))
        marks = [row["tracking"]["utm_content"] for row in sandbox.state("calendly")["invitees"]]
        figures.exactly(
            "Calendly: events, one a booking", len(marks) if len(set(marks)) == len(marks) else -1, BOOKINGS
        )
        figures.exactly("MediRecords: appointments", len(sandbox.state("medirecords")["appointments"]), BOOKINGS)


def know(sandbox: Sandbox, kind: AppointmentType) -> None:
    """Make the practitioners known to the vendors."""
    sandbox.limits(calls="off", invitees="off")
    for person in Practitioner.objects.all():
        row = CalendlyEventType.objects.create(calendly_id=str(uuid4()), practitioner=person, appointment_type=kind)
        sandbox.register_event_type(uri=row.uri, name="Visit", minutes=kind.minutes, owner_email=person.email)
        person.medirecords_provider_id = uuid4()
        person.save(update_fields=["medirecords_provider_id"])
    AppointmentType.objects.update(medirecords_type="CONSULT_ALT_30")


def book(kind: AppointmentType) -> None:
    """Promise the visits, each to a patient of its own."""
    now, times = timezone.now(), free_times(kind, days=30)
    for number in range(BOOKINGS):
        practitioner, starts_at = next(times)
        patient = Patient.objects.create(name=f"Ada Patient{number}", email=f"patient{number}@example.com")
        booking = lifecycle.book(
            patient=patient,
            practitioner=practitioner,
            appointment_type=kind,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=kind.minutes),
            entry=None,
            price=119,
            source=Booking.Source.PHONE,
            by=None,
            now=now,
        )
        notices.send_confirmation(booking=booking, now=now)


def watch() -> dict[str, float]:
    """Tell for each vendor how many seconds after the first word it had heard all; endless where it did not."""
    rows = {
        "Calendly": SyncRecord.objects.filter(system="calendly"),
        "MediRecords": SyncRecord.objects.filter(system="medirecords"),
        "E-mail": Message.objects.all(),
    }
    began: datetime | None = None
    ends: dict[str, float] = {}
    limit = time.monotonic() + LONGEST
    while len(ends) < len(rows) and time.monotonic() < limit:
        time.sleep(0.5)
        if began is None and any(found.filter(attempts__gt=0).exists() for found in rows.values()):
            began = timezone.now()
        for name, found in rows.items():
            if began and name not in ends and not found.open().exists():
                ends[name] = (timezone.now() - began).total_seconds()
    return {name: ends.get(name, float("inf")) for name in rows}


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen]:
    """Run a program of Python's beside us."""
    child = subprocess.Popen([sys.executable, "-m", *command], env=os.environ | {"DEMO": "1"})
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)


if __name__ == "__main__":
    main()
