"""What the tests of outside calendars have in common."""

import threading
import time

from django.db import connection
from django.utils import timezone

from practitioners import calendars
from practitioners.models import DiaryEntry, OutsideCalendar
from tests.factories import next_morning


def at(hour, days=1):
    return next_morning(hour, days)


def read(**how):
    """Read what is due."""
    calendars.keep_up(now=timezone.now())
    return calendars.work_due(**how)


def read_again(**how):
    """Read every calendar, due or not."""
    people = OutsideCalendar.objects.values_list("practitioner", flat=True)
    calendars.look(practitioner_ids=people, now=timezone.now(), at_once=True)
    return calendars.work_due(**how)


def periods(practitioner):
    return list(practitioner.busy_periods.order_by("starts_at").values_list("starts_at", "ends_at"))


def calls_to(sandbox, vendor, part):
    return [call for call in sandbox.calls(vendor) if part in call["path"]]


def diary_entry(doctor, starts_at, ends_at):
    return DiaryEntry.objects.create(
        practitioner=doctor, starts_at=starts_at, ends_at=ends_at, kind=DiaryEntry.Kind.BOOKING
    )


def begin(work):
    """Do it in a thread, with a connection of its own."""

    def run():
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_until(is_so, seconds=10):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)
