"""A time that is booked again before the vendor heard that its former visit left it."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import SyncRecord
from bookings.vendors import sync
from botaniqal.integrations import owed
from botaniqal.integrations.models import Owed
from tests.bookings.vendors import at_calendly, at_medirecords
from tests.bookings.vendors.telling import move
from tests.factories import next_morning

pytestmark = pytest.mark.django_db(transaction=True)

SYSTEMS = [sync.System.CALENDLY, sync.System.MEDIRECORDS]


def record_of(booking, system):
    return SyncRecord.objects.get(booking=booking, system=system)


def tell(booking, system):
    """Tell a vendor of this booking alone."""
    owed.work(SyncRecord.objects.filter(booking=booking, system=system), sync.TELLERS[system]())
    return record_of(booking, system)


def standing(vendors, system):
    """What stands at a vendor: its start and id, in order."""
    if system == sync.System.CALENDLY:
        return sorted(at_calendly.standing(vendors))
    zone = timezone.get_default_timezone()
    starts = [
        (datetime.fromisoformat(row["scheduleTime"]).replace(tzinfo=zone).astimezone(UTC), row["id"])
        for row in at_medirecords.appointments(vendors)
    ]
    return sorted((f"{starts_at:%Y-%m-%dT%H:%M}", id) for starts_at, id in starts)


class TestATimeThatIsBookedAgain:
    @pytest.mark.parametrize("system", SYSTEMS)
    def test_is_entered_as_soon_as_the_former_visit_has_left(self, vendors, on_calendly, book, settings, system):
        settings.SYNC_BACKOFF_SECONDS = 60
        person = on_calendly()
        former = book(person)
        tell(former, system)
        lifecycle.cancel(booking_id=former.pk, reason="Ill", by=None, now=timezone.now())
        later = book(person)

        too_early = tell(later, system)
        tell(former, system)
        owed.retry(too_early, now=timezone.now())
        then = tell(later, system)

        assert too_early.state == Owed.State.RETRYING
        assert "may have to leave first" in too_early.problem
        assert then.state == Owed.State.SYNCED

    @pytest.mark.parametrize("system", SYSTEMS)
    def test_is_a_persons_matter_when_nobody_of_ours_is_going_to_leave(self, vendors, on_calendly, book, system):
        person = on_calendly()
        tell(book(person), system)

        refused = tell(book(person), system)

        assert refused.state == Owed.State.NEEDS_PERSON
        assert "not free" in refused.problem

    @pytest.mark.parametrize("system", SYSTEMS)
    def test_is_a_persons_matter_in_the_end(self, vendors, on_calendly, book, settings, system):
        settings.SYNC_BACKOFF_SECONDS, settings.SYNC_TRIES = 0, 3
        person = on_calendly()
        former = book(person)
        tell(former, system)
        lifecycle.cancel(booking_id=former.pk, reason="Ill", by=None, now=timezone.now())

        stuck = tell(book(person), system)

        assert stuck.state == Owed.State.NEEDS_PERSON
        assert stuck.problem.startswith("Given up after 3 tries.")

    @pytest.mark.parametrize("system", SYSTEMS)
    def test_is_a_persons_matter_when_those_that_wait_wait_for_each_other(
        self, vendors, on_calendly, book, settings, system
    ):
        settings.SYNC_BACKOFF_SECONDS = 60
        person, later = on_calendly(), next_morning(14)
        leaves = book(person, starts_at=next_morning(9))
        for booking in (leaves, book(person), book(person, starts_at=later)):
            tell(booking, system)
        lifecycle.cancel(booking_id=leaves.pk, reason="Ill", by=None, now=timezone.now())
        waiting = [book(person), book(person, starts_at=later)]
        too_early = [tell(booking, system).state for booking in waiting]
        tell(leaves, system)

        states = []
        for booking in waiting:
            owed.retry(record_of(booking, system), now=timezone.now())
            states.append(tell(booking, system).state)

        assert too_early == [Owed.State.RETRYING] * 2
        assert states == [Owed.State.NEEDS_PERSON] * 2


class TestTwoThatChangePlaces:
    @pytest.fixture(params=SYSTEMS)
    def system(self, request, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        return request.param

    def test_let_each_other_in(self, vendors, on_calendly, book, system):
        person, places = on_calendly(), [next_morning(10), next_morning(14)]
        bookings = [book(person, starts_at=starts_at) for starts_at in places]
        sync.work_due(system)
        for booking, starts_at in zip(bookings, reversed(places), strict=True):
            move(booking, starts_at)

        for _ in range(3):
            SyncRecord.objects.update(next_try_at=timezone.now())
            for booking in bookings:
                tell(booking, system)

        assert [record_of(booking, system).state for booking in bookings] == [Owed.State.SYNCED] * 2
        assert standing(vendors, system) == sorted(
            (f"{starts_at:%Y-%m-%dT%H:%M}", record_of(booking, system).external_id)
            for booking, starts_at in zip(bookings, reversed(places), strict=True)
        )
