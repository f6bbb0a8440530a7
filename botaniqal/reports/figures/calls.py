"""From the consultation to the visit and the next: what became of the calls."""

from datetime import datetime

from django.utils import timezone

from ..models import DayOfCalls
from .counting import total
from .period import EVERYTHING, Only, Period
from .shapes import STEPS, Funnel, Share


def funnel(period: Period, only: Only = EVERYTHING, *, now: datetime | None = None) -> Funnel:
    """Count what became of a period's consultations, up to this moment."""
    return Funnel(**total(DayOfCalls, list(STEPS), period, only=only, now=now or timezone.now()))


def abandonment(period: Period, only: Only = EVERYTHING, *, now: datetime | None = None) -> Share:
    """Count the calls that nobody answered or nobody made, of those that were due in a period."""
    counted = total(DayOfCalls, ["due", "abandoned"], period, only=only, now=now or timezone.now())
    return Share(counted["abandoned"], counted["due"])
