"""What the call desk shows: where a call stands, what it keeps, what was booked, and what can be booked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.utils import timezone

from bookings import sync
from bookings.models import Payment
from botaniqal.api.fields import in_utc
from practitioners import availability
from practitioners.models import Practitioner
from services import prices
from services.models import AppointmentType, Service

from ..models import Disposition, Outcome, TriageSession
from .call_state import call_of
from .hold_state import holds_of, paid_words

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


def state_of(session: TriageSession, *, consultant: Practitioner | None, is_shown: bool) -> dict[str, Any]:
    """Say where a call stands; of a call that may not be shown, whose it is alone."""
    return {
        "now": timezone.now().isoformat(),
        "state": session.status,
        **call_of(session, consultant),
        "startedAt": _moment(session.started_at),
        "endedAt": _moment(session.ended_at),
        "outcome": session.get_outcome_display(),
        "written": written_in(session) if is_shown else None,
        "holds": holds_of(session, timezone.now()) if is_shown else [],
        "booking": _booking_of(session) if is_shown and session.booking_id else None,
    }


def written_in(session: TriageSession) -> dict[str, Any]:
    """Give what was typed, with the version that it counts as."""
    return {
        "version": session.version,
        "notes": session.notes,
        "primaryConcern": session.primary_concern,
        "recommendedService": session.recommended_service.slug if session.recommended_service else "",
    }


def catalogue(now: datetime) -> list[ServiceChoices]:
    """List what can be booked by phone, in the catalogue's order, with today's prices."""
    priced = prices.prices_as_of(prices.clinic_day(now))
    given = set(
        AppointmentType.practitioners.through.objects.filter(practitioner__is_active=True).values_list(
            "appointmenttype", flat=True
        )
    )
    kinds = (
        AppointmentType.objects.filter(is_active=True)
        .exclude(kind=AppointmentType.Kind.CONSULTATION)
        .select_related("service")
        .in_catalogue_order()
    )
    by_service = {key: list(of_service) for key, of_service in groupby(kinds, key=lambda kind: kind.service_id)}
    shown = []
    for service in Service.objects.public():
        off = "" if service.status == Service.Status.ACTIVE else service.get_status_display().lower()
        choices = [_choice(kind, off, priced, given) for kind in by_service.get(service.pk, [])]
        if choices or off:
            shown.append(ServiceChoices(service, choices, off))
    return shown


def times_of(appointment_type: AppointmentType, *, first_day: date | None, now: datetime) -> dict[str, Any]:
    """
    Find the free times of a week and the one after, by practitioner and day of the clinic.

    Without a day it is the present week, or the first that has a free time.
    """
    today = prices.clinic_day(now)
    offers = availability.offers_of(service=appointment_type.service.slug, kind=appointment_type.code)
    monday = _monday(first_day or today)
    found = availability.find_slots(offers=offers, first_day=monday, days=SEARCHED_DAYS)
    first_free = min((slots.next_available for slots in found if slots.next_available), default=None)
    first_free_on = first_free and prices.clinic_day(first_free)
    if first_day is None and first_free_on and first_free_on >= monday + timedelta(days=SHOWN_DAYS):
        monday = _monday(first_free_on)
        found = availability.find_slots(offers=offers, first_day=monday, days=SEARCHED_DAYS)
    return {
        "now": now.isoformat(),
        "days": [f"{monday + timedelta(days=n)}" for n in range(SHOWN_DAYS)],
        "isFirstWeek": monday <= today,
        "firstFreeOn": first_free_on and f"{first_free_on}",
        "practitioners": [
            {
                "id": f"{slots.practitioner.pk}",
                "name": slots.practitioner.name,
                "about": f"{slots.practitioner.get_type_display()}, {appointment_type.get_mode_display().lower()}",
                "times": _by_day(slots.times),
                "isStale": slots.is_stale,
                "calendarReadAt": _moment(slots.read_at),
            }
            for slots in found
        ],
    }


def endings() -> list[tuple[Outcome, list[Disposition]]]:
    """List how a call can end without a booking, with the finer words under each."""
    finer = list(Disposition.objects.filter(is_active=True))
    return [(one, [row for row in finer if row.outcome == one]) for one in Outcome if one != Outcome.BOOKED]


def _choice(kind: AppointmentType, off: str, priced: dict[int, Decimal], given: set[int]) -> Choice:
    price = priced.get(kind.pk)
    if not off and price is None:
        off = "price not set"
    elif not off and kind.pk not in given:
        off = "nobody gives it"
    return Choice(kind.code, _label(kind), kind.minutes, price, off)


def _label(kind: AppointmentType) -> str:
    """Name a type without its service, under whose heading it stands."""
    first, comma, rest = kind.name.partition(", ")
    return rest[:1].upper() + rest[1:] if comma and kind.service.name.lower().startswith(first.lower()) else kind.name


def _booking_of(session: TriageSession) -> dict[str, Any]:
    booking = session.booking
    return {
        "number": booking.number,
        "startsAt": in_utc(booking.starts_at),
        "practitioner": booking.practitioner.name,
        "appointment": booking.appointment_type.name,
        "payment": paid_words(booking.payment),
        "isPaymentDue": booking.payment.status == Payment.Status.PENDING,
        "systems": sync.statement(booking),
    }


def _by_day(times: Sequence[datetime]) -> dict[str, list[str]]:
    days = groupby(times, key=prices.clinic_day)
    return {f"{day}": [in_utc(moment) for moment in of_day] for day, of_day in days}


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _moment(moment: datetime | None) -> str | None:
    return moment and in_utc(moment)
