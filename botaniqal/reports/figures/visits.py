"""Visits: booked, called off, kept and missed."""

from .period import EVERYTHING, Only, Period
from .shapes import Rate, Share


def bookings_made(period: Period, only: Only = EVERYTHING) -> int:
    """Count the visits that were booked in a period."""
    raise NotImplementedError


def cancelled(period: Period, only: Only = EVERYTHING) -> int:
    """Count the visits that were called off in a period."""
    raise NotImplementedError


def no_shows(period: Period, only: Only = EVERYTHING) -> list[Rate]:
    """Count by appointment type the visits to which nobody came, of those that ended in a period."""
    raise NotImplementedError


def holds(period: Period, only: Only = EVERYTHING) -> Share:
    """Count the holds that became bookings, of those made in a period."""
    raise NotImplementedError
