"""One way to count: days that are closed are read, those that are open are counted, and both are added up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Sum, Value

from practitioners.timegrid import Span
from services.prices import clinic_day

from ..models import Fact
from .period import DAY, Only, Period, day_start
from .sources import COLUMNS, SOURCES, narrowed
from .touched import open_days

Numbers = dict[str, int | Decimal]


def spans_of(days: Iterable[date]) -> list[Span]:
    """Put days into spans of time, those that follow one another into one."""
    spans: list[tuple[date, date]] = []
    for day in sorted(days):
        if spans and spans[-1][1] == day:
            spans[-1] = (spans[-1][0], day + DAY)
        else:
            spans.append((day, day + DAY))
    return [(day_start(first), day_start(end)) for first, end in spans]


def count(
    model: type[Fact], days: Iterable[date], *, now: datetime, only: Only, names: Sequence[str] | None = None
) -> dict[tuple, Numbers]:
    """Count what days came to, from the rows themselves: by day and by what the model's rows are told apart by."""
    columns, spans = COLUMNS[model], spans_of(days)
    found: dict[tuple, Numbers] = defaultdict(dict)
    for source in SOURCES[model] if spans else []:
        wanted = [name for name in source.counts if names is None or name in names]
        if not wanted:
            continue
        rows = source.counted(spans, now=now, names=wanted, wanted=narrowed(model, only, prefix="of_"))
        for row in rows:
            known = dict(zip(source.columns, row[1:], strict=False))
            numbers = found[row[0], *(known.get(column) or empty for column, empty in columns.items())]
            for name, number in zip(wanted, row[1 + len(source.columns) :], strict=True):
                numbers[name] = numbers.get(name, 0) + (number or 0)
    return found


def totals(
    model: type[Fact], names: Sequence[str], period: Period, *, only: Only, by: Sequence[str] = (), now: datetime
) -> dict[tuple, Numbers]:
    """Add up numbers of a period, told apart ``by`` day or any of the model's columns; what is nothing is left out."""
    days = open_days(period, today=clinic_day(now))
    added: dict[tuple, Numbers] = defaultdict(lambda: dict.fromkeys(names, 0))
    kept = model.objects.filter(narrowed(model, only), day__gte=period.first, day__lte=period.last)
    # Told apart by nothing, each row would be summed by itself; so by something that is the same for all.
    rows = kept.exclude(day__in=days).order_by().values_list(*by or [Value("")])
    for row in rows.annotate(**{f"n_{name}": Sum(name) for name in names}):
        _add(added[row[: len(by)]], dict(zip(names, row[len(row) - len(names) :], strict=True)))
    places = ["day", *COLUMNS[model]]
    for key, numbers in count(model, days, now=now, only=only, names=names).items():
        _add(added[tuple(key[places.index(column)] for column in by)], numbers)
    return {key: numbers for key, numbers in added.items() if any(numbers.values())}


def total(model: type[Fact], names: Sequence[str], period: Period, *, only: Only, now: datetime) -> Numbers:
    """Add up numbers of a period."""
    return totals(model, names, period, only=only, now=now).get((), dict.fromkeys(names, 0))


def _add(numbers: Numbers, more: dict[str, Any]) -> None:
    for name, number in more.items():
        numbers[name] += number or 0
