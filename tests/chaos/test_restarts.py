"""The broker goes away and PostgreSQL is killed while vendors knock: what was acknowledged is never lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from django.db import connection, connections

from bookings.models import Booking, SyncRecord
from botaniqal.integrations.models import InboundEvent
from tests.calendly_deliveries import PRACTITIONER, delivery, signed
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory, next_morning
from tests.sandbox_server import ENVIRONMENT
from tests.stack import eventually
from tools.dev import postgres
from tools.dev.processes import Children

from .conftest import Workers

pytestmark = pytest.mark.slow

DELIVERIES = 150
PER_SECOND = 20
AWAY_SECONDS = 3
LONG = 90


class Database:
    """A PostgreSQL of its own, which keeps what it has committed, and may be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sockets = folder / "run"
        self.sockets.mkdir()
        self.start()

    def start(self) -> None:
        self._running = ExitStack()
        postgres.start(self._running.enter_context(Children()), self._folder, self.sockets, is_durable=True)

    def kill(self) -> None:
        """End all of it as a machine does that loses its power."""
        os.killpg(int((self.sockets / "postgres.pid").read_text().split()[0]), signal.SIGKILL)
        self._running.close()

    def stop(self) -> None:
        self._running.close()


@pytest.fixture(scope="module")
def database(django_db_blocker):
    """A database of its own, migrated, which the models read and write meanwhile."""
    # Nobody but us may enter pytest's own folders, and PostgreSQL is somebody else where the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="restarts-"))
    folder.chmod(0o711)
    database = Database(folder)
    own = dict(connection.settings_dict)
    url = postgres.address(database.sockets)
    try:
        migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
        subprocess.run(migrate, env=os.environ | {"DATABASE_URL": url}, check=True)
        connection.close()
        connection.settings_dict.update(HOST=str(database.sockets), PORT="", NAME=postgres.NAME, USER=postgres.NAME)
        with django_db_blocker.unblock():
            yield database
            connections.close_all()
    finally:
        connection.settings_dict.update(own)
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def portal(tmp_path, sandbox, database):
    """Web, worker, scheduler and broker upon that database, and the event type that all knock about."""
    sandbox.reset()
    visit = AppointmentTypeFactory()
    person = PractitionerFactory(gives=[visit], calendar_provider="calendly")
    CalendlyEventTypeFactory(calendly_id=f"VISIT{uuid4().hex}", practitioner=person, appointment_type=visit)
    portal = Workers(tmp_path, sandbox, postgres.address(database.sockets))
    try:
        portal.start()
        portal.start_web()
        yield portal
    finally:
        portal.stop()


class Calendly:
    """Somebody who delivers at a constant rate, and each delivery again until it is taken, as Calendly does."""

    def __init__(self, url: str, event_type: str) -> None:
        self._url, self._event_type = f"{url}{PRACTITIONER}", event_type
        self.name = uuid4().hex[:8]
        self.taken: set[str] = set()
        self.failures = 0
        self._threads = [threading.Thread(target=self._deliver, args=(number,)) for number in range(DELIVERIES)]
        self._starter = threading.Thread(target=self._start)

    def begin(self) -> None:
        self._starter.start()

    def end(self) -> None:
        self._starter.join()
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        for thread in self._threads:
            thread.start()
            time.sleep(1 / PER_SECOND)

    def _deliver(self, number: int) -> None:
        event_id = f"{self.name}-{number}"
        starts_at = next_morning(9) + timedelta(days=1 + number // 32, minutes=15 * (number % 32))
        # Each has a moment of its own, by which a delivery is known again.
        payload = delivery(starts_at=starts_at, event_type=self._event_type, event_id=event_id)
        payload["created_at"] = starts_at.isoformat()
        body = json.dumps(payload).encode()
        while event_id not in self.taken:
            headers = signed(body, key=ENVIRONMENT["CALENDLY_WEBHOOK_SIGNING_KEY"])
            try:
                status = requests.post(self._url, data=body, headers=headers, timeout=5).status_code
            except requests.RequestException:
                status = 0
            if status == 200:
                self.taken.add(event_id)
            else:
                self.failures += 1
                time.sleep(0.5)


@pytest.fixture
def calendly(portal, database):
    event_type = Booking.appointment_type.field.related_model.objects.latest("pk").calendly_event_types.get()
    return Calendly(portal.url, event_type.calendly_id)


def assert_nothing_was_lost(calendly, sandbox):
    """Each delivery became one booking, which MediRecords knows once."""
    keys = {row.payload["payload"]["event"].rpartition("/")[2] for row in InboundEvent.objects.all()}
    assert calendly.taken <= keys

    eventually(lambda: not InboundEvent.objects.open().exists(), within=LONG)
    records = SyncRecord.objects.filter(system="calendly", external_id__startswith=calendly.name)
    assert records.count() == DELIVERIES
    ours = set(records.values_list("booking_id", flat=True))

    told = SyncRecord.objects.filter(system="medirecords", booking__in=ours)
    eventually(lambda: not told.open().exists(), within=LONG)
    notes = [row["notes"] for row in sandbox.state("medirecords")["appointments"]]
    assert sorted(note for note in notes if any(str(pk) in note for pk in ours)) == sorted(f"[ref:{pk}]" for pk in ours)


class TestDeliveries:
    def test_are_taken_and_worked_though_the_broker_is_away(self, portal, calendly, sandbox):
        calendly.begin()
        portal.stop_broker()
        time.sleep(AWAY_SECONDS)
        portal.start_broker()
        calendly.end()

        assert calendly.failures == 0
        assert_nothing_was_lost(calendly, sandbox)

    def test_are_not_lost_though_postgresql_is_killed(self, portal, database, calendly, sandbox):
        calendly.begin()
        time.sleep(AWAY_SECONDS)
        database.kill()
        taken = set(calendly.taken)
        time.sleep(1)
        database.start()
        calendly.end()

        assert 0 < len(taken) < DELIVERIES
        assert calendly.failures > 0
        connection.close()
        assert_nothing_was_lost(calendly, sandbox)
