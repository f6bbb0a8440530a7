"""Many who move at once: visits that swap practitioners, and visits that want the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from botaniqal.errors import RuleBroken
from practitioners import availability, diary
from practitioners.models import DiaryEntry
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory, next_morning
from tests.races.test_slot import dead_locks, overlaps

pytestmark = pytest.mark.django_db(transaction=True)
TEN = next_morning(10, days=2)
ROUNDS = 15


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


def book(kind, practitioner, starts_at=TEN):
    entry = diary.take(practitioner=practitioner, span=availability.occupied_span(kind, starts_at), by=None)
    return BookingFactory(practitioner=practitioner, appointment_type=kind, starts_at=starts_at, entry=entry)


def at_once(moves):
    """Carry out moves at the same moment; tell of each whether it got the time."""
    start = threading.Barrier(len(moves))

    def move(wanted):
        booking, practitioner, starts_at = wanted
        start.wait()
        try:
            lifecycle.move(
                booking_id=booking.pk, starts_at=starts_at, practitioner=practitioner, by=None, now=timezone.now()
            )
        except diary.SlotTaken:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(len(moves)) as threads:
        return list(threads.map(move, moves))


def living():
    """Who is taken when, by the bookings and by the diary."""
    entries = DiaryEntry.objects.filter(live_until=None)
    return (
        sorted(Booking.objects.values_list("practitioner", "starts_at")),
        sorted(entries.values_list("practitioner", "starts_at")),
    )


class TestMove:
    def test_does_not_lock_itself_up_where_two_visits_swap_their_practitioners(self, kind):
        one, other = PractitionerFactory(gives=[kind]), PractitionerFactory(gives=[kind])
        first, second = book(kind, one), book(kind, other)
        before = dead_locks()

        for _ in range(ROUNDS):
            at_once([(first, second.practitioner, TEN), (second, first.practitioner, TEN)])
            first.refresh_from_db()
            second.refresh_from_db()

        assert dead_locks() == before
        assert living()[0] == living()[1]
        assert overlaps() == 0

    def test_gives_a_time_to_one_of_many_and_leaves_the_others_what_they_had(self, kind):
        wanted = PractitionerFactory(gives=[kind])
        visits = [book(kind, PractitionerFactory(gives=[kind])) for _ in range(8)]

        got = at_once([(visit, wanted, TEN + timedelta(hours=1)) for visit in visits])

        assert sorted(got) == [False] * 7 + [True]
        assert living()[0] == living()[1]
        assert Booking.objects.filter(practitioner=wanted).count() == 1


class TestCancel:
    def test_gives_back_the_time_to_which_the_visit_is_moved_at_that_moment(self, kind):
        one, other = PractitionerFactory(gives=[kind]), PractitionerFactory(gives=[kind])
        for _ in range(ROUNDS):
            visit = book(kind, one)
            start = threading.Barrier(2)

            def run(verb, visit=visit, start=start, **kwargs):
                start.wait()
                try:
                    verb(booking_id=visit.pk, by=None, now=timezone.now(), **kwargs)
                except RuleBroken:  # the move came too late
                    assert verb is lifecycle.move
                finally:
                    connection.close()

            with ThreadPoolExecutor(2) as threads:
                moving = threads.submit(run, lifecycle.move, starts_at=TEN, practitioner=other)
                cancelling = threads.submit(run, lifecycle.cancel, reason="Ill")
            moving.result()
            cancelling.result()

            assert not DiaryEntry.objects.filter(live_until=None).exists()
