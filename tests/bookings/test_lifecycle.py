"""What can happen to a booking, from each state."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from bookings.money import payments
from bookings.vendors import sync
from botaniqal.errors import Malformed, Missing, RuleBroken
from botaniqal.messages.models import Message
from practitioners import availability, diary
from services.models import AppointmentType
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory, RoomFactory, next_morning

pytestmark = pytest.mark.django_db
State = Booking.State
TEN = next_morning(10, days=2)
ELEVEN = TEN + timedelta(hours=1)


@pytest.fixture
def booking():
    """A visit in two days whose time is taken in the diary."""
    kind = AppointmentTypeFactory()
    doctor = PractitionerFactory(gives=[kind], calendar_provider="calendly")
    entry = diary.take(practitioner=doctor, span=availability.occupied_span(kind, TEN), by=None)
    return BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=TEN, entry=entry)


def act(verb, booking, **kwargs):
    return verb(booking_id=booking.pk, by=None, now=timezone.now(), **kwargs)


def cancel(booking):
    return act(lifecycle.cancel, booking, reason="Patient is ill")


def complete(booking):
    return act(lifecycle.complete, booking)


def mark_no_show(booking):
    return act(lifecycle.mark_no_show, booking)


def move(booking):
    return act(lifecycle.move, booking, starts_at=ELEVEN)


def put(booking, state):
    cancelled = {"cancel_reason": "Ill", "cancelled_at": timezone.now()} if state == State.CANCELLED else {}
    unpaid = {"pays_until": timezone.now()} if state == State.PENDING_PAYMENT else {}
    Booking.objects.filter(pk=booking.pk).update(state=state, **cancelled, **unpaid)


class TestEveryVerb:
    @pytest.mark.parametrize(
        ("verb", "allowed"),
        [
            (cancel, {State.PENDING_PAYMENT, State.CONFIRMED}),
            (complete, {State.CONFIRMED}),
            (mark_no_show, {State.CONFIRMED}),
            (move, {State.CONFIRMED}),
        ],
    )
    @pytest.mark.parametrize("state", State.values)
    def test_goes_by_the_table_of_moves(self, booking, verb, allowed, state):
        put(booking, state)

        if state in allowed:
            verb(booking)
        else:
            with pytest.raises(lifecycle.WrongMove, match=booking.State(state).label.lower()):
                verb(booking)
            booking.refresh_from_db()
            assert (booking.state, booking.starts_at, booking.entry.live_until) == (state, TEN, None)
            assert not Message.objects.exists()

    @pytest.mark.parametrize("verb", [cancel, complete, mark_no_show, move])
    def test_says_when_there_is_no_such_booking(self, verb):
        with pytest.raises(Missing):
            verb(Booking(pk=uuid4()))


class TestCancel:
    def test_gives_the_time_back_and_tells_everybody(self, booking):
        cancelled = cancel(booking)

        assert (cancelled.state, cancelled.cancel_reason) == (State.CANCELLED, "Patient is ill")
        availability.check(practitioner=booking.practitioner, appointment_type=booking.appointment_type, starts_at=TEN)
        assert {record.system for record in booking.sync_records.open()} == {"calendly", "medirecords"}
        assert Message.objects.get().kind == Message.Kind.CANCELLED

    def test_leaves_nothing_for_a_person_to_look_at(self, booking):
        Booking.objects.update(attention="Clashes with something else.")

        assert cancel(booking).attention == ""

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_asks_for_a_reason(self, booking, reason):
        with pytest.raises(Malformed):
            act(lifecycle.cancel, booking, reason=reason)


class TestMove:
    def test_takes_the_new_time_and_gives_the_old_one_back(self, booking):
        moved = move(booking)

        assert (moved.starts_at, moved.ends_at - moved.starts_at) == (ELEVEN, booking.ends_at - booking.starts_at)
        assert moved.entry.starts_at == ELEVEN
        assert moved.revision == 1
        assert Message.objects.get().kind == Message.Kind.MOVED
        availability.check(practitioner=booking.practitioner, appointment_type=booking.appointment_type, starts_at=TEN)

    def test_keeps_the_old_time_when_the_new_one_is_taken(self, booking):
        span = availability.occupied_span(booking.appointment_type, ELEVEN)
        diary.take(practitioner=booking.practitioner, span=span, by=None)

        with pytest.raises(diary.SlotTaken):
            move(booking)

        booking.refresh_from_db()
        assert (booking.starts_at, booking.entry.live_until) == (TEN, None)

    def test_takes_a_time_that_overlaps_the_old_one(self, booking):
        AppointmentType.objects.update(step_minutes=5)

        moved = act(lifecycle.move, booking, starts_at=TEN + timedelta(minutes=5))

        assert moved.entry.starts_at == TEN + timedelta(minutes=5)

    def test_keeps_to_the_rules(self, booking):
        with pytest.raises(RuleBroken, match="passed"):
            act(lifecycle.move, booking, starts_at=TEN - timedelta(days=9))

    def test_tells_nobody_of_what_is_not_new(self, booking):
        with pytest.raises(RuleBroken, match="already"):
            act(lifecycle.move, booking, starts_at=TEN)

        assert not Message.objects.exists()

    def test_needs_no_entry_to_begin_with(self, booking):
        diary.release(entry=booking.entry)
        Booking.objects.update(entry=None, attention="Clashes with something else.")

        moved = move(booking)

        assert (moved.entry.starts_at, moved.attention) == (ELEVEN, "")


class TestMoveToAnotherPractitioner:
    @pytest.fixture
    def other(self, booking):
        return PractitionerFactory(
            name="Dr Shivani",
            gives=[booking.appointment_type],
            calendar_provider="outlook",
            meeting_link="https://meet.example.com/shivani",
        )

    def test_takes_the_others_time_and_gives_the_own_one_back(self, booking, other):
        Booking.objects.update(join_link="https://meet.example.com/dia", price=99)

        moved = act(lifecycle.move, booking, starts_at=TEN, practitioner=other)

        moved.refresh_from_db()
        assert (moved.practitioner, moved.entry.practitioner, moved.entry.starts_at) == (other, other, TEN)
        assert (moved.join_link, moved.price, moved.revision) == ("https://meet.example.com/shivani", 99, 1)
        availability.check(practitioner=booking.practitioner, appointment_type=booking.appointment_type, starts_at=TEN)

    def test_owes_it_to_the_calendars_of_both(self, booking, other):
        sync.owe(booking=booking, now=timezone.now())

        act(lifecycle.move, booking, starts_at=TEN, practitioner=other)

        owed = booking.sync_records.values_list("system", "wanted")
        assert set(owed) == {("calendly", 2), ("medirecords", 2), ("outlook", 1)}

    def test_tells_the_patient_who_it_is_now(self, booking, other):
        act(lifecycle.move, booking, starts_at=TEN, practitioner=other)

        message = Message.objects.get()
        assert message.kind == Message.Kind.OTHER_PRACTITIONER
        assert message.subject.endswith("is now with Dr Shivani")
        assert other.meeting_link in message.text

    def test_keeps_everything_when_the_other_is_taken(self, booking, other):
        span = availability.occupied_span(booking.appointment_type, TEN)
        diary.take(practitioner=other, span=span, by=None)

        with pytest.raises(diary.SlotTaken):
            act(lifecycle.move, booking, starts_at=TEN, practitioner=other)

        kept = Booking.objects.get()
        assert (kept.practitioner, kept.entry.live_until) == (booking.practitioner, None)

    def test_refuses_somebody_who_does_not_give_it(self, booking):
        with pytest.raises(RuleBroken, match="does not give"):
            act(lifecycle.move, booking, starts_at=TEN, practitioner=PractitionerFactory())

    def test_leaves_a_call_with_its_consultant(self, booking, other):
        kind = AppointmentTypeFactory(free=True)
        call = BookingFactory(appointment_type=kind, practitioner=PractitionerFactory(consultant=True, gives=[kind]))

        with pytest.raises(RuleBroken, match="taken over"):
            act(lifecycle.move, call, starts_at=TEN, practitioner=PractitionerFactory(consultant=True, gives=[kind]))

    def test_takes_a_room_of_its_own(self, other):
        room, kind = RoomFactory(), AppointmentTypeFactory(in_person=True)
        dia, other = (PractitionerFactory(gives=[kind], location="both") for _ in range(2))
        entry = diary.take(practitioner=dia, span=availability.occupied_span(kind, TEN), room=room, by=None)
        visit = BookingFactory(practitioner=dia, appointment_type=kind, starts_at=TEN, entry=entry)

        moved = act(lifecycle.move, visit, starts_at=TEN, practitioner=other)

        assert (moved.entry.practitioner, moved.entry.room) == (other, room)


class TestComplete:
    def test_owes_the_end_to_medirecords_but_not_that_of_a_free_consultation(self, booking):
        call = BookingFactory(
            appointment_type=AppointmentTypeFactory(free=True),
            practitioner=PractitionerFactory(consultant=True, calendar_provider="calendly"),
        )

        complete(booking)
        complete(call)

        assert booking.sync_records.open().filter(system="medirecords").exists()
        assert not call.sync_records.exists()


class TestCorrect:
    @pytest.mark.parametrize("state", State.values)
    @pytest.mark.parametrize("truth", State.values)
    def test_goes_by_the_table_of_corrections(self, booking, state, truth):
        put(booking, state)

        if truth in lifecycle.CORRECTABLE.get(state, ()):
            act(lifecycle.correct, booking, state=truth, reason="She rang.")
            wanted = truth
        else:
            with pytest.raises(lifecycle.WrongMove, match="cannot be corrected to"):
                act(lifecycle.correct, booking, state=truth, reason="She rang.")
            wanted = state
        booking.refresh_from_db()

        assert booking.state == wanted

    def test_keeps_the_reason_and_owes_the_truth_to_the_vendors(self, booking):
        complete(booking)
        booking.sync_records.update(told=F("wanted"))

        corrected = act(lifecycle.correct, booking, state=State.NO_SHOW, reason="Noted for the wrong patient.")

        assert corrected.correction == "Noted for the wrong patient."
        assert {record.system for record in booking.sync_records.open()} == {"calendly", "medirecords"}

    def test_has_it_decided_what_is_given_back_of_what_was_cancelled_in_truth(self, booking):
        complete(booking)
        payments.record(booking=booking, taken=payments.Taken(is_collected=True), by=None, now=timezone.now())

        act(lifecycle.correct, booking, state=State.CANCELLED, reason="She had cancelled by phone.")

        assert booking.payment.refund_decisions.get().suggested == booking.price

    def test_gives_the_time_back_of_what_was_cancelled_in_truth(self, booking):
        complete(booking)

        act(lifecycle.correct, booking, state=State.CANCELLED, reason="She had cancelled by phone.")

        booking.refresh_from_db()
        assert (booking.cancel_reason, booking.entry.live_until is None) == ("She had cancelled by phone.", False)

    @pytest.mark.parametrize("reason", ["", " ", "4111 1111 1111 1111"])
    def test_asks_for_a_reason(self, booking, reason):
        complete(booking)

        with pytest.raises(Malformed):
            act(lifecycle.correct, booking, state=State.NO_SHOW, reason=reason)
