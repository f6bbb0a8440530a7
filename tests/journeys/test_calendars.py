"""What practitioners enter in their own calendars is not offered to patients, within seconds."""

import pytest

from botaniqal.integrations.graph_shapes import time_of
from botaniqal.integrations.models import Subscription
from practitioners.models import OutsideCalendar, Practitioner
from tests.factories import next_morning
from tests.stack import eventually


@pytest.fixture
def shivani(stack):
    return Practitioner.objects.get(calendar_provider="outlook")


class TestCalendars:
    def test_are_all_read(self, stack):
        people = set(Practitioner.objects.active().values_list("pk", flat=True))

        def read():
            return set(OutsideCalendar.objects.exclude(read_at=None).values_list("practitioner", flat=True))

        eventually(lambda: read() == people, within=60)

    def test_take_and_give_back_a_time_that_the_website_offers(self, stack, shivani):
        # By Graph's notices, because the next round would come minutes later.
        eventually(lambda: Subscription.objects.filter(vendor="graph", health="active").exists(), within=60)
        wanted = {"service": "alternative_medicine", "kind": "initial"}
        first = stack.free_times(shivani.name, **wanted)[0]
        away = {"start": time_of(next_morning(0)), "end": time_of(next_morning(0, days=13))}

        event = stack.sandbox.control("POST", "graph/events", json={"mailbox": shivani.mailbox, **away})
        eventually(lambda: first not in stack.free_times(shivani.name, **wanted), within=30)
        stack.sandbox.control("DELETE", "graph/events", json={"mailbox": shivani.mailbox, "id": event["id"]})

        eventually(lambda: first in stack.free_times(shivani.name, **wanted), within=30)
