"""Several workers that read outside calendars at once."""

import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from practitioners import calendars
from practitioners.models import OutsideCalendar
from tests.practitioners.outside import at, begin, calls_to, periods, wait_until

pytestmark = pytest.mark.django_db


class TestWorkers:
    @pytest.mark.django_db(transaction=True)
    def test_never_read_one_calendar_at_once(self, on_calendly, vendors):
        on_calendly()
        calendars.keep_up(now=timezone.now())
        vendors.faults("calendly", "latency", milliseconds=300, operation="availability")

        done = in_threads(2, calendars.work_due)

        assert sorted(done) == [0, 1]
        assert len(calls_to(vendors, "calendly", "busy_times")) == 2  # two pieces of a week, once each

    @pytest.mark.django_db(transaction=True)
    def test_do_not_overwrite_what_a_newer_read_found(self, on_outlook, mailbox, vendors, settings, calendar_of):
        settings.SYNC_LEASE_SECONDS = 0.3
        doctor = on_outlook()
        former = mailbox.enter(doctor, at(10), at(11))
        calendars.keep_up(now=timezone.now())
        vendors.faults("graph", "latency", milliseconds=600, operation="delta", calls=1)
        slow = begin(calendars.work_due)
        wait_until(lambda: calendar_of(doctor).leased_until)
        with transaction.atomic():
            list(OutsideCalendar.objects.select_for_update())
            wait_until(somebody_waits_for_a_lock)  # the slow one has read, and is about to write it down
            mailbox.delete(doctor, former)
            mailbox.enter(doctor, at(14), at(15))

            newer = calendars.work_due()
        slow.join()

        assert newer == 1
        assert periods(doctor) == [(at(14), at(15))]


def in_threads(count, work):
    results, barrier = [], threading.Barrier(count)

    def run():
        barrier.wait(10)
        results.append(work())

    for thread in [begin(run) for _ in range(count)]:
        thread.join()
    return results


def somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
        return cursor.fetchone() is not None
