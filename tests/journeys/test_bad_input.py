"""Whatever is wrong with what comes in: a status, a code and a sentence, and nothing half done."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import jwt
import pytest
from django.apps import apps
from django.db import connection

from bookings.models import SyncRecord
from botaniqal.integrations.models import InboundEvent
from botaniqal.messages.models import Message
from practitioners.models import Practitioner
from tests.stack import date_ahead, eventually

PHONE = "/api/bookings/phone"
DOORS = {
    "POST": ["/api/auth/token", "/api/consultations/book", "/api/holds", PHONE],
    "GET": ["/api/services", "/api/practitioners/availability", "/api/triage/sessions"],
}
NOBODY = "00000000-0000-4000-8000-000000000000"
HUGE = b'{"notes": "' + b"x" * 5_000_000 + b'"}'
DELIVERY = Path(__file__).parents[1] / "payloads" / "calendly" / "invitee.created.json"
PORTALS = ("bookings", "integrations", "mail", "practitioners", "services", "triage")


def fields(value):
    """Name a case by its fields: each process of a run has to find the same names."""
    return " ".join(value) or "nothing" if isinstance(value, dict) else None


def count_rows():
    tables = [model._meta.db_table for label in PORTALS for model in apps.get_app_config(label).get_models()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f'(SELECT count(*) FROM "{table}")' for table in tables))
        return dict(zip(tables, cursor.fetchone(), strict=True))


def is_quiet(stack):
    """Tell whether worker and vendors have done what came before."""
    owed = (SyncRecord, Message, InboundEvent)
    return not (
        any(model.objects.open().filter(needs_person=False).exists() for model in owed)
        or any(
            delivery["state"] == "waiting"
            for vendor in ("calendly", "stripe", "ses")
            for delivery in stack.sandbox.state(vendor)["deliveries"]
        )
    )


def is_refused(answer, status, code):
    """Tell whether an answer has this status and code, in the one shape of all errors."""
    refusal = answer.json()
    assert (answer.status_code, refusal["code"]) == (status, code), refusal
    assert len(refusal["error"]) > 5
    assert all(isinstance(sentence, str) for faults in refusal["details"].values() for sentence in faults)
    assert "Traceback" not in answer.text
    return True


@pytest.fixture(scope="module")
def free(running_stack):
    """Times that stay free, since nothing is ever booked here."""
    offered = {"service": "free-consultation", "kind": "consultation"}
    return {
        "visit": running_stack.free_times("Dr Dia Menon")[5],
        "calls": running_stack.free_times("Sarah Whitlock", **offered)[5:7],
    }


@pytest.fixture
def agreed(free, make_call):
    """A phone booking that would be accepted but for what a test makes wrong in it."""
    doctor = Practitioner.objects.get(name="Dr Dia Menon")
    return {
        "triageSessionId": str(make_call().pk),
        "practitionerId": str(doctor.pk),
        "appointmentType": "initial",
        "scheduledTime": free["visit"],
    }


@pytest.fixture
def wanted(free):
    """A free consultation that would be accepted."""
    return {
        "patientName": "John Doe",
        "email": "john@example.com",
        "phone": "+61412345678",
        "preferredTimes": free["calls"],
    }


@pytest.fixture(autouse=True)
def _nothing_half_done(stack, agreed):
    eventually(lambda: is_quiet(stack))
    before = count_rows()
    yield
    assert count_rows() == before


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b'{"notes": ', 400, "invalid"),
            (b"", 400, "invalid"),
            (b"[]", 400, "invalid"),
            (b"null", 400, "invalid"),
            (b'"text"', 400, "invalid"),
            (b'{"notes": NaN}', 400, "invalid"),
            (b'{"notes": "\xff"}', 400, "invalid"),
            (b"[" * 100_000, 400, "invalid"),
            (HUGE, 413, "too_large"),
        ],
        ids=["broken", "empty", "list", "null", "text", "NaN", "no UTF-8", "deep", "huge"],
    )
    @pytest.mark.parametrize("path", DOORS["POST"])
    def test_that_are_no_json_object_are_refused(self, stack, sarah, path, body, status, code):
        token = stack.signed_token(sarah)

        answer = stack.call("POST", path, token=token, data=body, headers={"Content-Type": "application/json"})

        assert is_refused(answer, status, code)

    @pytest.mark.parametrize("path", DOORS["POST"])
    def test_of_another_kind_are_refused(self, stack, sarah, path):
        answer = stack.call("POST", path, token=stack.signed_token(sarah), data={"notes": "a form"})

        assert is_refused(answer, 415, "unsupported_media_type")

    def test_in_pieces_without_a_length_are_answered(self, stack, sarah):
        pieces = iter([b'{"notes"', b': "x"}'])

        answer = stack.call(
            "POST", PHONE, token=stack.signed_token(sarah), data=pieces, headers={"Content-Type": "application/json"}
        )

        assert is_refused(answer, 400, "invalid")


class TestPhoneBookings:
    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"triageSessionId": NOBODY}, 404, "not_found"),
            ({"practitionerId": NOBODY}, 404, "not_found"),
            ({"serviceType": "surgery"}, 404, "not_found"),
            ({"serviceType": "gaps"}, 422, "rule_broken"),
            ({"appointmentType": "initial-gaps-60min"}, 422, "rule_broken"),
            ({"appointmentType": "no-such-type"}, 422, "rule_broken"),
            ({"scheduledTime": "2026-01-05T01:00:00"}, 400, "invalid"),
            ({"scheduledTime": "tomorrow"}, 400, "invalid"),
            ({"scheduledTime": None}, 400, "invalid"),
            ({"scheduledTime": "2024-02-01T14:00:00Z"}, 422, "rule_broken"),
            ({"scheduledTime": f"{date_ahead(8)}T14:00:00Z"}, 422, "rule_broken"),
            ({"scheduledTime": "2199-01-01T00:00:00Z"}, 422, "rule_broken"),
            ({"triageSessionId": "me"}, 400, "invalid"),
            ({"triageSessionId": {"a": 1}}, 400, "invalid"),
            ({"amountCollected": 1}, 422, "wrong_amount"),
            ({"amountCollected": "a lot"}, 400, "invalid"),
            ({"paymentMethod": "gold"}, 400, "invalid"),
            ({"notes": "Card 4111 1111 1111 1111"}, 400, "invalid"),
            ({"notes": "a\0b"}, 400, "invalid"),
        ],
        ids=fields,
    )
    def test_say_what_is_wrong(self, stack, sarah, agreed, changes, status, code):
        answer = stack.call("POST", PHONE, token=stack.signed_token(sarah), json=agreed | changes)

        assert is_refused(answer, status, code)
        assert "4111" not in answer.text

    @pytest.mark.parametrize("key", ["", "ä".encode().decode("latin-1"), "x" * 256])
    def test_refuse_a_key_that_is_none(self, stack, sarah, agreed, key):
        answer = stack.call(
            "POST", PHONE, token=stack.signed_token(sarah), json=agreed, headers={"Idempotency-Key": key}
        )

        assert is_refused(answer, 400, "invalid")


class TestHolds:
    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"triageSessionId": NOBODY}, 404, "not_found"),
            ({"practitionerId": NOBODY}, 404, "not_found"),
            ({"scheduledTime": f"{date_ahead(8)}T14:00:00Z"}, 422, "rule_broken"),
            ({"scheduledTime": "2026-01-05T01:00:00"}, 400, "invalid"),
        ],
        ids=fields,
    )
    def test_say_what_is_wrong(self, stack, sarah, agreed, changes, status, code):
        answer = stack.call("POST", "/api/holds", token=stack.signed_token(sarah), json=agreed | changes)

        assert is_refused(answer, status, code)


class TestConsultations:
    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"patientName": ""}, 400, "invalid"),
            ({"email": "john"}, 400, "invalid"),
            ({"phone": "12"}, 400, "invalid"),
            ({"preferredTimes": []}, 400, "invalid"),
            ({"preferredTimes": ["2026-01-05T01:00:00"]}, 400, "invalid"),
            ({"preferredTimes": ["2024-02-01T14:00:00Z"]}, 422, "rule_broken"),
            ({"preferredTimes": [f"{date_ahead(8)}T14:00:00Z"]}, 409, "slot_taken"),
            ({"timezone": "Moon/Tranquility"}, 400, "invalid"),
        ],
        ids=fields,
    )
    def test_say_what_is_wrong(self, stack, wanted, changes, status, code):
        answer = stack.call("POST", "/api/consultations/book", json=wanted | changes)

        assert is_refused(answer, status, code)


class TestAvailability:
    @pytest.mark.parametrize(
        ("query", "status", "code"),
        [
            ({"service": "surgery"}, 404, "not_found"),
            ({"service": "equine"}, 422, "rule_broken"),
            ({"date": "01.02.2024"}, 400, "invalid"),
            ({"date": "2024-02-30"}, 400, "invalid"),
            ({"days": "0"}, 400, "invalid"),
            ({"days": "365"}, 400, "invalid"),
            ({"timezone": "Melbourne"}, 400, "invalid"),
            ({"appointmentType": "no-such-type"}, 404, "not_found"),
        ],
        ids=fields,
    )
    def test_says_what_is_wrong(self, stack, query, status, code):
        asked = {"service": "gaps", "date": f"{date_ahead(1)}"} | query

        answer = stack.call("GET", "/api/practitioners/availability", params=asked)

        assert is_refused(answer, status, code)


class TestTokens:
    @pytest.mark.parametrize(
        ("credentials", "status", "code"),
        [
            ({"email": "sarah@botaniqal.example", "password": "guess"}, 401, "authentication_failed"),
            ({"email": "nobody@botaniqal.example", "password": "guess"}, 401, "authentication_failed"),
            ({"email": "manager@botaniqal.example", "password": "botaniqal-demo"}, 403, "no_practitioner"),
            ({"email": "sarah@botaniqal.example"}, 400, "invalid"),
        ],
        ids=fields,
    )
    def test_are_not_given_to_everybody(self, stack, credentials, status, code):
        answer = stack.call("POST", "/api/auth/token", json=credentials)

        assert is_refused(answer, status, code)

    @pytest.mark.parametrize(
        ("claims", "status", "code"),
        [
            ({"exp": 1_700_000_000}, 401, "authentication_failed"),
            ({"exp": 4_000_000_000}, 401, "authentication_failed"),
            ({"sub": NOBODY}, 401, "authentication_failed"),
            ({"sub": "sarah"}, 401, "authentication_failed"),
            ({"permissions": "booking:create"}, 401, "authentication_failed"),
            ({"permissions": ["triage:read"]}, 403, "not_allowed"),
        ],
        ids=fields,
    )
    def test_that_do_not_allow_it_are_refused(self, stack, sarah, agreed, claims, status, code):
        answer = stack.call("POST", PHONE, token=stack.signed_token(sarah, **claims), json=agreed)

        assert is_refused(answer, status, code)

    @pytest.mark.parametrize(
        ("secret", "algorithm"), [("another secret, just as long as ours", "HS256"), (None, "none")]
    )
    def test_that_we_did_not_sign_are_refused(self, stack, sarah, agreed, secret, algorithm):
        claims = jwt.decode(stack.signed_token(sarah), options={"verify_signature": False})

        answer = stack.call("POST", PHONE, token=jwt.encode(claims, secret, algorithm=algorithm), json=agreed)

        assert is_refused(answer, 401, "authentication_failed")

    @pytest.mark.parametrize(
        ("headers", "status", "code"),
        [
            ({}, 401, "not_authenticated"),
            ({"Authorization": "Bearer"}, 401, "authentication_failed"),
            ({"Authorization": "Bearer a b"}, 401, "authentication_failed"),
            ({"Authorization": "Bearer nonsense"}, 401, "authentication_failed"),
            ({"X-API-Key": "guess", "X-Consultant": "sarah@botaniqal.example"}, 401, "authentication_failed"),
        ],
        ids=fields,
    )
    def test_that_are_none_are_refused(self, stack, agreed, headers, status, code):
        answer = stack.call("POST", PHONE, headers=headers, json=agreed)

        assert is_refused(answer, status, code)
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_of_another_consultant_are_refused(self, stack, agreed):
        tom = Practitioner.objects.get(user__email="tom@botaniqal.example")

        answer = stack.call("POST", PHONE, token=stack.signed_token(tom), json=agreed)

        assert is_refused(answer, 403, "not_your_session")


class TestMethods:
    @pytest.mark.parametrize(
        ("method", "path"),
        [(method, path) for path in DOORS["POST"] for method in ("GET", "PUT", "PATCH", "DELETE", "BREW")]
        + [(method, path) for path in DOORS["GET"] for method in ("POST", "PUT", "DELETE")]
        + [("GET", "/webhooks/calendly/triage"), ("PUT", "/webhooks/calendly/practitioner")],
    )
    def test_that_a_door_does_not_know_are_refused(self, stack, sarah, method, path):
        answer = stack.call(method, path, token=stack.signed_token(sarah))

        assert is_refused(answer, 405, "method_not_allowed")

    @pytest.mark.parametrize("path", ["/api/nothing", "/api/bookings/phone/", "/api/bookings/7/sync", "/webhooks/fax"])
    def test_of_addresses_that_do_not_exist_are_refused(self, stack, sarah, path):
        answer = stack.call("POST", path, token=stack.signed_token(sarah), json={})

        assert is_refused(answer, 404, "not_found")


class TestWebhooks:
    def deliver(self, stack, body, *, key=None, age=0, signed=None, path="/webhooks/calendly/triage"):
        """Post a body with the signature of another body, of another key or of some time ago."""
        stamp = str(int(datetime.now(UTC).timestamp()) - age)
        secret = key or stack.env["CALENDLY_WEBHOOK_SIGNING_KEY"]
        signed = f"{stamp}.".encode() + (body if signed is None else signed)
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        headers = {"Calendly-Webhook-Signature": f"t={stamp},v1={digest}", "Content-Type": "application/json"}
        return stack.call("POST", path, data=body, headers=headers)

    @pytest.mark.parametrize(
        "wrong",
        [{"key": "another key"}, {"age": 200}, {"age": -120}, {"signed": b"{}"}],
        ids=["other key", "stale", "of the future", "tampered"],
    )
    @pytest.mark.parametrize("path", ["/webhooks/calendly/triage", "/webhooks/calendly/practitioner"])
    def test_that_calendly_did_not_sign_are_refused(self, stack, path, wrong):
        answer = self.deliver(stack, DELIVERY.read_bytes(), path=path, **wrong)

        assert is_refused(answer, 401, "signature_refused")

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Calendly-Webhook-Signature": ""},
            {"Calendly-Webhook-Signature": "t=1,v1=00"},
            {"Calendly-Webhook-Signature": "===", "Calendly-Webhook-Timestamp": "1"},
        ],
        ids=fields,
    )
    def test_without_a_signature_are_refused(self, stack, headers):
        answer = stack.call("POST", "/webhooks/calendly/triage", data=DELIVERY.read_bytes(), headers=headers)

        assert is_refused(answer, 401, "signature_refused")

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"{}", b'{"event": 7}', b'{"event": "invitee.created"}', b"\xff", b"[" * 100_000],
        ids=lambda body: repr(body[:40]),
    )
    def test_that_cannot_be_read_are_refused(self, stack, body):
        answer = self.deliver(stack, body)

        assert is_refused(answer, 400, "invalid")

    def test_without_an_end_in_sight_are_refused(self, stack):
        answer = self.deliver(stack, HUGE)

        assert is_refused(answer, 413, "too_large")

    def test_of_an_unknown_event_type_are_kept_for_a_person_and_taken_the_second_time(self, stack):
        payload = json.loads(DELIVERY.read_text())
        soon = datetime.now(UTC) + timedelta(days=1)
        payload["created_at"] = soon.isoformat()
        payload["payload"]["scheduled_event"]["event_type"] = f"https://api.calendly.com/event_types/{uuid4()}"
        body = json.dumps(payload).encode()

        first, second = self.deliver(stack, body), self.deliver(stack, body)

        assert is_refused(first, 400, "unknown_event_type")
        assert second.status_code == 200
        [kept] = InboundEvent.objects.for_a_person()
        assert "event type" in kept.problem
        kept.delete()
