"""Many who move at once: visits that swap practitioners, and visits that want the same time."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from botaniqal.errors import RuleBroken
from practitioners import availability, diary
from practitioners.models import DiaryEntry
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory, next_morning
from tests.races.together import at_once, dead_locks, overlaps

pytestmark = pytest.mark.django_db(transaction=True)
TEN = next_morning(10, days=2)
ROUNDS = 15


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


def book(kind, practitioner, starts_at=TEN):
    entry = diary.take(practitioner=practitioner, span=availability.occupied_span(kind, starts_at), by=None)
    return BookingFactory(practitioner=practitioner, appointment_type=kind, starts_at=starts_at, entry=entry)


def move_at_once(moves):
    """Carry out moves at the same moment; tell of each whether it got the time."""
    now = timezone.now()
    came = at_once(
        *[
            partial(lifecycle.move, booking_id=visit.pk, starts_at=starts_at, practitioner=person, by=None, now=now)
            for visit, person, starts_at in moves
        ],
        refusals=diary.SlotTaken,
    )
    return [not isinstance(each, diary.SlotTaken) for each in came]


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
            move_at_once([(first, second.practitioner, TEN), (second, first.practitioner, TEN)])
            first.refresh_from_db()
            second.refresh_from_db()

        assert dead_locks() == before
        assert living()[0] == living()[1]
        assert overlaps() == 0

    def test_gives_a_time_to_one_of_many_and_leaves_the_others_what_they_had(self, kind):
        wanted = PractitionerFactory(gives=[kind])
        visits = [book(kind, PractitionerFactory(gives=[kind])) for _ in range(8)]

        got = move_at_once([(visit, wanted, TEN + timedelta(hours=1)) for visit in visits])

        assert sorted(got) == [False] * 7 + [True]
        assert living()[0] == living()[1]
        assert Booking.objects.filter(practitioner=wanted).count() == 1


class TestCancel:
    def test_gives_back_the_time_to_which_the_visit_is_moved_at_that_moment(self, kind):
        one, other = PractitionerFactory(gives=[kind]), PractitionerFactory(gives=[kind])
        for _ in range(ROUNDS):
            visit = book(kind, one)
            of = {"booking_id": visit.pk, "by": None, "now": timezone.now()}

            moved, cancelled = at_once(
                partial(lifecycle.move, starts_at=TEN, practitioner=other, **of),
                partial(lifecycle.cancel, reason="Ill", **of),
            )

            assert isinstance(moved, Booking | RuleBroken)  # refused where it came too late
            assert isinstance(cancelled, Booking)
            assert not DiaryEntry.objects.filter(live_until=None).exists()
