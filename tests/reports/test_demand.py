from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import redis
from pytest_django import Settings

from botaniqal import counters, tasks
from botaniqal.reports import demand as writing
from botaniqal.reports import figures
from botaniqal.reports.figures import Period
from botaniqal.reports.models import Demand
from practitioners import demand
from practitioners.availability import Offer, Slots, find_slots
from services.models import Price
from services.prices import clinic_day
from tests.counting import Counts
from tests.factories import AppointmentTypeFactory, PractitionerFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counted")]

NOON = datetime(2026, 11, 23, 1, tzinfo=UTC)  # Monday 12:00 in Melbourne
TODAY = date(2026, 11, 23)


def slots(*, is_free: bool, kinds: int = 1) -> list[Slots]:
    """What a search of a week finds of somebody who works each day, or never."""
    person = PractitionerFactory(hours=None if is_free else False)
    offers = [Offer(person, AppointmentTypeFactory(), None) for _ in range(kinds)]
    return find_slots(offers=offers, first_day=clinic_day(datetime.now(UTC)), days=7)


def rows() -> list[tuple[date, int, int]]:
    return list(Demand.objects.order_by("day", "pk").values_list("day", "searches", "empty"))


class TestNote:
    def test_counts_a_search_once_for_each_appointment_type(self, counted: Counts):
        found = slots(is_free=False, kinds=2)

        demand.note([*found, *found], now=NOON)

        codes = [each.appointment_type.code for each in found]
        assert counted("availability_searches") == {(code, "nothing"): 1 for code in codes}

    def test_of_several_people_one_who_is_free_is_enough(self, counted: Counts):
        [away], [free] = slots(is_free=False), slots(is_free=True)
        of_one_type = replace(free, appointment_type=away.appointment_type)

        demand.note([away, of_one_type, away], now=NOON)

        assert counted("availability_searches") == {(away.appointment_type.code, "times"): 1}

    def test_counts_on_the_clinics_day(self):
        found = slots(is_free=False)
        before_midnight = datetime(2026, 11, 23, 12, 59, tzinfo=UTC)  # 23:59 in Melbourne
        after_midnight = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)

        for moment in (before_midnight, after_midnight):
            demand.note(found, now=moment)
        counters.flush()
        writing.write_down(now=after_midnight)

        assert rows() == [(TODAY, 1, 1), (date(2026, 11, 24), 1, 1)]

    def test_says_nothing_of_nobody(self, counted: Counts):
        demand.note([], now=NOON)

        assert counted() == {}


class TestWriteDown:
    def test_is_what_the_figure_tells(self):
        empty = slots(is_free=False)
        for _ in range(3):
            demand.note(empty, now=NOON)
        counters.flush()

        assert writing.write_down(now=NOON) == 1

        [unmet] = figures.unmet(Period(TODAY, TODAY))
        assert (unmet.appointment_type, unmet.searches, unmet.empty) == (empty[0].appointment_type, 3, 3)

    def test_twice_comes_to_the_same(self):
        found = slots(is_free=False)
        demand.note(found, now=NOON)
        counters.flush()

        assert [writing.write_down(now=NOON) for _ in range(3)] == [1, 0, 0]

        demand.note(found, now=NOON)
        counters.flush()
        writing.write_down(now=NOON)
        assert rows() == [(TODAY, 2, 2)]

    def test_that_is_cut_off_loses_nothing_and_counts_nothing_twice(self):
        found = slots(is_free=False)
        demand.note(found, now=NOON)
        counters.flush()
        read = demand.noted(TODAY)  # what a worker had read when it was killed
        assert read[1]

        demand.note(found, now=NOON)
        counters.flush()
        writing.write_down(now=NOON)

        assert rows() == [(TODAY, 2, 2)]

    def test_keeps_what_was_written_when_redis_forgets_the_rest(self, settings: Settings):
        found = slots(is_free=False)
        for _ in range(5):
            demand.note(found, now=NOON)
        counters.flush()
        writing.write_down(now=NOON)
        redis.Redis.from_url(settings.REDIS_URL).delete(f"{settings.COUNTERS_PREFIX}:searches:{TODAY}")

        demand.note(found, now=NOON)
        counters.flush()
        writing.write_down(now=NOON)

        assert sorted(rows()) == [(TODAY, 1, 1), (TODAY, 5, 5)]
        [unmet] = figures.unmet(Period(TODAY, TODAY))
        assert unmet.searches == 6

    def test_reaches_back_over_days_without_a_worker(self):
        found = slots(is_free=False)
        demand.note(found, now=datetime(2026, 10, 26, 1, tzinfo=UTC))
        counters.flush()

        writing.write_down(now=NOON)

        assert rows() == [(date(2026, 10, 26), 1, 1)]

    def test_leaves_out_a_type_that_was_deleted(self):
        found = slots(is_free=False)
        demand.note(found, now=NOON)
        counters.flush()
        Price.objects.all().delete()
        found[0].appointment_type.delete()

        assert writing.write_down(now=NOON) == 0

    def test_is_a_bell(self):
        demand.note(slots(is_free=False), now=datetime.now(UTC))
        counters.flush()

        assert tasks.write_demand() == 1
        assert rows()[0][0] == clinic_day(datetime.now(UTC))
