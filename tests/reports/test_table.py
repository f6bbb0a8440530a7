"""How values are written, compared and kept from spreadsheets."""

from decimal import Decimal

import pytest

from botaniqal.reports.table import Column, Kind, change, plain, table


class TestKind:
    @pytest.mark.parametrize(
        ("kind", "value", "shown", "written"),
        [
            (Kind.COUNT, 12_345, "12,345", "12345"),
            (Kind.MONEY, Decimal("1204.5"), "$1,204.50", "1204.50"),
            (Kind.MONEY, Decimal("-59.5"), "−$59.50", "-59.50"),
            (Kind.PERCENT, 0, "0%", "0"),
            (Kind.PERCENT, None, "–", ""),
            (Kind.MINUTES, 9_605, "160 h 05", "9605"),
            (Kind.TEXT, "-1+1", "-1+1", "'-1+1"),
        ],
    )
    def test_writes_for_people_and_for_programs(self, kind, value, shown, written):
        assert (kind.shown(value), kind.written(value)) == (shown, written)


class TestPlain:
    @pytest.mark.parametrize("words", ["=1+1", "+61400", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "|x"])
    def test_marks_what_would_be_worked_out(self, words):
        assert plain(words) == f"'{words}"

    @pytest.mark.parametrize("words", ["", "GAPS", "Dr O'Neil = 1", "1-2"])
    def test_leaves_other_words_alone(self, words):
        assert plain(words) == words


class TestChange:
    @pytest.mark.parametrize(
        ("now", "before", "kind", "told"),
        [
            (12, 10, Kind.COUNT, ("▲", "20% more", "good")),
            (8, 10, Kind.COUNT, ("▼", "20% less", "poor")),
            (1_001, 1_000, Kind.COUNT, ("▲", "under 1% more", "good")),
            (0, 0, Kind.COUNT, ("=", "as before", "")),
            (5, 0, Kind.COUNT, ("", "no comparison", "")),
            (5, None, Kind.COUNT, ("", "no comparison", "")),
            (None, 5, Kind.PERCENT, ("", "no comparison", "")),
            (5, 0, Kind.PERCENT, ("▲", "5 points higher", "good")),
            (49, 50, Kind.PERCENT, ("▼", "1 point lower", "poor")),
            (Decimal(0), Decimal(-89), Kind.MONEY, ("▲", "$89.00 more", "good")),
        ],
    )
    def test_is_told_in_words_with_a_sign(self, now, before, kind, told):
        found = change(now, before, kind)

        assert (found.sign, found.words, found.tone) == told

    def test_may_be_worse_for_being_more(self):
        assert change(2, 1, Kind.PERCENT, more_is="poor").tone == "poor"
        assert change(1, 2, Kind.PERCENT, more_is="poor").tone == "good"


class TestTable:
    def test_has_bars_as_long_as_the_numbers_and_none_for_the_sum(self):
        heads = [Column("Service", Kind.TEXT), Column("Visits")]

        made = table("visits", "Visits", heads, [["A", 4], ["B", 1], ["C", 0]], total=["In all", 5], barred="Visits")

        assert [row.cells[1].bar for row in made.rows] == ["100%", "25%", "0%", ""]
        assert [row.is_total for row in made.rows] == [False, False, False, True]

    def test_measures_shares_by_the_whole(self):
        heads = [Column("Service", Kind.TEXT), Column("Rate", Kind.PERCENT)]

        made = table("rates", "Rates", heads, [["A", 40], ["B", None]], barred="Rate")

        assert [row.cells[1].bar for row in made.rows] == ["40%", "0%"]
