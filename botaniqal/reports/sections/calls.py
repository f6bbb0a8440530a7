"""The triage calls: which took place, and what they led to."""

from botaniqal.reports import figures
from botaniqal.reports.asked import Asked
from botaniqal.reports.table import POOR, Kind

from .section import Card, Content, card, over_time


def calls(asked: Asked) -> Content:
    """Show how many calls led to a booking, and how many to nothing because nobody spoke."""
    return Content(
        [calls_card(asked), conversion_card(asked), abandonment_card(asked)],
        [
            over_time("calls", "Calls that took place", Kind.COUNT, asked),
            over_time("conversion", "Conversion", Kind.PERCENT, asked, has_rows=False),
            over_time("abandonment", "Abandonment", Kind.PERCENT, asked),
        ],
    )


def calls_card(asked: Asked) -> Card:
    """Count the calls that took place."""
    return card(
        "calls", "Calls that took place", Kind.COUNT, asked, lambda period: figures.funnel(period, asked.only).calls
    )


def conversion_card(asked: Asked) -> Card:
    """Say how many consultations led to a booking."""
    return card(
        "conversion",
        "Conversion",
        Kind.PERCENT,
        asked,
        lambda period: figures.funnel(period, asked.only).conversion.percent,
        has_rows=False,
    )


def abandonment_card(asked: Asked) -> Card:
    """Say how many calls that were due nobody answered, or nobody made."""
    return card(
        "abandonment",
        "Abandonment",
        Kind.PERCENT,
        asked,
        lambda period: figures.abandonment(period, asked.only).percent,
        more_is=POOR,
    )
