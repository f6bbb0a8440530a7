"""Free times as the public reads them: by the visitor's clock and, where that shows another hour, by the clinic's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from itertools import groupby
from operator import or_
from zoneinfo import ZoneInfo

from rest_framework.exceptions import ValidationError

from botaniqal.api.fields import Moment, in_utc
from botaniqal.errors import Malformed

from . import availability, demand, limits, timegrid
from .availability import CLINIC, Offer

SHOWN_DAYS = 7
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


@dataclass(frozen=True, slots=True)
class Week:
    """The free times of seven days, and the days before and after that may have more."""

    times: list[datetime]
    first_day: date
    earlier: date | None
    later: date | None


def week(*, offers: Sequence[Offer], zone: ZoneInfo, first_day: date | None, now: datetime) -> Week:
    """
    Find when somebody is free in a week of a zone's days, or in the first week after it in which somebody is.

    Whose outside calendar is stale is left out. The queries are the same for any number of people.
    """
    today = now.astimezone(zone).date()
    horizons = [limits.horizon(offer.appointment_type, now) for offer in offers]
    last_day = (max(horizons, default=now + timedelta(days=1)) - timedelta(minutes=1)).astimezone(zone).date()
    first_day = min(max(first_day or today, today), last_day)
    asked = {"offers": offers, "zone": zone, "days": SHOWN_DAYS, "hides_stale": True}
    found = availability.find_slots(first_day=first_day, **asked)
    later = [slots.next_available for slots in found if slots.next_available]
    if later and not any(slots.starts for slots in found):
        first_day = min(later).astimezone(zone).date()
        found = availability.find_slots(first_day=first_day, **asked)
    demand.note(found, now=now)
    # All were looked at in one window, so that times of many are written once.
    mask = reduce(or_, (slots.starts for slots in found), 0)
    next_week = first_day + timedelta(days=SHOWN_DAYS)
    return Week(
        times=[found[0].window.moment(cell) for cell in timegrid.set_bits(mask)] if mask else [],
        first_day=first_day,
        earlier=max(today, first_day - timedelta(days=SHOWN_DAYS)) if first_day > today else None,
        later=next_week if next_week <= last_day else None,
    )


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
