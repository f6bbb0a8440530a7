"""Demand: who waits, what was looked for in vain, and what is free."""

from datetime import datetime

from django.utils import timezone

from ..asked import Asked
from ..figures import Growth, Share, definitions, free_slots, holds, unmet, waitlist
from ..models import DayOfWaiting
from ..table import NEITHER, Column, Kind, change
from .section import NONE_IN_DAYS, Card, Content, Section, both, by_line, card, over_time

NOBODYS = "Lists and searches belong to a service, not to who gives it: choose everybody to see them."


def demand(asked: Asked) -> Content:
    """Show both waitlists, the searches that found nothing, and the free times."""
    lists = both(asked, waitlist)
    return Content(
        [holds_card(asked)],
        [
            *(_waitlist(asked, which, *lists) for which in DayOfWaiting.List),
            over_time("unmet", "Searches that found nothing", Kind.PERCENT, asked, has_rows=False),
            _unmet(asked),
            _free(asked, timezone.now()),
        ],
    )


def holds_card(asked: Asked) -> Card:
    """Say how many times that were held became bookings."""
    shares = [share and share.percent for share in both(asked, holds)]
    return card("holds", "Held times that were booked", Kind.PERCENT, asked, *shares, url=asked.rows_url("holds"))


def _waitlist(asked: Asked, which: DayOfWaiting.List, now: list[Growth], before: list[Growth] | None) -> Section:
    lines = [line for line in now if line.list == which]
    heads = [
        Column("Service", Kind.TEXT),
        Column("Joined", means=definitions[f"{which}_joined"]),
        Column("Left", means=definitions[f"{which}_left"]),
        Column("Waiting", means="Who was on the list at the end of these days."),
    ]
    values = [[line.service.name, line.joined, line.left, line.waiting] for line in lines]
    if before is not None:
        was = {line.service.pk: line.waiting for line in before if line.list == which}
        heads += [Column("Waiting before"), Column("Change", Kind.CHANGE)]
        for line, told in zip(lines, values, strict=True):
            earlier = was.get(line.service.pk, 0)
            told += [earlier, change(line.waiting, earlier, Kind.COUNT, more_is=NEITHER)]
    urls = [
        {
            "Joined": asked.rows_url(f"{which}_joined", line.service.pk, "service"),
            "Left": asked.rows_url(f"{which}_left", line.service.pk, "service"),
            "Waiting": asked.rows_url(f"{which}_waiting", line.service.pk, "service"),
        }
        for line in lines
    ]
    title = "Waiting for a service to begin" if which == DayOfWaiting.List.INTEREST else "Waiting for an earlier time"
    return by_line(f"waitlist-{which}", title, heads, values, urls=urls, barred="Waiting", empty=_empty(asked))


def _unmet(asked: Asked) -> Section:
    found = unmet(asked.period, asked.only)
    heads = [
        Column("Appointment type", Kind.TEXT),
        Column("Searches", means=definitions["searches"]),
        Column("Found nothing", means=definitions["empty"]),
        Column("Share", Kind.PERCENT, definitions["unmet"]),
    ]
    values = [[each.appointment_type.name, each.searches, each.empty, each.share.percent] for each in found]
    whole = Share(sum(each.empty for each in found), sum(each.searches for each in found))
    total = ["In all", whole.whole, whole.part, whole.percent]
    urls = [{"Searches": asked.rows_url("searches", each.appointment_type.pk, "appointment_type")} for each in found]
    return by_line(
        "unmet", "Searches by type", heads, values, total=total, urls=urls, barred="Share", empty=_empty(asked)
    )


def _free(asked: Asked, now: datetime) -> Section:
    whose = asked.only.practitioner
    found = [each for each in free_slots(now) if whose in (None, each.practitioner)]
    heads = [Column("Practitioner", Kind.TEXT), Column("Free times", means=definitions["free_slots"])]
    values = [[each.practitioner.name, each.count] for each in found]
    return by_line("free-slots", "Free times at this moment", heads, values, barred="Free times")


def _empty(asked: Asked) -> str:
    return NOBODYS if asked.only.practitioner else NONE_IN_DAYS
