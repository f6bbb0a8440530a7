"""The calendar's geometry: rows of five minutes on the clinic's clock, and lanes where visits overlap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from practitioners import timegrid
from practitioners.day_plan import CLINIC
from practitioners.timegrid import Span

STEP = timegrid.CELL_MINUTES
ROWS_AN_HOUR = 60 // STEP
DAY_MINUTES = 24 * 60
USUAL = (8 * 60, 18 * 60)
MOST_LANES = 4

Row = tuple[int, int]
"""A minute of the day as the clock shows it, and 1 where it shows it for the second time."""


@dataclass(frozen=True, slots=True)
class Place:
    """From which row, over how many."""

    row: int
    span: int

    def overlaps(self, other: "Place") -> bool:
        """Tell whether they share a row."""
        return self.row < other.row + other.span and other.row < self.row + self.span


@dataclass(frozen=True, slots=True)
class Axis:
    """The rows of all columns; an hour that the clock shows twice on one of the days stands there twice."""

    rows: dict[Row, int]

    @classmethod
    def over(cls, days: Sequence[date], spans: Iterable[Span]) -> "Axis":
        """Make the axis of some days, with whole hours around the usual ones and everything that has to be seen."""
        first, last = USUAL
        for starts_at, ends_at in spans:
            begin, end = starts_at.astimezone(CLINIC), (ends_at - timedelta.resolution).astimezone(CLINIC)
            if begin.date() == end.date():
                first, last = min(first, begin.hour * 60), max(last, (end.hour + 1) * 60)
            else:  # past midnight
                first, last = 0, DAY_MINUTES
        keys: list[Row] = []
        again = sorted({minute for day in days for minute in _shown_twice(day)})
        for minute in range(first, last, STEP):
            keys.append((minute, 0))
            if again and minute == again[-1]:
                keys += [(repeated, 1) for repeated in again if repeated >= first]
        return cls({key: place for place, key in enumerate(keys)})

    @property
    def length(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def hours(self) -> list[tuple[int, str]]:
        """Where each hour begins, and what is written there."""
        return [
            (row, f"{minute // 60:02}:00{' again' if fold else ''}")
            for (minute, fold), row in self.rows.items()
            if minute % 60 == 0
        ]

    def place(self, starts_at: datetime, ends_at: datetime, day: date) -> Place | None:
        """Find the rows of what begins and ends at two moments in the column of a day, if it is seen there."""
        begins, over = timegrid.day_edges(day, CLINIC)
        if starts_at >= over or ends_at <= begins:
            return None
        first = 0 if starts_at <= begins else self.row_of(starts_at)
        last = self.length - 1 if ends_at >= over else self.row_of(ends_at - timedelta.resolution)
        if first >= self.length or last < 0:
            return None
        return Place(max(first, 0), min(last, self.length - 1) - max(first, 0) + 1)

    def row_of(self, moment: datetime) -> int:
        """Find the row that a moment lies in; before the first it is -1, after the last one more than there are."""
        local = moment.astimezone(CLINIC)
        minute = (local.hour * 60 + local.minute) // STEP * STEP
        for fold in (local.fold, 0):
            if (minute, fold) in self.rows:
                return self.rows[minute, fold]
        return -1 if minute < next(iter(self.rows))[0] else self.length


def lanes(places: Sequence[Place]) -> tuple[list[int | None], int]:
    """
    Put what overlaps side by side: give each its lane from 0, in order of rows, and say how many there are.

    What stands alone has no lane: it takes the whole width.
    """
    free_from: list[int] = []
    found: list[int | None] = []
    for number, place in enumerate(places):
        others = [*places[:number], *places[number + 1 :]]
        if not any(place.overlaps(other) for other in others):
            found.append(None)
            continue
        lane = next((n for n, row in enumerate(free_from) if row <= place.row), len(free_from))
        lane = min(lane, MOST_LANES - 1)
        if lane == len(free_from):
            free_from.append(0)
        free_from[lane] = place.row + place.span
        found.append(lane)
    return found, max(len(free_from), 1)


def _shown_twice(day: date) -> list[int]:
    """List the minutes that the clinic's clock shows for a second time on a day."""
    begins, over = timegrid.day_edges(day, CLINIC)
    if over - begins <= timedelta(days=1):
        return []
    moments = (begins + n * timegrid.CELL for n in range((over - begins) // timegrid.CELL))
    locals_ = (moment.astimezone(CLINIC) for moment in moments)
    return [local.hour * 60 + local.minute for local in locals_ if local.fold]
