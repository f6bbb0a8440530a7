"""Care: how much of the offered hours is used, which visits took place, and to which nobody came."""

from botaniqal.reports import figures
from botaniqal.reports.asked import Asked
from botaniqal.reports.figures import Share, definitions
from botaniqal.reports.table import POOR, Column, Kind, change

from .section import Card, Content, Section, by_line, card, over_time


def utilisation(asked: Asked) -> Content:
    """Show how much of their hours practitioners have booked."""
    return Content(
        [],
        [over_time("utilisation", "Utilisation", Kind.PERCENT, asked, has_rows=False), _by_practitioner(asked)],
    )


def visits(asked: Asked) -> Content:
    """Show what was booked, called off, and missed."""
    return Content(
        [made_card(asked), cancelled_card(asked), no_show_card(asked)],
        [
            over_time("bookings_made", "Visits booked", Kind.COUNT, asked),
            _no_shows(asked),
            over_time("no_shows", "No-show rate", Kind.PERCENT, asked),
        ],
    )


def made_card(asked: Asked) -> Card:
    """Count what was booked."""
    return card(
        "bookings_made", "Visits booked", Kind.COUNT, asked, lambda period: figures.bookings_made(period, asked.only)
    )


def cancelled_card(asked: Asked) -> Card:
    """Count what was called off."""
    return card(
        "cancelled",
        "Called off",
        Kind.COUNT,
        asked,
        lambda period: figures.cancelled(period, asked.only),
        more_is=POOR,
    )


def no_show_card(asked: Asked) -> Card:
    """Say to how many of the visits nobody came."""
    return card(
        "no_shows",
        "No-show rate",
        Kind.PERCENT,
        asked,
        lambda period: _whole(figures.no_shows(period, asked.only)).percent,
        more_is=POOR,
    )


def use_card(asked: Asked) -> Card:
    """Say how much of the offered hours is booked."""

    def used(period: figures.Period) -> int | None:
        uses = figures.utilisation(period, asked.only)
        return Share(sum(use.booked_minutes for use in uses), sum(use.offered_minutes for use in uses)).percent

    return card("utilisation", "Utilisation", Kind.PERCENT, asked, used, has_rows=False)


def _whole(rates: list[figures.Rate]) -> Share:
    return Share(sum(rate.share.part for rate in rates), sum(rate.share.whole for rate in rates))


def _no_shows(asked: Asked) -> Section:
    now = figures.no_shows(asked.period, asked.only)
    before = figures.no_shows(asked.before, asked.only) if asked.before else []
    was = {rate.key: rate.share for rate in before}
    heads = [
        Column("Appointment type", Kind.TEXT),
        Column("Visits", means="Visits of these days that took place or to which nobody came."),
        Column("No-shows"),
        Column("Rate", Kind.PERCENT, definitions["no_shows"]),
    ]
    if asked.before:
        heads += [Column("Rate before", Kind.PERCENT), Column("Change", Kind.CHANGE)]
    values, urls = [], []
    for rate in now:
        line = [rate.label, rate.share.whole, rate.share.part, rate.share.percent]
        if asked.before:
            earlier = was.get(rate.key, Share(0, 0)).percent
            line += [earlier, change(rate.share.percent, earlier, Kind.PERCENT, more_is=POOR)]
        values.append(line)
        urls.append({"No-shows": asked.rows_url("no_shows", rate.key, "type")})
    whole = _whole(now)
    total = ["In all", whole.whole, whole.part, whole.percent]
    if asked.before:
        earlier = _whole(before).percent
        total += [earlier, change(whole.percent, earlier, Kind.PERCENT, more_is=POOR)]
    return by_line("no-shows", "No-shows by type", heads, values, total=total, urls=urls, barred="Rate")


def _by_practitioner(asked: Asked) -> Section:
    now = figures.utilisation(asked.period, asked.only)
    before = figures.utilisation(asked.before, asked.only) if asked.before else []
    was = {use.practitioner.pk: Share(use.booked_minutes, use.offered_minutes).percent for use in before}
    heads = [
        Column("Practitioner", Kind.TEXT),
        Column("Offered", Kind.MINUTES, "Working hours less time off."),
        Column("Booked", Kind.MINUTES, "What of the offered hours visits take."),
        Column("Use", Kind.PERCENT, definitions["utilisation"]),
    ]
    if asked.before:
        heads += [Column("Use before", Kind.PERCENT), Column("Change", Kind.CHANGE)]
    values, urls = [], []
    for use in now:
        share = Share(use.booked_minutes, use.offered_minutes).percent
        line = [str(use.practitioner), use.offered_minutes, use.booked_minutes, share]
        if asked.before:
            earlier = was.get(use.practitioner.pk)
            line += [earlier, change(share, earlier, Kind.PERCENT)]
        values.append(line)
        urls.append({"Booked": asked.rows_url("utilisation", use.practitioner.pk, "practitioner")})
    return by_line("by-practitioner", "By practitioner", heads, values, urls=urls, barred="Use")
