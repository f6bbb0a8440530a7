"""Figures over time, for charts."""

from .period import EVERYTHING, Only, Period
from .shapes import Point


def series(name: str, period: Period, only: Only = EVERYTHING) -> list[Point]:
    """
    Follow a figure by day up to 62 days, by week (from Mondays) up to a year, by month beyond.

    The first and last bucket hold only their days within the period. ``name`` is one of ``definitions``.

    :raises Malformed: no figure of that name can be followed.
    """
    raise NotImplementedError
