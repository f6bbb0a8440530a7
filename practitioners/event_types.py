"""Calendly's event types: whose appointments each of them stands for."""

from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from botaniqal.integrations.calendly import uuid_of
from services.models import AppointmentType, PractitionerType

from .models import CalendlyEventType, Practitioner

OWNERS = {
    "DR_DIA": Q(type=PractitionerType.DOCTOR, name__iregex=r"\mdia\M"),
    "DR_SHIVANI": Q(type=PractitionerType.DOCTOR, name__iregex=r"\mshivani\M"),
    "NURSE": Q(type=PractitionerType.NURSE),
    "GAPS_COACH": Q(type=PractitionerType.COACH),
    "CONSULTANT": Q(type=PractitionerType.CONSULTANT),
}
"""Whom ``CALENDLY_…_CALENDAR_ID`` speaks of: the first who works here."""


def find(calendly_id: str) -> CalendlyEventType | None:
    """Find the row of an event type by its id, or by its address in Calendly's API."""
    return (
        CalendlyEventType.objects.filter(calendly_id=uuid_of(calendly_id))
        .select_related("practitioner", "appointment_type__service")
        .first()
    )


@transaction.atomic
def seed_from_settings() -> list[CalendlyEventType]:
    """Make the rows that the environment names and that are not there yet; what staff entered stays."""
    made = []
    for calendar, practitioner, appointment_type in _named_by_settings():
        calendly_id = uuid_of(calendar)
        is_known = Q(calendly_id=calendly_id) | Q(practitioner=practitioner, appointment_type=appointment_type)
        if calendly_id and not CalendlyEventType.objects.filter(is_known).exists():
            made.append(
                CalendlyEventType.objects.create(
                    calendly_id=calendly_id, practitioner=practitioner, appointment_type=appointment_type
                )
            )
    return made


def _named_by_settings() -> Iterator[tuple[str, Practitioner | None, AppointmentType]]:
    shared = AppointmentType.objects.filter(code=AppointmentType.FREE_CONSULTATION).first()
    if shared:
        yield settings.CALENDLY_TRIAGE_CALENDAR_ID, None, shared
    for name, owner in OWNERS.items():
        practitioner = Practitioner.objects.active().filter(owner).order_by("created_at").first()
        first = practitioner and practitioner.appointment_types.in_catalogue_order().first()
        if first:
            yield settings.CALENDLY_PRACTITIONER_CALENDAR_IDS[name], practitioner, first
