"""Many calls at once for the last visit that a day should have."""

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from bookings.money.payments import Taken
from botaniqal.errors import DomainError
from practitioners.models import DiaryEntry
from tests.factories import (
    AppointmentTypeFactory,
    BookingFactory,
    PractitionerFactory,
    SessionFactory,
    next_morning,
)
from tests.races.together import at_once
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


def refused(do):
    """Do something for each number at the same time; count by which rule or code it was refused."""
    came = at_once(*[partial(do, n) for n in range(CALLS)])
    return Counter(getattr(each, "rule", each.code) for each in came if isinstance(each, DomainError))


class TestDailyCap:
    @pytest.mark.parametrize("take", [hold, book])
    def test_gives_the_last_visit_of_a_day_once(self, doctor, kind, take):
        calls = [SessionFactory() for _ in range(CALLS)]

        results = refused(lambda n: take(n, calls[n], doctor, kind))

        assert results == {"cap": CALLS - 1}
        assert DiaryEntry.objects.filter(practitioner=doctor).count() == 1

    def test_is_kept_by_visits_that_are_moved_there(self, doctor, kind):
        visits = [
            BookingFactory(practitioner=PractitionerFactory(gives=[kind]), appointment_type=kind) for _ in range(CALLS)
        ]

        def move(n):
            at = TEN + n * timedelta(minutes=15)
            lifecycle.move(booking_id=visits[n].pk, starts_at=at, practitioner=doctor, by=None, now=timezone.now())

        results = refused(move)

        assert results == {"cap": CALLS - 1}
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

        results = refused(ask)

        assert results == {"slot_taken": CALLS - 1}
        assert TriageSession.objects.count() == 1
