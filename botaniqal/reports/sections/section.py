"""What a report is put together from: cards, and sections that are a table with or without a chart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import Any, TypeVar

from ..asked import Asked
from ..chart import BEFORE, Chart, Datum, Funnel, columns, lines
from ..figures import Period, Point, definitions, series
from ..figures.trend import BY_DAY, BY_WEEK
from ..table import GOOD, Change, Column, Kind, Table, change, table

NONE_IN_DAYS = "Nothing in these days. Choose others, or take a filter off."
Known = TypeVar("Known")
FEW_COLUMNS = 4
"""So many columns have room beside another table."""
LONGEST_SHOWN = 12
"""So many lines of a table stand open below their chart; of more, the chart says it and the lines are folded."""


@dataclass(frozen=True, slots=True)
class Card:
    """A figure of the whole period, with that of the period before."""

    name: str
    shown: str
    means: str
    url: str = ""
    change: Change | None = None
    before: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table, the chart that is drawn from it, and what is said where both would be empty."""

    table: Table
    chart: Chart | Funnel | None = None
    is_empty: bool = False
    empty: str = NONE_IN_DAYS
    is_wide: bool = False
    is_folded: bool = False
    file_url: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a report says."""

    cards: list[Card]
    sections: list[Section]


def card(
    figure: str, name: str, kind: Kind, asked: Asked, now: Any, before: Any, *, more_is: str = GOOD, url: str = ""
) -> Card:
    """Make a card of a figure, compared if that is asked for."""
    return Card(
        name=name,
        shown=kind.shown(now),
        means=definitions[figure],
        url=url,
        change=change(now, before, kind, more_is=more_is) if asked.before else None,
        before=kind.shown(before),
    )


def both(asked: Asked, figure: Callable[..., Known]) -> tuple[Known, Known | None]:
    """Ask a figure for these days, and for those before where they are compared."""
    return figure(asked.period, asked.only), figure(asked.before, asked.only) if asked.before else None


def over_time(figure: str, title: str, kind: Kind, asked: Asked, *, has_rows: bool = True) -> Section:
    """Follow a figure by day, week or month, the period before beside it where it is compared."""
    now = series(figure, asked.period, asked.only)
    before = series(figure, asked.before, asked.only) if asked.before else []
    size = bucket(asked.period)
    heads = [Column(size.capitalize(), Kind.TEXT), Column(title, kind, definitions[figure])]
    if asked.before:
        heads += [Column(f"{size.capitalize()} before", Kind.TEXT), Column("Before", kind)]
    values, urls = [], []
    for n, (point, earlier) in enumerate(zip_longest(now, before)):
        values.append([*_told(point, size), *(_told(earlier, size) if asked.before else [])])
        behind = {title: _rows_of(figure, asked, now, n)} if has_rows and point else {}
        if has_rows and earlier:
            behind["Before"] = _rows_of(figure, asked.earlier, before, n)
        urls.append(behind)
    return Section(
        table=table(f"{figure}-over-time".replace("_", "-"), title, heads, values, urls=urls),
        chart=_drawn(f"{title} by {size}", now, before[: len(now)], size, kind),
        # No visit that was missed is a figure; no visit at all is none.
        is_empty=not any(point.value is not None if kind is Kind.PERCENT else point.value for point in [*now, *before]),
        is_wide=True,
        is_folded=len(values) > LONGEST_SHOWN,
    )


def _drawn(title: str, now: Sequence[Point], before: Sequence[Point], size: str, kind: Kind) -> Chart | None:
    if len(now) == 1:  # of which a chart says nothing that the line does not
        return None
    data, beside = [_datum(point, size, kind) for point in now], {}
    if any(each.value for each in before):  # else a line along the floor would be a comparison with nothing
        beside[BEFORE] = [_datum(each, size, kind) for each in before]
    if kind is Kind.PERCENT:  # of which there may be none on a day, and which do not add up
        return lines(title, {"These days": data} | beside, axis=axis_of(kind))
    return columns(title, data, axis=axis_of(kind), beside=beside)


def by_line(
    name: str,
    title: str,
    heads: Sequence[Column],
    values: Sequence[Sequence[Any]],
    *,
    empty: str = NONE_IN_DAYS,
    **options: Any,
) -> Section:
    """Make a section of a table whose lines are things of the clinic, with a bar beside one of the numbers."""
    made = table(name, title, list(heads), values, **options)
    return Section(table=made, is_empty=not values, empty=empty, is_wide=len(heads) > FEW_COLUMNS)


def axis_of(kind: Kind) -> Callable[[Any], str]:
    """Write the round numbers of an axis: dollars without cents."""
    return {
        Kind.MONEY: lambda value: f"−${-value:,}" if value < 0 else f"${value:,}",
        Kind.PERCENT: lambda value: f"{value}%",
    }.get(kind, lambda value: f"{value:,}")


def bucket(period: Period) -> str:
    """Name what a series of a period goes by."""
    return "day" if period.length <= BY_DAY else "week" if period.length <= BY_WEEK else "month"


def _told(point: Point | None, size: str) -> list[Any]:
    return [_named(point, size), point.value] if point else [None, None]


def _named(point: Point, size: str) -> str:
    """Write a day, a week by its first day, or a month, and whether it is a part of one."""
    day = point.day
    name = f"{day:%b %Y}" if size == "month" else f"{day:%a %-d %b %Y}" if size == "day" else f"{day:%-d %b %Y}"
    return f"{name} (part)" if point.is_part else name


def _datum(point: Point, size: str, kind: Kind) -> Datum:
    name = f"{point.day:%b %y}" if size == "month" else f"{point.day:%-d %b}"
    title = _named(point, size)
    title = f"Week from {title}" if size == "week" else title
    return Datum(name, title, point.value, kind.shown(point.value), is_part=point.is_part)


def _rows_of(figure: str, asked: Asked, points: Sequence[Point], n: int) -> str:
    last = points[n + 1].day - timedelta(days=1) if n + 1 < len(points) else asked.period.last
    return asked.of(Period(points[n].day, last)).rows_url(figure)
