"""Moving a visit keeps to a day's visits and to the registration."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings import lifecycle
from botaniqal.errors import RuleBroken
from practitioners import availability, diary
from practitioners.availability import CLINIC
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db
TEN = next_morning(10, days=2)
A_DAY = timedelta(days=1)


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


@pytest.fixture
def doctor(kind):
    """Somebody with one visit a day."""
    return PractitionerFactory(gives=[kind], daily_cap=1)


def take(doctor, kind, moment):
    return diary.take(practitioner=doctor, span=availability.occupied_span(kind, moment), by=None)


@pytest.fixture
def booking(doctor, kind):
    return BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=TEN, entry=take(doctor, kind, TEN))


def move(booking, starts_at, **kwargs):
    return lifecycle.move(booking_id=booking.pk, starts_at=starts_at, by=None, now=timezone.now(), **kwargs)


class TestMove:
    def test_may_change_the_hour_on_a_full_day(self, booking):
        later = TEN + timedelta(hours=2)

        assert move(booking, later).starts_at == later

    def test_cannot_go_to_another_day_that_is_full(self, booking, doctor, kind):
        take(doctor, kind, TEN + A_DAY)

        with pytest.raises(RuleBroken) as refused:
            move(booking, TEN + A_DAY + timedelta(hours=2))

        assert refused.value.rule == "cap"
        booking.refresh_from_db()
        assert booking.starts_at == TEN

    def test_cannot_go_behind_the_end_of_the_registration(self, booking, doctor):
        doctor.registration_expires_on = TEN.astimezone(CLINIC).date()
        doctor.save()

        with pytest.raises(RuleBroken) as refused:
            move(booking, TEN + A_DAY)

        assert refused.value.rule == "registration"
