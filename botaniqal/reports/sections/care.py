"""Care: how much of the offered hours is used, which visits took place, and to which nobody came."""

from practitioners.day_plan import Use

from ..asked import Asked
from ..figures import Rate, Share, bookings_made, cancelled, definitions, no_shows
from ..figures import utilisation as uses_of
from ..table import POOR, Column, Kind, change
from .section import Card, Content, Section, both, by_line, card, over_time


def utilisation(asked: Asked) -> Content:
    """Show how much of their hours practitioners have booked."""
    now, before = both(asked, uses_of)
    return Content(
        [use_card(asked, now, before)],
        [
            over_time("utilisation", "Utilisation", Kind.PERCENT, asked, has_rows=False),
            _by_practitioner(asked, now, before),
        ],
    )


def visits(asked: Asked) -> Content:
    """Show what was booked, called off, and missed."""
    now, before = both(asked, no_shows)
    called_off = card(
        "cancelled",
        "Called off",
        Kind.COUNT,
        asked,
        *both(asked, cancelled),
        more_is=POOR,
        url=asked.rows_url("cancelled"),
    )
    return Content(
        [booked_card(asked), called_off, no_show_card(asked, now, before)],
        [
            over_time("booked", "Visits booked", Kind.COUNT, asked),
            over_time("no_shows", "No-show rate", Kind.PERCENT, asked, has_rows=False),
            _no_shows(asked, now, before),
        ],
    )


def booked_card(asked: Asked) -> Card:
    """Count what was booked."""
    counts = both(asked, bookings_made)
    return card("booked", "Visits booked", Kind.COUNT, asked, *counts, url=asked.rows_url("booked"))


def no_show_card(asked: Asked, now: list[Rate], before: list[Rate] | None) -> Card:
    """Say to how many of the visits nobody came."""
    rates = _whole(now).percent, _whole(before or []).percent
    url = asked.rows_url("no_shows")
    return card("no_shows", "No-show rate", Kind.PERCENT, asked, *rates, more_is=POOR, url=url)


def use_card(asked: Asked, now: list[Use], before: list[Use] | None, *, url: str = "") -> Card:
    """Say how much of the offered hours is booked."""
    rates = _used(now).percent, _used(before or []).percent
    return card("utilisation", "Utilisation", Kind.PERCENT, asked, *rates, url=url)


def _no_shows(asked: Asked, now: list[Rate], before: list[Rate] | None) -> Section:
    heads = [
        Column("Appointment type", Kind.TEXT),
        Column("Took place", means=definitions["took_place"]),
        Column("No-shows"),
        Column("Rate", Kind.PERCENT, definitions["no_shows"]),
    ]
    lines = [(rate.label, rate.share) for rate in now]
    values = [[name, *_told(share)] for name, share in lines]
    total = ["In all", *_told(_whole(now))]
    if before is not None:
        was = {rate.key: rate.share.percent for rate in before}
        heads += [Column("Rate before", Kind.PERCENT), Column("Change", Kind.CHANGE)]
        for rate, told in zip(now, values, strict=True):
            told += _compared(rate.share.percent, was.get(rate.key), more_is=POOR)
        total += _compared(_whole(now).percent, _whole(before).percent, more_is=POOR)
    urls = [
        {
            "Took place": asked.rows_url("took_place", rate.key, "appointment_type"),
            "No-shows": asked.rows_url("no_shows", rate.key, "appointment_type"),
        }
        for rate in now
    ]
    urls.append({"Took place": asked.rows_url("took_place"), "No-shows": asked.rows_url("no_shows")})
    return by_line("no-shows", "No-shows by type", heads, values, total=total, urls=urls, barred="Rate")


def _by_practitioner(asked: Asked, now: list[Use], before: list[Use] | None) -> Section:
    heads = [
        Column("Practitioner", Kind.TEXT),
        Column("Offered", Kind.MINUTES),
        Column("Booked", Kind.MINUTES),
        Column("Use", Kind.PERCENT, definitions["utilisation"]),
    ]
    values = [[use.practitioner.name, *_hours(use), _used([use]).percent] for use in now]
    whole = _used(now)
    total = ["In all", whole.whole, whole.part, whole.percent]
    if before is not None:
        was = {use.practitioner.pk: _used([use]).percent for use in before}
        heads += [Column("Use before", Kind.PERCENT), Column("Change", Kind.CHANGE)]
        for use, told in zip(now, values, strict=True):
            told += _compared(_used([use]).percent, was.get(use.practitioner.pk))
        total += _compared(whole.percent, _used(before).percent)
    urls = [{"Booked": asked.rows_url("utilisation", use.practitioner.pk, "practitioner")} for use in now]
    urls.append({"Booked": asked.rows_url("utilisation")})
    return by_line("by-practitioner", "By practitioner", heads, values, total=total, urls=urls, barred="Use")


def _hours(use: Use) -> list[int]:
    return [use.offered_minutes, use.booked_minutes]


def _used(uses: list[Use]) -> Share:
    return Share(sum(use.booked_minutes for use in uses), sum(use.offered_minutes for use in uses))


def _whole(rates: list[Rate]) -> Share:
    return Share(sum(rate.share.part for rate in rates), sum(rate.share.whole for rate in rates))


def _told(share: Share) -> list[int | None]:
    return [share.whole - share.part, share.part, share.percent]


def _compared(now: int | None, before: int | None, **how: str) -> list:
    return [before, change(now, before, Kind.PERCENT, **how)]
