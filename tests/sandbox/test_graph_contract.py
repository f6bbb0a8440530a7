"""What the stand-in for Graph answers and sends, held against Graph's contract, where that is at hand."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.contracts.conftest import SPECS
from tests.sandbox.graph_door import MAILBOX, event_body, subscription_body
from tests.sandbox.test_contract import Contract
from tests.sandbox_server import ENVIRONMENT

pytestmark = pytest.mark.skipif(
    not SPECS.is_dir(), reason="The vendors' contracts are not at hand: set CONTRACT_SPECS."
)

EVENTS = "/users/{user-id}/events"
EVENT = "/users/{user-id}/events/{event-id}"
SUBSCRIPTION = "/subscriptions/{subscription-id}"
TOKEN = "/{tenant}/oauth2/v2.0/token"
EVENT_SCHEMA = {"$ref": "#/components/schemas/microsoft.graph.event"}


@pytest.fixture
def contract():
    return Contract("msgraph")


class TestToken:
    def test_is_given_and_refused_by_the_contract(self, contract, graph):
        contract.hold(f"POST {TOKEN}", graph.ask_for_token())
        refusals = [
            graph.ask_for_token(client_secret="another"),
            graph.ask_for_token(client_id="another"),
            graph.ask_for_token(scope="mail"),
            graph.ask_for_token(grant_type="password"),
        ]

        assert [answer.status_code for answer in refusals] == [401, 400, 400, 400]
        for answer in refusals:
            body = contract.hold(f"POST {TOKEN}", answer)
            assert body.keys() == {"error", "error_description"}
            assert ENVIRONMENT["GRAPH_CLIENT_SECRET"] not in answer.text


class TestEvents:
    def test_are_answered_by_the_contract(self, contract, graph):
        made = contract.hold(f"POST {EVENTS}", graph.call("POST", f"users/{MAILBOX}/events", json=event_body()))
        one = f"users/{MAILBOX}/events/{made['id']}"
        view = {"startDateTime": "2026-12-01T00:00:00Z", "endDateTime": "2026-12-08T00:00:00Z"}
        schedule = {
            "schedules": [MAILBOX, "nobody"],
            "startTime": {"dateTime": "2026-12-01T00:00:00", "timeZone": "UTC"},
            "endTime": {"dateTime": "2026-12-02T00:00:00", "timeZone": "UTC"},
        }

        contract.hold(f"GET {EVENTS}", graph.call("GET", f"users/{MAILBOX}/events"))
        contract.hold(f"GET {EVENT}", graph.call("GET", one))
        contract.hold(f"PATCH {EVENT}", graph.call("PATCH", one, json={"subject": "Another"}))
        contract.hold(
            "GET /users/{user-id}/calendarView", graph.call("GET", f"users/{MAILBOX}/calendarView", params=view)
        )
        first = graph.call("GET", f"users/{MAILBOX}/calendarView/delta", params=view)
        changes = contract.hold("GET /users/{user-id}/calendarView/delta", first)
        told = contract.hold(
            "POST /users/{user-id}/calendar/getSchedule",
            graph.call("POST", f"users/{MAILBOX}/calendar/getSchedule", json=schedule),
        )
        contract.hold(f"POST {EVENT}/cancel", graph.call("POST", f"{one}/cancel", json={"comment": "x"}))
        following = graph.follow(changes["@odata.deltaLink"])
        removed = contract.hold("GET /users/{user-id}/calendarView/delta", following)

        for row in changes["value"]:
            contract.check(row, EVENT_SCHEMA)
        assert [row["id"] for row in changes["value"]] == [row["id"] for row in removed["value"]] == [made["id"]]
        assert ["error" in row for row in told["value"]] == [False, True]

    def test_are_refused_by_the_contract(self, contract, graph, sandbox):
        sandbox.faults("graph", "throttled", operation="schedule")
        link = graph.delta()["@odata.deltaLink"]
        sandbox.control("DELETE", "graph/sync-state", json={"mailbox": MAILBOX})
        made = graph.create()

        refusals = {
            f"POST {EVENTS}": graph.call("POST", f"users/{MAILBOX}/events", json={"subject": "x"}),
            f"GET {EVENTS}": graph.call("GET", "users/nobody/events"),
            f"GET {EVENT}": graph.call("GET", f"users/{MAILBOX}/events/unknown"),
            f"PATCH {EVENT}": graph.call(
                "PATCH", f"users/{MAILBOX}/events/{made['id']}", json={"subject": "x"}, headers={"If-Match": "old"}
            ),
            f"DELETE {EVENT}": requests.delete(f"{graph.url}/users/{MAILBOX}/events/{made['id']}", timeout=10),
            "GET /users/{user-id}/calendarView/delta": graph.follow(link),
            "POST /users/{user-id}/calendar/getSchedule": graph.call("POST", f"users/{MAILBOX}/calendar/getSchedule"),
        }

        for operation, response in refusals.items():
            contract.hold(operation, response)
        assert [response.status_code for response in refusals.values()] == [400, 404, 404, 409, 401, 410, 429]


class TestSubscriptions:
    def test_are_answered_by_the_contract(self, contract, graph, hook):
        made = contract.hold("POST /subscriptions", graph.call("POST", "subscriptions", json=subscription_body(hook)))
        one = f"subscriptions/{made['id']}"
        later = (datetime.now(UTC) + timedelta(days=3)).isoformat()

        contract.hold("GET /subscriptions", graph.call("GET", "subscriptions"))
        contract.hold(f"GET {SUBSCRIPTION}", graph.call("GET", one))
        contract.hold(f"PATCH {SUBSCRIPTION}", graph.call("PATCH", one, json={"expirationDateTime": later}))
        contract.hold(f"POST {SUBSCRIPTION}/reauthorize", graph.call("POST", f"{one}/reauthorize"))
        again = graph.call("POST", "subscriptions", json=subscription_body(hook))
        contract.hold(f"DELETE {SUBSCRIPTION}", graph.call("DELETE", one))
        gone = graph.call("GET", one)

        assert (again.status_code, gone.status_code) == (409, 404)
        contract.hold("POST /subscriptions", again)
        contract.hold(f"GET {SUBSCRIPTION}", gone)
