"""Who waits, and what was looked for in vain."""

from .period import EVERYTHING, Only, Period
from .shapes import Growth, Unmet


def waitlist(period: Period, only: Only = EVERYTHING) -> list[Growth]:
    """Say of each service how its two waitlists grew in a period."""
    raise NotImplementedError


def unmet(period: Period, only: Only = EVERYTHING) -> list[Unmet]:
    """Say of each appointment type how often it was looked for in a period, and how often in vain."""
    raise NotImplementedError
