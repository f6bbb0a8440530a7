"""What the calendar's templates are given to draw."""

from dataclasses import dataclass
from datetime import date

from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, badge

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

    @property
    def drawn(self) -> SafeString:
        """The visit, leading to its panel; a template would take several times as long, and a week has hundreds."""
        starts, ends = self.from_to
        mark: SafeString | str = ""
        if self.needs_look:
            mark = badge("Look", BAD)
        elif self.sign:
            mark = badge(self.state, self.sign)
        words = format_html(
            '<strong><span class="figures">{}</span><span class="visually-hidden"> to {},</span> {}</strong> {}'
            ' <span class="cal-what">{}</span>',
            starts,
            ends,
            self.name,
            mark,
            f"{self.what}, {self.with_whom}" if self.with_whom else self.what,
        )
        if not self.url:
            return format_html('<span class="cal-plain">{}</span>', words)
        return format_html('<a href="{}" id="v-{}" data-dialog>{}</a>', self.url, self.key, words)


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
