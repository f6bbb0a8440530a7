"""What bounds the times that can be offered: a day's visits, the registration, and the soft rules of them all."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from botaniqal.errors import RuleBroken
from practitioners import availability, diary, limits
from practitioners.availability import Offer
from practitioners.models import TimeOff
from tests.factories import MELBOURNE, AppointmentTypeFactory, PractitionerFactory, RoomFactory

pytestmark = pytest.mark.django_db
MONDAY, TUESDAY = date(2026, 12, 7), date(2026, 12, 8)


def at(hour, minute=0, day=MONDAY, zone=MELBOURNE):
    return datetime.combine(day, time(hour, minute), zone).astimezone(UTC)


@pytest.fixture(autouse=True)
def _friday_before():
    with time_machine.travel(datetime(2026, 12, 4, 0, 0, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def kind():
    return AppointmentTypeFactory(minutes=30, step_minutes=30)


@pytest.fixture
def doctor(kind):
    """Somebody with two visits a day."""
    return PractitionerFactory(name="Dr Dia", gives=[kind], hours=(time(9), time(11)), daily_cap=2)


def times(doctor, kind, day=MONDAY, days=1, **kwargs):
    [slots] = availability.find_slots(offers=[Offer(doctor, kind)], first_day=day, days=days, **kwargs)
    return slots.times


def take(doctor, kind, moment, **kwargs):
    return diary.take(practitioner=doctor, span=availability.occupied_span(kind, moment), by=None, **kwargs)


def hold(doctor, kind, moment, held_for):
    return diary.hold(practitioner=doctor, span=availability.occupied_span(kind, moment), held_for=held_for, by=None)


def check(doctor, kind, moment, **kwargs):
    return availability.check(practitioner=doctor, appointment_type=kind, starts_at=moment, **kwargs)


class TestDailyCap:
    def test_offers_no_more_on_a_full_day_and_all_on_the_next(self, doctor, kind):
        take(doctor, kind, at(9))
        before = times(doctor, kind)

        take(doctor, kind, at(10))

        assert before == [at(9, 30), at(10), at(10, 30)]
        assert times(doctor, kind) == []
        assert len(times(doctor, kind, TUESDAY)) == 4

    def test_counts_no_visit_that_was_given_up(self, doctor, kind):
        take(doctor, kind, at(9))
        given_up = take(doctor, kind, at(10))

        diary.release(entry=given_up)

        assert times(doctor, kind)

    def test_counts_what_is_held_for_others_and_not_ones_own(self, doctor, kind):
        call = uuid4()
        take(doctor, kind, at(9))
        hold(doctor, kind, at(10), call)

        assert times(doctor, kind) == []
        assert times(doctor, kind, held_for=call) == [at(9, 30), at(10, 30)]

    def test_counts_by_the_practitioners_own_day(self, kind):
        auckland = ZoneInfo("Pacific/Auckland")  # their Tuesday begins in the clinic's Monday
        doctor = PractitionerFactory(gives=[kind], hours=(time(0), time(2)), time_zone=auckland.key, daily_cap=1)
        take(doctor, kind, at(0, 30, TUESDAY, auckland))

        assert times(doctor, kind) == []
        assert times(doctor, kind, TUESDAY) == [at(h, m, date(2026, 12, 9), auckland) for h in (0, 1) for m in (0, 30)]

    @pytest.mark.parametrize("day", [date(2027, 4, 4), date(2027, 10, 3)])
    def test_counts_the_longest_and_the_shortest_day_once(self, kind, day):
        kind.horizon_days = 400
        doctor = PractitionerFactory(gives=[kind], hours=(time(0), time(23, 30)), daily_cap=2)
        take(doctor, kind, at(0, day=day))
        take(doctor, kind, at(23, day=day))

        assert times(doctor, kind, day) == []
        assert times(doctor, kind, day - timedelta(1))
        assert times(doctor, kind, day + timedelta(1))

    def test_offers_nothing_to_somebody_who_may_have_none(self, doctor, kind):
        doctor.daily_cap = 0

        assert times(doctor, kind) == []

    def test_says_when_the_next_day_with_room_is(self, doctor, kind):
        for moment in (at(9), at(10)):
            take(doctor, kind, moment)

        [slots] = availability.find_slots(offers=[Offer(doctor, kind)], first_day=MONDAY, days=1)

        assert slots.next_available == at(9, day=TUESDAY)

    def test_is_left_out_of_the_alternatives(self, doctor, kind):
        for moment in (at(9), at(10)):
            take(doctor, kind, moment)

        found = availability.alternatives(appointment_type=kind, near=at(9, 30), practitioner=doctor)

        assert MONDAY not in {one.starts_at.astimezone(MELBOURNE).date() for one in found}

    def test_costs_one_query_more_for_any_number_of_people_and_none_without(self, kind):
        people = [PractitionerFactory(gives=[kind]) for _ in range(5)]
        capped = [PractitionerFactory(gives=[kind], daily_cap=3) for _ in range(5)]

        def count(people):
            with CaptureQueriesContext(connection) as queries:
                availability.find_slots(offers=[Offer(each, kind) for each in people], first_day=MONDAY, days=14)
            return len(queries)

        assert (count(people), count([*people, *capped])) == (2, 3)


class TestRegistration:
    def test_ends_the_offers_with_its_last_day(self, doctor, kind):
        doctor.registration_expires_on = MONDAY

        assert times(doctor, kind, days=2) == [at(9), at(9, 30), at(10), at(10, 30)]

    @pytest.mark.parametrize(("day", "count"), [(date.max, 4), (date(2026, 12, 6), 0), (date.min, 0)])
    def test_takes_any_day_that_somebody_may_write(self, doctor, kind, day, count):
        doctor.registration_expires_on = day

        assert len(times(doctor, kind)) == count

    def test_is_a_hard_rule(self, doctor, kind):
        doctor.registration_expires_on = MONDAY
        check(doctor, kind, at(9))

        with pytest.raises(RuleBroken, match="registration ends on 7 Dec 2026") as refused:
            check(doctor, kind, at(9, day=TUESDAY), beyond=limits.SOFT)

        assert refused.value.rule == "registration"


class TestCheck:
    def test_refuses_a_visit_too_many(self, doctor, kind):
        for moment in (at(9), at(10)):
            take(doctor, kind, moment)

        with pytest.raises(RuleBroken, match="2 visits that day") as refused:
            check(doctor, kind, at(9, 30))

        assert refused.value.rule == "cap"

    def test_keeps_the_promise_of_a_hold_though_time_and_others_went_on(self, doctor, kind):
        call = uuid4()
        hold(doctor, kind, at(10), call)
        for moment in (at(9), at(9, 30)):
            take(doctor, kind, moment)

        with time_machine.travel(at(9, 55), tick=False):
            check(doctor, kind, at(10), held_for=call)
            with pytest.raises(RuleBroken):
                check(doctor, kind, at(10, 30), held_for=call)

    @pytest.mark.parametrize(
        ("rule", "moment"), [("notice", at(9)), ("hours", at(8)), ("cap", at(9, 30)), ("buffer", at(9))]
    )
    def test_lets_each_soft_rule_alone_be_gone_beyond(self, doctor, kind, rule, moment):
        if rule == "cap":
            doctor.daily_cap = 0
        if rule == "notice":
            kind.min_notice_minutes = 60 * 24 * 7
        if rule == "buffer":
            kind.buffer_after_minutes = 15
            take(doctor, AppointmentTypeFactory(minutes=30), at(9, 30))

        check(doctor, kind, moment, beyond={rule})
        with pytest.raises((RuleBroken, diary.SlotTaken)):
            check(doctor, kind, moment, beyond=set(limits.SOFT) - {rule})

    @pytest.mark.parametrize("rule", ["past", "horizon", "step", "time_off", "inactive", "does_not_give", "taken"])
    def test_lets_no_hard_rule_be_gone_beyond(self, doctor, kind, rule):
        moment = {"past": at(9, day=date(2026, 12, 3)), "horizon": at(9, day=date(2028, 1, 3)), "step": at(9, 5)}
        if rule == "time_off":
            TimeOff.objects.create(practitioner=doctor, starts_at=at(9), ends_at=at(10), reason="Away")
        if rule == "taken":
            take(doctor, kind, at(9))
        doctor.is_active = rule != "inactive"
        wanted = AppointmentTypeFactory() if rule == "does_not_give" else kind

        with pytest.raises((RuleBroken, diary.SlotTaken)):
            check(doctor, wanted, moment.get(rule, at(9)), beyond={*limits.SOFT, rule})

    def test_finds_a_room_for_the_visit_alone_when_the_break_is_left_out(self):
        kind = AppointmentTypeFactory(in_person=True, minutes=30, step_minutes=30, buffer_after_minutes=15)
        doctor, other = (PractitionerFactory(gives=[kind]) for _ in range(2))
        room = RoomFactory()
        take(other, AppointmentTypeFactory(minutes=30), at(9, 30), room=room)

        with pytest.raises(diary.SlotTaken):
            check(doctor, kind, at(9))

        assert check(doctor, kind, at(9), beyond={"buffer"}) == room


class TestOccupiedSpan:
    def test_leaves_the_breaks_out_when_somebody_went_beyond_them(self, kind):
        kind.buffer_before_minutes = kind.buffer_after_minutes = 10

        span = availability.occupied_span(kind, at(9), {"buffer"})

        assert (span.starts_at, span.ends_at) == (at(9), at(9, 30))


class TestListAndCheck:
    @pytest.mark.parametrize("seed", range(12))
    def test_agree_whatever_the_rules_and_whatever_is_taken(self, seed):
        chance = Random(seed)
        kind = AppointmentTypeFactory(
            minutes=chance.choice([15, 30, 45]),
            step_minutes=chance.choice([10, 15, 30]),
            buffer_before_minutes=chance.choice([0, 5, 15]),
            buffer_after_minutes=chance.choice([0, 10]),
            min_notice_minutes=chance.choice([0, 60, 60 * 24 * 3, 60 * 24 * 4]),
        )
        doctor = PractitionerFactory(
            gives=[kind],
            hours=(time(9), time(chance.choice([11, 15]))),
            time_zone=chance.choice(["Australia/Melbourne", "Australia/Perth", "Australia/Adelaide"]),
            daily_cap=chance.choice([None, 1, 2, 5]),
            registration_expires_on=chance.choice([None, MONDAY, MONDAY - timedelta(1)]),
        )
        for hour in chance.sample(range(9, 15), chance.choice([0, 1, 2])):
            diary.take(practitioner=doctor, span=diary.Span(at(hour), at(hour, 20)), by=None)
        offered = set(times(doctor, kind))

        for minutes in range(0, 24 * 60, 5):
            moment = at(0) + timedelta(minutes=minutes)
            verdict = availability.weigh(
                practitioner=doctor, appointment_type=kind, starts_at=moment, now=datetime.now(UTC)
            )
            assert (not verdict.obstacles) == (moment in offered), (moment, verdict.obstacles)
