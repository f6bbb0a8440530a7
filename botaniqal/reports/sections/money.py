"""Revenue: what came and what went back, by service, booking method and practitioner."""

from collections.abc import Sequence
from typing import Any

from botaniqal.reports import figures
from botaniqal.reports.asked import Asked
from botaniqal.reports.figures import Money, definitions
from botaniqal.reports.table import Column, Kind, change

from .section import Card, Content, Section, by_line, over_time

PARTS = {
    "taken": "Taken",
    "twice": "Paid twice",
    "given_back": "Given back",
    "lost": "Lost in disputes",
    "net": "Net",
}
WAYS = {"service": "Service", "method": "Booking method", "practitioner": "Practitioner"}


def money(asked: Asked) -> Content:
    """Show the money of these days, net of what was given back."""
    now = {by: figures.revenue(asked.period, asked.only, by=by) for by in WAYS}
    before = {by: figures.revenue(asked.before, asked.only, by=by) if asked.before else [] for by in WAYS}
    return Content(
        [net_card(asked, now["service"], before["service"])],
        [
            over_time("revenue", "Net revenue", Kind.MONEY, asked, as_bars=True),
            *(_by(asked, by, now[by], before[by]) for by in WAYS),
        ],
    )


def net_card(asked: Asked, now: Sequence[Money], before: Sequence[Money]) -> Card:
    """Add up what is left."""
    left, was = (_total(lines, "net") for lines in (now, before))
    return Card(
        name="Net revenue",
        shown=Kind.MONEY.shown(left),
        means=definitions["revenue"],
        url=asked.rows_url("revenue"),
        change=change(left, was, Kind.MONEY) if asked.before else None,
        before=Kind.MONEY.shown(was),
    )


def _by(asked: Asked, by: str, now: Sequence[Money], before: Sequence[Money]) -> Section:
    parts = [part for part in PARTS if part in ("taken", "given_back", "net") or _total(now, part)]
    heads = [Column(WAYS[by], Kind.TEXT), *(Column(PARTS[part], Kind.MONEY, _means(part)) for part in parts)]
    if asked.before:
        heads += [Column("Net before", Kind.MONEY), Column("Change", Kind.CHANGE)]
    was = {line.key: line for line in before}
    gone = [Money(line.label, line.key) for line in before if line.key not in {each.key for each in now}]
    values, urls = [], []
    for line in [*now, *gone]:
        told: list[Any] = [line.label, *(getattr(line, part) for part in parts)]
        if asked.before:
            earlier = was[line.key].net if line.key in was else figures.NOTHING
            told += [earlier, change(line.net, earlier, Kind.MONEY)]
        values.append(told)
        urls.append({PARTS["net"]: asked.rows_url("revenue", line.key, by)})
    total: list[Any] = ["In all", *(_total(now, part) for part in parts)]
    if asked.before:
        total += [_total(before, "net"), change(_total(now, "net"), _total(before, "net"), Kind.MONEY)]
    title = f"By {WAYS[by].lower()}"
    return by_line(f"by-{by}", title, heads, values, total=total, urls=urls, barred=PARTS["net"])


def _means(part: str) -> str:
    return definitions.get(part, "")


def _total(lines: Sequence[Money], part: str) -> Any:
    return sum((getattr(line, part) for line in lines), figures.NOTHING)
