"""The end of a call, done twice or in two ways at one moment."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.models import Booking
from bookings.money.payments import Taken
from botaniqal.messages.models import Message
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from tests.races.test_desk import at_once
from triage import booking as phone
from triage import hand_over, sessions, undo
from triage.models import HandOver

pytestmark = pytest.mark.django_db(transaction=True)
TEN = next_morning(10, days=2)


@pytest.fixture
def session():
    """A call that has just led to a visit."""
    kind = AppointmentTypeFactory()
    session = SessionFactory(in_progress=True)
    phone.book_by_phone(
        session_id=session.pk,
        practitioner=PractitionerFactory(gives=[kind]),
        appointment_type=kind,
        starts_at=TEN,
        taken=Taken(),
        ends_call=False,
        **who(session),
    )
    return session


def who(session) -> dict:
    return {"consultant": session.consultant, "by": session.consultant.user, "now": timezone.now()}


class TestUndo:
    def test_happens_once_however_often_it_is_pressed(self, session):
        results = at_once(lambda _: undo.undo_booking(session_id=session.pk, **who(session)), range(6))

        assert results.count("nothing_to_undo") == 5
        assert Message.objects.filter(kind=Message.Kind.CORRECTION).count() == 1

    def test_and_closing_the_call_leave_one_of_both(self, session):
        def either(n):
            if n % 2:
                undo.undo_booking(session_id=session.pk, **who(session))
                return "undone"
            sessions.wrap_up(session_id=session.pk, outcome="booked", **who(session))
            return "closed"

        results = at_once(either, range(4))

        session.refresh_from_db()
        booking = Booking.objects.get(hand_over__session=session)
        if "undone" in results:
            assert (session.state, session.booking, booking.state) == ("in_progress", None, "cancelled")
        else:
            assert (session.state, session.booking, booking.state) == ("done", booking, "confirmed")
        assert len({"undone", "closed"} & set(results)) == 1


class TestAlertDue:
    def test_tells_once_however_many_workers_look(self, session):
        soon = timezone.now() + timedelta(minutes=5)
        Booking.objects.filter(hand_over__session=session).update(starts_at=soon, ends_at=soon + timedelta(minutes=15))

        at_once(lambda _: hand_over.alert_due(now=timezone.now()), range(6))

        assert Message.objects.filter(kind=Message.Kind.UNREAD_CARD).count() == 1


class TestWriteRemark:
    def test_takes_one_of_two_that_begin_with_the_same(self, session):
        def write(n):
            said = {"former": "", "remark": f"From window {n}."}
            return hand_over.write_remark(session_id=session.pk, **said, **who(session)).remark

        results = at_once(write, range(6))

        assert results.count("other_remark") == 5
        assert HandOver.objects.get().remark in results
