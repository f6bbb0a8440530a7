"""The diary: a practitioner's time is taken once."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from practitioners import diary
from practitioners.models import BusyPeriod, DiaryEntry
from tests.factories import AppointmentTypeFactory, PractitionerFactory, RoomFactory, next_morning

pytestmark = pytest.mark.django_db
TEN = next_morning(10)
QUARTER = timedelta(minutes=15)
SPAN = diary.Span(TEN, TEN + QUARTER)


@pytest.fixture
def doctor():
    return PractitionerFactory(hours=False)


@pytest.fixture
def call():
    """The session that holds are kept for."""
    return uuid4()


def hold(doctor, call, span=SPAN, **kwargs):
    return diary.hold(practitioner=doctor, span=span, held_for=call, by=None, **kwargs)


def take(doctor, span=SPAN, **kwargs):
    return diary.take(practitioner=doctor, span=span, by=None, **kwargs)


def lapse(entry):
    """Let a hold run out, as time would."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE practitioners_diaryentry SET live_from = live_from - interval '1 hour', "
            "live_until = clock_timestamp() - interval '1 ms' WHERE id = %s",
            [entry.pk],
        )


class TestHold:
    def test_keeps_the_time_for_as_long_as_set(self, doctor, call, settings):
        settings.HOLD_SECONDS = 300

        entry = hold(doctor, call)

        assert entry.kind == DiaryEntry.Kind.HOLD
        assert timedelta(seconds=299) < entry.live_until - entry.live_from <= timedelta(seconds=300.1)

    def test_notes_what_it_is_for(self, doctor, call):
        kind = AppointmentTypeFactory()

        hold(doctor, call, appointment_type=kind)

        [kept] = diary.living_holds(held_for=call)
        assert kept.appointment_type == kind

    @pytest.mark.parametrize("shift", [timedelta(), QUARTER - timedelta(minutes=5), timedelta(minutes=5) - QUARTER])
    def test_refuses_a_span_that_overlaps(self, doctor, call, shift):
        hold(doctor, call)

        with pytest.raises(diary.SlotTaken):
            hold(doctor, uuid4(), diary.Span(TEN + shift, TEN + QUARTER + shift))

    @pytest.mark.parametrize("shift", [QUARTER, -QUARTER])
    def test_accepts_a_span_next_to_it(self, doctor, call, shift):
        hold(doctor, call)

        assert hold(doctor, uuid4(), diary.Span(TEN + shift, TEN + QUARTER + shift))

    def test_accepts_the_same_time_of_somebody_else(self, doctor, call):
        hold(doctor, call)

        assert hold(PractitionerFactory(), call)

    def test_refuses_time_that_an_outside_calendar_takes(self, doctor, call):
        BusyPeriod.objects.create(
            practitioner=doctor, starts_at=TEN + QUARTER / 2, ends_at=TEN + QUARTER * 2, calendar="calendly"
        )

        with pytest.raises(diary.SlotTaken):
            hold(doctor, call)

    def test_accepts_time_of_a_hold_that_lapsed(self, doctor, call):
        lapse(hold(doctor, call))

        assert hold(doctor, uuid4())

    def test_refuses_a_room_that_is_taken(self, doctor, call):
        room = RoomFactory()
        hold(doctor, call, room=room)

        with pytest.raises(diary.SlotTaken):
            hold(PractitionerFactory(), uuid4(), room=room)


class TestRenew:
    def test_keeps_the_time_longer(self, doctor, call):
        entry = hold(doctor, call)

        renewed = diary.renew(entry_id=entry.pk, held_for=call)

        assert renewed.live_until > entry.live_until

    def test_refuses_a_hold_that_lapsed(self, doctor, call):
        entry = hold(doctor, call)
        lapse(entry)

        with pytest.raises(diary.HoldLapsed):
            diary.renew(entry_id=entry.pk, held_for=call)

    def test_refuses_a_hold_of_another_call(self, doctor, call):
        entry = hold(doctor, call)

        with pytest.raises(diary.HoldLapsed):
            diary.renew(entry_id=entry.pk, held_for=uuid4())


class TestHoldInstead:
    def test_keeps_the_time_for_another_appointment_and_longer(self, doctor, call):
        entry = hold(doctor, call, appointment_type=AppointmentTypeFactory())
        other = AppointmentTypeFactory()

        kept = diary.hold_instead(entry=entry, appointment_type=other, room=None)

        assert (kept.pk, kept.appointment_type) == (entry.pk, other)
        assert kept.live_until > entry.live_until

    def test_takes_the_room_that_is_needed_now(self, doctor, call):
        room, entry = RoomFactory(), hold(doctor, call)

        kept = diary.hold_instead(entry=entry, appointment_type=AppointmentTypeFactory(), room=room)

        assert kept.room == room

    def test_refuses_a_hold_that_lapsed(self, doctor, call):
        entry = hold(doctor, call)
        lapse(entry)

        with pytest.raises(diary.HoldLapsed):
            diary.hold_instead(entry=entry, appointment_type=AppointmentTypeFactory(), room=None)


class TestReleaseOverlapping:
    @pytest.mark.parametrize(
        ("minutes", "released"), [((-15, 0), 0), ((15, 30), 0), ((0, 15), 0), ((0, 30), 1), ((-5, 10), 1), ((5, 10), 1)]
    )
    def test_gives_back_what_lies_across_but_not_the_span_itself(self, doctor, call, minutes, released):
        hold(doctor, call)
        starts, ends = (TEN + timedelta(minutes=each) for each in minutes)

        found = diary.release_overlapping(held_for=call, practitioner=doctor, span=diary.Span(starts, ends))

        assert found == released
        assert len(diary.living_holds(held_for=call)) == 1 - released

    def test_leaves_what_others_keep(self, doctor, call):
        hold(doctor, call)
        other = PractitionerFactory()
        hold(other, call)
        longer = diary.Span(TEN, TEN + QUARTER * 2)

        released = [
            diary.release_overlapping(held_for=uuid4(), practitioner=doctor, span=longer),
            diary.release_overlapping(held_for=call, practitioner=other, span=longer),
        ]

        assert released == [0, 1]
        assert [kept.practitioner for kept in diary.living_holds(held_for=call)] == [doctor]


class TestTake:
    def test_turns_the_calls_own_hold_into_the_booking(self, doctor, call):
        held = hold(doctor, call)

        taken = take(doctor, held_for=call)

        assert taken.pk == held.pk
        assert (taken.kind, taken.live_until) == (DiaryEntry.Kind.BOOKING, None)

    @pytest.mark.parametrize("held_with_room", [True, False], ids=["held with a room", "held without a room"])
    def test_takes_the_room_that_the_booking_needs_whatever_the_hold_had(self, doctor, call, held_with_room):
        room = RoomFactory()
        hold(doctor, call, room=room if held_with_room else None)

        taken = take(doctor, held_for=call, room=None if held_with_room else room)

        assert taken.room == (None if held_with_room else room)

    def test_keeps_the_room_that_was_held(self, doctor, call):
        held = hold(doctor, call, room=RoomFactory())

        assert take(doctor, held_for=call, room=RoomFactory()).room == held.room

    def test_is_not_refused_by_what_the_call_itself_keeps_across(self, doctor, call):
        hold(doctor, call, diary.Span(TEN, TEN + QUARTER * 2))

        taken = take(doctor, held_for=call)

        assert taken.kind == DiaryEntry.Kind.BOOKING
        assert diary.living_holds(held_for=call) == []

    def test_refuses_time_that_another_call_holds(self, doctor, call):
        hold(doctor, call)

        with pytest.raises(diary.SlotTaken):
            take(doctor, held_for=uuid4())

    def test_takes_the_time_anew_after_the_hold_lapsed(self, doctor, call):
        held = hold(doctor, call)
        lapse(held)

        assert take(doctor, held_for=call).pk != held.pk

    def test_refuses_after_the_hold_lapsed_and_somebody_was_quicker(self, doctor, call):
        lapse(hold(doctor, call))
        take(doctor)

        with pytest.raises(diary.SlotTaken):
            take(doctor, held_for=call)

    def test_is_refused_by_the_database_even_where_code_forgets_to_look(self, doctor, call):
        take(doctor)

        with pytest.raises(IntegrityError, match="no_overlap_of_practitioner"), transaction.atomic():
            DiaryEntry.objects.create(
                practitioner=doctor, starts_at=SPAN.starts_at, ends_at=SPAN.ends_at, kind=DiaryEntry.Kind.BOOKING
            )


class TestRelease:
    def test_gives_the_time_back_and_keeps_the_history(self, doctor):
        entry = take(doctor)

        diary.release(entry=entry)

        assert take(doctor)
        assert DiaryEntry.objects.count() == 2

    def test_changes_nothing_the_second_time(self, doctor):
        entry = take(doctor)
        diary.release(entry=entry)
        ended = DiaryEntry.objects.get(pk=entry.pk).live_until

        diary.release(entry=entry)

        assert DiaryEntry.objects.get(pk=entry.pk).live_until == ended


class TestReleaseHolds:
    def test_gives_back_the_calls_holds_and_no_others(self, doctor, call):
        hold(doctor, call)
        other = uuid4()
        hold(doctor, other, diary.Span(TEN + QUARTER, TEN + QUARTER * 2))

        released = diary.release_holds(held_for=call)

        assert released == 1
        assert [entry.held_for for entry in diary.living_holds(held_for=other)] == [other]
        assert diary.living_holds(held_for=call) == []

    def test_leaves_a_booking_that_was_a_hold(self, doctor, call):
        hold(doctor, call)
        taken = take(doctor, held_for=call)

        diary.release_holds(held_for=call)

        assert DiaryEntry.objects.get(pk=taken.pk).live_until is None
