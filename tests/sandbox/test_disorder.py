"""What goes wrong with webhooks on their way, and with the subscriptions that they go by."""

import time

import pytest
import requests

from tests.sandbox.conftest import DOCTOR, Door
from tests.sandbox_server import ENVIRONMENT, running_sandbox
from tests.stack import eventually


@pytest.fixture
def subscription(calendly, portal):
    """The portal's subscription to bookings."""
    body = {
        "url": f"{portal.url}/mine",
        "events": ["invitee.created"],
        "organization": ENVIRONMENT["CALENDLY_ORGANIZATION"],
        "scope": "organization",
    }
    address = calendly.call("POST", "webhook_subscriptions", json=body).json()["resource"]["uri"]
    return f"webhook_subscriptions/{address.rpartition('/')[2]}"


def book(calendly, booking, count):
    """Book one after the other, and answer the invitees' addresses."""
    made = [calendly.call("POST", "invitees", json=booking(minutes=15 * number)) for number in range(count)]
    return [response.json()["resource"]["uri"] for response in made]


def told(portal, count):
    return [delivery["body"]["payload"]["uri"] for delivery in portal.wait_for(count)]


class TestDisorder:
    def test_loses_a_webhook(self, sandbox, calendly, booking, portal):
        sandbox.faults("calendly", "lost", calls=1)

        _, second = book(calendly, booking, 2)

        assert told(portal, 1) == [second]
        assert next(row["state"] for row in sandbox.state("calendly")["deliveries"]) == "lost"

    def test_sends_a_webhook_twice(self, sandbox, calendly, booking, portal):
        sandbox.faults("calendly", "doubled", calls=1)

        [only] = book(calendly, booking, 1)

        assert told(portal, 2) == [only, only]

    def test_sends_a_webhook_after_the_next(self, sandbox, calendly, booking, portal):
        sandbox.faults("calendly", "reordered", calls=1, milliseconds=60_000)

        first, second = book(calendly, booking, 2)

        assert told(portal, 2) == [second, first]

    def test_keeps_no_webhook_back_for_ever(self, sandbox, calendly, booking, portal):
        sandbox.faults("calendly", "reordered", milliseconds=300)

        [only] = book(calendly, booking, 1)

        assert told(portal, 1) == [only]

    def test_sends_a_webhook_late(self, sandbox, calendly, booking, portal):
        sandbox.faults("calendly", "late", calls=1, milliseconds=600)

        first, second = book(calendly, booking, 2)

        assert told(portal, 2) == [second, first]

    def test_leaves_calls_alone(self, sandbox, calendly):
        sandbox.faults("calendly", "lost")
        sandbox.faults("calendly", "disabled")

        assert calendly.call("GET", "users/me").ok

    def test_is_refused_for_a_vendor_that_tells_nothing(self, sandbox):
        fault = {"vendor": "medirecords", "fault": "lost"}

        response = requests.post(f"{sandbox.url}/_control/faults", json=fault, timeout=10)

        assert response.status_code == 400


class TestSubscription:
    def test_is_disabled_instead_of_told(self, sandbox, calendly, booking, portal, subscription):
        sandbox.faults("calendly", "disabled", calls=1)

        book(calendly, booking, 2)

        assert calendly.call("GET", subscription).json()["resource"]["state"] == "disabled"
        assert sandbox.state("calendly")["deliveries"] == []

    def test_is_disabled_at_once_and_revived(self, sandbox, calendly, booking, portal, subscription):
        assert sandbox.subscriptions("calendly", "disabled") == 1
        book(calendly, booking, 1)
        sandbox.subscriptions("calendly", "active")
        revived = calendly.call("POST", "invitees", json=booking(minutes=60)).json()["resource"]["uri"]

        assert told(portal, 1) == [revived]

    def test_has_no_other_state(self, sandbox):
        body = {"vendor": "calendly", "state": "asleep"}

        response = requests.post(f"{sandbox.url}/_control/subscriptions", json=body, timeout=10)

        assert response.status_code == 400

    def test_says_since_when_it_fails(self, calendly, booking, portal, subscription):
        portal.status = 500
        book(calendly, booking, 1)
        portal.wait_for(2)

        failing = calendly.call("GET", subscription).json()["resource"]
        portal.status = 200
        portal.wait_for(3)

        assert (failing["state"], bool(failing["retry_started_at"])) == ("active", True)

    def test_is_given_up_when_a_day_of_tries_has_failed(self, booking):
        """Four days pass in a second here."""
        with running_sandbox(SANDBOX_HASTE="345600") as sandbox:
            calendly = Door(sandbox.calendly_url, ENVIRONMENT["CALENDLY_API_KEY"])
            sandbox.register_event_type(uri=DOCTOR, name="Visit", minutes=15, owner_email="dr@example.com")
            body = {"url": "http://127.0.0.1:9/", "events": ["invitee.created"], "scope": "organization"}
            body["organization"] = ENVIRONMENT["CALENDLY_ORGANIZATION"]
            calendly.call("POST", "webhook_subscriptions", json=body)

            def state():
                return sandbox.state("calendly")["subscriptions"][0]["state"]

            book(calendly, booking, 1)
            eventually(lambda: sandbox.state("calendly")["deliveries"][0]["state"] == "refused")
            before = state()
            time.sleep(0.3)  # a day and more
            calendly.call("POST", "invitees", json=booking(minutes=60))
            eventually(lambda: state() == "disabled")
            calendly.call("POST", "invitees", json=booking(minutes=120))

            assert before == "active"
            assert len(sandbox.state("calendly")["deliveries"]) == 2

    def test_is_what_somebody_asked_for(self, sandbox, calendly, booking, portal):
        sandbox.control("POST", "portal", json={"url": portal.url, "unasked": False})

        book(calendly, booking, 1)

        assert sandbox.state("calendly")["deliveries"] == []
