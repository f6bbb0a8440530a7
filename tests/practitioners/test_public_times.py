"""Free times as the public reads them: weeks by the visitor's clock, and who is free at a moment."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from practitioners import availability, diary, public_times
from practitioners.availability import Offer
from tests.factories import AppointmentTypeFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db
TEN = next_morning(10, days=2)
MELBOURNE = ZoneInfo("Australia/Melbourne")


@pytest.fixture
def kind():
    return AppointmentTypeFactory(horizon_days=30)


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(gives=[kind])


def week(*offers, first_day=None, zone=MELBOURNE):
    return public_times.week(offers=offers, zone=zone, first_day=first_day, now=timezone.now())


class TestWeek:
    def test_holds_the_times_of_everybody_once(self, kind, doctor):
        other = PractitionerFactory(gives=[kind])
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, TEN), by=None)

        times = week(Offer(doctor, kind), Offer(other, kind)).times

        assert times.count(TEN) == 1
        assert times == sorted(set(times))

    def test_begins_with_the_first_day_on_which_somebody_is_free(self, kind, doctor):
        first = TEN.astimezone(MELBOURNE).date() + timedelta(days=15)
        doctor.working_hours.update(valid_from=first)

        found = week(Offer(doctor, kind))

        assert found.first_day == found.times[0].astimezone(MELBOURNE).date() == first
        assert found.earlier < first < found.later

    @pytest.mark.parametrize("first_day", [date(2000, 1, 1), date(9999, 12, 31), None])
    def test_stays_between_today_and_how_far_ahead_may_be_booked(self, kind, doctor, first_day):
        today = timezone.now().astimezone(MELBOURNE).date()

        found = week(Offer(doctor, kind), first_day=first_day)

        assert today <= found.first_day <= today + timedelta(days=30)

    def test_has_nothing_where_nobody_gives_it(self):
        found = week()

        assert (found.times, found.earlier) == ([], None)

    def test_goes_by_the_visitors_days(self, kind, doctor):
        zone = ZoneInfo("America/New_York")
        day = TEN.astimezone(zone).date()

        assert TEN in week(Offer(doctor, kind), first_day=day, zone=zone).times
        assert TEN not in week(Offer(doctor, kind), first_day=day + timedelta(days=1), zone=zone).times

    def test_costs_the_same_queries_for_any_number_of_people(self, kind, django_assert_num_queries):
        offers = [Offer(PractitionerFactory(gives=[kind]), kind) for _ in range(12)]

        with django_assert_num_queries(2):
            week(*offers[:1])
        with django_assert_num_queries(2):
            week(*offers)


class TestFreeAt:
    def test_names_who_is_free_then(self, kind, doctor):
        other = PractitionerFactory(gives=[kind])
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, TEN), by=None)
        offers = [Offer(doctor, kind), Offer(other, kind)]

        assert availability.free_at(offers=offers, starts_at=TEN) == [other]
        assert availability.free_at(offers=offers, starts_at=TEN + timedelta(minutes=1)) == []
        assert availability.free_at(offers=offers, starts_at=TEN + timedelta(hours=12)) == []
        assert availability.free_at(offers=[], starts_at=TEN) == []

    def test_takes_what_the_check_at_booking_takes(self, kind, doctor):
        offers = [Offer(doctor, kind)]
        for minutes in range(0, 8 * 60, 15):
            moment = TEN + timedelta(minutes=minutes)
            try:
                availability.check(practitioner=doctor, appointment_type=kind, starts_at=moment)
            except availability.RuleBroken:
                assert not availability.free_at(offers=offers, starts_at=moment)
            else:
                assert availability.free_at(offers=offers, starts_at=moment)
