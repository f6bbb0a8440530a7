"""Outlook's subscriptions, with a portal that answers Graph's handshake over HTTP."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from bookings.models import SyncRecord
from botaniqal.integrations import subscriptions
from botaniqal.integrations.models import Subscription, Turn
from botaniqal.readers import READERS, mailboxes
from practitioners.models import OutsideCalendar, Practitioner
from tests.factories import BookingFactory, PractitionerFactory
from tests.sandbox_server import ENVIRONMENT
from tests.stack import eventually

pytestmark = pytest.mark.django_db(transaction=True)

Health = Subscription.Health

DIA = "dr.dia@example.com"
HOUR = timedelta(hours=1)


@pytest.fixture
def outlook(settings, sandbox, live_server):
    """Outlook as the sandbox plays it, and a portal that it reaches; Calendly is nobody's."""
    sandbox.reset()
    settings.PUBLIC_BASE_URL = live_server.url
    settings.GRAPH_BASE_URL, settings.GRAPH_LOGIN_URL = sandbox.graph_url, sandbox.microsoft_url
    for name in ("GRAPH_TENANT", "GRAPH_CLIENT_ID", "GRAPH_CLIENT_SECRET"):
        setattr(settings, name, ENVIRONMENT[name])
    settings.CALENDLY_ORGANIZATION = ""
    settings.VENDOR_TIMEOUT_SECONDS = 5
    settings.SYNC_BACKOFF_SECONDS = 0
    yield sandbox
    sandbox.clear_faults()


@pytest.fixture
def dia(outlook):
    return PractitionerFactory(calendar_provider=Practitioner.CalendarProvider.OUTLOOK, mailbox=DIA)


def keep():
    """Ring the bell once."""
    subscriptions.keep_up(mailboxes=mailboxes(), now=timezone.now())
    subscriptions.work_due(READERS)
    return Subscription.objects.first()


def look_again():
    subscriptions.check_soon(rows=Subscription.objects.all(), now=timezone.now())
    subscriptions.work_due(READERS)
    return Subscription.objects.get()


def at_graph(sandbox):
    return sandbox.state("graph")["subscriptions"]


def calls(sandbox, method):
    return [call for call in sandbox.calls("graph") if call["method"] == method and "/subscriptions" in call["path"]]


class TestOutlook:
    def test_is_asked_to_tell_of_a_mailbox_and_gets_the_answer_it_wants(self, outlook, dia, settings):
        row = keep()

        [theirs] = at_graph(outlook)
        assert (row.health, row.external_id) == (Health.ACTIVE, theirs["id"])
        assert theirs["resource"] == f"users/{DIA}/events"
        assert theirs["lifecycleNotificationUrl"] == f"{settings.PUBLIC_BASE_URL}/webhooks/graph/lifecycle"
        assert abs(row.expires_at - timezone.now() - timedelta(seconds=settings.SUBSCRIPTION_LIFE_SECONDS)) < HOUR

    def test_is_heard_from_then_on(self, outlook, dia):
        keep()
        start = timezone.now() + 24 * HOUR

        outlook.control(
            "POST",
            "graph/events",
            json={
                "mailbox": DIA,
                "start": {"dateTime": f"{start:%Y-%m-%dT%H:00:00}", "timeZone": "UTC"},
                "end": {"dateTime": f"{start:%Y-%m-%dT%H:30:00}", "timeZone": "UTC"},
            },
        )

        eventually(lambda: Subscription.objects.exclude(heard_at=None).exists())

    def test_is_asked_again_while_the_pages_are_not_up(self, outlook, dia, settings):
        url, settings.PUBLIC_BASE_URL = settings.PUBLIC_BASE_URL, "http://127.0.0.1:9"
        settings.SYNC_BACKOFF_SECONDS = 60
        early = keep()
        settings.PUBLIC_BASE_URL = url

        late = look_again()

        assert (early.health, early.state) == (Health.NEW, "retrying")
        assert "answer from the portal" in early.problem
        assert late.health == Health.ACTIVE

    def test_is_not_asked_to_lengthen_what_lasts(self, outlook, dia):
        keep()

        look_again()

        assert calls(outlook, "PATCH") == []

    def test_is_asked_to_lengthen_when_half_is_over(self, outlook, dia, settings):
        before = keep()

        with time_machine.travel(timezone.now() + timedelta(seconds=settings.SUBSCRIPTION_LIFE_SECONDS) / 2 + HOUR):
            after = keep()

        assert len(calls(outlook, "PATCH")) == 1
        assert (after.external_id, after.health) == (before.external_id, Health.ACTIVE)
        assert after.expires_at > before.expires_at + HOUR

    def test_is_asked_to_lengthen_when_it_says_that_it_ends(self, outlook, dia):
        keep()

        subscriptions.check_soon(rows=Subscription.objects.all(), now=timezone.now(), is_ending=True)
        subscriptions.work_due(READERS)

        assert len(calls(outlook, "PATCH")) == 1
        assert Subscription.objects.get().expires_at > timezone.now() + HOUR

    def test_is_asked_anew_after_it_expired_unheard(self, outlook, dia):
        before = keep()
        OutsideCalendar.objects.create(practitioner=dia, provider="outlook", account=DIA, told=1)
        outlook.subscriptions("graph", "expired")

        after = look_again()

        assert [theirs["id"] for theirs in at_graph(outlook)] == [after.external_id]
        assert after.external_id != before.external_id
        assert after.secret != before.secret
        assert (after.missed_since, OutsideCalendar.objects.get().state) == (None, "pending")

    def test_is_asked_anew_when_it_says_that_it_was_removed(self, outlook, dia):
        before = keep()

        outlook.subscriptions("graph", "removed")
        eventually(Subscription.objects.open().exists)
        subscriptions.work_due(READERS)

        after = Subscription.objects.get()
        assert [theirs["id"] for theirs in at_graph(outlook)] == [after.external_id]
        assert after.external_id != before.external_id

    @pytest.mark.parametrize("fault", ["timeout_after", "error_after"])
    def test_tells_once_when_its_answer_gets_lost(self, outlook, dia, settings, fault):
        settings.VENDOR_TIMEOUT_SECONDS = 2
        outlook.faults("graph", fault, operation="subscriptions.write", calls=1)

        row = keep()

        [theirs] = at_graph(outlook)
        assert (row.external_id, row.health) == (theirs["id"], Health.ACTIVE)

    def test_is_silent_when_it_does_not_tell_of_what_we_entered_there(self, outlook, dia):
        before = keep()
        Subscription.objects.update(set_up_at=timezone.now() - 73 * HOUR)
        record = SyncRecord.objects.create(booking=BookingFactory(practitioner=dia), system="outlook")
        quiet = look_again()
        record.note(Turn.TOLD, "Entered.")
        record.notes.update(at=timezone.now() - 2 * HOUR)

        after = look_again()

        assert quiet.health == Health.ACTIVE
        assert (after.health, len(at_graph(outlook))) == (Health.SILENT, 1)
        assert after.external_id != before.external_id

    def test_is_told_to_stop_when_somebody_leaves(self, outlook, dia):
        keep()
        dia.is_active = False
        dia.save()

        keep()

        assert not Subscription.objects.exists()
        assert at_graph(outlook) == []

    def test_tells_of_two_mailboxes_apart(self, outlook, dia):
        PractitionerFactory(calendar_provider=Practitioner.CalendarProvider.OUTLOOK, mailbox="shivani@example.com")

        keep()

        assert len(at_graph(outlook)) == 2
        assert len(set(Subscription.objects.values_list("secret", flat=True))) == 2
