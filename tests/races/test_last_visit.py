"""Many calls at once for the last visit that a day should have."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from bookings.money.payments import Taken
from botaniqal.errors import DomainError, RuleBroken
from practitioners.models import DiaryEntry
from tests.factories import (
    AppointmentTypeFactory,
    BookingFactory,
    PractitionerFactory,
    SessionFactory,
    next_morning,
)
from triage import booking, sessions
from triage.models import TriageSession

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


def at_once(do) -> list[str | None]:
    """Do something for each number at the same time; give the rule or code of what was refused."""

    def one(n):
        try:
            do(n)
        except RuleBroken as refusal:
            return refusal.rule
        except DomainError as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(CALLS) as threads:
        return list(threads.map(one, range(CALLS)))


class TestDailyCap:
    @pytest.mark.parametrize("take", [hold, book])
    def test_gives_the_last_visit_of_a_day_once(self, doctor, kind, take):
        calls = [SessionFactory() for _ in range(CALLS)]

        results = at_once(lambda n: take(n, calls[n], doctor, kind))

        assert results.count("cap") == CALLS - 1
        assert DiaryEntry.objects.filter(practitioner=doctor).count() == 1

    def test_is_kept_by_visits_that_are_moved_there(self, doctor, kind):
        visits = [
            BookingFactory(practitioner=PractitionerFactory(gives=[kind]), appointment_type=kind) for _ in range(CALLS)
        ]

        def move(n):
            at = TEN + n * timedelta(minutes=15)
            lifecycle.move(booking_id=visits[n].pk, starts_at=at, practitioner=doctor, by=None, now=timezone.now())

        results = at_once(move)

        assert results.count("cap") == CALLS - 1
        assert Booking.objects.filter(practitioner=doctor).count() == 1

    def test_is_kept_by_consultations(self):
        free = AppointmentTypeFactory(free=True)
        PractitionerFactory(consultant=True, gives=[free], daily_cap=1)

        def ask(n):
            sessions.book_consultation(
                name="Leo Martin",
                email="leo@example.com",
                phone="+61491570156",
                preferred_times=[TEN + n * timedelta(minutes=15)],
                concern="",
                zone="Australia/Melbourne",
                by=None,
                now=timezone.now(),
            )

        results = at_once(ask)

        assert results.count("slot_taken") == CALLS - 1
        assert TriageSession.objects.count() == 1
