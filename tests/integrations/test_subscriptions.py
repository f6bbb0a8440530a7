from datetime import timedelta

import pytest
import requests
import time_machine
from django.utils import timezone

from botaniqal.integrations import subscriptions
from botaniqal.integrations.listening import EVENTS
from botaniqal.integrations.models import Subscription
from botaniqal.readers import READERS
from tests.factories import CalendlyEventTypeFactory, next_morning
from tests.races.together import at_once
from tests.sandbox_server import ENVIRONMENT

pytestmark = pytest.mark.django_db

Health, Vendor = Subscription.Health, Subscription.Vendor

PORTAL = "http://127.0.0.1:9"
PRACTITIONER, TRIAGE = f"{PORTAL}/webhooks/calendly/practitioner", f"{PORTAL}/webhooks/calendly/triage"
ORGANIZATION = ENVIRONMENT["CALENDLY_ORGANIZATION"]
HOUR = timedelta(hours=1)


@pytest.fixture
def vendors(settings, sandbox):
    """Calendly as the sandbox plays it, and nobody's Outlook."""
    sandbox.reset()
    settings.PUBLIC_BASE_URL = PORTAL
    settings.CALENDLY_BASE_URL = sandbox.calendly_url
    settings.CALENDLY_API_KEY, settings.CALENDLY_ORGANIZATION = ENVIRONMENT["CALENDLY_API_KEY"], ORGANIZATION
    settings.CALENDLY_WEBHOOK_SIGNING_KEY = ENVIRONMENT["CALENDLY_WEBHOOK_SIGNING_KEY"]
    settings.GRAPH_CLIENT_ID = ""
    settings.VENDOR_TIMEOUT_SECONDS = 0.5
    settings.SYNC_BACKOFF_SECONDS = 0
    yield sandbox
    sandbox.clear_faults()


def keep(*mailboxes, readers=subscriptions.NOBODY):
    """Ring the bell once."""
    subscriptions.keep_up(mailboxes=mailboxes, now=timezone.now())
    subscriptions.work_due(readers)


def look_again(readers=subscriptions.NOBODY):
    subscriptions.check_soon(rows=Subscription.objects.all(), now=timezone.now())
    subscriptions.work_due(readers)
    return Subscription.objects.get()


def by_hand(sandbox, method, path, **body):
    """Call Calendly as somebody who does not use the portal."""
    headers = {"Authorization": f"Bearer {ENVIRONMENT['CALENDLY_API_KEY']}"}
    answer = requests.request(method, f"{sandbox.calendly_url}/{path}", headers=headers, json=body or None, timeout=10)
    assert answer.ok, answer.text
    return answer.json()["resource"] if answer.content else None


def subscribe_by_hand(sandbox, url, events=("invitee.created",)):
    body = {"url": url, "events": list(events), "organization": ORGANIZATION, "scope": "organization"}
    return by_hand(sandbox, "POST", "webhook_subscriptions", **body)


def at_calendly(sandbox):
    return sandbox.state("calendly")["subscriptions"]


def writes(sandbox, vendor="calendly"):
    return [call for call in sandbox.calls(vendor) if call["method"] != "GET" and "token" not in call["path"]]


class TestKeepUp:
    def test_listens_to_the_organisation_and_to_each_mailbox(self, vendors, settings):
        settings.GRAPH_CLIENT_ID = "portal"

        subscriptions.keep_up(mailboxes=["Dia@example.com", "shivani@example.com", " "], now=timezone.now())

        assert set(Subscription.objects.values_list("vendor", "resource")) == {
            ("calendly", ORGANIZATION),
            ("graph", "dia@example.com"),
            ("graph", "shivani@example.com"),
        }

    @pytest.mark.parametrize("missing", ["CALENDLY_API_KEY", "CALENDLY_ORGANIZATION"])
    def test_asks_nobody_whom_the_settings_do_not_name(self, vendors, settings, missing):
        setattr(settings, missing, "")

        keep("dia@example.com")

        assert not Subscription.objects.exists()
        assert vendors.calls() == []

    def test_wants_a_look_when_the_last_one_is_long_ago(self, vendors):
        keep()
        soon = subscriptions.keep_up(mailboxes=[], now=timezone.now() + HOUR - timedelta(minutes=1))
        later = subscriptions.keep_up(mailboxes=[], now=timezone.now() + HOUR)

        assert (soon, later) == (0, 1)

    def test_wants_a_look_when_half_of_its_life_is_over(self, vendors, settings):
        settings.SUBSCRIPTION_CHECK_SECONDS = 1_000_000
        keep()
        now = timezone.now()
        Subscription.objects.update(checked_at=now, expires_at=now + 10 * HOUR)

        before = subscriptions.keep_up(mailboxes=[], now=now + 4 * HOUR)
        after = subscriptions.keep_up(mailboxes=[], now=now + 6 * HOUR)

        assert (before, after) == (0, 1)

    def test_leaves_the_tries_of_a_look_that_is_put_off(self, vendors, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        vendors.faults("calendly", "error_before")
        keep()

        wanted = subscriptions.keep_up(mailboxes=[], now=timezone.now() + HOUR)

        assert wanted == 0
        assert Subscription.objects.get().attempts == 1

    def test_looks_again_where_a_person_may_have_helped(self, vendors, settings):
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = ""
        keep()
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = "one at last"

        at_once = subscriptions.keep_up(mailboxes=[], now=timezone.now())
        later = subscriptions.keep_up(mailboxes=[], now=timezone.now() + 2 * HOUR)

        assert (at_once, later) == (0, 1)

    def test_ends_and_drops_what_nobody_listens_to_any_more(self, vendors, settings):
        keep()
        settings.CALENDLY_ORGANIZATION = ""

        keep()

        assert not Subscription.objects.exists()
        assert at_calendly(vendors) == []

    def test_drops_what_the_vendor_does_not_let_us_end(self, vendors, settings):
        Subscription.objects.create(vendor="calendly", resource="https://api.calendly.com/organizations/former")

        keep()

        assert Subscription.objects.get().resource == ORGANIZATION


@pytest.mark.django_db(transaction=True)
class TestKeepUpTwice:
    def test_makes_one_row(self, vendors):
        at_once(*[keep] * 4, refusals=())

        assert Subscription.objects.count() == 1
        assert len(at_calendly(vendors)) == 1


class TestCalendly:
    def test_is_asked_for_the_four_kinds_of_event_at_one_address(self, vendors):
        keep()

        [theirs] = at_calendly(vendors)
        row = Subscription.objects.get()
        assert (theirs["callback_url"], set(theirs["events"])) == (PRACTITIONER, EVENTS)
        assert (row.health, row.external_id, row.state) == (Health.ACTIVE, theirs["uri"], "synced")
        assert ENVIRONMENT["CALENDLY_WEBHOOK_SIGNING_KEY"] not in row.secret

    def test_is_left_alone_while_all_is_well(self, vendors):
        keep()
        before = len(writes(vendors))

        row = look_again()

        assert (row.health, len(writes(vendors))) == (Health.ACTIVE, before)

    @pytest.mark.parametrize("fault", ["timeout_after", "error_after"])
    def test_is_asked_once_when_its_answer_gets_lost(self, vendors, fault):
        vendors.faults("calendly", fault, operation="subscriptions.write", calls=1)

        keep()

        assert [theirs["uri"] for theirs in at_calendly(vendors)] == [Subscription.objects.get().external_id]
        assert len([call for call in writes(vendors) if call["method"] == "POST"]) == 1

    def test_is_asked_again_when_it_did_not_do_it(self, vendors):
        vendors.faults("calendly", "error_before", operation="subscriptions.write", calls=2)

        keep()

        assert len(at_calendly(vendors)) == 1
        assert Subscription.objects.get().health == Health.ACTIVE

    def test_is_set_up_anew_when_it_switched_it_off(self, vendors):
        keep()
        [before] = at_calendly(vendors)
        vendors.subscriptions("calendly", "disabled")

        row = look_again()

        [after] = at_calendly(vendors)
        assert (after["state"], row.external_id) == ("active", after["uri"])
        assert after["uri"] != before["uri"]
        assert row.health == Health.ACTIVE

    def test_counts_as_silent_while_it_cannot_be_mended(self, vendors, settings):
        keep()
        settings.SYNC_BACKOFF_SECONDS = 60
        vendors.subscriptions("calendly", "disabled")
        vendors.faults("calendly", "error_before", operation="subscriptions.write")

        unmended = look_again()
        known = subscriptions.silent(Subscription.objects.all()).count()
        vendors.clear_faults()
        mended = look_again()

        assert (unmended.health, known) == (Health.DISABLED, 1)
        assert unmended.missed_since
        assert mended.health == Health.ACTIVE
        assert not subscriptions.silent(Subscription.objects.all()).exists()

    def test_is_set_up_anew_when_it_was_removed(self, vendors):
        keep()
        by_hand(vendors, "DELETE", f"webhook_subscriptions/{at_calendly(vendors)[0]['uri'].rpartition('/')[2]}")

        row = look_again()

        assert [theirs["uri"] for theirs in at_calendly(vendors)] == [row.external_id]
        assert row.missed_since

    def test_is_set_up_anew_when_it_tells_of_other_events(self, vendors):
        subscribe_by_hand(vendors, PRACTITIONER)

        keep()

        [theirs] = at_calendly(vendors)
        assert set(theirs["events"]) == EVENTS

    def test_is_set_up_anew_when_the_signing_key_is_another(self, vendors, settings):
        keep()
        [before] = at_calendly(vendors)
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = "the next one"

        row = look_again()

        [after] = at_calendly(vendors)
        assert after["uri"] not in ("", before["uri"])
        assert row.external_id == after["uri"]

    def test_is_set_up_anew_when_the_portal_has_another_address(self, vendors, settings):
        keep()
        settings.PUBLIC_BASE_URL = "http://127.0.0.1:99"

        look_again()

        [theirs] = at_calendly(vendors)
        assert theirs["callback_url"] == "http://127.0.0.1:99/webhooks/calendly/practitioner"

    def test_tells_nothing_twice(self, vendors):
        keep()
        kept = at_calendly(vendors)
        subscribe_by_hand(vendors, TRIAGE, EVENTS)

        look_again()

        assert at_calendly(vendors) == kept

    def test_goes_on_telling_others(self, vendors):
        others = subscribe_by_hand(
            vendors, f"{PORTAL}.example.com/webhooks/calendly/practitioner".replace("http", "https")
        )

        keep()

        assert others in at_calendly(vendors)

    def test_waits_for_a_signing_key(self, vendors, settings):
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = ""

        keep()

        row = Subscription.objects.get()
        assert (row.state, at_calendly(vendors)) == ("needs_person", [])
        assert "CALENDLY_WEBHOOK_SIGNING_KEY" in row.problem


class TestSilence:
    """Nothing was heard for long: because nothing happens there, or because nobody tells."""

    @pytest.fixture(autouse=True)
    def _long_ago(self, vendors):
        keep()
        Subscription.objects.update(set_up_at=timezone.now() - 73 * HOUR)

    def test_is_no_trouble_while_nothing_happens_there(self, vendors):
        row = look_again(READERS)

        assert row.health == Health.ACTIVE

    def test_is_noticed_when_something_was_booked_there(self, vendors):
        [before] = at_calendly(vendors)
        self.book(vendors)

        with time_machine.travel(timezone.now() + HOUR):
            row = look_again(READERS)

        [after] = at_calendly(vendors)
        assert (row.health, row.missed_since) == (Health.SILENT, None)
        assert after["uri"] != before["uri"]

    @pytest.mark.parametrize("calls", [1, 2])
    def test_is_mended_also_when_that_is_cut_off(self, vendors, calls):
        [before] = at_calendly(vendors)
        self.book(vendors)
        vendors.faults("calendly", "error_before", operation="subscriptions.write", calls=calls)

        with time_machine.travel(timezone.now() + HOUR):
            row = look_again(READERS)

        [after] = at_calendly(vendors)
        assert (row.health, row.external_id) == (Health.SILENT, after["uri"])
        assert after["uri"] != before["uri"]

    def test_is_waited_for_while_a_delivery_may_be_on_its_way(self, vendors):
        self.book(vendors)

        assert look_again(READERS).health == Health.ACTIVE

    def test_is_mended_once_until_something_is_heard(self, vendors):
        self.book(vendors)
        with time_machine.travel(timezone.now() + HOUR):
            look_again(READERS)
            Subscription.objects.update(set_up_at=timezone.now() - 73 * HOUR)
            made = at_calendly(vendors)
            row = look_again(READERS)

            assert (row.health, at_calendly(vendors)) == (Health.SILENT, made)
            subscriptions.heard(vendor=Vendor.CALENDLY, now=timezone.now())

        assert Subscription.objects.get().health == Health.ACTIVE

    def test_ends_when_a_person_has_it_set_up_anew(self, vendors):
        self.book(vendors)
        with time_machine.travel(timezone.now() + HOUR):
            look_again(READERS)
            subscriptions.set_up_anew(row=Subscription.objects.get(), now=timezone.now())
            subscriptions.work_due(READERS)

        assert Subscription.objects.get().health == Health.ACTIVE

    def book(self, vendors):
        event_type = CalendlyEventTypeFactory(calendly_id="silent")
        vendors.register_event_type(uri=event_type.uri, name="Visit", minutes=15, owner_email="dia@example.com")
        person = {"name": "Ava Nguyen", "email": "ava@example.com", "timezone": "Australia/Melbourne"}
        start = (next_morning(10) + timedelta(days=7)).isoformat()
        by_hand(vendors, "POST", "invitees", event_type=event_type.uri, start_time=start, invitee=person)


class TestForetell:
    def test_changes_nothing(self, vendors):
        [(row, words)] = subscriptions.foretell(mailboxes=[], now=timezone.now())

        assert "One would be made" in words
        assert (row.pk, at_calendly(vendors), Subscription.objects.count()) == (None, [], 0)

    def test_says_that_all_is_well(self, vendors):
        keep()

        [(_, words)] = subscriptions.foretell(mailboxes=[], now=timezone.now())

        assert words == "It listens. Nothing to mend."
