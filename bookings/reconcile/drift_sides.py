"""A visit as portal and vendors show it, side by side, for the drift desk."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from botaniqal.integrations.trouble import in_words

from ..models import Booking, Drift, SyncRecord
from . import plans, settling
from .plans import Winner

System, Field = SyncRecord.System, Drift.Field

CALENDARS = (System.CALENDLY, System.OUTLOOK)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one side says of one thing: a word with its tone, or a difference with what can be done about it."""

    side: str
    text: str
    tone: str = ""
    drift: Drift | None = None
    choices: tuple[tuple[Winner, str], ...] = ()
    objections: tuple[str, ...] = ()
    note: str = ""

    @property
    def may_be_picked(self) -> bool:
        """Whether it can be settled together with others."""
        return any(winner == Winner.PORTAL for winner, _ in self.choices)


@dataclass(kw_only=True)
class Line:
    """One thing in which somebody differs, as every side says it."""

    name: str
    cells: list[Cell]


@dataclass(kw_only=True)
class Visit:
    """A visit, or something at a vendor that belongs to none, with all that differs."""

    booking: Booking | None
    at: datetime
    away: str
    vendor: str = ""
    lines: list[Line] = field(default_factory=list)

    @property
    def has_picks(self) -> bool:
        """Whether something of it can be settled together with others."""
        return any(cell.may_be_picked for line in self.lines for cell in line.cells)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.booking.number if self.booking else f"Only in {self.vendor}"


def by_visit(rows: Iterable[Drift], *, now: datetime) -> list[Visit]:
    """Put the differences of each visit together, the soonest visit first."""
    groups: dict[object, list[Drift]] = {}
    for row in rows:
        groups.setdefault(row.booking_id or row.pk, []).append(row)
    return [_visit(group, now) for group in groups.values()]


def away(moment: datetime, *, now: datetime) -> str:
    """Say how long it is until then."""
    minutes = int((moment - now) / timedelta(minutes=1))
    size = abs(minutes)
    if size < 60:
        span = f"{size} min"
    elif size < 48 * 60:
        span = f"{size // 60} h"
    else:
        span = f"{size // (24 * 60)} days"
    return f"in {span}" if minutes >= 0 else f"{span} ago"


def sentence(row: Drift) -> str:
    """Tell of a difference in a sentence."""
    about = f"{row.booking.number}: " if row.booking else ""
    if row.kind == Drift.Kind.UNKNOWN:
        return f"{row.get_system_display()} has {row.theirs}. {row.ours}."
    vendor = row.get_system_display()
    return f"{about}{row.get_field_display().lower()} is {_low(row.ours)} here, {_low(row.theirs)} in {vendor}."


def _low(words: str) -> str:
    """Let what is no name and no day begin small within a sentence."""
    return words.lower() if words in ("Not there", "Cancelled") else words


def _visit(group: list[Drift], now: datetime) -> Visit:
    first = group[0]
    visit = Visit(booking=first.booking, at=first.visit_at, away=away(first.visit_at, now=now))
    if first.booking is None:
        visit.vendor = first.get_system_display()
        visit.lines = [Line(name="", cells=[_ours(first), _theirs(first)])]
        return visit
    records = {record.system: record for record in first.booking.sync_records.all()}
    differing = {row.system for row in group}
    systems = [system for system in System if system in differing or system in records]
    for name in Field:
        rows = {row.system: row for row in group if row.field == name}
        if rows:
            ours = _ours(next(iter(rows.values())))
            cells = [_theirs(rows[system]) if system in rows else _other(system, records) for system in systems]
            visit.lines.append(Line(name=name.label, cells=[ours, *cells]))
    return visit


def _ours(row: Drift) -> Cell:
    return Cell(side="Portal", text=row.ours)


def _theirs(row: Drift) -> Cell:
    side = row.get_system_display()
    if settling.is_being_done(row):
        return Cell(side=side, text=row.theirs, tone="bad", drift=row, note="Being settled")
    if row.found_by and row.found_by.is_braked and not row.found_by.released_at:
        return Cell(side=side, text=row.theirs, tone="bad", drift=row, note="Braked")
    objections = {winner: plans.objection(row, winner) for winner in Winner}
    labels = {Winner.PORTAL: "Portal wins", Winner.VENDOR: f"{side} wins"}
    return Cell(
        side=side,
        text=row.theirs,
        tone="bad",
        drift=row,
        choices=tuple((winner, labels[winner]) for winner in Winner if not objections[winner]),
        objections=tuple(filter(None, [*objections.values(), in_words(row.problem)])),
    )


def _other(system: System, records: dict[str, SyncRecord]) -> Cell:
    record = records.get(system)
    if record is None:
        return Cell(side=system.label, text="Not kept there")
    if record.told < record.wanted:
        if record.needs_person:
            return Cell(side=system.label, text="Needs help", tone="bad")
        return Cell(side=system.label, text="Being told", tone="waiting")
    return Cell(side=system.label, text="Same", tone="ok")
