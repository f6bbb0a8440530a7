"""Whom to recommend, and why."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from practitioners import availability, diary
from tests.factories import (
    MELBOURNE,
    AppointmentTypeFactory,
    BookingFactory,
    PatientFactory,
    PractitionerFactory,
    SessionFactory,
)
from triage import ranking

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 12, 7)


def at(hour, day=MONDAY):
    return datetime.combine(day, time(hour), MELBOURNE).astimezone(UTC)


@pytest.fixture(autouse=True)
def _friday_before():
    with time_machine.travel(datetime(2026, 12, 4, 0, 0, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def kind():
    return AppointmentTypeFactory(minutes=30, step_minutes=30)


@pytest.fixture
def make(kind):
    def make(name, **kwargs):
        return PractitionerFactory(name=name, gives=[kind], **kwargs)

    return make


def rank(kind, people, patient=None, monday=MONDAY):
    offers = [availability.Offer(person, kind) for person in people]
    found = availability.find_slots(offers=offers, first_day=monday, days=7)
    return ranking.rank(found=found, patient=patient, monday=monday, now=timezone.now())


def names(ranked):
    return [one.practitioner.name for one in ranked]


def busy_all_day(person, kind, day):
    span = diary.Span(at(9, day), at(17, day))
    diary.take(practitioner=person, span=span, by=None)


class TestRank:
    def test_puts_who_has_seen_the_patient_before_who_is_sooner(self, make, kind):
        leo = PatientFactory()
        sooner, known = make("Dr Ann"), make("Dr Zoe")
        busy_all_day(known, kind, MONDAY)
        BookingFactory(patient=leo, practitioner=known, state="completed", starts_at=at(9, date(2026, 10, 5)))

        ranked = rank(kind, [sooner, known], leo)

        assert names(ranked) == ["Dr Zoe", "Dr Ann"]
        assert ranked[0].reasons == ("Seen before, 1 visit", "Free from Tue 8 Dec", "1 visit that week")
        assert ranked[1].reasons == ("Soonest", "No visits that week")

    @pytest.mark.parametrize("state", ["no_show", "confirmed"])
    def test_counts_visits_that_took_place_alone(self, make, kind, state):
        leo, ann = PatientFactory(), make("Dr Ann")
        BookingFactory(patient=leo, practitioner=ann, state=state, starts_at=at(9, date(2026, 10, 5)))

        [one] = rank(kind, [ann], leo)

        assert not one.reasons[0].startswith("Seen")

    def test_tells_nothing_of_a_patient_who_must_not_be_shown(self, make, kind):
        leo, known = PatientFactory(), make("Dr Zoe")
        BookingFactory(patient=leo, practitioner=known, state="completed", starts_at=at(9, date(2026, 10, 5)))

        [one] = rank(kind, [known], None)

        assert one.reasons == ("Soonest", "No visits that week")

    def test_puts_the_sooner_day_before_the_lighter_week(self, make, kind):
        light, soon = make("Dr Ann"), make("Dr Zoe")
        for n in range(3):
            moment = at(9, MONDAY + timedelta(1 + n))
            diary.take(practitioner=soon, span=availability.occupied_span(kind, moment), by=None)
        busy_all_day(light, kind, MONDAY)

        assert names(rank(kind, [light, soon])) == ["Dr Zoe", "Dr Ann"]

    def test_puts_the_lighter_week_first_where_the_day_is_the_same(self, make, kind):
        loaded, light = make("Dr Ann"), make("Dr Zoe", hours=(time(11), time(17)))
        diary.take(practitioner=loaded, span=availability.occupied_span(kind, at(12)), by=None)

        ranked = rank(kind, [loaded, light])

        assert names(ranked) == ["Dr Zoe", "Dr Ann"]
        assert ranked[1].reasons == ("Soonest", "1 visit that week")

    def test_puts_who_has_no_time_last_though_known(self, make, kind):
        leo, free, known = PatientFactory(), make("Dr Zoe"), make("Dr Ann", hours=False)
        BookingFactory(patient=leo, practitioner=known, state="completed", starts_at=at(9, date(2026, 10, 5)))

        ranked = rank(kind, [known, free], leo)

        assert names(ranked) == ["Dr Zoe", "Dr Ann"]
        assert "No free time" in ranked[1].reasons

    def test_lets_nobody_wait_a_week_longer_for_whom_they_know(self, make, kind):
        leo, sooner, known = PatientFactory(), make("Dr Zoe"), make("Dr Ann")
        BookingFactory(patient=leo, practitioner=known, state="completed", starts_at=at(9, date(2026, 10, 5)))
        for n in range(7):
            busy_all_day(known, kind, MONDAY + timedelta(n))

        assert names(rank(kind, [known, sooner], leo)) == ["Dr Zoe", "Dr Ann"]

    def test_goes_by_name_where_nothing_else_tells(self, make, kind):
        assert names(rank(kind, [make("Dr B"), make("Dr A")])) == ["Dr A", "Dr B"]

    def test_speaks_of_this_week_in_the_present_one(self, make, kind):
        [one] = rank(kind, [make("Dr A")], monday=date(2026, 11, 30))

        assert one.reasons[-1] == "No visits this week"

    def test_does_not_look_at_what_a_visit_costs(self, make, kind):
        dear = AppointmentTypeFactory(price=500, minutes=30, step_minutes=30)
        cheap, rich = make("Dr A"), PractitionerFactory(name="Dr B", gives=[dear])
        offers = [availability.Offer(rich, dear), availability.Offer(cheap, kind)]
        found = availability.find_slots(offers=offers, first_day=MONDAY, days=7)

        ranked = ranking.rank(found=found, patient=None, monday=MONDAY, now=timezone.now())

        assert names(ranked) == ["Dr A", "Dr B"]

    def test_asks_the_database_as_often_for_many_as_for_one(self, make, kind):
        leo, people = PatientFactory(), [make(f"Dr {n}", daily_cap=n + 1) for n in range(8)]

        def count(people):
            with CaptureQueriesContext(connection) as queries:
                rank(kind, people, leo)
            return len(queries)

        assert count(people) == count(people[:1]) == 5


class TestNoteChoice:
    def test_keeps_order_reasons_and_choice_with_the_call_and_leaves_its_version(self, make, kind):
        first, second = make("Dr A"), make("Dr B", hours=(time(12), time(17)))
        session = SessionFactory()

        ranking.note_choice(
            session=session, appointment_type=kind, practitioner=second, starts_at=at(12), now=timezone.now()
        )

        session.refresh_from_db()
        assert session.recommended_practitioners == [first.pk, second.pk]
        assert session.recommendation["chosen"] == f"{second.pk}"
        assert session.recommendation["weekOf"] == "2026-12-07"
        [top, _] = session.recommendation["ranked"]
        assert (top["name"], top["reasons"]) == (
            "Dr A",
            ["Gives Initial, telehealth", "Soonest", "No visits that week"],
        )
        assert session.version == 1
