"""Demand: who waits, what was looked for in vain, and what is free."""

from datetime import datetime

from django.utils import timezone

from botaniqal.reports import figures
from botaniqal.reports.asked import Asked
from botaniqal.reports.figures import Share, definitions
from botaniqal.reports.models import DayOfWaiting
from botaniqal.reports.table import NEITHER, Column, Kind, change

from .section import Card, Content, Section, by_line, card, over_time


def demand(asked: Asked) -> Content:
    """Show both waitlists, the searches that found nothing, and the free times."""
    return Content(
        [holds_card(asked)],
        [
            _waitlist(asked, DayOfWaiting.List.INTEREST),
            _waitlist(asked, DayOfWaiting.List.EARLIER),
            over_time("unmet", "Searches that found nothing", Kind.PERCENT, asked, has_rows=False),
            _unmet(asked),
            _free(asked, timezone.now()),
        ],
    )


def holds_card(asked: Asked) -> Card:
    """Say how many times that were held became bookings."""
    return card("holds", "Holds kept", Kind.PERCENT, asked, lambda period: figures.holds(period, asked.only).percent)


def _waitlist(asked: Asked, which: DayOfWaiting.List) -> Section:
    now = [line for line in figures.waitlist(asked.period, asked.only) if line.list == which]
    before = figures.waitlist(asked.before, asked.only) if asked.before else []
    was = {line.service.pk: line.waiting for line in before if line.list == which}
    heads = [
        Column("Service", Kind.TEXT),
        Column("Joined"),
        Column("Left"),
        Column("Waiting", means=definitions["waitlist"]),
    ]
    if asked.before:
        heads += [Column("Waiting before"), Column("Change", Kind.CHANGE)]
    values, urls = [], []
    for line in now:
        told = [str(line.service), line.joined, line.left, line.waiting]
        if asked.before:
            earlier = was.get(line.service.pk, 0)
            told += [earlier, change(line.waiting, earlier, Kind.COUNT, more_is=NEITHER)]
        values.append(told)
        urls.append({})
    return by_line(f"waitlist-{which}", f"Waitlist: {which.label.lower()}", heads, values, urls=urls, barred="Waiting")


def _unmet(asked: Asked) -> Section:
    found = figures.unmet(asked.period, asked.only)
    heads = [
        Column("Appointment type", Kind.TEXT),
        Column("Searches"),
        Column("Found nothing"),
        Column("Share", Kind.PERCENT, definitions["unmet"]),
    ]
    values = [[str(each.appointment_type), each.searches, each.empty, each.share.percent] for each in found]
    whole = Share(sum(each.empty for each in found), sum(each.searches for each in found))
    total = ["In all", whole.whole, whole.part, whole.percent]
    return by_line("unmet", "Searches by type", heads, values, total=total, barred="Share")


def _free(asked: Asked, now: datetime) -> Section:
    whose = asked.only.practitioner
    found = [each for each in figures.free_slots(now) if whose in (None, each.practitioner)]
    heads = [Column("Practitioner", Kind.TEXT), Column("Free times", means=definitions["free_slots"])]
    values = [[str(each.practitioner), each.count] for each in found]
    return by_line("free-slots", "Free times at this moment", heads, values, barred="Free times")
