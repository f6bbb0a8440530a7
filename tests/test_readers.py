"""What was booked and cancelled in Calendly while it told nobody stands here once it tells again."""

import io
from datetime import timedelta

import pytest
import requests
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from bookings.models import Booking
from botaniqal.integrations import inbox, subscriptions
from botaniqal.integrations.models import InboundEvent, Subscription
from botaniqal.readers import READERS
from botaniqal.tasks import keep_subscriptions
from botaniqal.webhooks import HANDLERS
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory, next_morning
from tests.sandbox_server import ENVIRONMENT
from tests.stack import eventually

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


@pytest.fixture
def calendly(settings, sandbox, live_server):
    """Calendly as the sandbox plays it, which reaches the portal."""
    sandbox.reset()
    settings.PUBLIC_BASE_URL = live_server.url
    settings.CALENDLY_BASE_URL = sandbox.calendly_url
    for name in ("CALENDLY_API_KEY", "CALENDLY_ORGANIZATION", "CALENDLY_WEBHOOK_SIGNING_KEY"):
        setattr(settings, name, ENVIRONMENT[name])
    settings.GRAPH_CLIENT_ID = settings.PAGERDUTY_ROUTING_KEY = ""
    settings.VENDOR_TIMEOUT_SECONDS = 5
    settings.SYNC_BACKOFF_SECONDS = 0
    yield sandbox
    sandbox.clear_faults()


@pytest.fixture
def event_type(calendly):
    kind = AppointmentTypeFactory()
    doctor = PractitionerFactory(gives=[kind], calendar_provider="calendly", email="dia@example.com")
    row = CalendlyEventTypeFactory(calendly_id="dia", appointment_type=kind, practitioner=doctor)
    calendly.register_event_type(uri=row.uri, name="Visit", minutes=15, owner_email=doctor.email)
    return row


def book(sandbox, event_type, *, day):
    """Book a visit in Calendly some days ahead, and answer with the event's URI."""
    headers = {"Authorization": f"Bearer {ENVIRONMENT['CALENDLY_API_KEY']}"}
    body = {
        "event_type": event_type.uri,
        "start_time": (next_morning(10) + day * DAY).isoformat(),
        "invitee": {"name": "Ava Nguyen", "email": "ava@example.com", "timezone": "Australia/Melbourne"},
    }
    answer = requests.post(f"{sandbox.calendly_url}/invitees", headers=headers, json=body, timeout=10)
    assert answer.ok, answer.text
    return answer.json()["resource"]["event"]


def ring():
    """Ring for a look at the subscriptions, and work what it put into the inbox."""
    keep_subscriptions()
    inbox.work_due(HANDLERS)


def look_again():
    subscriptions.check_soon(rows=Subscription.objects.all(), now=timezone.now())
    ring()


def standing():
    return sorted(Booking.objects.exclude(state="cancelled").values_list("starts_at", flat=True))


class TestReaders:
    def test_bring_what_was_missed_once(self, calendly, event_type):
        ring()
        told = book(calendly, event_type, day=1)
        eventually(InboundEvent.objects.exists)
        inbox.work_due(HANDLERS)
        calendly.subscriptions("calendly", "disabled")
        book(calendly, event_type, day=2)
        calendly.control("POST", "cancellations", json={"event": told})
        gone = book(calendly, event_type, day=3)
        calendly.control("POST", "cancellations", json={"event": gone})
        moved = book(calendly, event_type, day=4)
        start = (next_morning(10) + 5 * DAY).isoformat()
        calendly.control("POST", "moves", json={"event": moved, "start_time": start})
        before = standing()

        look_again()
        look_again()

        assert before == [next_morning(10) + DAY]
        assert standing() == [next_morning(10) + 2 * DAY, next_morning(10) + 5 * DAY]
        assert Subscription.objects.get().missed_since is None
        assert not InboundEvent.objects.for_a_person().exists()

    def test_go_on_hearing_by_themselves_after_it_was_mended(self, calendly, event_type):
        ring()
        calendly.subscriptions("calendly", "disabled")
        look_again()

        book(calendly, event_type, day=1)

        eventually(InboundEvent.objects.exists)
        assert not InboundEvent.objects.filter(key__startswith="backfill:").exists()
        assert Subscription.objects.get().heard_at

    def test_remember_what_was_missed_while_calendly_cannot_be_read(self, calendly, event_type, settings):
        ring()
        settings.SYNC_BACKOFF_SECONDS = 60
        calendly.subscriptions("calendly", "disabled")
        book(calendly, event_type, day=1)
        calendly.faults("calendly", "error_before", operation="events.read")
        look_again()
        unread = Subscription.objects.get()
        calendly.clear_faults()

        look_again()

        assert (unread.health, unread.state) == ("active", "retrying")
        assert unread.missed_since
        assert len(standing()) == 1

    def test_fetch_for_a_person_who_asks(self, calendly, event_type):
        calendly.control("POST", "portal", json={"url": "http://127.0.0.1:9", "unasked": False})
        book(calendly, event_type, day=7)
        with time_machine.travel(timezone.now() + 3 * DAY):
            ring()
            before = standing()

            rows, now = Subscription.objects.all(), timezone.now()
            subscriptions.fetch_since(rows=rows, since=now - 4 * DAY, now=now)
            ring()

        assert (len(before), len(standing())) == (0, 1)

    def test_leave_nobody_out_of_the_vendors(self):
        assert set(READERS) == set(Subscription.Vendor)


def run(*arguments):
    """Run the command, and answer with what it printed and its exit code."""
    printed = io.StringIO()
    try:
        call_command("subscriptions", *arguments, stdout=printed)
    except CommandError as error:
        return printed.getvalue(), error.returncode
    return printed.getvalue(), 0


class TestCommand:
    def test_makes_what_is_missing(self, calendly):
        printed, code = run("--check")

        assert code == 0
        assert "Calendly: the clinic's organisation  Listening" in printed
        assert len(calendly.state("calendly")["subscriptions"]) == 1

    def test_says_what_it_would_do_and_does_nothing(self, calendly):
        printed, code = run("--check", "--dry-run")

        assert code == 0
        assert "One would be made." in printed
        assert calendly.state("calendly")["subscriptions"] == []
        assert not Subscription.objects.exists()

    def test_leaves_with_one_while_something_is_wrong(self, calendly, settings):
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = ""
        run("--check")

        printed, code = run()

        assert code == 1
        assert "CALENDLY_WEBHOOK_SIGNING_KEY is not set" in printed

    def test_leaves_with_two_when_the_vendor_cannot_be_asked(self, calendly):
        calendly.faults("calendly", "error_before")

        assert run("--dry-run")[1] == 2

    def test_ends_them(self, calendly):
        run("--check")

        printed, code = run("--delete")

        assert (code, "1 ended" in printed) == (0, True)
        assert calendly.state("calendly")["subscriptions"] == []
        assert not Subscription.objects.exists()

    def test_has_nothing_to_say_where_nobody_is_set_up(self, calendly, settings):
        settings.CALENDLY_ORGANIZATION = ""

        assert run("--check") == ("Nothing to do.\n", 0)
