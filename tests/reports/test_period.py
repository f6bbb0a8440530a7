"""Of which days a figure speaks."""

from datetime import UTC, date, datetime, timedelta

import pytest

from botaniqal.errors import Malformed
from botaniqal.reports.figures import NAMES, Period, parse

TODAY = date(2026, 11, 22)  # a Sunday


class TestOf:
    @pytest.mark.parametrize(
        ("name", "first"),
        [
            ("today", date(2026, 11, 22)),
            ("week", date(2026, 11, 16)),
            ("month", date(2026, 11, 1)),
            ("quarter", date(2026, 10, 1)),
            ("year", date(2026, 1, 1)),
            ("last_7", date(2026, 11, 16)),
            ("last_28", date(2026, 10, 26)),
            ("last_90", date(2026, 8, 25)),
            ("last_365", date(2025, 11, 23)),
        ],
    )
    def test_begins_where_its_name_says_and_ends_today(self, name, first):
        assert Period.of(name, TODAY) == Period(first, TODAY)

    def test_knows_every_name_that_is_offered(self):
        assert all(Period.of(name, TODAY).last == TODAY for name in NAMES)

    @pytest.mark.parametrize("name", ["", "decade", "last_", "last_8", "last_x", "TODAY"])
    def test_refuses_other_names(self, name):
        with pytest.raises(Malformed, match="from the list"):
            Period.of(name, TODAY)


class TestBefore:
    def test_is_as_long_and_ends_where_it_begins(self):
        assert Period(date(2026, 3, 1), date(2026, 3, 31)).before == Period(date(2026, 1, 29), date(2026, 2, 28))
        assert Period(TODAY, TODAY).before == Period(date(2026, 11, 21), date(2026, 11, 21))


class TestMoments:
    def test_are_those_of_the_clinics_days(self):
        spring = Period(date(2026, 10, 4), date(2026, 10, 4))
        autumn = Period(date(2026, 4, 5), date(2026, 4, 5))

        assert spring.starts_at == datetime(2026, 10, 3, 14, tzinfo=UTC)
        assert spring.ends_at - spring.starts_at == timedelta(hours=23)
        assert autumn.ends_at - autumn.starts_at == timedelta(hours=25)


class TestParse:
    def test_reads_names_and_days(self):
        assert parse(today=TODAY) == Period.of("last_28", TODAY)
        assert parse(period="month", today=TODAY) == Period.of("month", TODAY)
        assert parse(first="2026-10-04", last="2026-10-05", today=TODAY) == Period(date(2026, 10, 4), date(2026, 10, 5))
        assert parse(period="month", first="2026-10-04", today=TODAY) == Period(date(2026, 10, 4), TODAY)

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({"period": "' OR 1=1"}, "from the list"),
            ({"last": "2026-10-05"}, "from which day"),
            ({"first": "5.10.2026"}, "Write a day"),
            ({"first": "2026-02-30"}, "Write a day"),
            ({"first": "0001-01-01"}, "Write a day"),
            ({"first": "9999-12-31"}, "Write a day"),
            ({"first": "x" * 10_000}, "Write a day"),
            ({"first": "2026-10-05", "last": "2026-10-04"}, "comes before"),
            ({"first": "2026-10-05", "last": "2026-11-23"}, "still to come"),
            ({"first": "2001-01-01"}, "ten years"),
        ],
    )
    def test_says_what_is_wrong(self, asked, words):
        with pytest.raises(Malformed, match=words):
            parse(**asked, today=TODAY)
