"""Many workers at once with what Calendly told of one visit."""

import threading
import time
from random import Random

import pytest
from django.db import connection

from bookings.models import Booking
from botaniqal import webhooks
from botaniqal.integrations import inbox
from botaniqal.integrations.models import InboundEvent
from practitioners.models import DiaryEntry
from tests.bookings.vendors.stories import AFTERNOON, clinic, endings, moved_twice

__all__ = ["clinic"]
pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 6


def work_in_threads():
    """Let workers work until nothing is left to do."""
    deadline = time.monotonic() + 30

    def work():
        try:
            while InboundEvent.objects.open().filter(needs_person=False).exists() and time.monotonic() < deadline:
                inbox.work_due(webhooks.HANDLERS)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class TestWorkDue:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("event_type", ["DIA", "TRIAGE"], ids=["visit", "call"])
    def test_ends_with_one_visit_at_its_last_time(self, settings, event_type, seed):
        settings.SWEEP_SECONDS, settings.SYNC_BACKOFF_SECONDS = 0.05, 0.05
        [no_show], state = endings(event_type)["no-show"]
        story = [*moved_twice(event_type), no_show]
        Random(seed).shuffle(story)
        for number, payload in enumerate(story):
            kind = webhooks.calendly_events.parse(payload).kind
            inbox.keep(vendor="calendly", key=str(number), kind=kind, payload=payload)

        work_in_threads()

        assert not InboundEvent.objects.open().exists(), list(InboundEvent.objects.open().values("kind", "problem"))
        booking = Booking.objects.get()
        assert (booking.state, booking.starts_at) == (state, AFTERNOON)
        assert DiaryEntry.objects.filter(live_until=None).count() == 1
