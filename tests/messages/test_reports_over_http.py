"""From the mail service and back, over HTTP: what an address does comes back to the message's row."""

import time
from uuid import uuid4

import pytest
from django.utils import timezone

from botaniqal.messages import sending, suppression, writing
from botaniqal.messages.models import Message, MessageReport
from tests.sandbox_server import ENVIRONMENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

FACTS = {"first_name": "Leo", "when": "Monday 23 November 2026", "link": "https://portal.example.com"}
SECONDS = 15


@pytest.fixture
def listening(settings, ses, live_server):
    """A portal to which the mail service reports."""
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": ENVIRONMENT["ANYMAIL_WEBHOOK_SECRET"]}
    ses.point_at(live_server.url)
    return ses


def send(to):
    message = writing.write(
        kind=Message.Kind.NO_ANSWER, reference=uuid4(), to=to, context=FACTS, send_at=timezone.now()
    )
    sending.send_due()
    return message


def wait_for(message, delivery, reports):
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        message.refresh_from_db()
        if message.delivery == delivery and message.reports.count() == reports:
            return message
        time.sleep(0.1)
    raise AssertionError(f"{message.delivery or 'no report'} after {SECONDS} seconds")


@pytest.mark.parametrize("fault", [None, "doubled", "reordered", "late"])
class TestReports:
    def test_come_back_to_the_message(self, listening, fault):
        if fault:
            listening.faults("ses", fault, milliseconds=300)

        came = wait_for(send("ava@example.com"), "delivered", 1)
        bounced = wait_for(send("bounce+leo@example.com"), "bounced", 1)
        complained = wait_for(send("complaint@example.com"), "complained", 2)

        assert [each.state for each in (came, bounced, complained)] == ["synced", "needs_person", "synced"]
        assert [suppression.is_suppressed(each.to) for each in (came, bounced, complained)] == [False, True, True]
        assert MessageReport.objects.count() == 4

    def test_keep_the_next_message_from_being_sent(self, listening, fault):
        if fault:
            listening.faults("ses", fault, milliseconds=300)
        wait_for(send("bounce@example.com"), "bounced", 1)
        before = len(listening.state("ses")["messages"])

        again = send("bounce@example.com")

        again.refresh_from_db()
        assert again.problem == sending.SUPPRESSED
        assert len(listening.state("ses")["messages"]) == before
