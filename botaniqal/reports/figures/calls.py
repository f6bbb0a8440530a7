"""From the consultation to the visit and the next: what became of the calls."""

from .period import EVERYTHING, Only, Period
from .shapes import Funnel, Share


def funnel(period: Period, only: Only = EVERYTHING) -> Funnel:
    """Count what became of a period's consultations, up to this moment."""
    raise NotImplementedError


def abandonment(period: Period, only: Only = EVERYTHING) -> Share:
    """Count the calls that nobody answered or nobody made, of those that were due in a period."""
    raise NotImplementedError
