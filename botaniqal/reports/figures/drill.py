"""The rows behind a figure: their count or sum is the figure."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone

from botaniqal.errors import Malformed
from services.models import AppointmentType

from ..models import DayOfCalls, DayOfHours, DayOfVisits, DayOfWaiting, Demand, Fact
from .hours import kept_hours
from .period import EVERYTHING, Only, Period
from .sources import SOURCES, narrowed
from .waits import searches, waiting_at

COUNTED = {
    "bookings_made": "booked",
    "revenue": "taken",
    "conversion": "bookings",
    "abandonment": "abandoned",
}
"""What figures count that are called otherwise than what they count."""
OF_LISTS = {f"{name}_{moved}": (name, moved) for name in DayOfWaiting.List.values for moved in ("joined", "left")}
ON_LISTS = {f"{name}_waiting": name for name in DayOfWaiting.List.values}
OF_SEARCHES = {"searches", "empty", "unmet"}
USUAL = {"no_shows": "appointment_type", "took_place": "appointment_type", "utilisation": "practitioner"}
"""By what a figure's table is told apart, where it is not by service."""
TOLD_APART: dict[type[Fact], dict[str, str]] = {
    DayOfVisits: {
        "service": "appointment_type",
        "method": "source",
        "practitioner": "practitioner",
        "appointment_type": "appointment_type",
    },
    DayOfCalls: {"service": "service", "method": "source", "practitioner": "practitioner", "consultant": "consultant"},
    DayOfWaiting: {"service": "service"},
    DayOfHours: {"practitioner": "practitioner"},
    Demand: {"service": "appointment_type", "appointment_type": "appointment_type"},
}
"""By what tables tell their lines apart, with the column that says so."""


def rows(
    name: str,
    period: Period,
    only: Only = EVERYTHING,
    key: Any = None,
    by: str = "",
    *,
    now: datetime | None = None,
) -> QuerySet:
    """
    List the rows that a figure counted or added up; what is added up is their ``amount``.

    ``key`` narrows it to one line of a table that is told apart ``by`` service, method, practitioner or appointment
    type, as in that line's ``key``. Of a share these are the rows of its part, of holds and searches all of them,
    and of hours those of the days that are closed.

    :raises Malformed: no figure of that name has rows, or it cannot be told apart by that.
    """
    now, by = now or timezone.now(), by or USUAL.get(name, "service")
    try:
        return _rows(name, period, only, key, by, now)
    except (ValueError, ValidationError):
        raise Malformed("There is no such line in that table.", details={"key": ["Not in the table."]}) from None


def _rows(name: str, period: Period, only: Only, key: Any, by: str, now: datetime) -> QuerySet:
    if name == "utilisation":
        return kept_hours(period, only, now=now).filter(_line(DayOfHours, by, key, prefix=""))
    if name in OF_SEARCHES:
        return searches(period, only).filter(_line(Demand, by, key, prefix=""))
    if name in ON_LISTS:
        return waiting_at(ON_LISTS[name], min(period.ends_at, now), only).filter(_line(DayOfWaiting, by, key))
    list_name, number = OF_LISTS.get(name, ("", COUNTED.get(name, name)))
    span = (period.starts_at, period.ends_at)
    found = [
        source.within(
            [span], now=now, wanted=source.counts[number] & narrowed(model, only, prefix="of_") & _line(model, by, key)
        )
        for model, every in SOURCES.items()
        for source in every
        if number in source.counts and source.list == list_name
    ]
    if not found:
        raise Malformed("This figure has no rows.", details={"name": ["Not a figure that counts rows."]})
    if len(found) == 1:
        return found[0]
    keys = (each.values("pk") for each in found)
    return found[0].model.objects.filter(pk__in=next(keys).union(*keys))


def _line(model: type[Fact], by: str, key: Any, *, prefix: str = "of_") -> Q:
    """Narrow rows to one line of a table; an empty key is the line of which nothing is known."""
    if key is None:
        return Q()
    if by not in TOLD_APART[model]:
        raise Malformed("This figure is not told apart by that.", details={"by": ["Not how it is told apart."]})
    column = f"{prefix}{TOLD_APART[model][by]}"
    if by == "service" and "appointment_type" in column and key != "":
        return Q(**{f"{column}__in": AppointmentType.objects.filter(service=key).values("pk")})
    return Q(**{column: key}) if key != "" else Q(**{f"{column}__isnull": True})
