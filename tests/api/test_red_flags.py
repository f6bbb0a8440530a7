"""The API books nothing while a red flag is up."""

import pytest
from django.utils import timezone

from bookings.models import Booking
from practitioners import diary
from tests.factories import AppointmentTypeFactory, PractitionerFactory, ServiceFactory, SessionFactory, next_morning
from triage import red_flags

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(consultant):
    return SessionFactory(consultant=consultant)


@pytest.fixture
def wanted(session):
    service = ServiceFactory(slug="alternative-medicine")
    doctor = PractitionerFactory(gives=[AppointmentTypeFactory(service=service, code="initial-alternative-15min")])
    return {
        "triageSessionId": str(session.pk),
        "practitionerId": str(doctor.pk),
        "appointmentType": "initial-alternative-15min",
        "scheduledTime": f"{next_morning(10):%Y-%m-%dT%H:%M:%SZ}",
    }


def raise_flag(session):
    own = {"consultant": session.consultant, "by": session.consultant.user}
    red_flags.put_up_by_hand(session_id=session.pk, words="Chest pain", now=timezone.now(), **own)


class TestHolds:
    def test_are_refused(self, sarah, session, wanted):
        raise_flag(session)

        answer = sarah.post("/api/holds", wanted, format="json")

        assert answer.status_code == 422
        assert answer.json()["code"] == "red_flag"
        assert answer.json()["details"] == {"rule": ["red_flag"]}
        assert not diary.living_holds(held_for=session.pk)

    def test_that_were_kept_are_given_back(self, sarah, session, wanted):
        sarah.post("/api/holds", wanted, format="json")

        raise_flag(session)

        assert not diary.living_holds(held_for=session.pk)


class TestPhoneBookings:
    def test_are_refused(self, sarah, session, wanted):
        sarah.post("/api/holds", wanted, format="json")
        raise_flag(session)

        answer = sarah.post("/api/bookings/phone", {**wanted, "paymentCollected": True}, format="json")

        assert answer.status_code == 422
        assert answer.json()["code"] == "red_flag"
        assert list(Booking.objects.all()) == [session.consultation]
