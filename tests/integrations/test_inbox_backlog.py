"""Messages that waited together, while no worker was there."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from botaniqal.integrations import inbox
from botaniqal.integrations.models import InboundEvent, Owed
from botaniqal.integrations.owed import WaitFor

pytestmark = pytest.mark.django_db

CANCELED, CREATED = ("calendly", "canceled"), ("calendly", "created")


def keep(kind):
    return inbox.keep(vendor="calendly", key=kind, kind=kind, payload={})[0]


def states():
    return {event.kind: event.state for event in InboundEvent.objects.all()}


@pytest.fixture
def handlers():
    """A move: its first half waits for the second."""
    heard = []

    def first_half(event):
        if not heard:
            raise WaitFor("The new time has not come.", seconds=1)
        return "Moved."

    return {CANCELED: first_half, CREATED: lambda event: heard.append(event) or "Booked."}


class TestWorkDue:
    def test_reads_all_that_came_during_an_outage_before_it_asks_a_person(self, handlers):
        keep("canceled")
        keep("created")

        for hours in (2, 3):
            with time_machine.travel(timezone.now() + timedelta(hours=hours)):
                inbox.work_due(handlers)

        assert states() == {"canceled": Owed.State.SYNCED, "created": Owed.State.SYNCED}

    def test_asks_a_person_where_none_of_them_was_the_one(self, handlers):
        keep("canceled")
        keep("recap")

        for hours in (2, 3):
            with time_machine.travel(timezone.now() + timedelta(hours=hours)):
                inbox.work_due(handlers)

        assert states() == {"canceled": Owed.State.NEEDS_PERSON, "recap": Owed.State.SYNCED}
