"""Why a time cannot be had, in words."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from practitioners import availability, diary
from practitioners.models import BusyPeriod, DiaryEntry, Practitioner, TimeOff, WorkingHours
from practitioners.why_not import why_not
from tests.factories import MELBOURNE, AppointmentTypeFactory, PractitionerFactory

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 12, 7)
NOW = datetime(2026, 12, 4, 0, 0, tzinfo=UTC)


def at(hour, minute=0, day=MONDAY):
    return datetime.combine(day, time(hour, minute), MELBOURNE).astimezone(UTC)


@pytest.fixture(autouse=True)
def _friday_before():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def kind():
    return AppointmentTypeFactory(name="Initial", minutes=30, step_minutes=30)


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind], hours=(time(9), time(11)))


def ask(doctor, kind, moment=None, **kwargs):
    return why_not(practitioner=doctor, appointment_type=kind, starts_at=moment or at(9), now=NOW, **kwargs)


def take(doctor, kind, moment):
    return diary.take(practitioner=doctor, span=availability.occupied_span(kind, moment), by=None)


class TestWhyNot:
    def test_says_when_nothing_stands_in_the_way(self, doctor, kind):
        reason = ask(doctor, kind)

        assert (reason.is_free, reason.words, reason.soft) == (True, "Dr Dia is free then.", ())

    @pytest.mark.parametrize(
        ("moment", "rule", "words"),
        [
            (at(9, day=date(2026, 12, 1)), "past", "That time has passed."),
            (at(9, day=date(2028, 12, 1)), "horizon", "60 days ahead at most"),
            (at(9, 10), "step", "begins every 30 minutes"),
        ],
    )
    def test_tells_hard_rules_of_the_time_itself(self, doctor, kind, moment, rule, words):
        reason = ask(doctor, kind, moment)

        assert reason.rule == rule
        assert words in reason.words
        assert reason.soft == ()

    def test_tells_who_left_who_does_not_give_it_and_whose_registration_ended(self, doctor, kind):
        assert ask(doctor, AppointmentTypeFactory()).rule == "does_not_give"

        doctor.registration_expires_on = date(2026, 12, 6)
        assert "registration ends on 6 Dec 2026" in ask(doctor, kind).words

        doctor.is_active = False
        assert ask(doctor, kind).rule == "inactive"

    def test_tells_the_hours_of_that_day(self, doctor, kind):
        reason = ask(doctor, kind, at(12))

        assert reason.words == "That is outside Dr Dia's hours. On Mon 7 Dec they are 09:00–11:00."
        assert [each.rule for each in reason.soft] == ["hours"]

    def test_tells_hours_that_are_for_visits_of_another_kind_or_in_another_zone(self, doctor, kind):
        WorkingHours.objects.update(location=Practitioner.Location.MELBOURNE)
        doctor.time_zone = "Australia/Perth"

        assert "they are 09:00–11:00 (melbourne), Perth time" in ask(doctor, kind, at(12)).words

    def test_tells_a_day_without_hours(self, doctor, kind):
        doctor.working_hours.all().delete()

        assert "No hours are set for Mon 7 Dec." in ask(doctor, kind).words

    def test_tells_time_off_without_its_reason(self, doctor, kind):
        TimeOff.objects.create(practitioner=doctor, starts_at=at(8), ends_at=at(12), reason="Operation")

        reason = ask(doctor, kind)

        assert (reason.rule, reason.words) == ("time_off", "Dr Dia is away then.")

    def test_tells_a_visit_by_its_time_alone(self, doctor, kind):
        take(doctor, kind, at(9))

        reason = ask(doctor, kind)

        assert (reason.rule, reason.words) == ("taken", "Dr Dia has a visit then, 09:00–09:30.")

    def test_tells_who_keeps_it_and_until_when(self, doctor, kind):
        sarah = PractitionerFactory(consultant=True, name="Sarah Chen")
        span = availability.occupied_span(kind, at(9))
        diary.hold(practitioner=doctor, span=span, held_for=uuid4(), by=sarah.user)
        until = DiaryEntry.objects.get().live_until.astimezone(MELBOURNE)

        assert ask(doctor, kind).words == f"Sarah Chen keeps that time for a patient until {until:%H:%M}."

    def test_does_not_count_ones_own_hold(self, doctor, kind):
        call = uuid4()
        diary.hold(practitioner=doctor, span=availability.occupied_span(kind, at(9)), held_for=call, by=None)

        assert ask(doctor, kind, held_for=call).is_free

    def test_tells_which_outside_calendar_takes_it(self, doctor, kind):
        BusyPeriod.objects.create(practitioner=doctor, starts_at=at(8), ends_at=at(10), calendar="outlook")

        assert ask(doctor, kind).words == "Dr Dia's Outlook calendar is taken then, 08:00–10:00."

    def test_tells_when_there_is_no_room(self, doctor):
        kind = AppointmentTypeFactory(in_person=True, step_minutes=30)
        doctor.appointment_types.add(kind)

        assert ask(doctor, kind).words == "No room is free then."

    def test_tells_a_break_that_is_taken(self, doctor, kind):
        kind.buffer_after_minutes = 15
        take(doctor, AppointmentTypeFactory(minutes=30), at(9, 30))

        reason = ask(doctor, kind)

        assert [each.rule for each in reason.soft] == ["buffer"]

    def test_tells_every_soft_rule_at_once(self, doctor, kind):
        doctor.daily_cap, kind.min_notice_minutes = 0, 60 * 24 * 7

        reason = ask(doctor, kind, at(12))

        assert reason.rule == "notice"
        assert [each.rule for each in reason.soft] == ["notice", "hours", "cap"]

    def test_tells_a_hard_rule_before_any_soft_one(self, doctor, kind):
        kind.min_notice_minutes = 60 * 24 * 7
        take(doctor, kind, at(9))

        reason = ask(doctor, kind)

        assert (reason.rule, reason.soft) == ("taken", ())

    def test_agrees_with_the_list(self, doctor, kind):
        take(doctor, kind, at(9, 30))
        offer = availability.Offer(doctor, kind)
        [slots] = availability.find_slots(offers=[offer], first_day=MONDAY, days=1)

        for step in range(0, 24 * 60, 10):
            moment = at(0) + timedelta(minutes=step)
            assert ask(doctor, kind, moment).is_free == (moment in slots.times)

    def test_changes_nothing_and_asks_few_questions(self, doctor, kind):
        doctor.daily_cap = 1
        take(doctor, kind, at(9))

        with CaptureQueriesContext(connection) as queries:
            ask(doctor, kind)

        assert len(queries) <= 6
        assert all(query["sql"].lstrip().upper().startswith("SELECT") for query in queries)
