"""Reports of one message that come in at the same moment."""

from functools import partial
from uuid import uuid4

import pytest
from django.utils import timezone

from botaniqal.messages import tracking
from botaniqal.messages.models import Message, Suppression
from botaniqal.messages.tracking import Delivery, Report
from tests.races.together import at_once

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10


def hear(reports):
    now = timezone.now()
    at_once(*[partial(tracking.note, report=each, now=now) for each in reports])


def sent():
    return Message.objects.create(
        kind="confirmation", reference=uuid4(), to=f"{uuid4()}@example.com", told=1, sent_at=timezone.now()
    )


def report(message, kind, *, is_lasting=False, event_id=None):
    return Report(
        event_id=event_id or str(uuid4()), message_id=message.pk, kind=kind, is_lasting=is_lasting, at=timezone.now()
    )


class TestNote:
    def test_does_once_what_is_told_many_times(self):
        message = sent()

        hear([report(message, Delivery.BOUNCED, is_lasting=True, event_id="one")] * 8)

        message.refresh_from_db()
        assert (message.wanted, message.reports.count(), Suppression.objects.count()) == (2, 1, 1)

    def test_ends_with_what_weighs_most_whoever_is_first(self):
        for _ in range(ROUNDS):
            message = sent()

            hear(
                [
                    report(message, Delivery.DELAYED),
                    report(message, Delivery.BOUNCED, is_lasting=True),
                    report(message, Delivery.DELIVERED),
                    report(message, Delivery.BOUNCED),
                ]
            )

            message.refresh_from_db()
            assert (message.delivery, message.state) == (Delivery.BOUNCED, Message.State.NEEDS_PERSON)
            assert message.reports.count() == 4
