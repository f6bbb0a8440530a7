"""Days that are closed while somebody changes something in them, and by two workers at once."""

from threading import Event, Thread

import pytest
from django.db import connection, transaction

from bookings.models import Booking
from botaniqal import locks
from botaniqal.reports.figures import closing
from tests.reports.awkward import NOW, anew, awkward_clinic, said, still_open

pytestmark = pytest.mark.django_db(transaction=True)


class TestAtOnce:
    def elsewhere(self, work) -> tuple[Thread, Event]:
        """Do something in a transaction of its own that ends when it is told to."""
        done, end = Event(), Event()

        def run() -> None:
            with transaction.atomic():
                work()
                done.set()
                end.wait(20)
            connection.close()

        thread = Thread(target=run)
        thread.start()
        assert done.wait(20)
        return thread, end

    def test_a_change_that_began_before_the_closing_and_is_committed_after_it_counts(self):
        visit = Booking.objects.filter(pk=awkward_clinic().visits["night"].pk)
        thread, end = self.elsewhere(lambda: visit.update(state="no_show"))
        closing.close_due(now=NOW)
        before = said()

        end.set()
        thread.join()

        assert said() != before
        assert said() == anew()
        closing.close_due(now=NOW)
        assert still_open() == []
        assert said() == anew()

    def test_a_second_worker_leaves_it_to_the_first(self):
        awkward_clinic()
        thread, end = self.elsewhere(lambda: locks.try_for("closing of days"))

        assert closing.close_due(now=NOW) == 0

        end.set()
        thread.join()
        assert closing.close_due(now=NOW) > 0
        assert said() == anew()
