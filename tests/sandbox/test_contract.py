"""What the stand-ins answer and send, held against the vendors' contracts, where those are at hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
import requests
import yaml

from tests.contracts.conftest import SPECS
from tests.sandbox.conftest import DOCTOR
from tests.sandbox_server import ENVIRONMENT

pytestmark = pytest.mark.skipif(
    not SPECS.is_dir(), reason="The vendors' contracts are not at hand: set CONTRACT_SPECS."
)

ORGANIZATION = ENVIRONMENT["CALENDLY_ORGANIZATION"]
PRACTICE = ENVIRONMENT["MEDIRECORDS_PRACTICE_ID"]
MEMBER = "https://api.calendly.com/users/0d0a1c6e-9b0c-4a3a-8d5f-55d6a7f0b001"
HOOK = {
    "url": "https://portal.example.com/hook",
    "events": ["invitee.created"],
    "organization": ORGANIZATION,
    "scope": "organization",
}
LINK = {"max_event_count": 1, "owner": DOCTOR, "owner_type": "EventType"}


class Contract:
    """One vendor's contract."""

    def __init__(self, vendor: str) -> None:
        self.spec = yaml.safe_load((SPECS / f"{vendor}.yaml").read_text())

    def hold(self, operation: str, response) -> Any:
        """Insist that an answer has the form that its status has in the contract; gives the answer's body."""
        method, path = operation.split()
        answer = self.spec["paths"][path][method.lower()]["responses"][str(response.status_code)]
        name = answer.get("$ref", "").rpartition("/")[2]
        content = (self.spec["components"]["responses"][name] if name else answer).get("content")
        if content:
            self.check(response.json(), content["application/json"]["schema"])
        return response.json() if content else None

    def check(self, body: Any, schema: dict[str, Any]) -> None:
        """Insist on a schema."""
        whole = {**schema, "components": self.spec.get("components", {})}
        jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(body)


class TestCalendly:
    @pytest.fixture
    def contract(self):
        return Contract("calendly")

    def test_answers_by_the_contract(self, contract, calendly, booking):
        start = datetime.now(UTC) + timedelta(days=1)
        span = {"start_time": start.isoformat(), "end_time": (start + timedelta(days=5)).isoformat()}
        ours = {"organization": ORGANIZATION}

        def get(path, template=None, **query):
            response = calendly.call("GET", path, params=query)
            assert response.status_code == 200, response.text
            return contract.hold(f"GET /{template or path}", response)

        def post(path, template=None, **body):
            return contract.hold(f"POST /{template or path}", calendly.call("POST", path, json=body))

        invitee = post("invitees", **booking(minutes=24 * 60))["resource"]
        event = invitee["event"].rsplit("/", 1)[1]
        get("users/me")
        get("event_types", **ours)
        get(f"event_types/{DOCTOR.rsplit('/', 1)[1]}", "event_types/{uuid}")
        get("event_type_available_times", event_type=DOCTOR, **span)
        assert get("user_busy_times", user=MEMBER, **span)["collection"]
        get("user_availability_schedules", user=MEMBER)
        get("scheduled_events", count=1, **ours)
        get(f"scheduled_events/{event}", "scheduled_events/{uuid}")
        get(f"scheduled_events/{event}/invitees", "scheduled_events/{uuid}/invitees")
        get(
            f"scheduled_events/{event}/invitees/{invitee['uri'].rsplit('/', 1)[1]}",
            "scheduled_events/{event_uuid}/invitees/{invitee_uuid}",
        )
        note = post("invitee_no_shows", invitee=invitee["uri"])["resource"]["uri"].rsplit("/", 1)[1]
        get(f"invitee_no_shows/{note}", "invitee_no_shows/{uuid}")
        post("scheduling_links", **LINK)
        for name in ("invitee.created", "invitee.canceled", "invitee_no_show.created", "invitee_no_show.deleted"):
            get("sample_webhook_data", event=name, scope="organization", **ours)
        hook = post("webhook_subscriptions", **HOOK)["resource"]["uri"].rsplit("/", 1)[1]
        get("webhook_subscriptions", scope="organization", **ours)
        get(f"webhook_subscriptions/{hook}", "webhook_subscriptions/{webhook_uuid}")
        post(f"scheduled_events/{event}/cancellation", "scheduled_events/{uuid}/cancellation", reason="x")

    def test_refuses_by_the_contract(self, contract, calendly, sandbox, booking):
        sandbox.faults("calendly", "throttled", operation="users")
        sandbox.faults("calendly", "error_before", operation="links")

        refusals = {
            "GET /users/me": calendly.call("GET", "users/me"),
            "POST /scheduling_links": calendly.call("POST", "scheduling_links", json=LINK),
            "POST /invitees": calendly.call("POST", "invitees", json=booking(minutes=-9999)),
            "GET /event_types": calendly.call("GET", "event_types"),
            "GET /event_types/{uuid}": calendly.call("GET", "event_types/unknown"),
        }

        for operation, response in refusals.items():
            contract.hold(operation, response)
        assert [response.status_code for response in refusals.values()] == [429, 500, 400, 400, 404]

    def test_refuses_by_plan_and_limit_by_the_contract(self, contract, calendly, sandbox, booking):
        sandbox.limits(invitees="1/60")
        calendly.call("POST", "invitees", json=booking())
        limited = calendly.call("POST", "invitees", json=booking(minutes=15))
        sandbox.limits(invitees="off")
        sandbox.plan("free_no_booking")
        forbidden = calendly.call("POST", "invitees", json=booking(minutes=15))

        contract.hold("POST /invitees", limited)
        contract.hold("POST /invitees", forbidden)
        assert [limited.status_code, forbidden.status_code] == [429, 403]
        assert all(f"X-RateLimit-{name}" in limited.headers for name in ("Limit", "Remaining", "Reset"))

    def test_shows_busy_times_of_others_by_the_contract(self, contract, calendly, sandbox):
        start = datetime.now(UTC) + timedelta(days=1)
        span = {"start_time": start.isoformat(), "end_time": (start + timedelta(hours=1)).isoformat()}
        sandbox.control("POST", "busy", json={"user": MEMBER, **span})

        answer = calendly.call("GET", "user_busy_times", params={"user": MEMBER, **span})

        assert [row["type"] for row in contract.hold("GET /user_busy_times", answer)["collection"]] == ["external"]

    def test_shows_a_disabled_subscription_by_the_contract(self, contract, calendly, sandbox):
        calendly.call("POST", "webhook_subscriptions", json=HOOK)
        sandbox.subscriptions("calendly", "disabled")

        query = {"scope": "organization", "organization": ORGANIZATION}
        body = contract.hold("GET /webhook_subscriptions", calendly.call("GET", "webhook_subscriptions", params=query))

        assert [row["state"] for row in body["collection"]] == ["disabled"]

    def test_sends_webhooks_by_the_contract(self, contract, calendly, booking, portal):
        invitee = calendly.call("POST", "invitees", json=booking()).json()["resource"]
        portal.wait_for(1)
        calendly.call("POST", "invitee_no_shows", json={"invitee": invitee["uri"]})
        portal.wait_for(2)
        calendly.call("POST", f"scheduled_events/{invitee['event'].rsplit('/', 1)[1]}/cancellation")

        for delivery in portal.wait_for(3):
            contract.check(delivery["body"], {"$ref": "#/components/schemas/InviteeWebhook"})


class TestMediRecords:
    @pytest.fixture
    def contract(self):
        return Contract("medirecords")

    def test_answers_by_the_contract(self, contract, medirecords):
        appointments = "v1/practices/{practice_id}/appointments"

        def call(method, path, template=None, **arguments):
            response = medirecords.call(method, path.format(practice_id=PRACTICE), **arguments)
            assert response.ok, response.text
            return contract.hold(f"{method} /{template or path}", response)

        patient = call(
            "POST",
            "v2/patients",
            json={"defaultPracticeId": PRACTICE, "lastName": "Nguyen", "patientStatusCode": 1, "firstName": None},
        )
        call("GET", "v1/patients/exist", params={"email": "ava@example.com"})
        call("GET", f"v1/patients/{patient['id']}", "v1/patients/{id}")
        types = call("GET", "v1/practices/{practice_id}/appointment-types")["data"]
        call("GET", "v1/code-system/appointment-interval-code")
        body = {
            "patientId": patient["id"],
            "appointmentTypeId": types[0]["id"],
            "scheduleTime": "2027-03-01T10:00",
            "appointmentStatus": 2,
            "appointmentIntervalCode": 6,
        }
        made = call("POST", appointments, json=body)
        one, template = f"{appointments}/{made['id']}", f"{appointments}/{{id}}"
        call("GET", appointments)
        call("GET", one, template)
        call("PUT", one, template, json=body | {"appointmentStatus": 8, "cancellationReason": "x"})
        call("DELETE", one, template)

    def test_refuses_by_the_contract(self, contract, medirecords, sandbox):
        sandbox.faults("medirecords", "throttled", operation="appointments")

        refusals = {
            "GET /v1/practices/{practice_id}/appointments": medirecords.call(
                "GET", f"v1/practices/{PRACTICE}/appointments"
            ),
            "POST /v2/patients": medirecords.call("POST", "v2/patients", json={}),
            "GET /v1/patients/{id}": medirecords.call("GET", "v1/patients/unknown"),
        }

        for operation, response in refusals.items():
            contract.hold(operation, response)
        assert [response.status_code for response in refusals.values()] == [429, 400, 404]


class TestPagerDuty:
    ALARM = {"summary": "Calendar down", "source": "portal", "severity": "critical"}

    @pytest.fixture
    def contract(self):
        return Contract("pagerduty")

    def test_answers_by_the_contract(self, contract, sandbox):
        event = {"routing_key": ENVIRONMENT["PAGERDUTY_ROUTING_KEY"], "dedup_key": "calendar"}

        def send(action, **fields):
            body = {**event, "event_action": action, **fields}
            return requests.post(f"{sandbox.pagerduty_url}/v2/enqueue", json=body, timeout=10)

        answers = [send("trigger", payload=self.ALARM), send("acknowledge"), send("resolve"), send("trigger")]
        for fault in ("throttled", "error_before"):
            sandbox.faults("pagerduty", fault, calls=1)
            answers.append(send("resolve"))

        for answer in answers:
            contract.hold("POST /v2/enqueue", answer)
        assert [answer.status_code for answer in answers] == [202, 202, 202, 400, 429, 500]


class TestStripe:
    SESSION = {
        "mode": "payment",
        "success_url": "https://portal.example.com/paid",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "aud",
        "line_items[0][price_data][unit_amount]": "11900",
        "line_items[0][price_data][product_data][name]": "Initial visit",
    }

    @pytest.fixture
    def contract(self):
        return Contract("stripe")

    @pytest.fixture
    def call(self, contract, sandbox):
        def call(method, path, template=None, *, key="", **arguments):
            headers = {"Authorization": f"Bearer {ENVIRONMENT['STRIPE_SECRET_KEY']}"}
            headers |= {"Idempotency-Key": key} if key else {}
            url = f"{sandbox.stripe_url}/v1/{path}"
            response = requests.request(method, url, headers=headers, timeout=10, **arguments)
            return response.status_code, contract.hold(f"{method} /v1/{template or path}", response)

        return call

    def test_answers_by_the_contract(self, call, browser, sandbox):
        _, session = call("POST", "checkout/sessions", data=self.SESSION)
        browser.press(session["url"], press="decline")
        browser.press(session["url"], press="pay")
        _, paid = call("GET", f"checkout/sessions/{session['id']}", "checkout/sessions/{session}")
        call("GET", "checkout/sessions", params={"limit": 1})
        call("GET", f"payment_intents/{paid['payment_intent']}", "payment_intents/{intent}")
        _, refund = call("POST", "refunds", data={"payment_intent": paid["payment_intent"], "amount": "100"})
        call("GET", f"refunds/{refund['id']}", "refunds/{refund}")
        call("GET", "refunds", params={"payment_intent": paid["payment_intent"]})
        sandbox.faults("stripe", "refund_fails", calls=1)
        _, failed = call("POST", "refunds", data={"payment_intent": paid["payment_intent"], "amount": "100"})
        call("GET", f"refunds/{failed['id']}", "refunds/{refund}")
        _, debit = call("POST", "checkout/sessions", data=self.SESSION)
        browser.press(debit["url"], press="debit")
        _, agreed = call("GET", f"checkout/sessions/{debit['id']}", "checkout/sessions/{session}")
        call("GET", f"payment_intents/{agreed['payment_intent']}", "payment_intents/{intent}")
        browser.press(f"payments/{debit['id']}/arrive")
        browser.press(f"payments/{debit['id']}/dispute")
        for event in sandbox.state("stripe")["events"]:
            call("GET", f"events/{event['id']}", "events/{id}")
        _, other = call("POST", "checkout/sessions", data=self.SESSION)
        status, closed = call("POST", f"checkout/sessions/{other['id']}/expire", "checkout/sessions/{session}/expire")

        assert (status, closed["status"]) == (200, "expired")

    def test_refuses_by_the_contract(self, call, sandbox):
        call("POST", "checkout/sessions", data=self.SESSION, key="k1")
        refusals = [
            call("POST", "checkout/sessions", data=self.SESSION | {"mode": "gift"}),
            call("POST", "checkout/sessions", data=self.SESSION | {"locale": "en"}, key="k1"),
            call("GET", "checkout/sessions/cs_unknown", "checkout/sessions/{session}"),
            call("POST", "refunds", data={"payment_intent": "pi_unknown"}),
        ]
        for fault in ("throttled", "error_before"):
            sandbox.faults("stripe", fault, calls=1)
            refusals.append(call("GET", "refunds"))

        assert [status for status, _ in refusals] == [400, 400, 404, 404, 429, 500]
        assert refusals[1][1]["error"]["type"] == "idempotency_error"

    def test_asks_for_the_key_by_the_contract(self, contract, sandbox):
        response = requests.get(f"{sandbox.stripe_url}/v1/refunds", timeout=10)

        contract.hold("GET /v1/refunds", response)
        assert response.status_code == 401
