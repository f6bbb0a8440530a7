import os
import signal
import time
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from bookings.models import Booking, Patient
from botaniqal.api import idempotency
from botaniqal.api.models import IdempotentRequest
from botaniqal.messages.models import Message
from services.models import AppointmentType
from tests.factories import AppointmentTypeFactory, PractitionerFactory, UserFactory, next_morning
from triage.models import TriageSession

pytestmark = pytest.mark.django_db

DOOR = "/api/consultations/book"


def at(hour, days=1):
    return f"{next_morning(hour, days):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def free_consultation():
    return AppointmentTypeFactory(free=True, code=AppointmentType.FREE_CONSULTATION)


@pytest.fixture
def consultant(free_consultation):
    return PractitionerFactory(
        consultant=True, name="Sarah Consultant", gives=[free_consultation], meeting_link="https://zoom.us/j/1"
    )


@pytest.fixture
def wanted():
    """What seed 1 sends, at times to come."""
    return {
        "patientName": "John Doe",
        "email": "john@example.com",
        "phone": "+61412345678",
        "preferredTimes": [at(10), at(14)],
        "primaryConcern": "Digestive issues",
        "timezone": "Australia/Sydney",
    }


def book(caller, wanted, **changes):
    return caller.post(DOOR, {**wanted, **changes}, format="json")


class TestConsultations:
    def test_lets_a_robot_believe_that_it_was_heard(self, api, consultant, wanted):
        robot = book(api, wanted, website="https://casino.example")

        assert not Booking.objects.exists()
        assert not Patient.objects.exists()
        person = book(api, wanted, website=" ")
        assert (robot.status_code, person.status_code) == (200, 200)
        assert robot.json().keys() == person.json().keys()
        for said in ("scheduledTime", "consultantName"):
            assert robot.json()[said] == person.json()[said]

    def test_answers_as_the_seed_says(self, api, consultant, wanted):
        answer = book(api, wanted)

        assert answer.status_code == 200
        planned = answer.json()
        assert UUID(planned.pop("consultationId")) == TriageSession.objects.get().pk
        assert planned == {
            "scheduledTime": at(10),
            "consultantName": "Sarah Consultant",
            "zoomLink": "https://zoom.us/j/1",
            "preparationEmailSent": False,  # nobody sends e-mails here
        }

    def test_plans_the_call(self, api, consultant, wanted):
        book(api, wanted)

        session = TriageSession.objects.get()
        patient = session.patient
        assert (session.consultant, session.primary_concern) == (consultant, "Digestive issues")
        assert (patient.name, patient.email, patient.phone) == ("John Doe", "john@example.com", "+61412345678")
        assert patient.time_zone == "Australia/Sydney"
        assert session.consultation.source == Booking.Source.ONLINE
        assert Message.objects.get().kind == "preparation"

    def test_takes_the_second_time_when_the_first_is_gone(self, api, consultant, wanted):
        book(api, wanted)

        answer = book(api, wanted, email="jane@example.com")

        assert answer.json()["scheduledTime"] == at(14)

    def test_offers_the_nearest_when_no_time_is_free(self, api, consultant, wanted):
        book(api, wanted)

        answer = book(api, wanted, preferredTimes=[at(10)])

        assert answer.status_code == 409
        assert answer.json()["code"] == "slot_taken"
        assert len(answer.json()["alternatives"]) == 3

    def test_writes_phone_numbers_one_way(self, api, consultant, wanted):
        book(api, wanted, phone="0412 345 678")

        assert Patient.objects.get().phone == "+61412345678"

    def test_does_without_concern_and_zone(self, api, consultant, wanted):
        del wanted["primaryConcern"], wanted["timezone"]

        answer = book(api, wanted)

        assert answer.status_code == 200
        assert Patient.objects.get().time_zone == "Australia/Melbourne"

    def test_plans_one_call_per_key(self, api, consultant, wanted):
        answers = [api.post(DOOR, wanted, format="json", headers={"Idempotency-Key": "once"}) for _ in range(3)]

        assert TriageSession.objects.count() == 1
        assert [answer.json() for answer in answers] == [answers[0].json()] * 3

    def test_is_open_to_staff_who_happen_to_be_logged_in(self, api, consultant, wanted):
        api.force_login(UserFactory(roles=["operations"]))

        assert book(api, wanted).status_code == 200

    def test_refuses_times_that_have_passed(self, api, consultant, wanted):
        answer = book(api, wanted, preferredTimes=["2020-01-06T00:00:00Z"])

        assert (answer.status_code, answer.json()["details"]) == (422, {"rule": ["past"]})

    def test_refuses_while_there_are_no_consultations(self, api, wanted):
        answer = book(api, wanted)

        assert (answer.status_code, answer.json()["details"]) == (422, {"rule": ["not_offered"]})

    @pytest.mark.parametrize("field", ["patientName", "email", "phone", "preferredTimes"])
    def test_needs_four_fields(self, api, consultant, wanted, field):
        del wanted[field]

        answer = book(api, wanted)

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == [field]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("patientName", ""),
            ("patientName", "   "),
            ("patientName", "x" * 256),
            ("patientName", "Your prize: https://evil.example"),
            ("patientName", "Look at evil.com now"),
            ("patientName", "a\u0000b"),
            ("patientName", {"first": "John"}),
            ("email", "john"),
            ("email", "x" * 250 + "@example.com"),
            ("email", "john@example.com\nBcc: all@example.com"),
            ("phone", "123"),
            ("phone", "not a number"),
            ("phone", "+99 999 999 999 999"),
            ("phone", "4" * 5000),
            ("preferredTimes", []),
            ("preferredTimes", "2026-12-01T10:00:00Z"),
            ("preferredTimes", ["2026-12-01T10:00:00"]),
            ("preferredTimes", [None]),
            ("preferredTimes", ["2026-12-01T10:00:00Z"] * 11),
            ("primaryConcern", "x" * 5001),
            ("primaryConcern", "Pay by 4111 1111 1111 1111"),
            ("timezone", "Sydney"),
            ("timezone", 10),
        ],
    )
    def test_names_the_field_at_fault(self, api, consultant, wanted, field, value):
        answer = book(api, wanted, **{field: value})

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == [field]
        assert (TriageSession.objects.count(), Patient.objects.count()) == (0, 0)

    def test_lets_strangers_book_only_so_often(self, api, wanted, rate):
        rate("public-write", "2/d")

        answers = [book(api, wanted, email="") for _ in range(3)]

        assert [answer.status_code for answer in answers] == [400, 400, 429]
        assert int(answers[-1]["Retry-After"]) > 0


class TestKill:
    """Somebody pulls the plug between the booking and its answer."""

    KEY = {"Idempotency-Key": "the plug is pulled"}

    @pytest.fixture
    def killed(self, api, consultant, wanted, settings):
        """Book in a process that dies while it waits for the vendors."""
        settings.SYNC_WAIT_SECONDS = 60
        connection.close()  # a process of its own needs a connection of its own
        pid = os.fork()
        if pid == 0:
            try:
                api.post(DOOR, wanted, format="json", headers=self.KEY)
            finally:
                os._exit(1)
        deadline = time.monotonic() + 30
        while not Booking.objects.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        settings.SYNC_WAIT_SECONDS = 0

    @pytest.mark.django_db(transaction=True)
    def test_leaves_one_call_and_its_answer_to_whoever_asks_again(self, api, wanted, killed):
        with time_machine.travel(timezone.now() + idempotency.LONGEST_WORK + timedelta(seconds=1)):
            again = api.post(DOOR, wanted, format="json", headers=self.KEY)
            and_again = api.post(DOOR, wanted, format="json", headers=self.KEY)

        assert (again.status_code, again["Idempotent-Replayed"]) == (200, "true")
        assert again.json() == and_again.json()
        assert UUID(again.json()["consultationId"]) == TriageSession.objects.get().pk
        assert IdempotentRequest.objects.get().status == 200

    @pytest.mark.django_db(transaction=True)
    def test_asks_to_wait_as_long_as_the_first_may_be_alive(self, api, wanted, killed):
        again = api.post(DOOR, wanted, format="json", headers=self.KEY)

        assert (again.status_code, again.json()["code"]) == (409, "idempotency_in_flight")
