import json
import re
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from bookings.models import Booking, SyncRecord
from botaniqal.messages.models import Message
from practitioners import diary
from services.models import Price
from tests.api.conftest import NOBODY, bearer, client
from tests.factories import (
    AppointmentTypeFactory,
    PractitionerFactory,
    ServiceFactory,
    SessionFactory,
    next_morning,
)

pytestmark = pytest.mark.django_db

DOOR = "/api/bookings/phone"


@pytest.fixture
def session(consultant):
    return SessionFactory(consultant=consultant)


@pytest.fixture
def service():
    return ServiceFactory(slug="alternative-medicine")


@pytest.fixture
def doctor(service):
    initial = AppointmentTypeFactory(service=service, code="initial-alternative-15min")
    return PractitionerFactory(gives=[initial], calendar_provider="calendly")


@pytest.fixture
def agreed(session, doctor):
    """What the second integration test of seed 1 sends, at a time to come."""
    return {
        "triageSessionId": str(session.pk),
        "practitionerId": str(doctor.pk),
        "scheduledTime": f"{next_morning(10):%Y-%m-%dT%H:%M:%SZ}",
        "paymentCollected": True,
    }


def book(caller, agreed, **changes):
    return caller.post(DOOR, {**agreed, **changes}, format="json")


class TestPhoneBookings:
    def test_books_with_the_four_fields_of_the_seed(self, sarah, session, agreed):
        answer = book(sarah, agreed)

        booked = Booking.objects.get(pk=answer.json()["bookingId"])
        session.refresh_from_db()
        assert answer.status_code == 200
        assert (session.booking_id, session.state, session.outcome) == (booked.pk, "done", "booked")
        assert (booked.price, booked.payment.status, booked.payment.method) == (119, "collected", "credit_card_phone")
        assert booked.source == "phone"

    def test_sends_a_payment_link_for_what_was_not_collected(self, sarah, agreed):
        answer = book(sarah, agreed, paymentMethod="stripe_link", paymentCollected=False)

        booked = Booking.objects.get(pk=answer.json()["bookingId"])
        checkout = booked.checkouts.get()
        assert (booked.state, booked.payment.status) == ("confirmed", "pending")
        assert (checkout.sends_link, checkout.amount, checkout.status) == (True, 119, "new")

    def test_sends_no_link_for_what_was_collected(self, sarah, agreed):
        answer = book(sarah, agreed, paymentMethod="stripe_link")

        assert not Booking.objects.get(pk=answer.json()["bookingId"]).checkouts.exists()

    def test_answers_as_the_seed_says_and_truly(self, sarah, agreed, settings):
        answer = book(sarah, agreed)

        told = answer.json()
        assert set(told) == {
            "bookingId",
            "confirmationNumber",
            "calendlyEventCreated",
            "medirecordsSynced",
            "patientNotified",
            "sync",
        }
        assert re.fullmatch(r"BOT-\d{4}-\d{4,}", told["confirmationNumber"])
        assert (told["calendlyEventCreated"], told["medirecordsSynced"], told["patientNotified"]) == (False,) * 3
        assert told["sync"]["statusUrl"] == f"{settings.PUBLIC_BASE_URL}/api/bookings/{told['bookingId']}/sync"
        assert {each["system"]: each["state"] for each in told["sync"]["systems"]} == {
            "calendly": "pending",
            "medirecords": "pending",
            "email": "pending",
        }

    def test_takes_all_that_the_seed_sends(self, sarah, agreed):
        answer = book(
            sarah,
            agreed,
            serviceType="alternative_medicine",
            appointmentType="initial",
            paymentMethod="credit_card_phone",
            amountCollected=119.00,
            notes="Patient prefers afternoon appointments",
        )

        booked = Booking.objects.get(pk=answer.json()["bookingId"])
        assert booked.notes == "Patient prefers afternoon appointments"
        assert booked.appointment_type.code == "initial-alternative-15min"

    def test_books_unpaid_too(self, sarah, agreed):
        answer = book(sarah, agreed, paymentCollected=False)

        booked = Booking.objects.get(pk=answer.json()["bookingId"])
        assert (booked.state, booked.payment.status) == ("confirmed", "pending")

    def test_turns_ones_own_hold_into_the_booking(self, sarah, session, agreed):
        held = {**agreed, "appointmentType": "initial"}
        hold = sarah.post("/api/holds", held, format="json").json()["id"]

        answer = book(sarah, agreed)

        assert str(Booking.objects.get(pk=answer.json()["bookingId"]).entry_id) == hold

    def test_offers_others_when_the_time_is_taken(self, sarah, doctor, agreed):
        other = PractitionerFactory(consultant=True)
        book(bearer(other), agreed, triageSessionId=str(SessionFactory(consultant=other).pk))

        answer = book(sarah, agreed)

        assert answer.status_code == 409
        refused = answer.json()
        assert (refused["error"], refused["code"]) == ("Time slot no longer available", "slot_taken")
        assert len(refused["alternatives"]) == 3
        assert {*refused["alternatives"][0]} == {"practitionerId", "practitionerName", "time", "duration"}
        assert refused["alternatives"][0]["practitionerId"] == str(doctor.pk)
        assert agreed["scheduledTime"] not in [each["time"] for each in refused["alternatives"]]

    def test_is_never_a_second_time_a_success(self, sarah, agreed):
        book(sarah, agreed)

        same_time = book(sarah, agreed)
        other_time = book(sarah, agreed, scheduledTime=f"{next_morning(11):%Y-%m-%dT%H:%M:%SZ}")

        assert (same_time.status_code, same_time.json()["code"]) == (409, "slot_taken")
        assert (other_time.status_code, other_time.json()["code"]) == (422, "session_closed")
        assert Booking.objects.filter(source="phone", practitioner_id=agreed["practitionerId"]).count() == 1

    def test_answers_a_repeat_with_its_key_as_before(self, sarah, agreed):
        first = sarah.post(DOOR, agreed, format="json", headers={"Idempotency-Key": "one"})

        again = sarah.post(DOOR, agreed, format="json", headers={"Idempotency-Key": "one"})
        other = sarah.post(DOOR, {**agreed, "notes": "x"}, format="json", headers={"Idempotency-Key": "one"})

        assert (again.status_code, again.json(), again["Idempotent-Replayed"]) == (200, first.json(), "true")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    def test_keeps_the_keys_of_callers_apart(self, sarah, agreed):
        other = PractitionerFactory(consultant=True)
        sarah.post(DOOR, agreed, format="json", headers={"Idempotency-Key": "one"})

        theirs = bearer(other).post(
            DOOR,
            {
                **agreed,
                "triageSessionId": str(SessionFactory(consultant=other).pk),
                "scheduledTime": f"{next_morning(11):%Y-%m-%dT%H:%M:%SZ}",
            },
            format="json",
            headers={"Idempotency-Key": "one"},
        )

        assert theirs.status_code == 200

    def test_works_for_the_phone_system_too(self, consultant, agreed, settings):
        settings.PHONE_BOOKING_API_KEY = "the-phone-systems-key"
        phone = client(HTTP_X_API_KEY="the-phone-systems-key", HTTP_X_CONSULTANT=str(consultant.pk))

        answer = book(phone, agreed)

        assert answer.status_code == 200
        assert Booking.objects.get(pk=answer.json()["bookingId"]).created_by == consultant.user

    def test_refuses_the_call_of_another_consultant(self, agreed):
        answer = book(bearer(PractitionerFactory(consultant=True)), agreed)

        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_session")


class TestPhoneBookingsMoney:
    def test_refuses_another_amount_and_says_the_price(self, sarah, agreed):
        answer = book(sarah, agreed, amountCollected=100)

        assert answer.status_code == 422
        assert answer.json()["code"] == "wrong_amount"
        assert answer.json()["expectedAmount"] == 119
        assert not Booking.objects.filter(source="phone", number__contains="-", triage_session__isnull=False).exists()

    def test_takes_another_amount_by_right_and_with_a_reason(self, sarah, consultant, agreed):
        consultant.user.user_permissions.add(Permission.objects.get(codename="charge_other_price"))

        without_reason = book(sarah, agreed, amountCollected=100)
        with_reason = book(sarah, agreed, amountCollected="100.00", amountReason="Complaint of last month")

        assert (without_reason.status_code, with_reason.status_code) == (422, 200)
        assert Booking.objects.get(pk=with_reason.json()["bookingId"]).price == Decimal(100)

    def test_books_nothing_without_a_price(self, sarah, agreed):
        Price.objects.all().delete()

        answer = book(sarah, agreed)

        assert (answer.status_code, answer.json()["details"]) == (422, {"rule": ["no_price"]})

    @pytest.mark.parametrize("amount", [-1, 119.001, 10**9, "a lot", [119], True])
    def test_refuses_what_is_no_amount(self, sarah, agreed, amount):
        answer = book(sarah, agreed, amountCollected=amount)

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == ["amountCollected"]

    @pytest.mark.parametrize("field", ["notes", "amountReason"])
    def test_keeps_card_numbers_out(self, sarah, agreed, field):
        answer = book(sarah, agreed, **{field: "Card 4111 1111 1111 1111"})

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == [field]
        assert "4111" not in answer.content.decode()


class TestPhoneBookingsBadInput:
    @pytest.mark.parametrize("field", ["triageSessionId", "practitionerId", "scheduledTime"])
    def test_needs_three_fields(self, sarah, agreed, field):
        del agreed[field]

        answer = book(sarah, agreed)

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == [field]

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"triageSessionId": NOBODY}, 404, "not_found"),
            ({"practitionerId": NOBODY}, 404, "not_found"),
            ({"serviceType": "surgery"}, 404, "not_found"),
            ({"appointmentType": "followup"}, 422, "rule_broken"),
            ({"appointmentType": "initial-other"}, 422, "rule_broken"),
            ({"scheduledTime": "2020-01-06T00:00:00Z"}, 422, "rule_broken"),
            ({"scheduledTime": f"{next_morning(3):%Y-%m-%dT%H:%M:%SZ}"}, 422, "rule_broken"),
            ({"scheduledTime": f"{next_morning(10) + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}, 422, "rule_broken"),
            ({"scheduledTime": "2200-01-01T00:00:00Z"}, 422, "rule_broken"),
            ({"scheduledTime": "2026-12-01T10:00:00"}, 400, "invalid"),
            ({"scheduledTime": 1764583200}, 400, "invalid"),
            ({"triageSessionId": "me"}, 400, "invalid"),
            ({"practitionerId": None}, 400, "invalid"),
            ({"paymentCollected": "perhaps"}, 400, "invalid"),
            ({"paymentMethod": "gold"}, 400, "invalid"),
            ({"notes": "x" * 5001}, 400, "invalid"),
            ({"notes": "a\u0000b"}, 400, "invalid"),
        ],
    )
    def test_says_what_is_wrong_and_does_nothing_half(self, sarah, session, doctor, agreed, changes, status, code):
        answer = book(sarah, agreed, **changes)

        session.refresh_from_db()
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["error"]
        assert (session.state, session.booking_id) == ("scheduled", None)
        assert diary.DiaryEntry.objects.filter(practitioner=doctor).count() == 0
        assert (Message.objects.count(), SyncRecord.objects.count()) == (0, 0)

    def test_does_not_mind_fields_that_it_does_not_know(self, sarah, agreed):
        assert book(sarah, agreed, colour="green").status_code == 200

    def test_answers_what_no_answer_can_carry(self, sarah, agreed):
        half = json.dumps({**agreed, "paymentMethod": "\ud800"})

        answer = sarah.generic("POST", "/api/bookings/phone", half, content_type="application/json")

        assert list(answer.json()["details"]) == ["paymentMethod"]


class TestBookingSync:
    def test_tells_where_each_system_stands(self, sarah, agreed):
        booked = book(sarah, agreed).json()

        answer = sarah.get(f"/api/bookings/{booked['bookingId']}/sync")

        assert answer.status_code == 200
        assert answer.json() == {"bookingId": booked["bookingId"], **booked["sync"]}

    def test_tells_what_was_done(self, sarah, agreed):
        booked = book(sarah, agreed).json()["bookingId"]
        SyncRecord.objects.filter(system="medirecords").update(told=1, external_id="abc", attempts=1)

        answer = sarah.get(f"/api/bookings/{booked}/sync")

        [medirecords] = [each for each in answer.json()["systems"] if each["system"] == "medirecords"]
        assert medirecords == {
            "system": "medirecords",
            "state": "synced",
            "externalId": "abc",
            "attempts": 1,
            "nextTryAt": None,
            "problem": None,
        }

    def test_keeps_the_bookings_of_others_to_them(self, sarah, agreed):
        booked = book(sarah, agreed).json()["bookingId"]
        other = bearer(PractitionerFactory(consultant=True))

        assert other.get(f"/api/bookings/{booked}/sync").status_code == 403

    def test_knows_no_other(self, sarah):
        assert sarah.get(f"/api/bookings/{uuid4()}/sync").status_code == 404
