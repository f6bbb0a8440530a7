"""A time that is booked again before the vendor heard that its former visit left it."""

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import SyncRecord
from bookings.vendors import sync
from botaniqal.integrations import owed
from botaniqal.integrations.models import Owed

pytestmark = pytest.mark.django_db(transaction=True)

SYSTEMS = [sync.System.CALENDLY, sync.System.MEDIRECORDS]


def record_of(booking, system):
    return SyncRecord.objects.get(booking=booking, system=system)


def tell(booking, system):
    """Tell a vendor of this booking alone."""
    owed.work(SyncRecord.objects.filter(booking=booking, system=system), sync.TELLERS[system]())
    return record_of(booking, system)


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
