"""The overview: each report's main figure, and the way to the rest."""

from botaniqal.reports import figures
from botaniqal.reports.asked import Asked
from botaniqal.reports.table import Kind

from . import calls, care, demand, journey, money
from .section import Content, over_time


def overview(asked: Asked, *, with_money: bool) -> Content:
    """Show the main figures and how visits and money went; money for whoever may see it."""
    cards = [
        calls.calls_card(asked),
        calls.conversion_card(asked),
        calls.abandonment_card(asked),
        care.made_card(asked),
        care.no_show_card(asked),
        care.use_card(asked),
        demand.holds_card(asked),
    ]
    sections = [over_time("bookings_made", "Visits booked", Kind.COUNT, asked), journey.steps(asked)]
    if with_money:
        before = figures.revenue(asked.before, asked.only) if asked.before else []
        cards.insert(0, money.net_card(asked, figures.revenue(asked.period, asked.only), before))
        sections.insert(0, over_time("revenue", "Net revenue", Kind.MONEY, asked, as_bars=True))
    return Content(cards, sections)
