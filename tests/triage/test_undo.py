from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from bookings import lifecycle
from bookings.models import CancelReason, Payment
from bookings.money.payments import Taken
from botaniqal.messages.models import Message
from practitioners import availability
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from triage import booking as phone
from triage import hand_over, sessions, undo
from triage.models import CallEvent, HandOver, TriageSession

pytestmark = pytest.mark.django_db

TEN = next_morning(10, days=2)


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(gives=[kind], calendar_provider="calendly")


@pytest.fixture
def session():
    return SessionFactory(in_progress=True)


def who(session: TriageSession) -> dict:
    return {"consultant": session.consultant, "by": session.consultant.user, "now": timezone.now()}


def book(session, doctor, kind, *, taken=Taken(), ends_call=False):  # noqa: B008  (it is frozen)
    return phone.book_by_phone(
        session_id=session.pk,
        practitioner=doctor,
        appointment_type=kind,
        starts_at=TEN,
        taken=taken,
        ends_call=ends_call,
        **who(session),
    )


def take_back(session: TriageSession, **fields):
    return undo.undo_booking(session_id=session.pk, **who(session) | fields)


class TestUndoBooking:
    def test_cancels_the_visit_and_goes_on_with_the_call(self, session, doctor, kind):
        booking = book(session, doctor, kind)

        take_back(session)

        session.refresh_from_db()
        booking.refresh_from_db()
        assert (session.state, session.outcome, session.booking) == ("in_progress", "", None)
        assert (booking.state, booking.cancel_cause.code) == ("cancelled", "mistake")
        assert session.events.filter(kind=CallEvent.Kind.UNDONE, words=booking.number).exists()
        availability.check(practitioner=doctor, appointment_type=kind, starts_at=TEN)

    def test_tells_the_patient_that_it_was_a_mistake_and_the_vendors(self, session, doctor, kind):
        booking = book(session, doctor, kind)

        take_back(session)

        mail = Message.objects.get(reference=booking.pk)  # the confirmation had not gone out
        assert mail.kind == Message.Kind.CORRECTION
        assert "METHOD:CANCEL" in mail.calendar
        assert {record.system for record in booking.sync_records.open()} == {"calendly", "medirecords"}

    def test_says_what_has_to_be_given_back(self, session, doctor, kind):
        booking = book(session, doctor, kind, taken=Taken(is_collected=True, reference="R-1"))

        payment = take_back(session)

        booking.refresh_from_db()
        assert (payment.status, payment.amount) == (Payment.Status.REFUND_DUE, 119)
        assert booking.attention == "Money was paid that may have to be given back. Decide how much."
        assert "You get back the $119.00 that you paid." in Message.objects.get(reference=booking.pk).text

    def test_owes_nothing_where_nothing_was_paid(self, session, doctor, kind):
        booking = book(session, doctor, kind)

        assert take_back(session) is None
        assert Payment.objects.get(booking=booking).status == Payment.Status.PENDING

    def test_lets_the_same_time_be_booked_again_with_the_former_remark(self, session, doctor, kind):
        first = book(session, doctor, kind)
        hand_over.write_remark(session_id=session.pk, former="", remark="Speaks softly.", **who(session))
        take_back(session)

        second = book(session, doctor, kind)

        assert first.number != second.number
        assert HandOver.objects.get(booking=second).remark == "Speaks softly."

    def test_knows_the_reason_however_operations_call_it(self, session, doctor, kind):
        CancelReason.objects.filter(code="mistake").update(label="Our fault", is_active=False)
        booking = book(session, doctor, kind)

        take_back(session)

        booking.refresh_from_db()
        assert booking.cancel_reason == "Our fault"

    def test_needs_no_such_reason(self, session, doctor, kind):
        CancelReason.objects.all().delete()
        booking = book(session, doctor, kind)

        take_back(session)

        booking.refresh_from_db()
        assert booking.cancel_reason == "Mistake"

    def test_is_for_whoever_has_the_call(self, session, doctor, kind):
        book(session, doctor, kind)

        for somebody in (None, PractitionerFactory(consultant=True)):
            with pytest.raises(sessions.NotYourSession):
                take_back(session, consultant=somebody)

    def test_comes_too_late_after_its_time(self, session, doctor, kind):
        booking = book(session, doctor, kind)
        late = booking.created_at + timedelta(seconds=settings.UNDO_SECONDS + 1)

        with pytest.raises(undo.TooLateToUndo) as refused:
            take_back(session, now=late)

        assert refused.value.message.startswith("A booking can be undone for 2 minutes. Cancel BOT-")

    def test_has_nothing_to_do_twice(self, session, doctor, kind):
        book(session, doctor, kind)
        take_back(session)

        with pytest.raises(undo.NothingToUndo):
            take_back(session)

        assert Message.objects.filter(kind=Message.Kind.CORRECTION).count() == 1

    @pytest.mark.parametrize("ends_call", [True, False])
    def test_does_not_open_a_call_that_is_closed(self, session, doctor, kind, ends_call):
        book(session, doctor, kind, ends_call=ends_call)
        if not ends_call:
            sessions.wrap_up(session_id=session.pk, outcome="booked", **who(session))

        with pytest.raises(undo.NothingToUndo, match="This call is closed"):
            take_back(session)

    def test_leaves_alone_what_was_cancelled_meanwhile(self, session, doctor, kind):
        booking = book(session, doctor, kind)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())

        with pytest.raises(undo.NothingToUndo, match="is cancelled"):
            take_back(session)

    def test_leaves_nothing_to_wrap_up_as_booked(self, session, doctor, kind):
        book(session, doctor, kind)
        take_back(session)

        with pytest.raises(sessions.RuleBroken, match="Nothing was booked"):
            sessions.wrap_up(session_id=session.pk, outcome="booked", **who(session))
