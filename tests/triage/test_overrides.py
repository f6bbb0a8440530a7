"""Going beyond soft rules: who may, with which reason, and what is kept of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.money.payments import Taken
from botaniqal.errors import Malformed, NotAllowed, RuleBroken
from practitioners import availability, diary
from practitioners.models import DiaryEntry, TimeOff
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, UserFactory, next_morning
from triage import booking, overrides, red_flags, sessions
from triage.models import CallEvent, Override, TriageSession

pytestmark = pytest.mark.django_db
TEN, EIGHT = next_morning(10, days=2), next_morning(8, days=2)
REASON = "They can only come then."


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


@pytest.fixture
def session():
    return SessionFactory(consultant__may_override=True)


def go_beyond(session, doctor, kind, starts_at=EIGHT, **kwargs):
    given = {
        "consultant": session.consultant,
        "by": session.consultant.user,
        "rules": ["hours"],
        "reason": REASON,
        "now": timezone.now(),
    } | kwargs
    return overrides.go_beyond(
        session_id=session.pk, practitioner=doctor, appointment_type=kind, starts_at=starts_at, **given
    )


def hold(session, doctor, kind, starts_at=EIGHT):
    return booking.hold_slot(
        session_id=session.pk,
        consultant=session.consultant,
        practitioner=doctor,
        appointment_type=kind,
        starts_at=starts_at,
        by=session.consultant.user,
    )


def book(session, doctor, kind, starts_at=EIGHT):
    return booking.book_by_phone(
        session_id=session.pk,
        consultant=session.consultant,
        practitioner=doctor,
        appointment_type=kind,
        starts_at=starts_at,
        taken=Taken(is_collected=True),
        by=session.consultant.user,
        now=timezone.now(),
    )


class TestMayGoBeyond:
    def test_is_for_operations_and_for_consultants_whom_they_let(self):
        plain, trusted = PractitionerFactory(consultant=True), PractitionerFactory(consultant=True, may_override=True)
        operations = UserFactory(roles=["operations"])

        assert overrides.may_go_beyond(by=operations, consultant=None)
        assert overrides.may_go_beyond(by=trusted.user, consultant=trusted)
        assert not overrides.may_go_beyond(by=plain.user, consultant=plain)
        assert not overrides.may_go_beyond(by=UserFactory(roles=["management"]), consultant=None)


class TestGoBeyond:
    def test_keeps_rule_reason_and_person(self, session, doctor, kind):
        go_beyond(session, doctor, kind)

        row = Override.objects.get()
        assert (row.session, row.practitioner, row.starts_at) == (session, doctor, EIGHT)
        assert (row.rule, row.reason, row.by) == ("hours", REASON, session.consultant.user)

    def test_stands_in_the_calls_history_without_the_reason(self, session, doctor, kind):
        go_beyond(session, doctor, kind)

        event = session.events.get(kind=CallEvent.Kind.OVERRIDE)
        assert event.words.startswith("Dr Dia, ")
        assert event.words.endswith("08:00: outside the hours")

    def test_counts_each_rule_once_however_often_the_time_is_held(self, session, doctor, kind):
        for _ in range(2):
            go_beyond(session, doctor, kind)

        assert Override.objects.count() == session.events.count() == 1

    def test_keeps_only_rules_that_are_broken(self, session, doctor, kind):
        go_beyond(session, doctor, kind, rules=["notice", "hours", "cap", "buffer"])

        assert Override.objects.get().rule == "hours"

    def test_keeps_nothing_where_the_time_is_free(self, session, doctor, kind):
        go_beyond(session, doctor, kind, TEN)

        assert not Override.objects.exists()
        assert not session.events.exists()

    def test_is_not_for_a_consultant_without_the_right(self, doctor, kind):
        session = SessionFactory()

        with pytest.raises(NotAllowed):
            go_beyond(session, doctor, kind)

        assert not Override.objects.exists()

    @pytest.mark.parametrize("reason", ["", "   ", "Card 4111 1111 1111 1111"])
    def test_needs_a_reason_and_no_card_number_in_it(self, session, doctor, kind, reason):
        with pytest.raises(Malformed):
            go_beyond(session, doctor, kind, reason=reason)

    def test_refuses_a_soft_rule_that_was_not_agreed_to(self, session, doctor, kind):
        doctor.daily_cap = 0

        with pytest.raises(RuleBroken) as refused:
            go_beyond(session, doctor, kind, rules=["hours"])

        assert refused.value.rule == "cap"
        assert not Override.objects.exists()

    def test_refuses_a_hard_rule(self, session, doctor, kind):
        TimeOff.objects.create(practitioner=doctor, starts_at=EIGHT, ends_at=EIGHT + timedelta(hours=1), reason="Away")

        with pytest.raises(RuleBroken, match="away"):
            go_beyond(session, doctor, kind, rules=["hours", "notice", "cap", "buffer"])

    def test_refuses_time_that_is_taken(self, session, doctor, kind):
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, EIGHT), by=None)

        with pytest.raises(diary.SlotTaken):
            go_beyond(session, doctor, kind)

    def test_is_for_the_calls_owner(self, session, doctor, kind):
        other = PractitionerFactory(consultant=True, may_override=True)

        with pytest.raises(sessions.NotYourSession):
            go_beyond(session, doctor, kind, consultant=other, by=other.user)

    def test_is_over_with_the_call(self, session, doctor, kind):
        TriageSession.objects.update(state="done", outcome="no_show")

        with pytest.raises(sessions.SessionClosed):
            go_beyond(session, doctor, kind)

    def test_waits_while_a_red_flag_is_up(self, session, doctor, kind):
        session.red_flags.create(words="Chest pain", raised_at=timezone.now())

        with pytest.raises(red_flags.RedFlagUp):
            go_beyond(session, doctor, kind)

        assert not Override.objects.exists()


class TestHoldAndBook:
    def test_cannot_without_a_reason(self, session, doctor, kind):
        with pytest.raises(RuleBroken, match="outside"):
            hold(session, doctor, kind)
        with pytest.raises(RuleBroken, match="outside"):
            book(session, doctor, kind)

    def test_can_with_one_and_the_hold_becomes_the_booking(self, session, doctor, kind):
        go_beyond(session, doctor, kind)
        held = hold(session, doctor, kind)

        booked = book(session, doctor, kind)

        assert (booked.entry_id, booked.starts_at) == (held.pk, EIGHT)

    def test_can_again_when_the_hold_ran_out(self, session, doctor, kind):
        go_beyond(session, doctor, kind)
        diary.release(entry=hold(session, doctor, kind))

        assert book(session, doctor, kind).entry.kind == DiaryEntry.Kind.BOOKING

    def test_cannot_at_another_time_with_another_person_or_in_another_call(self, session, doctor, kind):
        go_beyond(session, doctor, kind)
        other, later = PractitionerFactory(gives=[kind]), EIGHT + timedelta(minutes=15)

        for asked in [(session, doctor, kind, later), (session, other, kind), (SessionFactory(), doctor, kind)]:
            with pytest.raises(RuleBroken, match="outside"):
                hold(*asked)

    def test_cannot_for_another_appointment(self, session, doctor, kind):
        go_beyond(session, doctor, kind)
        hold(session, doctor, kind)
        longer = AppointmentTypeFactory(service=kind.service, minutes=60)
        doctor.appointment_types.add(longer)

        with pytest.raises(RuleBroken, match="outside"):
            hold(session, doctor, longer)
        with pytest.raises(RuleBroken, match="outside"):
            book(session, doctor, longer)

    def test_leaves_the_break_out_but_never_overlaps(self, session, doctor):
        kind = AppointmentTypeFactory(buffer_before_minutes=15, buffer_after_minutes=15)
        doctor.appointment_types.add(kind)
        next_one = TEN + timedelta(minutes=15)
        diary.take(practitioner=doctor, span=diary.Span(next_one, next_one + timedelta(minutes=15)), by=None)
        with pytest.raises(diary.SlotTaken):
            hold(session, doctor, kind, TEN)

        go_beyond(session, doctor, kind, TEN, rules=["buffer"])
        held = hold(session, doctor, kind, TEN)
        booked = book(session, doctor, kind, TEN)

        assert (held.starts_at, held.ends_at) == (TEN, next_one)
        assert booked.entry_id == held.pk
        with pytest.raises(diary.SlotTaken):
            go_beyond(SessionFactory(consultant__may_override=True), doctor, kind, TEN, rules=["buffer"])

    def test_keeps_a_short_notice_that_was_granted_while_time_goes_on(self, session, doctor, kind):
        kind.min_notice_minutes = 60 * 24 * 7
        go_beyond(session, doctor, kind, TEN, rules=["notice"])
        hold(session, doctor, kind, TEN)

        assert book(session, doctor, kind, TEN)
