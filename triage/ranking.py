"""Whom to recommend: practitioners in an order that can be explained, with the reasons; never by revenue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Count

from bookings.models import Booking, Patient
from botaniqal.api.fields import in_utc
from practitioners import availability, schedule
from practitioners.availability import CLINIC, Slots
from practitioners.models import Practitioner
from practitioners.timegrid import wall_time
from services.models import AppointmentType
from services.prices import clinic_day

from .models import TriageSession

A_WEEK = timedelta(days=7)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A practitioner with their free times, in their place, and why they stand there."""

    slots: Slots
    reasons: tuple[str, ...]

    @property
    def practitioner(self) -> Practitioner:
        """Who it is."""
        return self.slots.practitioner


def rank(
    *, found: Sequence[Slots], patient: Patient | None, monday: date, now: datetime, held_for: UUID | None = None
) -> list[Ranked]:
    """
    Order those who give an appointment: who has seen the patient, then the soonest day, the fewest visits that week.

    Who has no free time comes last, and nobody has to wait a week longer for whom they know. Where a patient must not
    be shown, nobody has seen them.
    """
    people = [slots.practitioner for slots in found]
    seen, load = _seen(people, patient), _load(people, monday, held_for)
    soonest = min((slots.next_available for slots in found if slots.next_available), default=None)

    def is_known(slots: Slots) -> bool:
        """They have seen the patient, and need not keep them waiting for more than a week because of that."""
        free = slots.next_available
        return bool(seen.get(slots.practitioner.pk) and free and soonest and free < soonest + A_WEEK)

    def place(slots: Slots) -> tuple:
        person, free = slots.practitioner, slots.next_available or NEVER
        day = clinic_day(free) if slots.next_available else date.max
        return not is_known(slots), day, load[person.pk], free, person.name

    week = "this week" if monday <= clinic_day(now) < monday + A_WEEK else "that week"

    def reasons(slots: Slots) -> tuple[str, ...]:
        visits, free = seen.get(slots.practitioner.pk, 0), slots.next_available
        return tuple(
            words
            for words in (
                f"Seen before, {_counted(visits)}" if visits else "",
                "No free time" if free is None else "Soonest" if free == soonest else f"Free from {_day(free)}",
                f"{_counted(load[slots.practitioner.pk]).capitalize()} {week}",
            )
            if words
        )

    return [Ranked(slots, reasons(slots)) for slots in sorted(found, key=place)]


def note_choice(
    *,
    session: TriageSession,
    appointment_type: AppointmentType,
    practitioner: Practitioner,
    starts_at: datetime,
    now: datetime,
) -> None:
    """Keep with a locked session how practitioners were ranked for the week of a time, and whom the patient chose."""
    monday = monday_of(clinic_day(starts_at))
    offers = availability.offers_of(service=appointment_type.service.slug, kind=appointment_type.code)
    found = availability.find_slots(offers=offers, first_day=monday, days=A_WEEK.days, held_for=session.pk)
    ranked = rank(found=found, patient=session.patient, monday=monday, now=now, held_for=session.pk)
    gives = f"Gives {appointment_type}, {place_of(appointment_type)}"
    session.recommended_practitioners = [one.practitioner.pk for one in ranked]
    session.recommendation = {
        "appointmentType": appointment_type.code,
        "weekOf": f"{monday}",
        "rankedAt": in_utc(now),
        "chosen": f"{practitioner.pk}",
        "ranked": [
            {"id": f"{one.practitioner.pk}", "name": one.practitioner.name, "reasons": [gives, *one.reasons]}
            for one in ranked
        ],
    }
    session.save(update_fields=["recommended_practitioners", "recommendation"])


def place_of(appointment_type: AppointmentType) -> str:
    """Say how and where a visit takes place."""
    mode = appointment_type.get_mode_display().lower()
    return f"{mode}, Melbourne" if appointment_type.is_in_person else mode


def monday_of(day: date) -> date:
    """Find the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _seen(people: Sequence[Practitioner], patient: Patient | None) -> dict[UUID, int]:
    """Count the visits that a patient had with each, calls apart."""
    if patient is None:
        return {}
    visits = Booking.objects.filter(patient=patient, practitioner__in=people, state=Booking.State.COMPLETED)
    return dict(visits.order_by().values_list("practitioner").annotate(Count("pk")))


def _load(people: Sequence[Practitioner], monday: date, held_for: UUID | None) -> dict[UUID, int]:
    """Count the visits that each has in a week, by their own days."""
    starts, ends = (wall_time(day, time.min, CLINIC) for day in (monday, monday + A_WEEK))
    counted = schedule.visits(people, starts, ends, held_for=held_for)
    return {
        person.pk: sum(visits for day, visits in by_day.items() if monday <= day < monday + A_WEEK)
        for person, by_day in zip(people, counted, strict=True)
    }


def _counted(visits: int) -> str:
    return "no visits" if not visits else "1 visit" if visits == 1 else f"{visits} visits"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(CLINIC):%a %-d %b}"
