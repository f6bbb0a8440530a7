"""The overview: each report's main figure, and the way to the rest."""

from ..asked import Asked
from ..figures import funnel, no_shows, revenue, utilisation
from ..table import Kind
from . import calls, care, demand, journey, money
from .section import Content, both, over_time


def overview(asked: Asked, *, with_money: bool) -> Content:
    """Show the main figures and how visits and money went; money to whoever may see it."""
    way = both(asked, funnel)
    cards = [
        *calls.cards(asked, *way),
        care.booked_card(asked),
        care.no_show_card(asked, *both(asked, no_shows)),
        care.use_card(asked, *both(asked, utilisation), url=asked.url("report_utilisation")),
        demand.holds_card(asked),
    ]
    sections = [over_time("booked", "Visits booked", Kind.COUNT, asked), journey.steps(asked, *way)]
    if with_money:
        cards.insert(0, money.net_card(asked, *both(asked, revenue), url=asked.url("report_revenue")))
        sections.insert(1, over_time("revenue", "Net revenue", Kind.MONEY, asked, has_rows=False))
    return Content(cards, sections)
