"""What the desk shows of appointments and free times: what can be booked, when, with whom and why with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from botaniqal.api.fields import in_utc
from practitioners import availability, demand
from practitioners.models import Practitioner
from practitioners.why_not import why_not
from services import interest, prices
from services.models import AppointmentType, Service

from .. import ranking
from ..models import TriageSession

SHOWN_DAYS = 7
SEARCHED_DAYS = 14
"""A week is shown; the next one is looked through as well, for “next morning” said on a Friday."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An appointment type as the desk offers it, or the reason why it is off."""

    code: str
    label: str
    minutes: int
    price: Decimal | None
    off: str


@dataclass(frozen=True, slots=True)
class ServiceChoices:
    """A service with what can be booked of it; ``off`` says why nothing can."""

    service: Service
    choices: list[Choice]
    off: str
    wording: str = ""
    """What a caller agrees to who would wait for it."""


def catalogue(now: datetime) -> list[ServiceChoices]:
    """List what can be booked by phone, in the catalogue's order, with today's prices."""
    priced = prices.prices_as_of(prices.clinic_day(now))
    kinds = (
        AppointmentType.objects.filter(is_active=True)
        .exclude(kind=AppointmentType.Kind.CONSULTATION)
        .select_related("service")
        .in_catalogue_order()
    )
    by_service = {key: list(of_service) for key, of_service in groupby(kinds, key=lambda kind: kind.service_id)}
    shown, lists = [], interest.open_lists()
    for service in Service.objects.public():
        off = "" if service.status == Service.Status.ACTIVE else service.get_status_display().lower()
        choices = [_choice(kind, off, priced) for kind in by_service.get(service.pk, [])]
        if choices or off:
            shown.append(ServiceChoices(service, choices, off, lists.get(service.slug, "")))
    return shown


def times_of(
    appointment_type: AppointmentType,
    *,
    session: TriageSession,
    is_shown: bool,
    first_day: date | None,
    now: datetime,
) -> dict[str, Any]:
    """
    Find the free times of a week and the one after, by practitioner and day of the clinic, the best practitioner first.

    Without a day it is the present week, or the first that has a free time.
    """
    today = prices.clinic_day(now)
    offers = availability.offers_of(service=appointment_type.service.slug, kind=appointment_type.code)
    monday = ranking.monday_of(first_day or today)

    def look() -> list[availability.Slots]:
        return availability.find_slots(offers=offers, first_day=monday, days=SEARCHED_DAYS, held_for=session.pk)

    found = look()
    first_free = min((slots.next_available for slots in found if slots.next_available), default=None)
    first_free_on = first_free and prices.clinic_day(first_free)
    if first_day is None and first_free_on and first_free_on >= monday + timedelta(days=SHOWN_DAYS):
        monday = ranking.monday_of(first_free_on)
        found = look()
    demand.note(found, now=now)
    patient = session.patient if is_shown else None
    ranked = ranking.rank(found=found, patient=patient, monday=monday, now=now, held_for=session.pk)
    return {
        "now": now.isoformat(),
        "days": [f"{monday + timedelta(days=n)}" for n in range(SHOWN_DAYS)],
        "isFirstWeek": monday <= today,
        "firstFreeOn": first_free_on and f"{first_free_on}",
        "practitioners": [_shown(one, appointment_type) for one in ranked],
    }


def reason_of(
    appointment_type: AppointmentType,
    *,
    session: TriageSession,
    practitioner: Practitioner,
    starts_at: datetime,
    may_go_beyond: bool,
    now: datetime,
) -> dict[str, Any]:
    """Say why a time cannot be had, with the nearest that can."""
    reason = why_not(
        practitioner=practitioner,
        appointment_type=appointment_type,
        starts_at=starts_at,
        held_for=session.pk,
        now=now,
    )
    nearest = []
    if not reason.is_free:
        nearest = availability.alternatives(
            appointment_type=appointment_type, near=max(starts_at, now), practitioner=practitioner
        )
    return {
        "now": now.isoformat(),
        "startsAt": in_utc(starts_at),
        "isFree": reason.is_free,
        "rule": reason.rule,
        "words": reason.words,
        "soft": [{"rule": each.rule, "words": each.words} for each in reason.soft],
        "mayGoBeyond": bool(reason.soft) and may_go_beyond,
        "nearest": [one.as_json() for one in nearest],
    }


def _shown(one: ranking.Ranked, appointment_type: AppointmentType) -> dict[str, Any]:
    slots, person = one.slots, one.practitioner
    return {
        "id": f"{person.pk}",
        "name": person.name,
        "about": f"{person.get_type_display()}, {ranking.place_of(appointment_type)}",
        "reasons": one.reasons,
        "times": _by_day(slots.times),
        "isStale": slots.is_stale,
        "calendarReadAt": slots.read_at and in_utc(slots.read_at),
    }


def _choice(kind: AppointmentType, off: str, priced: dict[int, Decimal]) -> Choice:
    price = priced.get(kind.pk)
    off = off or kind.obstacle or ("It has no price yet." if price is None else "")
    return Choice(kind.code, _label(kind), kind.minutes, price, off)


def _label(kind: AppointmentType) -> str:
    """Name a type without its service, under whose heading it stands."""
    first, comma, rest = kind.name.partition(", ")
    return rest[:1].upper() + rest[1:] if comma and kind.service.name.lower().startswith(first.lower()) else kind.name


def _by_day(times: Sequence[datetime]) -> dict[str, list[str]]:
    days = groupby(times, key=prices.clinic_day)
    return {f"{day}": [in_utc(moment) for moment in of_day] for day, of_day in days}
