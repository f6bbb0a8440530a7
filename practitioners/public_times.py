"""Free times as the public reads them: by the visitor's clock and, where that shows another hour, by the clinic's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from rest_framework.exceptions import ValidationError

from botaniqal.api.fields import Moment, in_utc
from botaniqal.errors import Malformed

from .availability import CLINIC

CHOOSE_FIRST = "Choose a time first."
UNREADABLE = "That is no time. Please choose one of the list."


@dataclass(frozen=True, slots=True)
class Choice:
    """A free time: its value in a form, and what stands on it."""

    value: str
    label: str
    clinic_label: str


@dataclass(frozen=True, slots=True)
class Day:
    """The free times of one of the visitor's days."""

    name: str
    choices: list[Choice]


def by_day(moments: Iterable[datetime], zone: ZoneInfo) -> list[Day]:
    """Sort moments into the visitor's days, the soonest first."""
    days = groupby(sorted(moments), key=lambda moment: moment.astimezone(zone).date())
    return [Day(f"{day:%A %-d %B}", [choice(moment, zone) for moment in found]) for day, found in days]


def choice(moment: datetime, zone: ZoneInfo) -> Choice:
    """Write one free time."""
    label, clinic_label = hour(moment.astimezone(zone)), hour(moment.astimezone(CLINIC))
    return Choice(in_utc(moment), label, "" if label == clinic_label else clinic_label)


def clocks(zone: ZoneInfo, now: datetime) -> dict[str, str]:
    """Say in which city the times are read and, where that differs, in which the clinic stands."""
    agree = now.astimezone(zone).utcoffset() == now.astimezone(CLINIC).utcoffset()
    return {"city": city(zone), "clinic_city": "" if agree else city(CLINIC)}


def both(moment: datetime, zone: ZoneInfo) -> str:
    """Say a moment by the visitor's clock and, where that differs, by the clinic's."""
    local, clinic = moment.astimezone(zone), moment.astimezone(CLINIC)
    said = f"{local:%A %-d %B}, {hour(local)}"
    if local.utcoffset() == clinic.utcoffset():
        return said
    day = "" if local.date() == clinic.date() else f"{clinic:%A %-d %B}, "
    return f"{said} {city(zone)} time ({day}{hour(clinic)} in {city(CLINIC)})"


def chosen(value: str | None) -> datetime:
    """
    Read which time was chosen.

    :raises Malformed: none, or none that can be read.
    """
    if not value:
        raise Malformed(CHOOSE_FIRST, details={"time": [CHOOSE_FIRST]})
    try:
        return Moment().run_validation(value)
    except ValidationError:
        raise Malformed(UNREADABLE, details={"time": [UNREADABLE]}) from None


def city(zone: ZoneInfo) -> str:
    """Name a zone by its city."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def hour(local: datetime) -> str:
    """Say the hour: 9:05 am."""
    return f"{local:%-I:%M} {format(local, '%p').lower()}"
