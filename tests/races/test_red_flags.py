"""A red flag that is raised at the very moment at which somebody holds or books."""

import pytest
from django.utils import timezone

from bookings.models import Booking
from bookings.money.payments import Taken
from practitioners import diary
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from tests.races.together import at_once, codes
from triage import booking, red_flags

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8


@pytest.fixture
def kind(transactional_db):
    return AppointmentTypeFactory()


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(gives=[kind])


@pytest.fixture
def consultant(transactional_db):
    return PractitionerFactory(consultant=True)


def raising(session):
    own = {"consultant": session.consultant, "by": session.consultant.user}
    return lambda: red_flags.put_up_by_hand(session_id=session.pk, words="Pain", now=timezone.now(), **own)


class TestPutUp:
    def test_leaves_no_hold_behind(self, consultant, doctor, kind):
        for place in range(ROUNDS):
            session = SessionFactory(consultant=consultant, in_progress=True)
            wanted = {"practitioner": doctor, "appointment_type": kind, "starts_at": next_morning(10, days=2 + place)}

            def hold(session=session, wanted=wanted):
                return booking.hold_slot(session_id=session.pk, consultant=consultant, by=consultant.user, **wanted)

            at_once(hold, raising(session))

            assert not diary.living_holds(held_for=session.pk)

    def test_comes_before_the_booking_or_after_it(self, consultant, doctor, kind):
        for place in range(ROUNDS):
            session = SessionFactory(consultant=consultant, in_progress=True)

            def book(session=session, place=place):
                return booking.book_by_phone(
                    session_id=session.pk,
                    consultant=consultant,
                    practitioner=doctor,
                    appointment_type=kind,
                    starts_at=next_morning(11, days=2 + place),
                    taken=Taken(is_collected=True),
                    by=consultant.user,
                    now=timezone.now(),
                    ends_call=False,
                )

            booked, raised = codes(at_once(book, raising(session)))

            if isinstance(booked, Booking):
                assert raised == "session_closed"
                assert not session.red_flags.exists()
            else:
                assert booked == "red_flag"
                session.refresh_from_db()
                assert session.booking is None

    def test_raises_one_flag(self, consultant):
        for _ in range(ROUNDS):
            session = SessionFactory(consultant=consultant, in_progress=True)

            at_once(raising(session), raising(session))

            assert session.red_flags.count() == 1
