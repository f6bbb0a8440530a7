"""Revenue: what came and what went back, by service, booking method and practitioner."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from ..asked import Asked
from ..figures import Money, definitions, revenue
from ..table import Column, Kind, change
from .section import Card, Content, Section, both, by_line, card, over_time

NONE = Decimal("0.00")
PARTS = {
    "taken": "Taken",
    "twice": "Paid twice",
    "given_back": "Given back",
    "lost": "Lost in disputes",
    "net": "Net",
}
USUAL = ("taken", "given_back", "net")
"""What always has a column; the others are rare."""
WAYS = {"service": "Service", "method": "Booking method", "practitioner": "Practitioner"}


def money(asked: Asked) -> Content:
    """Show the money of these days, net of what was given back."""
    told = {by: both(asked, partial(revenue, by=by)) for by in WAYS}
    whole = told["service"]
    return Content(
        [net_card(asked, *whole), *(_card(asked, part, *whole) for part in ("taken", "given_back"))],
        [
            over_time("revenue", "Net revenue", Kind.MONEY, asked, has_rows=False),
            *(_by(asked, by, *of_both) for by, of_both in told.items()),
        ],
    )


def net_card(asked: Asked, now: Sequence[Money], before: Sequence[Money] | None, *, url: str = "") -> Card:
    """Add up what is left."""
    totals = _total(now, "net"), _total(before or [], "net")
    return card("revenue", "Net revenue", Kind.MONEY, asked, *totals, url=url)


def _card(asked: Asked, part: str, now: Sequence[Money], before: Sequence[Money] | None) -> Card:
    totals = _total(now, part), _total(before or [], part)
    more_is = {"more_is": ""} if part == "given_back" else {}
    return card(part, PARTS[part], Kind.MONEY, asked, *totals, url=asked.rows_url(part), **more_is)


def _by(asked: Asked, by: str, now: Sequence[Money], before: Sequence[Money] | None) -> Section:
    parts = [part for part in PARTS if part in USUAL or _total(now, part)]
    heads = [Column(WAYS[by], Kind.TEXT), *(Column(PARTS[part], Kind.MONEY, _means(part)) for part in parts)]
    was = {line.key: line for line in before or []}
    gone = [Money(line.label, line.key) for line in was.values() if line.key not in {each.key for each in now}]
    values = [[line.label, *(getattr(line, part) for part in parts)] for line in [*now, *gone]]
    total: list[Any] = ["In all", *(_total(now, part) for part in parts)]
    if before is not None:
        heads += [Column("Net before", Kind.MONEY), Column("Change", Kind.CHANGE)]
        for line, told in zip([*now, *gone], values, strict=True):
            told += _compared(line.net, was[line.key].net if line.key in was else NONE)
        total += _compared(_total(now, "net"), _total(before, "net"))
    urls = [
        {PARTS[part]: asked.rows_url(part, line.key, by) for part in parts if part != "net" and getattr(line, part)}
        for line in now
    ]
    urls += [{}] * len(gone)
    urls.append({PARTS[part]: asked.rows_url(part) for part in parts if part != "net"})
    return by_line(f"by-{by}", f"By {WAYS[by].lower()}", heads, values, total=total, urls=urls, barred=PARTS["net"])


def _compared(now: Decimal, before: Decimal) -> list[Any]:
    return [before, change(now, before, Kind.MONEY)]


def _means(part: str) -> str:
    return definitions["revenue" if part == "net" else part]


def _total(lines: Sequence[Money], part: str) -> Decimal:
    return sum((getattr(line, part) for line in lines), NONE)
