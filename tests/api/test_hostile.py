"""Whatever comes in, the portal is never at fault, and says what is wrong in its one shape."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import AppointmentTypeFactory, PractitionerFactory, ServiceFactory, SessionFactory, next_morning
from tests.offering import approve_words

TEXT = st.text(st.characters(), max_size=40)  # lone surrogates and NUL among them
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
FUZZ = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def bodies(db, consultant):
    """A body for each door that would be accepted but for what is made wrong in it."""
    session = SessionFactory(consultant=consultant)
    initial = AppointmentTypeFactory(service=ServiceFactory(slug="alternative-medicine"))
    doctor = PractitionerFactory(gives=[initial])
    equine = ServiceFactory(name="Equine", slug="equine", status="coming_soon", has_waitlist=True)
    approve_words(equine)
    time = f"{next_morning(10):%Y-%m-%dT%H:%M:%SZ}"
    agreed = {
        "triageSessionId": str(session.pk),
        "practitionerId": str(doctor.pk),
        "scheduledTime": time,
        "appointmentType": "initial",
    }
    return {
        ("POST", "/api/auth/token"): {"email": "sarah@botaniqal.example", "password": "x", "otp": "1"},
        ("POST", "/api/consultations/book"): {
            "patientName": "John Doe",
            "email": "john@example.com",
            "phone": "+61412345678",
            "preferredTimes": [time],
            "primaryConcern": "",
            "timezone": "Australia/Sydney",
        },
        ("POST", "/api/waitlist"): {
            "service": "equine",
            "name": "John Doe",
            "email": "john@example.com",
            "phone": "+61412345678",
            "consent": True,
        },
        ("POST", "/api/holds"): agreed,
        ("POST", "/api/bookings/phone"): {
            **agreed,
            "serviceType": "alternative_medicine",
            "paymentCollected": True,
            "paymentMethod": "cash",
            "amountCollected": 119,
            "amountReason": "",
            "notes": "",
        },
        ("PATCH", f"/api/triage/sessions/{session.pk}"): {
            "version": 1,
            "primaryConcern": "",
            "triageNotes": "",
            "recommendedService": "alternative_medicine",
            "recommendedPractitioners": [str(doctor.pk)],
        },
    }


def is_in_order(answer):
    if answer.status_code >= 400:
        assert answer.status_code < 500
        refusal = answer.json()
        assert {"error", "code", "details"} <= set(refusal)
        assert all(isinstance(sentence, str) for faults in refusal["details"].values() for sentence in faults)


class TestBodies:
    @FUZZ
    @given(data=st.data())
    def test_of_any_kind_are_answered(self, bodies, sarah, settings, data):
        scopes = ("login", "public-write", "public-email", "public-join")
        settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"].update(dict.fromkeys(scopes, "9999/s"))
        (method, path), accepted = data.draw(st.sampled_from(list(bodies.items())))
        spoilt = data.draw(st.dictionaries(st.sampled_from(list(accepted)), ANYTHING, min_size=1, max_size=3))

        answer = sarah.generic(method, path, json.dumps({**accepted, **spoilt}), content_type="application/json")

        is_in_order(answer)

    @FUZZ
    @given(
        body=st.binary(max_size=60),
        content_type=st.sampled_from(["application/json", "text/plain", "", "multipart/form-data; boundary=x"]),
    )
    def test_of_any_bytes_are_answered(self, bodies, sarah, body, content_type):
        for method, path in bodies:
            answer = sarah.generic(method, path, body, content_type=content_type)

            is_in_order(answer)
            assert answer.status_code in {400, 415, 429}

    @pytest.mark.parametrize("body", ["[]", "null", '"text"', "7", "true"])
    def test_that_are_no_object_are_refused(self, bodies, sarah, body):
        for method, path in bodies:
            answer = sarah.generic(method, path, body, content_type="application/json")

            is_in_order(answer)
            assert answer.status_code == 400


class TestQueries:
    @FUZZ
    @given(
        query=st.dictionaries(
            st.sampled_from(["service", "date", "days", "appointmentType", "timezone", "status", "cursor", "pageSize"]),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
            | st.sampled_from(["2026-12-01", "1", "gaps"]),
        ),
    )
    def test_of_any_kind_are_answered(self, bodies, sarah, query):
        for path in ("/api/practitioners/availability", "/api/triage/sessions", "/api/services"):
            is_in_order(sarah.get(path, query))


class TestHeaders:
    @FUZZ
    @given(value=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60))
    @pytest.mark.parametrize("name", ["Authorization", "X-API-Key", "X-Consultant", "Idempotency-Key", "Accept"])
    def test_of_any_kind_are_answered(self, api, db, settings, name, value):
        settings.PHONE_BOOKING_API_KEY = "key"
        others = {"X-API-Key": "key"} if name == "X-Consultant" else {}

        answer = api.post("/api/bookings/phone", {}, format="json", headers={name: value, **others})

        is_in_order(answer)


@pytest.mark.django_db(transaction=True)
class TestOverTheWire:
    """The same through a socket, where lengths and encodings are real."""

    @pytest.fixture
    def wire(self, live_server):
        connection = http.client.HTTPConnection(urlsplit(live_server.url).netloc, timeout=10)
        yield connection
        connection.close()

    def send(self, wire, body, **headers):
        wire.request("POST", "/api/consultations/book", body, {"Content-Type": "application/json", **headers})
        answer = wire.getresponse()
        return answer.status, json.loads(answer.read())

    def test_refuses_a_body_of_two_megabytes(self, wire):
        status, refusal = self.send(wire, json.dumps({"patientName": "x" * 2_000_000}))

        assert (status, refusal["code"]) == (413, "too_large")

    def test_refuses_a_body_without_an_end(self, wire):
        status, refusal = self.send(wire, b'{"patientName": "John')

        assert (status, refusal["code"]) == (400, "invalid")

    def test_refuses_no_body_at_all(self, wire):
        status, refusal = self.send(wire, b"")

        assert status == 400
        assert set(refusal["details"]) == {"patientName", "email", "phone", "preferredTimes"}

    def test_answers_in_json_for_an_address_that_does_not_exist(self, wire):
        wire.request("GET", "/api/%00%ff/../nowhere")
        answer = wire.getresponse()

        assert (answer.status, json.loads(answer.read())["code"]) == (404, "not_found")

    def test_refuses_other_methods(self, wire):
        wire.request("BREW", "/api/consultations/book")
        answer = wire.getresponse()

        assert (answer.status, json.loads(answer.read())["code"]) == (405, "method_not_allowed")
