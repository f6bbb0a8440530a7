"""Visits: booked, called off, kept and missed."""

from datetime import datetime

from django.utils import timezone

from services.models import AppointmentType

from ..models import DayOfVisits
from .counting import total, totals
from .period import EVERYTHING, Only, Period
from .shapes import Rate, Share


def bookings_made(period: Period, only: Only = EVERYTHING, *, now: datetime | None = None) -> int:
    """Count the visits that were booked in a period."""
    return total(DayOfVisits, ["booked"], period, only=only, now=now or timezone.now())["booked"]


def cancelled(period: Period, only: Only = EVERYTHING, *, now: datetime | None = None) -> int:
    """Count the visits that were called off in a period."""
    return total(DayOfVisits, ["cancelled"], period, only=only, now=now or timezone.now())["cancelled"]


def no_shows(period: Period, only: Only = EVERYTHING, *, now: datetime | None = None) -> list[Rate]:
    """Count by appointment type the visits to which nobody came, of those that ended in a period."""
    names, now = ["took_place", "no_shows"], now or timezone.now()
    counted = totals(DayOfVisits, names, period, only=only, by=["appointment_type"], now=now)
    kinds = AppointmentType.objects.in_catalogue_order()
    return [
        Rate(kind.name, kind.pk, Share(numbers["no_shows"], numbers["no_shows"] + numbers["took_place"]))
        for kind in kinds.filter(pk__in=[pk for (pk,) in counted])
        for numbers in [counted[kind.pk,]]
    ]


def holds(period: Period, only: Only = EVERYTHING, *, now: datetime | None = None) -> Share:
    """Count the holds that became bookings, of those made in a period."""
    counted = total(DayOfVisits, ["holds", "holds_kept"], period, only=only, now=now or timezone.now())
    return Share(counted["holds_kept"], counted["holds"])
