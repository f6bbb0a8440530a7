"""The two integration tests of the clinic's first specification, against the running portal."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from practitioners.models import CalendlyEventType, Practitioner
from services.models import AppointmentType
from tests.factories import PractitionerFactory, next_morning
from tests.stack import date_ahead, eventually

PAYLOADS = Path(__file__).parents[1] / "payloads" / "calendly"


def now_in_seconds():
    return int(datetime.now(UTC).timestamp())


def signed_as_the_seed_does(body, key):
    stamp = str(now_in_seconds())
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "calendly-webhook-signature": base64.b64encode(digest).decode(),
        "calendly-webhook-timestamp": stamp,
    }


def signed_as_calendly_does(body, key):
    stamp = str(now_in_seconds())
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Calendly-Webhook-Signature": f"t={stamp},v1={digest}"}


def in_the_shape_of_the_seed(email, starts_at, calendar):
    payload = json.loads((PAYLOADS / "seed.invitee.created.json").read_text())
    payload["payload"]["email"] = email
    payload["payload"]["event"] |= {
        "uuid": str(uuid4()),
        "calendar_id": calendar,
        "start_time": starts_at.isoformat(),
        "end_time": (starts_at + timedelta(minutes=15)).isoformat(),
    }
    return payload


def in_the_shape_of_calendly(email, starts_at, calendar):
    payload = json.loads((PAYLOADS / "invitee.created.json").read_text())
    event = f"https://api.calendly.com/scheduled_events/{uuid4()}"
    payload["payload"] |= {"email": email, "event": event, "uri": f"{event}/invitees/{uuid4()}"}
    payload["payload"]["scheduled_event"] |= {
        "uri": event,
        "event_type": calendar,
        "start_time": starts_at.isoformat(),
        "end_time": (starts_at + timedelta(minutes=15)).isoformat(),
    }
    return payload


def token_of(stack, consultant):
    return stack.token(consultant.user.email.partition("@")[0])


def signed_token(stack, consultant):
    return stack.signed_token(consultant)


def calls_of(stack, consultant, email):
    """What GET /api/triage/sessions shows a consultant of one patient, page by page."""
    found, page = [], "/api/triage/sessions?pageSize=200"
    while page:
        answer = stack.call("GET", page.removeprefix(stack.url), token=stack.signed_token(consultant))
        assert answer.status_code == 200
        found += [row for row in answer.json()["results"] if row["patientEmail"] == email]
        page = answer.json()["next"]
    return found


class TestMultiPractitionerBookingFlow:
    @pytest.mark.parametrize(
        ("shape", "sign", "hour"),
        [
            (in_the_shape_of_the_seed, signed_as_the_seed_does, 10),
            (in_the_shape_of_calendly, signed_as_calendly_does, 11),
        ],
        ids=["seed", "Calendly"],
    )
    def test_free_consultation_creates_triage_session(self, stack, shape, sign, hour):
        email = f"{uuid4()}@example.com"
        event = shape(email, next_morning(hour, days=9), stack.env["CALENDLY_TRIAGE_CALENDAR_ID"])
        body = json.dumps(event).encode()
        headers = sign(body, stack.env["CALENDLY_WEBHOOK_SIGNING_KEY"])

        answer = stack.call("POST", "/webhooks/calendly/triage", data=body, headers=headers)

        consultants = list(Practitioner.objects.consulting().exclude(user=None))
        [call] = eventually(lambda: [call for one in consultants for call in calls_of(stack, one, email)])
        assert answer.status_code == 200
        assert call["status"] == "scheduled"
        assert call["patientPhone"] == "+61412345678"
        assert call["scheduledTime"] == f"{next_morning(hour, days=9):%Y-%m-%dT%H:%M:%SZ}"

    @pytest.mark.parametrize(
        "token", [token_of, signed_token], ids=["token of the portal", "token signed by ourselves"]
    )
    def test_phone_booking_creates_all_required_records(self, stack, sarah, make_call, test_practitioner, token):
        triage_session = make_call()

        answer = stack.call(
            "POST",
            "/api/bookings/phone",
            token=token(stack, sarah),
            json={
                "triageSessionId": str(triage_session.pk),
                "practitionerId": str(test_practitioner.pk),
                "scheduledTime": f"{date_ahead(7)}T14:00:00Z",
                "paymentCollected": True,
            },
        )

        booking = answer.json()
        assert answer.status_code == 200
        assert booking["calendlyEventCreated"] is True
        assert booking["medirecordsSynced"] is True

    @pytest.fixture
    def test_practitioner(self, stack):
        """A doctor with a calendar, on duty at 14:00 in Greenwich, which is the clinic's night."""
        initial = AppointmentType.objects.get(code="initial-alternative-15min")
        doctor = PractitionerFactory(
            gives=[initial],
            hours=(time(0), time(23, 55)),
            calendar_provider="calendly",
            email=f"{uuid4()}@example.com",
        )
        row = CalendlyEventType.objects.create(practitioner=doctor, appointment_type=initial, calendly_id=str(uuid4()))
        stack.sandbox.register_event_type(
            uri=row.uri, name=f"Initial with {doctor}", minutes=initial.minutes, owner_email=doctor.email
        )
        return doctor
