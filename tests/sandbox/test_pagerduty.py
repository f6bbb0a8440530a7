"""The stand-in PagerDuty, over HTTP."""

import pytest
import requests

from tests.sandbox_server import ENVIRONMENT

KEY = ENVIRONMENT["PAGERDUTY_ROUTING_KEY"]
ALARM = {"summary": "Calendar down", "source": "portal", "severity": "critical"}


@pytest.fixture
def send(sandbox):
    def send(action, key="calendar", **fields):
        body = {"routing_key": KEY, "event_action": action, "dedup_key": key, **fields}
        return requests.post(f"{sandbox.pagerduty_url}/v2/enqueue", json=body, timeout=10)

    return send


@pytest.fixture
def incidents(sandbox):
    return lambda: sandbox.state("pagerduty")["incidents"]


class TestEnqueue:
    def test_opens_one_incident_for_a_key(self, send, incidents):
        answers = [send("trigger", payload=ALARM) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [202] * 3
        assert answers[0].json() == {"status": "success", "message": "Event processed", "dedup_key": "calendar"}
        [incident] = incidents()
        assert (incident["state"], len(incident["events"])) == ("open", 3)
        assert KEY not in str(incident)

    def test_acknowledges_and_resolves(self, send, incidents):
        send("trigger", payload=ALARM)

        send("acknowledge")
        acknowledged = incidents()[0]["state"]
        send("trigger", payload=ALARM)
        still = incidents()[0]["state"]
        send("resolve")

        assert (acknowledged, still, incidents()[0]["state"]) == ("acknowledged", "acknowledged", "resolved")

    def test_opens_anew_what_was_resolved(self, send, incidents):
        send("trigger", payload=ALARM)
        send("resolve")

        send("trigger", payload=ALARM)

        assert [row["state"] for row in incidents()] == ["resolved", "open"]

    def test_takes_the_end_of_what_it_never_heard_of(self, send, incidents):
        assert send("resolve").status_code == 202
        assert incidents() == []

    def test_makes_a_key_where_none_is_given(self, sandbox, incidents):
        body = {"routing_key": KEY, "event_action": "trigger", "payload": ALARM}

        answer = requests.post(f"{sandbox.pagerduty_url}/v2/enqueue", json=body, timeout=10)

        assert answer.json()["dedup_key"] == incidents()[0]["dedup_key"]

    @pytest.mark.parametrize(
        ("action", "fields"),
        [
            ("trigger", {}),
            ("trigger", {"payload": ALARM | {"severity": "bad"}}),
            ("trigger", {"payload": ALARM | {"summary": ""}}),
            ("trigger", {"payload": ALARM | {"summary": "x" * 1025}}),
            ("trigger", {"payload": ALARM, "key": "x" * 256}),
            ("trigger", {"payload": ALARM, "routing_key": "0" * 32}),
            ("trigger", {"payload": ALARM, "colour": "green"}),
            ("resolve", {"key": ""}),
            ("shout", {}),
        ],
        ids=["no payload", "severity", "no summary", "summary", "long key", "another key", "field", "no key", "action"],
    )
    def test_refuses_a_bad_event(self, send, incidents, action, fields):
        answer = send(action, **fields)

        assert answer.status_code == 400
        assert answer.json()["status"] == "invalid event"
        assert answer.json()["errors"]
        assert incidents() == []

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{", b"null", b'"x"'], ids=["empty", "list", "broken", "null", "text"]
    )
    def test_refuses_what_is_no_event(self, sandbox, body):
        assert requests.post(f"{sandbox.pagerduty_url}/v2/enqueue", data=body, timeout=10).status_code == 400

    def test_refuses_an_event_that_is_too_large(self, send):
        assert send("trigger", payload=ALARM | {"custom_details": {"x": "y" * 600_000}}).status_code == 413


class TestPage:
    def test_lets_whoever_is_on_call_acknowledge_and_resolve(self, send, incidents, browser):
        send("trigger", payload=ALARM)
        address = f"incidents/{incidents()[0]['id']}"

        browser.press(address, action="acknowledge")
        acknowledged = incidents()[0]["state"]
        page = browser.press(address, action="resolve")

        assert (acknowledged, incidents()[0]["state"]) == ("acknowledged", "resolved")
        assert "Calendar down" in page.text
        assert browser.press(address, action="shout").status_code == 404
