"""Money: what came, what went back, and whose it was."""

from .period import EVERYTHING, Only, Period
from .shapes import Money


def revenue(period: Period, only: Only = EVERYTHING, by: str = "service") -> list[Money]:
    """Add up a period's money by ``service``, booking ``method`` or ``practitioner``; the sum is all of it."""
    raise NotImplementedError
