import logging
from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, SyncRecord
from bookings.vendors import backfill, sync
from botaniqal.integrations import inbox
from botaniqal.integrations.models import InboundEvent
from botaniqal.webhooks import HANDLERS
from practitioners.models import CalendlyEventType
from tests.calendly_deliveries import KEY, PRACTITIONER, post
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory, next_morning
from tests.sandbox_server import ENVIRONMENT
from triage.models import TriageSession

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def dia(on_calendly):
    return on_calendly(name="Dr Dia", email="dia@example.com")


@pytest.fixture
def calendly(vendors):
    """What people do in Calendly while it tells nobody."""
    return AtCalendly(vendors)


class AtCalendly:
    def __init__(self, sandbox):
        self.sandbox = sandbox

    def book(self, event_type=None, *, day=1, **fields):
        """Book a visit some days ahead at 10, and answer with the event's URI."""
        event_type = event_type or CalendlyEventType.objects.get()
        body = {
            "event_type": event_type.uri,
            "start_time": (next_morning(10) + day * DAY).isoformat(),
            "invitee": {"name": "Ava Nguyen", "email": "ava@example.com", "timezone": "Australia/Melbourne"},
            **fields,
        }
        headers = {"Authorization": f"Bearer {ENVIRONMENT['CALENDLY_API_KEY']}"}
        answer = requests.post(f"{self.sandbox.calendly_url}/invitees", headers=headers, json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["resource"]["event"]

    def cancel(self, event):
        self.sandbox.control("POST", "cancellations", json={"event": event, "reason": "Feels better"})

    def move(self, event, *, day):
        start = (next_morning(10) + day * DAY).isoformat()
        return self.sandbox.control("POST", "moves", json={"event": event, "start_time": start})["event"]

    def delivered(self, event, kind):
        """What Calendly would have posted."""
        [body] = [
            row["body"]
            for row in self.sandbox.state("calendly")["deliveries"]
            if row["scheduled_event"] == event.rpartition("/")[2] and row["event"] == kind
        ]
        return body.encode()


@pytest.fixture
def now():
    return timezone.now()


def fetch(*, since=DAY, until=timedelta(), at=None):
    """Look back from now, or at what has begun by a later moment."""
    now = timezone.now()
    count = backfill.fetch_missed(since=now - since, until=now - until, now=at or now)
    inbox.work_due(HANDLERS)
    assert not InboundEvent.objects.for_a_person().exists()
    return count


class TestFetchMissed:
    def test_takes_in_a_visit_that_was_booked_meanwhile_once(self, calendly, dia):
        event = calendly.book()

        counts = [fetch(), fetch()]

        booking = Booking.objects.get()
        assert counts == [1, 0]
        assert (booking.practitioner, booking.starts_at) == (dia, next_morning(10) + DAY)
        assert booking.sync_records.get(system="calendly").external_id == event.rpartition("/")[2]
        assert booking.patient.name == "Ava Nguyen"

    def test_takes_in_a_consultation(self, calendly, vendors):
        kind = AppointmentTypeFactory(free=True, practitioner_types=["consultant"])
        sarah = PractitionerFactory(consultant=True, gives=[kind], email="sarah@example.com")
        shared = CalendlyEventTypeFactory(calendly_id="free-consultation", appointment_type=kind)
        vendors.register_event_type(uri=shared.uri, name="Free", minutes=15, owner_email=sarah.email, inbound=True)
        calendly.book(shared)

        fetch()

        assert TriageSession.objects.get().consultant == sarah

    def test_cancels_a_visit_that_was_cancelled_meanwhile(self, calendly, dia):
        event = calendly.book()
        fetch()
        calendly.cancel(event)

        counts = [fetch(), fetch()]

        booking = Booking.objects.get()
        assert counts == [1, 0]
        assert (booking.state, booking.cancel_reason) == (Booking.State.CANCELLED, "Feels better")

    def test_marks_a_visit_as_missed_that_was_marked_meanwhile(self, calendly, dia, now):
        event = calendly.book()
        fetch()
        calendly.sandbox.control("POST", "no-shows", json={"event": event, "missed": True})

        counts = [fetch(at=now + 3 * DAY), fetch(at=now + 3 * DAY)]

        booking = Booking.objects.get()
        assert counts == [1, 0]
        assert (booking.state, booking.is_end_heard) == (Booking.State.NO_SHOW, True)

    def test_leaves_alone_a_visit_that_was_ended_here(self, calendly, dia, now):
        event = calendly.book()
        fetch()
        lifecycle.complete(booking_id=Booking.objects.get().pk, by=None, now=now)
        calendly.sandbox.control("POST", "no-shows", json={"event": event, "missed": True})

        count = fetch(at=now + 3 * DAY)

        assert count == 0
        assert Booking.objects.get().state == Booking.State.COMPLETED

    def test_writes_down_a_visit_that_was_booked_and_cancelled_meanwhile(self, calendly, dia):
        calendly.cancel(calendly.book())

        fetch()

        assert Booking.objects.get().state == Booking.State.CANCELLED

    def test_moves_a_visit_that_was_moved_meanwhile(self, calendly, dia):
        event = calendly.book()
        fetch()
        calendly.move(event, day=3)

        fetch()
        fetch()

        booking = Booking.objects.get()
        assert (booking.state, booking.starts_at) == (Booking.State.CONFIRMED, next_morning(10) + 3 * DAY)

    def test_takes_in_a_visit_that_was_booked_and_moved_meanwhile_once(self, calendly, dia):
        calendly.move(calendly.book(), day=3)

        fetch()
        fetch()

        standing = Booking.objects.exclude(state=Booking.State.CANCELLED).get()
        assert standing.starts_at == next_morning(10) + 3 * DAY

    def test_leaves_alone_what_was_delivered(self, client, settings, calendly, dia):
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = KEY
        event = calendly.book()
        post(client, calendly.delivered(event, "invitee.created"), PRACTITIONER)

        assert fetch() == 0
        assert Booking.objects.count() == 1

    def test_does_no_harm_before_the_delivery_comes(self, client, settings, calendly, dia):
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = KEY
        event = calendly.book()
        fetch()

        post(client, calendly.delivered(event, "invitee.created"), PRACTITIONER)
        inbox.work_due(HANDLERS)

        assert Booking.objects.count() == 1

    def test_knows_our_own_bookings(self, calendly, dia, book):
        booking = book(dia)
        sync.work_due(sync.System.CALENDLY)

        assert fetch() == 0
        assert Booking.objects.get() == booking

    def test_knows_our_own_booking_whose_telling_is_under_way(self, calendly, dia, book):
        booking = book(dia)
        sync.work_due(sync.System.CALENDLY)
        SyncRecord.objects.filter(system="calendly").update(external_id="", external_ref="", told=0)

        fetch()

        assert Booking.objects.get() == booking

    def test_leaves_alone_what_we_cancelled_ourselves(self, calendly, dia, book):
        booking = book(dia)
        sync.work_due(sync.System.CALENDLY)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
        sync.work_due(sync.System.CALENDLY)

        assert fetch() == 0

    def test_leaves_alone_what_changed_before(self, calendly, dia):
        calendly.book()

        assert fetch(since=timedelta()) == 0
        assert not Booking.objects.exists()

    def test_leaves_alone_what_may_be_on_its_way(self, calendly, dia):
        calendly.book()

        assert fetch(until=timedelta(minutes=15)) == 0

    def test_leaves_alone_event_types_that_are_none_of_ours(self, calendly, dia):
        calendly.book()
        CalendlyEventType.objects.update(calendly_id="another")

        assert fetch() == 0

    def test_goes_on_where_it_was_cut_off(self, calendly, dia, vendors):
        for day in (1, 2, 3):
            calendly.book(day=day)
        vendors.faults("calendly", "error_before", operation="invitees.read", rate=1)
        with pytest.raises(Exception, match="500"):
            fetch()
        vendors.clear_faults()

        fetch()

        assert Booking.objects.count() == 3

    def test_says_nothing_about_patients_in_the_log(self, calendly, dia, caplog):
        calendly.book()

        with caplog.at_level(logging.DEBUG):
            fetch()

        assert "ava" not in caplog.text.lower()
