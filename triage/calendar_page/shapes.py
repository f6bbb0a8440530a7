"""What the calendar's templates are given to draw."""

from dataclasses import dataclass
from datetime import date

from .grid import Axis

SHORT_ROWS = 4


@dataclass(frozen=True, slots=True)
class Visit:
    """A booking as the calendar shows it."""

    key: str
    url: str
    service_id: int
    from_to: tuple[str, str]
    name: str
    what: str
    with_whom: str
    state: str
    sign: str
    needs_look: bool
    row: int = 0
    span: int = 0
    lane: int | None = None

    @property
    def is_short(self) -> bool:
        """True where there is one line of room."""
        return self.span <= SHORT_ROWS


@dataclass(frozen=True, slots=True)
class Block:
    """Time without a visit: closed, away, busy outside, held for a call, or a visit's buffer."""

    kind: str
    row: int
    span: int
    words: str = ""
    from_to: tuple[str, str] = ("", "")

    @property
    def is_short(self) -> bool:
        """True where there is one line of room."""
        return self.span <= SHORT_ROWS


@dataclass(frozen=True, slots=True)
class Column:
    """A day of somebody, or of a room."""

    name: str
    note: str
    url: str
    is_today: bool
    is_stale: bool
    blocks: list[Block]
    visits: list[Visit]
    lanes: int
    now_row: int | None


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns beside one axis."""

    axis: Axis
    columns: list[Column]
    is_fine: bool
    services: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of somebody in the roster."""

    day: date
    url: str
    hours: str
    notes: list[str]
    visits: list[Visit]
    more: int
    """How many visits are left to the day's own page."""


@dataclass(frozen=True, slots=True)
class Line:
    """A week of somebody in the roster."""

    name: str
    note: str
    url: str
    is_stale: bool
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody's week."""

    days: list[tuple[date, str, bool]]
    """Each with its page, and whether it is today."""
    lines: list[Line]
    services: list[tuple[int, str]]
