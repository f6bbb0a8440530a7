"""How charts are laid out."""

from decimal import Decimal

import pytest

from botaniqal.reports import chart
from botaniqal.reports.chart import Datum


def data(*values) -> list[Datum]:
    return [Datum(f"{n}", f"Day {n}", value, f"{value}") for n, value in enumerate(values)]


def count(value) -> str:
    return f"{value:,}"


class TestColumns:
    def test_stand_under_round_numbers(self):
        drawn = chart.columns("Bookings", data(0, 7), axis=count)

        assert [level.shown for level in drawn.levels] == ["0", "2", "4", "6", "8"]
        assert [bar.height > 0 for bar in drawn.bars] == [False, True]

    def test_are_as_high_as_their_value(self):
        low, high = chart.columns("Bookings", data(2, 8), axis=count).bars

        assert high.height == 4 * low.height == chart.HEIGHT

    @pytest.mark.parametrize("values", [[], [0], [0, 0, 0]], ids=["nothing", "one", "several"])
    def test_need_no_value(self, values):
        drawn = chart.columns("Bookings", data(*values), axis=count)

        assert [level.shown for level in drawn.levels] == ["0", "1"]
        assert [bar.label for bar in drawn.bars] == [""] * len(values)

    def test_hang_below_the_floor_where_more_was_given_back_than_taken(self):
        taken, given_back = chart.columns("Net", data(Decimal("150.00"), Decimal("-50.00")), axis=count).bars

        assert given_back.y == taken.y + taken.height
        assert taken.height == 3 * given_back.height

    def test_name_all_values_where_there_is_room_else_the_highest_alone(self):
        few, many = data(1, 2, 3), data(*[10] * 3, 30, 30, *[10] * 30)

        assert [bar.label for bar in chart.columns("Few", few, axis=count).bars] == ["1", "2", "3"]
        assert [bar.label for bar in chart.columns("Many", many, axis=count).bars if bar.label] == ["30"]

    def test_say_the_name_of_the_latest_and_few_before_it(self):
        names = [tick.name for tick in chart.columns("Bookings", data(*range(62)), axis=count).ticks]

        assert names[-1] == "61"
        assert len(names) <= chart.LABELS


class TestLines:
    def test_share_one_axis(self):
        drawn = chart.lines("Calls", {"Now": data(1, 3), "Before": data(90, 20)}, axis=count)

        assert drawn.levels[-1].shown == "100"
        assert [line.name for line in drawn.lines] == ["Now", "Before"]

    def test_keep_their_names_apart(self):
        now, before = chart.lines("Calls", {"Now": data(1, 50), "Before": data(1, 50)}, axis=count).lines

        assert abs(now.label_y - before.label_y) >= chart.APART

    def test_can_be_a_single_day(self):
        drawn = chart.lines("Calls", {"Now": data(4)}, axis=count)

        assert [bar.datum.shown for bar in drawn.bars] == ["4"]


class TestFunnel:
    def test_is_as_wide_as_what_is_left(self):
        drawn = chart.funnel("Journey", data(40, 20, 0), ["", "50%", "0%"])

        assert [step.width for step in drawn.steps] == ["100%", "50%", "0%"]

    def test_can_be_empty(self):
        drawn = chart.funnel("Journey", data(0, 0), ["", ""])

        assert [step.width for step in drawn.steps] == ["0%", "0%"]


class TestMeter:
    @pytest.mark.parametrize(
        ("value", "highest", "told"), [(1, 4, "25%"), (0, 0, "0%"), (-3, 4, "0%"), (Decimal(3), 1, "100%")]
    )
    def test_is_a_part_of_the_highest(self, value, highest, told):
        assert chart.meter(value, highest) == told
