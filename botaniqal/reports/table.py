"""Tables of reports: one source for what a page shows, a chart draws and a file holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

from .chart import meter

NOTHING = "–"
GOOD, POOR, NEITHER = "good", "poor", ""


class Kind(Enum):
    """What a value is, and with it how it is written."""

    TEXT = "text"
    MARK = "mark"
    """Words that stay on one line: a number of a booking, a moment."""
    COUNT = "count"
    MONEY = "money"
    PERCENT = "percent"
    MINUTES = "minutes"
    CHANGE = "change"

    def shown(self, value: Any) -> str:
        """Write a value for people."""
        if value is None:
            return NOTHING
        match self:
            case Kind.COUNT:
                return f"{value:,}"
            case Kind.MONEY:
                return f"−${-value:,.2f}" if value < 0 else f"${value:,.2f}"
            case Kind.PERCENT:
                return f"{value}%"
            case Kind.MINUTES:
                return f"{value // 60:,} h {value % 60:02}"
        return str(value)

    def written(self, value: Any) -> str:
        """Write a value for a file: numbers bare, words so that no program takes them for a formula."""
        if value is None:
            return ""
        match self:
            case Kind.COUNT | Kind.PERCENT | Kind.MINUTES:
                return str(value)
            case Kind.MONEY:
                return f"{value:.2f}"
        return plain(str(value))

    @property
    def is_number(self) -> bool:
        """Tell whether it stands at the right, its digits below each other."""
        return self not in (Kind.TEXT, Kind.MARK, Kind.CHANGE)


FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
"""What makes a spreadsheet work a cell out instead of showing it, also in full width."""


def plain(words: str) -> str:
    """Put a mark before what a spreadsheet would work out."""
    return f"'{words}" if words.lstrip(" ").startswith(FORMULAS) else words


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure differs from that of the period before, in words; the sign and the colour say no more."""

    sign: str
    words: str
    tone: str = NEITHER

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Column:
    """A column, what it holds, and what that means."""

    name: str
    kind: Kind = Kind.COUNT
    means: str = ""

    @property
    def written(self) -> str:
        """Its name in a file, with the unit that the numbers there do not have."""
        units = {Kind.MONEY: "AUD", Kind.PERCENT: "per cent", Kind.MINUTES: "minutes"}
        return plain(f"{self.name} ({units[self.kind]})" if self.kind in units else self.name)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, the rows behind it, and a bar that is as long as it is large."""

    column: Column
    value: Any
    url: str = ""
    bar: str = ""

    @property
    def shown(self) -> str:
        """What the page shows."""
        return self.column.kind.shown(self.value)

    @property
    def written(self) -> str:
        """What the file holds."""
        return self.column.kind.written(self.value)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table."""

    cells: list[Cell]
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under their columns."""

    name: str
    title: str
    columns: list[Column]
    rows: list[Row]
    means: list[tuple[str, str]] = field(default_factory=list)
    """What its lines mean."""

    @property
    def meanings(self) -> list[tuple[str, str]]:
        """What its columns and lines mean."""
        return [*((column.name, column.means) for column in self.columns if column.means), *self.means]


def table(
    name: str,
    title: str,
    columns: list[Column],
    values: Sequence[Sequence[Any]],
    *,
    total: Sequence[Any] | None = None,
    urls: Sequence[dict[str, str]] = (),
    barred: str = "",
    means: Sequence[tuple[str, str]] = (),
) -> Table:
    """Make a table of values; ``urls`` say by column what is behind a row's cells, ``barred`` which has bars."""
    lines = [*values, total] if total is not None else list(values)
    at = next((n for n, column in enumerate(columns) if column.name == barred), None)
    highest = 0
    if at is not None:
        highest = 100 if columns[at].kind is Kind.PERCENT else max((line[at] or 0 for line in values), default=0)
    rows = []
    for n, line in enumerate(lines):
        is_total = n == len(values)
        behind = urls[n] if n < len(urls) else {}
        cells = [
            Cell(column, value, behind.get(column.name, ""), "" if is_total or i != at else meter(value or 0, highest))
            for i, (column, value) in enumerate(zip(columns, line, strict=True))
        ]
        rows.append(Row(cells, is_total))
    return Table(name, title, columns, rows, list(means))


def change(now: Any, before: Any, kind: Kind, *, more_is: str = GOOD) -> Change:
    """Compare a figure with that of the period before; where nothing was before, say that there is no comparison."""
    if now is None or before is None:
        return Change("", "no comparison")
    if now == before:
        return Change("=", "as before")
    if not before and kind is not Kind.PERCENT:
        return Change("", "no comparison")
    is_more = now > before
    tone = NEITHER if more_is == NEITHER else more_is if is_more else {GOOD: POOR, POOR: GOOD}[more_is]
    if kind is Kind.PERCENT:
        by = f"{abs(now - before)} point{'' if abs(now - before) == 1 else 's'}"
        words = f"{by} {'higher' if is_more else 'lower'}"
    else:  # of less than nothing nothing is a share
        by = Kind.MONEY.shown(abs(now - before)) if before < 0 else _share(now, before)
        words = f"{by} {'more' if is_more else 'less'}"
    return Change("▲" if is_more else "▼", words, tone)


def _share(now: Any, before: Any) -> str:
    by = abs(Decimal(now) - Decimal(before)) / abs(Decimal(before)) * 100
    return f"{by:.0f}%" if by >= 1 else "under 1%"
