"""Who waits, and what was looked for in vain."""

from datetime import datetime

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone

from bookings.models import EarlierTimeRequest
from services.models import AppointmentType, InterestEntry, Service

from ..models import DayOfWaiting, Demand
from .counting import totals
from .period import EVERYTHING, Only, Period
from .shapes import Growth, Unmet
from .sources import GONE_AT, OF_TYPE

List = DayOfWaiting.List


def waitlist(period: Period, only: Only = EVERYTHING, *, now: datetime | None = None) -> list[Growth]:
    """
    Say of each service how its two waitlists grew in a period, and who is on them at its end.

    They belong to services and to nobody who gives them: of a practitioner there is nothing to say.
    """
    now = now or timezone.now()
    moved = totals(DayOfWaiting, ["joined", "left"], period, only=only, by=["service", "list"], now=now)
    at = min(period.ends_at, now)
    waiting = {
        (service, name): count
        for name in List
        for service, count in waiting_at(name, at, only).order_by().values_list(F("of_service")).annotate(Count("pk"))
    }
    services = Service.objects.filter(pk=only.service.pk) if only.service else Service.objects.all()
    return [
        Growth(service, name, numbers["joined"], numbers["left"], waiting.get((service.pk, name), 0))
        for service in services
        for name in List
        if (service.pk, name) in waiting.keys() | moved.keys()
        for numbers in [moved.get((service.pk, name), {"joined": 0, "left": 0})]
    ]


def waiting_at(name: str, moment: datetime, only: Only) -> QuerySet:
    """List who stood on one of the two lists at a moment; ``of_service`` is what they waited for."""
    if name == List.INTEREST:
        rows = InterestEntry.objects.alias(of_service=F("service_id"), gone_at=GONE_AT, came_at=F("joined_at"))
    else:
        rows = EarlierTimeRequest.objects.alias(of_service=F(OF_TYPE), gone_at=F("ended_at"), came_at=F("asked_at"))
    if only.practitioner:
        return rows.none()
    rows = rows.filter(Q(gone_at=None) | Q(gone_at__gte=moment), came_at__lt=moment)
    return rows.filter(of_service=only.service.pk) if only.service else rows


def unmet(period: Period, only: Only = EVERYTHING) -> list[Unmet]:
    """
    Say of each appointment type how often it was looked for in a period, and how often in vain, the most often first.

    Nobody looks for a practitioner: of one there is nothing to say.
    """
    rows = searches(period, only).order_by().values_list("appointment_type")
    counts = {pk: numbers for pk, *numbers in rows.annotate(Sum("searches"), Sum("empty"))}
    kinds = AppointmentType.objects.filter(pk__in=counts).select_related("service")
    found = [Unmet(kind, *counts[kind.pk]) for kind in kinds]
    return sorted(found, key=lambda one: -one.empty)


def searches(period: Period, only: Only) -> QuerySet[Demand]:
    """List what was looked for in a period."""
    rows = Demand.objects.filter(day__gte=period.first, day__lte=period.last)
    if only.practitioner:
        return rows.none()
    return rows.filter(appointment_type__service=only.service) if only.service else rows
