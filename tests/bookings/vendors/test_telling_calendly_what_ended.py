"""Telling Calendly of a visit whose patient cancelled or moved it there, which nobody has told us yet."""

import pytest
from django.utils import timezone

from bookings.models import Booking, SyncRecord
from bookings.vendors import sync, telling_calendly
from botaniqal.integrations import inbox, owed
from botaniqal.integrations.models import InboundEvent
from botaniqal.webhooks import HANDLERS
from tests.bookings.vendors.at_calendly import as_there, record_of, standing, tell
from tests.bookings.vendors.telling import cancel, move
from tests.factories import next_morning

pytestmark = pytest.mark.django_db

State = Booking.State


@pytest.fixture
def booking(vendors, on_calendly, book):
    """A visit that Calendly knows of."""
    booking = book(on_calendly())
    tell()
    return booking


def change(booking):
    """Something about the visit that is not its time."""
    sync.owe(booking=booking, now=timezone.now())


def tell_now():
    SyncRecord.objects.update(next_try_at=timezone.now())
    return tell()


def hear():
    InboundEvent.objects.open().update(next_try_at=timezone.now())
    inbox.work_due(HANDLERS)


class TestWhatThePatientCancelled:
    def test_is_worked_before_anything_is_told(self, vendors, booking, outside):
        outside.cancel_event(booking, reason="Feels better")
        change(booking)

        tell()

        record = record_of(booking)
        assert (record.problem, record.needs_person) == (telling_calendly.ENDED_THERE, False)
        assert standing(vendors) == []

    def test_is_cancelled_here_though_nobody_told_us(self, vendors, booking, outside):
        outside.cancel_event(booking, reason="Feels better")
        change(booking)
        tell()

        hear()

        booking.refresh_from_db()
        assert (booking.state, booking.cancel_reason) == (State.CANCELLED, "Feels better")
        assert (tell_now(), record_of(booking).state, standing(vendors)) == (0, "synced", [])

    def test_is_cancelled_here_though_we_never_knew_that_it_stood_there(
        self, vendors, on_calendly, book, outside, settings
    ):
        settings.SYNC_BACKOFF_SECONDS = 60
        booking = book(on_calendly())
        vendors.faults("calendly", "error_after", operation="invitees.write", calls=1)
        tell()
        outside.cancel_event(booking, id=standing(vendors)[0][1])
        tell_now()

        hear()

        booking.refresh_from_db()
        assert (booking.state, standing(vendors)) == (State.CANCELLED, [])

    def test_is_asked_for_once_however_often_it_is_looked_at(self, booking, outside):
        outside.cancel_event(booking, reason="Feels better")
        change(booking)

        for _ in range(3):
            tell_now()

        assert InboundEvent.objects.count() == 1

    def test_stands_where_it_was_given_another_time_here_since(self, vendors, booking, outside):
        outside.cancel_event(booking, reason="Feels better")
        move(booking, next_morning(14))
        tell()

        hear()
        tell_now()

        booking.refresh_from_db()
        assert booking.state == State.CONFIRMED
        assert standing(vendors) == [(as_there(next_morning(14)), record_of(booking).external_id)]

    def test_is_cancelled_where_it_was_given_another_time_here_before(self, vendors, booking, outside):
        move(booking, next_morning(14))
        outside.cancel_event(booking, reason="Feels better")
        tell()

        hear()

        booking.refresh_from_db()
        assert (booking.state, standing(vendors)) == (State.CANCELLED, [])

    def test_is_nothing_more_to_tell_when_we_cancel_it_too(self, vendors, booking, outside):
        outside.cancel_event(booking, reason="Feels better")
        cancel(booking)

        assert (tell(), record_of(booking).state, InboundEvent.objects.count()) == (1, "synced", 0)

    @pytest.fixture
    def stands_here(self, booking, outside):
        """A visit that its patient cancelled there, to no avail: what was heard of that changed nothing."""
        outside.cancel_event(booking, reason="Feels better")
        change(booking)
        tell()
        InboundEvent.objects.update(told=1, outcome="Old news.")
        return booking

    def test_needs_a_person_where_it_stands_here_all_the_same(self, stands_here):
        tell_now()

        record = record_of(stands_here)
        assert (record.problem, record.needs_person) == (telling_calendly.CANCELLED_THERE, True)

    def test_is_entered_anew_when_a_person_says_so(self, vendors, stands_here):
        tell_now()
        owed.retry(record_of(stands_here), now=timezone.now())

        tell()

        assert standing(vendors) == [(as_there(stands_here.starts_at), record_of(stands_here).external_id)]


class TestWhatThePatientMoved:
    def test_stands_where_the_patient_wants_it(self, vendors, booking, outside):
        outside.move_event(booking, next_morning(15))
        change(booking)
        tell()

        hear()

        booking.refresh_from_db()
        assert (booking.state, booking.starts_at) == (State.CONFIRMED, next_morning(15))
        assert standing(vendors) == [(as_there(next_morning(15)), record_of(booking).external_id)]

    def test_stands_where_it_was_moved_to_last(self, vendors, booking, outside):
        outside.move_event(booking, next_morning(15))
        outside.move_event(booking, next_morning(16), id=standing(vendors)[0][1])
        change(booking)
        tell()

        for _ in range(3):
            hear()
        tell_now()

        booking.refresh_from_db()
        assert booking.starts_at == next_morning(16)
        assert standing(vendors) == [(as_there(next_morning(16)), record_of(booking).external_id)]
        assert Booking.objects.count() == 1
