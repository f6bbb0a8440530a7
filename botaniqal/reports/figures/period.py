"""Of which days and of what a figure speaks."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

from botaniqal.errors import Malformed
from practitioners import timegrid
from practitioners.availability import CLINIC
from practitioners.models import Practitioner
from services.models import Service

DAY = timedelta(days=1)
LONGEST_DAYS = 3_660
"""Ten years, leap days included: longer reports are a mistake in a year."""

NAMES = {
    "today": "Today",
    "week": "This week",
    "month": "This month",
    "quarter": "This quarter",
    "year": "This year",
    "last_7": "Last 7 days",
    "last_28": "Last 28 days",
    "last_90": "Last 90 days",
    "last_365": "Last 365 days",
}
"""The periods that have a name; all of them end today, and those that began on a calendar's day go on."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """
    Whole days of the clinic, the first and the last among them.

    :raises Malformed: the last day comes before the first, or more than ten years after it.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise Malformed("The last day comes before the first.", details={"last": ["Choose a later day."]})
        if self.length > LONGEST_DAYS:
            raise Malformed("A report covers ten years at most.", details={"first": ["Choose a later day."]})

    @classmethod
    def of(cls, name: str, today: date) -> Self:
        """
        Return the period of a name as it is on a day.

        :raises Malformed: there is no such period.
        """
        if name.removeprefix("last_") != name and name in NAMES:
            return cls(today - (int(name.removeprefix("last_")) - 1) * DAY, today)
        began = {
            "today": today,
            "week": week_of(today),
            "month": today.replace(day=1),
            "quarter": today.replace(month=1 + (today.month - 1) // 3 * 3, day=1),
            "year": today.replace(month=1, day=1),
        }
        if name not in began:
            raise Malformed("Choose a period from the list.", details={"period": ["Not in the list."]})
        return cls(began[name], today)

    @property
    def length(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Period":
        """The period directly before, of as many days."""
        return Period(self.first - self.length * DAY, self.first - DAY)

    @property
    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.first + n * DAY for n in range(self.length)]

    @property
    def starts_at(self) -> datetime:
        """The moment at which its first day begins."""
        return day_start(self.first)

    @property
    def ends_at(self) -> datetime:
        """The moment at which its last day is over."""
        return day_start(self.last + DAY)

    def __str__(self) -> str:
        if self.first == self.last:
            return f"{self.first:%-d %b %Y}"
        return f"{self.first:%-d %b %Y} – {self.last:%-d %b %Y}"


@dataclass(frozen=True, slots=True)
class Only:
    """What a figure is narrowed to; empty for all of it."""

    service: Service | None = None
    practitioner: Practitioner | None = None


EVERYTHING = Only()


def parse(*, period: str = "", first: str = "", last: str = "", today: date) -> Period:
    """
    Read a period as a page or an address writes it: by its name, or by its first and last day (as 2026-11-22).

    Without anything it is the last 28 days; a first day alone goes on until today.

    :raises Malformed: no such period, no such day, days in the wrong order, to come, or too many.
    """
    if not first and not last:
        return Period.of(period or "last_28", today)
    if not first:
        raise Malformed("Say from which day on.", details={"first": ["Required."]})
    wanted = Period(_day(first, "first", today), _day(last, "last", today) if last else today)
    if wanted.last > today:
        raise Malformed("That day is still to come.", details={"last": ["Choose today or a day before."]})
    return wanted


def day_start(day: date) -> datetime:
    """The moment at which a day of the clinic begins."""
    return timegrid.wall_time(day, time.min, CLINIC)


def week_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - day.weekday() * DAY


def _day(written: str, field: str, today: date) -> date:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        day = None
    # Nobody's records are older, and the calendar's own ends are not to be reckoned across.
    if day is None or not 1990 <= day.year <= today.year + 10:
        raise Malformed("Write a day as 2026-11-22.", details={field: ["Not a day that a report can speak of."]})
    return day
