from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botaniqal.alerts.stretches import muted_until, of_moments

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + 60 * MINUTE
MELBOURNE = ZoneInfo("Australia/Melbourne")


def three_in_five(*minutes, until=LATER):
    found = of_moments([NOON + m * MINUTE for m in minutes], number=3, period=5 * MINUTE, until=until)
    return [((first - NOON) / MINUTE, (last - NOON) / MINUTE, most) for first, last, most in found]


class TestOfMoments:
    def test_finds_nothing_below_the_number(self):
        assert three_in_five(0, 1) == []
        assert three_in_five() == []

    def test_begins_with_the_moment_that_made_it_so_many(self):
        assert three_in_five(0, 1, 4) == [(4, 5, 3)]

    def test_looks_at_every_window_and_not_only_at_those_that_begin_with_a_look(self):
        assert three_in_five(3.9, 6.1, 8.8) == [(8.8, 8.9, 3)]

    def test_counts_what_is_exactly_a_period_old_no_more(self):
        assert three_in_five(0, 1, 5) == []

    def test_goes_on_while_more_come(self):
        assert three_in_five(0, 1, 2, 4, 6) == [(2, 7, 4)]

    def test_tells_times_apart_between_which_it_was_fewer(self):
        assert three_in_five(0, 0, 0, 20, 21, 22) == [(0, 5, 3), (22, 25, 3)]

    def test_ends_now_at_the_latest(self):
        assert three_in_five(0, 1, 2, until=NOON + 3 * MINUTE) == [(2, 3, 3)]

    @given(st.lists(st.integers(0, 900), max_size=25), st.integers(1, 4), st.integers(1, 300))
    def test_agrees_with_a_count_at_every_second(self, seconds, number, period):
        moments = [NOON + s * SECOND for s in sorted(seconds)]

        found = of_moments(moments, number=number, period=period * SECOND, until=LATER)

        for second in range(1_300):
            at = NOON + second * SECOND
            count = sum(at - period * SECOND < moment <= at for moment in moments)
            assert (count >= number) == any(first <= at < last for first, last, _ in found)


def muted(moment, begins="22:00", ends="07:00"):
    """Until when it is muted at a time of Melbourne's clock."""
    now = datetime.fromisoformat(moment).replace(tzinfo=MELBOURNE)
    until = muted_until(now, begins=time.fromisoformat(begins), ends=time.fromisoformat(ends), zone=MELBOURNE)
    return until and f"{until.astimezone(MELBOURNE):%a %H:%M %Z}"


class TestMutedUntil:
    def test_is_none_without_hours(self):
        assert muted_until(NOON, begins=None, ends=None, zone=MELBOURNE) is None

    @pytest.mark.parametrize(
        ("moment", "until"),
        [
            ("2026-11-23T21:59", None),
            ("2026-11-23T22:00", "Tue 07:00 AEDT"),
            ("2026-11-24T00:00", "Tue 07:00 AEDT"),
            ("2026-11-24T06:59", "Tue 07:00 AEDT"),
            ("2026-11-24T07:00", None),
        ],
    )
    def test_passes_midnight(self, moment, until):
        assert muted(moment) == until

    @pytest.mark.parametrize(("moment", "until"), [("2026-11-23T12:59", "Mon 13:00 AEDT"), ("2026-11-23T11:59", None)])
    def test_stays_within_a_day(self, moment, until):
        assert muted(moment, "12:00", "13:00") == until

    def test_ends_by_the_wall_where_the_clock_is_put_forward(self):
        assert muted("2026-10-03T23:00") == "Sun 07:00 AEDT"

    def test_ends_with_the_jump_where_its_end_is_never_shown(self):
        assert muted("2026-10-04T01:30", ends="02:30") == "Sun 03:00 AEDT"

    def test_ends_by_the_wall_where_the_clock_is_put_back(self):
        assert muted("2026-04-04T23:00") == "Sun 07:00 AEST"

    def test_ends_once_where_the_clock_shows_its_end_twice(self):
        first, second = (datetime(2026, 4, 5, 2, 15, tzinfo=MELBOURNE, fold=fold).astimezone(UTC) for fold in (0, 1))
        hours = {"begins": time(22), "ends": time(2, 30), "zone": MELBOURNE}

        assert muted_until(first, **hours) == first + 15 * MINUTE
        assert muted_until(second, **hours) is None
