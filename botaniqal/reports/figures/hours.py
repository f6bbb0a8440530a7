"""How much of what practitioners offered was booked."""

from practitioners.day_plan import Use

from .period import EVERYTHING, Only, Period


def utilisation(period: Period, only: Only = EVERYTHING) -> list[Use]:
    """Add up for each practitioner the minutes that they offered in a period, and those that were booked."""
    raise NotImplementedError
