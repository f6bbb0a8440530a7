"""Who is free when: the list and the check agree."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from botaniqal.errors import RuleBroken
from practitioners import availability, diary
from practitioners.availability import Offer, check, find_slots
from practitioners.models import BusyPeriod, Practitioner, TimeOff, WorkingHours
from tests.factories import (
    MELBOURNE,
    AppointmentTypeFactory,
    PractitionerFactory,
    RoomFactory,
    ServiceFactory,
)

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 12, 7)


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
    return PractitionerFactory(gives=[kind], hours=(time(9), time(11)))


def times(doctor, kind, day=MONDAY, days=1, zone=MELBOURNE):
    [slots] = find_slots(offers=[Offer(doctor, kind)], first_day=day, days=days, zone=zone)
    return slots.times


class TestFindSlots:
    def test_cuts_the_hours_into_steps(self, doctor, kind):
        assert times(doctor, kind) == [at(9), at(9, 30), at(10), at(10, 30)]

    def test_leaves_out_what_the_diary_takes_and_no_longer_what_was_released(self, doctor, kind):
        span = availability.occupied_span(kind, at(9, 30))
        entry = diary.take(practitioner=doctor, span=span, by=None)
        taken = times(doctor, kind)

        diary.release(entry=entry)

        assert taken == [at(9), at(10), at(10, 30)]
        assert at(9, 30) in times(doctor, kind)

    def test_leaves_out_time_off_and_what_outside_calendars_take(self, doctor, kind):
        TimeOff.objects.create(practitioner=doctor, starts_at=at(8), ends_at=at(9, 1), reason="Dentist")
        BusyPeriod.objects.create(practitioner=doctor, starts_at=at(10, 29), ends_at=at(10, 31), calendar="calendly")

        assert times(doctor, kind) == [at(9, 30)]

    def test_needs_the_buffers_free_as_well(self, doctor, kind):
        kind.buffer_before_minutes = kind.buffer_after_minutes = 15

        assert times(doctor, kind) == [at(9, 30), at(10)]

    def test_keeps_to_notice_and_horizon(self, doctor, kind):
        kind.min_notice_minutes, kind.horizon_days = 60, 3

        with time_machine.travel(at(8, 59), tick=False):
            today = times(doctor, kind)
            last, behind = times(doctor, kind, MONDAY + timedelta(3)), times(doctor, kind, MONDAY + timedelta(4))

        assert today == [at(10), at(10, 30)]
        assert last
        assert not behind

    def test_offers_nothing_that_could_not_be_taken_a_moment_later(self, doctor, kind):
        kind.min_notice_minutes = 60

        with time_machine.travel(at(8, 59) + timedelta(seconds=1), tick=False):
            offered = times(doctor, kind)

        assert offered == [at(10, 30)]

    def test_takes_the_day_in_the_zone_that_is_asked_for(self, doctor, kind):
        perth = ZoneInfo("Australia/Perth")
        PractitionerFactory(gives=[kind])

        found = times(doctor, kind, zone=perth)

        assert found == [at(9), at(9, 30), at(10), at(10, 30)]
        assert all(moment.astimezone(perth).date() == MONDAY for moment in found)

    def test_says_when_the_next_free_time_is_behind_the_days_asked_for(self, doctor, kind):
        WorkingHours.objects.filter(practitioner=doctor).exclude(weekday=3).delete()

        [slots] = find_slots(offers=[Offer(doctor, kind)], first_day=MONDAY, days=1)

        assert slots.times == []
        assert slots.next_available == at(9, day=date(2026, 12, 10))

    def test_looks_for_the_next_free_time_as_far_as_may_be_booked_and_no_further(self, doctor, kind):
        WorkingHours.objects.filter(practitioner=doctor).update(valid_from=date(2027, 1, 25))

        [found] = find_slots(offers=[Offer(doctor, kind)], first_day=MONDAY, days=1)
        kind.horizon_days = 30
        [nothing] = find_slots(offers=[Offer(doctor, kind)], first_day=MONDAY, days=1)

        assert found.next_available == at(9, day=date(2027, 1, 25))
        assert nothing.next_available is None

    def test_offers_a_visit_in_person_only_where_one_room_is_free(self):
        kind = AppointmentTypeFactory(in_person=True, minutes=30, step_minutes=30)
        one, other = (PractitionerFactory(gives=[kind], hours=(time(9), time(10))) for _ in range(2))
        without_room = times(one, kind)
        room = RoomFactory()
        diary.take(practitioner=other, span=availability.occupied_span(kind, at(9)), room=room, by=None)

        assert without_room == []
        assert times(one, kind) == [at(9, 30)]

    def test_offers_several_types_of_one_person(self, doctor, kind):
        longer = AppointmentTypeFactory(minutes=60, step_minutes=30)
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, at(9)), by=None)

        other = PractitionerFactory(gives=[kind], hours=(time(9), time(10)))
        offers = [Offer(other, kind), Offer(doctor, kind), Offer(doctor, longer)]

        others, short, long = find_slots(offers=offers, first_day=MONDAY, days=1)

        assert others.times == [at(9), at(9, 30)]
        assert short.times == [at(9, 30), at(10), at(10, 30)]
        assert long.times == [at(9, 30), at(10)]

    def test_keeps_hours_apart_by_place(self, kind):
        doctor = PractitionerFactory(gives=[kind], hours=(time(9), time(10)))
        WorkingHours.objects.update(location=Practitioner.Location.MELBOURNE)

        assert times(doctor, kind) == []

    def test_asks_the_database_as_often_for_many_as_for_one(self, kind):
        people = [PractitionerFactory(gives=[kind]) for _ in range(12)]

        with CaptureQueriesContext(
            connection,
        ) as queries:
            find_slots(offers=[Offer(person, kind) for person in people], first_day=MONDAY, days=14)

        assert len(queries) == 2

    @pytest.mark.parametrize(
        ("zone", "day"),
        [
            (zone, day)
            for zone in ["Melbourne", "Adelaide", "Brisbane", "Perth", "Lord_Howe"]
            for day in [date(2027, 4, 3), date(2027, 4, 4), date(2027, 10, 2), date(2027, 10, 3), date(2027, 10, 4)]
        ],
    )
    def test_keeps_to_the_practitioners_wall_time_across_daylight_saving(self, kind, zone, day):
        zone = ZoneInfo(f"Australia/{zone}")
        kind.horizon_days = 400
        doctor = PractitionerFactory(gives=[kind], hours=(time(9), time(11)), time_zone=zone.key)

        found = times(doctor, kind, day=day, zone=zone)

        assert [moment.astimezone(zone).time() for moment in found] == [time(9), time(9, 30), time(10), time(10, 30)]
        assert {moment.astimezone(zone).date() for moment in found} == {day}


class TestCheck:
    def check(self, doctor, kind, starts_at, **kwargs):
        return check(practitioner=doctor, appointment_type=kind, starts_at=starts_at, **kwargs)

    def test_accepts_what_the_list_offers_and_nothing_else(self, doctor, kind):
        offered = set(times(doctor, kind))

        for step in range(0, 24 * 60, 5):
            moment = at(0) + timedelta(minutes=step)
            if moment in offered:
                self.check(doctor, kind, moment)
            else:
                with pytest.raises((RuleBroken, diary.SlotTaken)):
                    self.check(doctor, kind, moment)

    @pytest.mark.parametrize(
        ("moment", "rule"),
        [
            (datetime(2026, 12, 3, 22, 0, tzinfo=UTC), "past"),
            (datetime(2026, 12, 4, 0, 30, tzinfo=UTC), "notice"),
            (at(9, day=date(2027, 6, 7)), "horizon"),
            (at(9, 15), "step"),
            (at(9) + timedelta(seconds=1), "step"),
            (at(11), "hours"),
            (at(8, 30), "hours"),
        ],
    )
    def test_names_the_rule_that_stands_in_the_way(self, doctor, kind, moment, rule):
        with pytest.raises(RuleBroken) as refused:
            self.check(doctor, kind, moment)

        assert refused.value.details == {"rule": [rule]}

    def test_refuses_time_off(self, doctor, kind):
        TimeOff.objects.create(practitioner=doctor, starts_at=at(9), ends_at=at(10), reason="Holiday")

        with pytest.raises(RuleBroken, match="away"):
            self.check(doctor, kind, at(9, 30))

    def test_refuses_time_that_is_taken(self, doctor, kind):
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, at(9)), by=None)

        with pytest.raises(diary.SlotTaken):
            self.check(doctor, kind, at(9))

    def test_lets_a_call_have_the_time_that_it_holds_and_no_other(self, doctor, kind):
        call = uuid4()
        diary.hold(practitioner=doctor, span=availability.occupied_span(kind, at(9)), held_for=call, by=None)

        self.check(doctor, kind, at(9), held_for=call)
        with pytest.raises(diary.SlotTaken):
            self.check(doctor, kind, at(9), held_for=uuid4())

    def test_names_a_free_room_for_a_visit_in_person(self):
        kind = AppointmentTypeFactory(in_person=True, minutes=30, step_minutes=30)
        doctor, other = (PractitionerFactory(gives=[kind]) for _ in range(2))
        first, second = RoomFactory(), RoomFactory()
        diary.take(practitioner=other, span=availability.occupied_span(kind, at(9)), room=first, by=None)

        assert self.check(doctor, kind, at(9)) == second

    def test_refuses_somebody_who_does_not_give_it(self, doctor):
        with pytest.raises(RuleBroken, match="does not give"):
            self.check(doctor, AppointmentTypeFactory(), at(9))

    def test_refuses_somebody_who_left(self, doctor, kind):
        doctor.is_active = False

        with pytest.raises(RuleBroken, match="not work here"):
            self.check(doctor, kind, at(9))


class TestOffersOf:
    def test_takes_telehealth_before_in_person_and_the_catalogues_order(self):
        service = ServiceFactory()
        in_person = AppointmentTypeFactory(service=service, in_person=True, position=1)
        second = AppointmentTypeFactory(service=service, position=3)
        first = AppointmentTypeFactory(service=service, position=2)
        both = PractitionerFactory(name="Dr A", gives=[in_person, second, first])
        clinic = PractitionerFactory(name="Dr B", gives=[in_person])
        PractitionerFactory(name="Dr C", gives=[first], is_active=False)

        found = availability.offers_of(service=service.slug)

        assert [(offer.practitioner, offer.appointment_type) for offer in found] == [(both, first), (clinic, in_person)]


class TestAlternatives:
    def test_offers_the_nearest_with_the_same_practitioner_first(self, doctor, kind):
        other = PractitionerFactory(gives=[kind], hours=(time(9), time(11)))
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, at(9, 30)), by=None)

        found = availability.alternatives(appointment_type=kind, near=at(9, 30), practitioner=doctor)

        assert [(one.practitioner, one.starts_at) for one in found] == [
            (doctor, at(9)),
            (doctor, at(10)),
            (doctor, at(10, 30)),
        ]
        assert other not in {one.practitioner for one in found}
