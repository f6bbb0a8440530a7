"""The triage calls: which took place, and what they led to."""

from ..asked import Asked
from ..figures import Funnel, abandonment, funnel
from ..table import POOR, Kind
from .section import Card, Content, both, card, over_time


def calls(asked: Asked) -> Content:
    """Show how many calls led to a booking, and how many to nothing because nobody spoke."""
    return Content(
        cards(asked, *both(asked, funnel)),
        [
            over_time("calls", "Calls that took place", Kind.COUNT, asked),
            over_time("conversion", "Conversion", Kind.PERCENT, asked, has_rows=False),
            over_time("abandonment", "Abandonment", Kind.PERCENT, asked, has_rows=False),
        ],
    )


def cards(asked: Asked, now: Funnel, before: Funnel | None) -> list[Card]:
    """Say how many calls took place, how many consultations led to a booking, and how many nobody spoke in."""
    shares = [share and share.percent for share in both(asked, abandonment)]
    return [
        card(
            "calls",
            "Calls that took place",
            Kind.COUNT,
            asked,
            now.calls,
            before and before.calls,
            url=asked.rows_url("calls"),
        ),
        card(
            "conversion",
            "Conversion",
            Kind.PERCENT,
            asked,
            now.conversion.percent,
            before and before.conversion.percent,
            url=asked.rows_url("bookings"),
        ),
        card(
            "abandonment",
            "Abandonment",
            Kind.PERCENT,
            asked,
            *shares,
            more_is=POOR,
            url=asked.rows_url("abandonment"),
        ),
    ]
