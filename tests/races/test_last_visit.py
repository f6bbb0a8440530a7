"""Many calls at once for the last visit that a day should have."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from bookings.payments import Taken
from botaniqal.errors import RuleBroken
from practitioners.models import DiaryEntry
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from triage import booking

pytestmark = pytest.mark.django_db(transaction=True)
TEN = next_morning(10, days=2)
CALLS = 12


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(gives=[kind], daily_cap=1)


def hold(n, call, doctor, kind):
    """Each call wants a time of its own."""
    booking.hold_slot(
        session_id=call.pk,
        consultant=call.consultant,
        practitioner=doctor,
        appointment_type=kind,
        starts_at=TEN + n * timedelta(minutes=15),
        by=None,
    )


def book(n, call, doctor, kind):
    booking.book_by_phone(
        session_id=call.pk,
        consultant=call.consultant,
        practitioner=doctor,
        appointment_type=kind,
        starts_at=TEN + n * timedelta(minutes=15),
        taken=Taken(is_collected=True),
        by=None,
        now=timezone.now(),
    )


class TestDailyCap:
    @pytest.mark.parametrize("take", [hold, book])
    def test_gives_the_last_visit_of_a_day_once(self, doctor, kind, take):
        calls = [SessionFactory() for _ in range(CALLS)]

        def one(n):
            try:
                take(n, calls[n], doctor, kind)
            except RuleBroken as refusal:
                return refusal.rule
            finally:
                connection.close()

        with ThreadPoolExecutor(CALLS) as threads:
            results = list(threads.map(one, range(CALLS)))

        assert results.count("cap") == CALLS - 1
        assert DiaryEntry.objects.filter(practitioner=doctor).count() == 1
