"""Whatever happens on the way: in the end each vendor knows each booking once, and nobody was told otherwise before."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from bookings import lifecycle, notices
from bookings.models import Booking
from bookings.vendors import sync
from practitioners.models import Practitioner
from tests.factories import (
    AppointmentTypeFactory,
    CalendlyEventTypeFactory,
    PatientFactory,
    PractitionerFactory,
    next_morning,
)

pytestmark = pytest.mark.slow

LIMIT_SECONDS = 40
CANCELLED = 8


@pytest.fixture
def vendors(sandbox):
    """The sandbox, empty and well."""
    sandbox.reset()
    yield sandbox
    sandbox.clear_faults()


@pytest.fixture
def book(vendors, transactional_db):
    """Book a visit with Dr Dia tomorrow at some hour, as the call desk does."""
    visit = AppointmentTypeFactory()
    dr_dia = PractitionerFactory(gives=[visit], calendar_provider=Practitioner.CalendarProvider.CALENDLY)
    event_type = CalendlyEventTypeFactory(calendly_id=str(uuid4()), practitioner=dr_dia, appointment_type=visit)
    vendors.register_event_type(uri=event_type.uri, name="Visit", minutes=15, owner_email=dr_dia.email)

    @transaction.atomic
    def book(hour):
        now, starts_at = timezone.now(), next_morning(hour)
        booking = lifecycle.book(
            patient=PatientFactory(email=f"patient-at-{hour}@example.com"),
            practitioner=dr_dia,
            appointment_type=visit,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=15),
            entry=None,
            price=119,
            source=Booking.Source.PHONE,
            by=None,
            now=now,
        )
        notices.send_confirmation(booking=booking, now=now)
        return booking

    return book


class Watch:
    """Somebody at the desk who looks at the bookings all the time, and at the vendors to see whether it is true."""

    def __init__(self, vendors, bookings):
        self._vendors = vendors
        self.bookings = bookings

    def until(self, is_so):
        """Look until something is so; what the desk says must be true each time."""
        limit = time.monotonic() + LIMIT_SECONDS
        while not (self.is_true() and is_so()):
            assert time.monotonic() < limit, [sync.statement(booking) for booking in self.bookings]
            time.sleep(0.05)

    def is_true(self):
        """Check that the vendors have what the desk says they have; said first, since they may learn meanwhile."""
        said = {
            (line["system"], booking.pk)
            for booking in self.bookings
            for line in sync.statement(booking)
            if line["state"] == "synced" and line["system"] != "email"
        }
        known = {(system, ref) for system, refs in self.known().items() for ref in refs}
        assert said <= known
        return True

    def known(self):
        """The bookings that each vendor knows, one entry for each of its objects."""
        calendly, medirecords = self._vendors.state("calendly"), self._vendors.state("medirecords")
        marks = {
            "calendly": [row["tracking"]["utm_content"] for row in calendly["invitees"] if row["status"] == "active"],
            "medirecords": [
                row["notes"].removeprefix("[ref:").partition("]")[0]
                for row in medirecords["appointments"]
                if row["appointmentStatus"] != CANCELLED
            ],
        }
        pks = {str(booking.pk): booking.pk for booking in self.bookings}
        return {system: [pks[mark] for mark in found] for system, found in marks.items()}

    def is_all_told(self):
        return all(line["state"] == "synced" for booking in self.bookings for line in sync.statement(booking))

    def is_under_way(self, method, path):
        """Tell whether a vendor has a call that it has not answered yet."""
        return any(
            call["status"] is None and call["method"] == method and path in call["path"]
            for call in self._vendors.calls()
        )

    def assert_each_is_known_once(self):
        everything = sorted(booking.pk for booking in self.bookings)
        assert {system: sorted(found) for system, found in self.known().items()} == {
            "calendly": everything,
            "medirecords": everything,
        }


class TestEachVendor:
    def test_is_told_once_although_the_worker_is_killed_again_and_again(self, workers, vendors, book):
        calls = {"/patients": "medirecords", "/appointments": "medirecords", "/invitees": "calendly"}
        watch = Watch(vendors, [])
        for hour, (path, vendor) in enumerate(calls.items(), start=10):
            vendors.faults(vendor, "latency", operation=f"{path[1:]}.write", milliseconds=900, calls=1)
            watch.bookings.append(book(hour))
            watch.until(lambda path=path: watch.is_under_way("POST", path))
            workers.kill_worker()
            workers.start_worker()

        watch.until(watch.is_all_told)
        watch.assert_each_is_known_once()
        assert len(vendors.state("medirecords")["patients"]) == len(watch.bookings)

    def test_is_told_once_although_it_fails_and_falls_silent(self, workers, vendors, book):
        for vendor in ("calendly", "medirecords"):
            vendors.faults(vendor, "error_before", operation="read", calls=2)
            vendors.faults(vendor, "error_after", operation="write", calls=2)
            vendors.faults(vendor, "timeout_after", operation="write", calls=2)
        vendors.faults("ses", "error_before", calls=2)

        watch = Watch(vendors, [book(hour) for hour in (10, 11, 12, 13)])

        watch.until(watch.is_all_told)
        watch.assert_each_is_known_once()

    def test_is_told_once_although_the_broker_goes_away(self, workers, vendors, book):
        watch = Watch(vendors, [book(10)])
        watch.until(watch.is_all_told)
        workers.stop_broker()
        watch.bookings += [book(11), book(12)]
        assert not watch.is_all_told()

        workers.start_broker()

        watch.until(watch.is_all_told)
        watch.assert_each_is_known_once()

    def test_is_told_once_although_the_broker_goes_away_while_a_bell_waits(self, idle_workers, vendors, book):
        vendors.faults("calendly", "latency", operation="invitees.write", milliseconds=1500)
        vendors.faults("medirecords", "latency", operation="patients.write", milliseconds=1500)
        watch = Watch(vendors, [book(10)])
        idle_workers.start_broker()
        idle_workers.start_worker(threads=2)
        idle_workers.ring("tell_calendly", "tell_medirecords")
        watch.until(lambda: watch.is_under_way("POST", "/invitees") and watch.is_under_way("POST", "/patients"))
        idle_workers.ring("send_messages")
        time.sleep(0.3)  # until the worker has it, though no thread is free

        idle_workers.stop_broker()
        idle_workers.start_broker()
        idle_workers.start_scheduler()

        watch.until(watch.is_all_told)
        watch.assert_each_is_known_once()
