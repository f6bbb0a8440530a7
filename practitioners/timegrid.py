"""
A practitioner's time as one integer: a bit for every five minutes of a window, the earliest lowest.

Free time is `hours & ~(time_off | busy | diary)`; an appointment fits wherever enough free bits stand in a row.
Pure arithmetic: rows come in as plain tuples, and nothing here knows the database.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

CELL_MINUTES = 5
CELL_SECONDS = CELL_MINUTES * 60
CELLS_A_DAY = 24 * 60 // CELL_MINUTES
CELL = timedelta(minutes=CELL_MINUTES)
MINUTE = timedelta(minutes=1)
ONE_DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Span = tuple[datetime, datetime]
"""Aware start and end; the end is not part of it."""

WeeklyHours = tuple[int, time, time, date | None, date | None]
"""Weekday (Monday is 0), opens, closes, first and last day on which the rule holds (None: no bound)."""


@dataclass(frozen=True, slots=True)
class Window:
    """
    The stretch of time that a mask speaks of.

    :raises ValueError: the start is not in UTC (the same zone on both sides would subtract wall times) or off the grid.
    """

    starts_at: datetime
    cells: int

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is not UTC or (self.starts_at - EPOCH) % CELL:
            raise ValueError("a window starts in UTC on a multiple of five minutes")

    @classmethod
    def around(cls, starts_at: datetime, ends_at: datetime, *, reach: timedelta = timedelta()) -> Self:
        """Return the window that covers a span and, on both sides, the longest appointment that may lean out of it."""
        first = _whole_cells(starts_at - reach - EPOCH)
        last = -_whole_cells(EPOCH - ends_at - reach)
        return cls(EPOCH + first * CELL, last - first)

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + self.cells * CELL

    def cell_floor(self, moment: datetime) -> int:
        """Return the cell that a moment lies in, kept within the window."""
        cell = _whole_cells(moment - self.starts_at)
        return 0 if cell < 0 else self.cells if cell > self.cells else cell

    def cell_ceil(self, moment: datetime) -> int:
        """Return the first cell that begins at a moment or after it, kept within the window."""
        cell = -_whole_cells(self.starts_at - moment)
        return 0 if cell < 0 else self.cells if cell > self.cells else cell

    def moment(self, cell: int) -> datetime:
        return self.starts_at + cell * CELL

    def mask_of(self, spans: Iterable[Span]) -> int:
        """Return every cell that one of the spans touches, however slightly."""
        mask = 0
        for starts_at, ends_at in spans:
            mask |= mask_between(self.cell_floor(starts_at), self.cell_ceil(ends_at))
        return mask

    def starts_between(self, earliest: datetime, end: datetime) -> int:
        """Return the cells that begin at `earliest` or later and before `end`: the asked days, notice and horizon."""
        return mask_between(self.cell_ceil(earliest), self.cell_ceil(end))


def mask_between(first: int, last: int) -> int:
    """Return the cells from the first up to, not with, the last; none when they are the wrong way round."""
    return (1 << last - first) - 1 << first if last > first else 0


@lru_cache(maxsize=16384)
def wall_time(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """
    Return the first moment, in UTC, at which the clock on the zone's wall shows this time of this day or a later one.

    A time that daylight saving skips is thus the moment of the jump, and one that it repeats is its first
    occurrence, for ends as well as for starts. Later wall times are never earlier moments: no interval turns inside
    out, hours written one after the other neither overlap nor leave a gap, and the hour that the clock shows twice
    belongs to the interval that runs across the change: 01:30 to 02:30 stays one hour, 02:30 to 04:00 takes the other.
    """
    local = datetime.combine(day, clock.replace(fold=0), zone)
    moment = local.astimezone(UTC)
    if (other := local.replace(fold=1).astimezone(UTC)) >= moment:
        return moment

    # The clock never shows it: read by the offset after the jump it lies before the jump, and the other way round.
    minutes = range(int((moment - other) / MINUTE) + 1)
    after_jump = moment.astimezone(zone).utcoffset()
    jump = bisect_left(minutes, True, key=lambda n: (other + n * MINUTE).astimezone(zone).utcoffset() == after_jump)
    return other + jump * MINUTE


def day_edges(day: date, zone: ZoneInfo) -> Span:
    """Return where a local day begins and ends: 23, 23½, 24, 24½ or 25 hours apart."""
    return wall_time(day, time.min, zone), wall_time(day + ONE_DAY, time.min, zone)


@lru_cache(maxsize=2048)
def hours_mask(window: Window, rules: tuple[WeeklyHours, ...], zone: ZoneInfo) -> int:
    """Return the cells that lie wholly within weekly hours, which are written in the practitioner's own zone."""
    days = _days(window, zone)
    first_weekday = days[0].weekday()
    mask = 0
    for weekday, opens, closes, valid_from, valid_until in rules:
        for day in days[(weekday - first_weekday) % 7 :: 7]:
            if (valid_from and day < valid_from) or (valid_until and day > valid_until):
                continue
            first = window.cell_ceil(wall_time(day, opens, zone))
            mask |= mask_between(first, window.cell_floor(wall_time(day, closes, zone)))
    return mask


@lru_cache(maxsize=512)
def step_mask(window: Window, minutes: int, zone: ZoneInfo) -> int:
    """Return the cells at which the zone's clock shows a multiple of so many minutes, counted from 00:00."""
    mask = 0
    for day in _days(window, zone):
        shift = _whole_cells(wall_time(day, time.min, zone) - window.starts_at)
        steps = _steps_of_day(day, minutes, zone)
        mask |= steps << shift if shift >= 0 else steps >> -shift
    return mask & mask_between(0, window.cells)


def starts_of(free: int, cells: int) -> int:
    """Return the cells from which at least so many free cells follow, themselves included."""
    run = 1
    while run < cells:
        shift = min(run, cells - run)
        free &= free >> shift
        run += shift
    return free


def slot_starts(free: int, *, before: int, minutes: int, after: int, steps: int) -> int:
    """
    Return the cells at which an appointment may begin, its buffers free as well.

    Lengths are minutes and take whole cells. The steps are those of the appointment, not of its buffer.
    """
    lead = _cells_up(before)
    return starts_of(free, lead + _cells_up(minutes + after)) << lead & steps


def set_bits(mask: int) -> list[int]:
    """Return the cells of a mask, in order."""
    digits = bin(mask)[:1:-1]
    cells = []
    cell = digits.find("1")
    while cell >= 0:
        cells.append(cell)
        cell = digits.find("1", cell + 1)
    return cells


def first_bit(mask: int) -> int:
    """Return the first cell of a mask that has one."""
    return (mask & -mask).bit_length() - 1


@lru_cache(maxsize=16)
def texts(window: Window) -> list[str]:
    """Write each cell's beginning as the API does: ``2024-02-01T14:00:00Z``."""
    return [f"{window.moment(cell).isoformat()[:19]}Z" for cell in range(window.cells)]


def _whole_cells(length: timedelta) -> int:
    """Return how many cells fit, rounded down below zero as well: half the time of dividing timedeltas."""
    return length.days * CELLS_A_DAY + length.seconds // CELL_SECONDS


def _cells_up(minutes: int) -> int:
    return -(-minutes // CELL_MINUTES)


@lru_cache(maxsize=512)
def _days(window: Window, zone: ZoneInfo) -> tuple[date, ...]:
    """Return the local days from that of the window's start to that of its end: at least one."""
    first = window.starts_at.astimezone(zone).date()
    last = window.ends_at.astimezone(zone).date()
    return tuple(first + n * ONE_DAY for n in range((last - first).days + 1))


@lru_cache(maxsize=4096)
def _steps_of_day(day: date, minutes: int, zone: ZoneInfo) -> int:
    """Return the steps of one local day, counted from its own beginning."""
    starts_at, ends_at = day_edges(day, zone)
    mask = 0
    for cell in range(_whole_cells(ends_at - starts_at)):
        local = (starts_at + cell * CELL).astimezone(zone)
        if (local.hour * 60 + local.minute) % minutes == 0:
            mask |= 1 << cell
    return mask
