"""What the publish check forbids is refused at every door that offers something, with the reason."""

import pytest

from services.models import AppointmentType
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from tests.offering import check_again

pytestmark = pytest.mark.django_db


@pytest.fixture
def weight(db):
    """The initial weight-loss visit: it has no price."""
    return AppointmentTypeFactory(
        service__slug="weight-loss", code="initial-weight", name="Weight loss, initial", price="none"
    )


@pytest.fixture
def doctor(weight):
    return PractitionerFactory(gives=[weight], calendar_provider="outlook", mailbox="dia@clinic.example")


@pytest.fixture
def times():
    return {"service": "weight-loss", "date": f"{next_morning(9).astimezone():%Y-%m-%d}"}


class TestAvailability:
    @pytest.mark.parametrize("kind", ["initial", "initial-weight"])
    def test_says_why_there_is_no_time(self, api, doctor, times, kind):
        check_again()

        answer = api.get("/api/practitioners/availability", times | {"appointmentType": kind})

        assert answer.status_code == 422
        assert answer.json() == {
            "error": "Weight loss, initial cannot be booked at the moment. There is no price for it yet.",
            "code": "rule_broken",
            "details": {"rule": ["not_offered"]},
        }

    def test_tells_the_public_nothing_of_the_inside(self, api, sarah, doctor, weight, times):
        weight.prices.create(amount=100, starts_on="2024-01-01")
        AppointmentType.objects.update(medirecords_type="")
        check_again()

        said = [caller.get("/api/practitioners/availability", times).json()["error"] for caller in (api, sarah)]

        assert said[0] == "Weight loss, initial cannot be booked at the moment."
        assert said[1].endswith("It has no MediRecords type.")

    def test_offers_what_else_there_is_of_the_kind(self, api, doctor, weight, times):
        other = AppointmentTypeFactory(service=weight.service, code="initial-weight-long")
        doctor.appointment_types.add(other)
        AppointmentType.objects.filter(pk=weight.pk).update(verdict="red")

        answer = api.get("/api/practitioners/availability", times)

        assert answer.json()["practitioners"][0]["appointmentType"] == "initial-weight-long"


class TestPhoneBookings:
    @pytest.mark.parametrize("named", ["initial", "initial-weight"])
    def test_say_why_it_cannot_be_booked(self, sarah, consultant, doctor, named):
        check_again()
        body = {
            "triageSessionId": str(SessionFactory(consultant=consultant).pk),
            "practitionerId": str(doctor.pk),
            "scheduledTime": f"{next_morning(10):%Y-%m-%dT%H:%M:%SZ}",
            "appointmentType": named,
        }

        answer = sarah.post("/api/bookings/phone", body, format="json")

        assert answer.status_code == 422
        assert answer.json()["error"] == "Weight loss, initial cannot be booked at the moment. It has no price yet."


class TestHolds:
    def test_say_why_it_cannot_be_held(self, sarah, consultant, doctor):
        check_again()
        body = {
            "triageSessionId": str(SessionFactory(consultant=consultant).pk),
            "practitionerId": str(doctor.pk),
            "scheduledTime": f"{next_morning(10):%Y-%m-%dT%H:%M:%SZ}",
            "appointmentType": "initial-weight",
        }

        answer = sarah.post("/api/holds", body, format="json")

        assert (answer.status_code, answer.json()["details"]) == (422, {"rule": ["not_offered"]})


class TestConsultations:
    def test_are_refused_while_nobody_makes_calls(self, api):
        free = AppointmentTypeFactory(free=True, code=AppointmentType.FREE_CONSULTATION)
        free.prices.get_or_create(starts_on="2024-01-01", defaults={"amount": 0})
        check_again()
        body = {
            "patientName": "John Doe",
            "email": "john@example.com",
            "phone": "+61412345678",
            "preferredTimes": [f"{next_morning(10):%Y-%m-%dT%H:%M:%SZ}"],
        }

        answer = api.post("/api/consultations/book", body, format="json")

        assert answer.status_code == 422
        assert answer.json()["error"] == f"{free} cannot be booked at the moment."
