"""Figures over time, for charts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from botaniqal.errors import Malformed
from services.prices import clinic_day

from ..models import DayOfCalls, DayOfHours, DayOfVisits, DayOfWaiting, Demand, Fact
from .counting import Numbers, totals
from .hours import minutes
from .period import DAY, EVERYTHING, Only, Period, week_of
from .shapes import Point, Share
from .waits import searches

BY_DAY, BY_WEEK = 62, 366
"""So many days are shown day by day, so many week by week."""
Value = int | Decimal | None


@dataclass(frozen=True, slots=True)
class Line:
    """How a figure is made of numbers of days: which, and what of their sums it is; ``list`` is the waitlist's."""

    model: type[Fact]
    names: Sequence[str]
    made: Callable[..., Value]
    list: str = ""


def series(name: str, period: Period, only: Only = EVERYTHING, *, now: datetime | None = None) -> list[Point]:
    """
    Follow a figure by day up to 62 days, by week (from Mondays) up to a year, by month beyond.

    The first and last bucket hold only their days within the period, and days to come are none. ``name`` is one of
    ``definitions``.

    :raises Malformed: no figure of that name can be followed.
    """
    if name not in LINES:
        raise Malformed("This figure cannot be followed over time.", details={"name": ["Not a figure of that kind."]})
    line, now = LINES[name], now or timezone.now()
    sums: dict[date, Numbers] = {}
    for day in period.days:
        sums.setdefault(_bucket(day, period), dict.fromkeys(line.names, 0))
    for day, numbers in _by_day(line, period, only, now).items():
        for number, amount in numbers.items():
            sums[_bucket(day, period)][number] += amount
    over = min(period.last, clinic_day(now) - DAY)
    return [
        Point(max(first, period.first), line.made(*numbers.values()), _is_part(first, period, over))
        for first, numbers in sums.items()
    ]


def _by_day(line: Line, period: Period, only: Only, now: datetime) -> dict[date, Numbers]:
    if line.model is DayOfHours:
        added = minutes(period, only, by=["day"], now=now)
        return {day: dict(zip(("offered", "booked"), pair, strict=True)) for (day,), pair in added.items()}
    if line.model is Demand:
        rows = searches(period, only).order_by().values_list("day").annotate(Sum("searches"), Sum("empty"))
        return {day: {"searches": searched, "empty": empty} for day, searched, empty in rows}
    by = ["day", "list"] if line.list else ["day"]
    found = totals(line.model, line.names, period, only=only, by=by, now=now)
    return {day: numbers for (day, *of), numbers in found.items() if not of or of == [line.list]}


def _bucket(day: date, period: Period) -> date:
    if period.length <= BY_DAY:
        return day
    return week_of(day) if period.length <= BY_WEEK else day.replace(day=1)


def _is_part(first: date, period: Period, over: date) -> bool:
    """Tell whether a week or a month begins before the period, or has days that are not over in it."""
    is_longer = period.length > BY_DAY
    return is_longer and (first < period.first or first >= _bucket(over + DAY, period))


def _itself(number: Value) -> Value:
    return number


def _net(taken: Decimal, twice: Decimal, given_back: Decimal, lost: Decimal) -> Decimal:
    return taken + twice - given_back - lost


def _percent(whole: int, part: int) -> int | None:
    return Share(part, whole).percent


def _of_both(one: int, other: int) -> int | None:
    return Share(other, one + other).percent


ITSELF = {
    DayOfVisits: "booked cancelled took_place taken twice given_back lost",
    DayOfCalls: "consultations calls bookings visits follow_ups",
    Demand: "searches empty",
}
LINES = (
    {name: Line(model, [name], _itself) for model, names in ITSELF.items() for name in names.split()}
    | {
        "empty": Line(Demand, ["searches", "empty"], lambda searched, empty: empty),
        "searches": Line(Demand, ["searches", "empty"], lambda searched, empty: searched),
        "revenue": Line(DayOfVisits, ["taken", "twice", "given_back", "lost"], _net),
        "no_shows": Line(DayOfVisits, ["took_place", "no_shows"], _of_both),
        "holds": Line(DayOfVisits, ["holds", "holds_kept"], _percent),
        "conversion": Line(DayOfCalls, ["consultations", "bookings"], _percent),
        "abandonment": Line(DayOfCalls, ["due", "abandoned"], _percent),
        "utilisation": Line(DayOfHours, ["offered", "booked"], _percent),
        "unmet": Line(Demand, ["searches", "empty"], _percent),
    }
    | {
        f"{name}_{moved}": Line(DayOfWaiting, [moved], _itself, list=name)
        for name in DayOfWaiting.List.values
        for moved in ("joined", "left")
    }
)
"""What can be followed; shares are in per cent, and None where there is nothing to take a share of."""
