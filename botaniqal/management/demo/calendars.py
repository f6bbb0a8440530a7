"""The demo's Calendly event types, entered here and made known to the sandbox."""

from uuid import NAMESPACE_URL, uuid5

from django.conf import settings

from botaniqal.integrations.http import Wire
from practitioners import event_types
from practitioners.models import CalendlyEventType, Practitioner
from services.models import AppointmentType

SANDBOX_CALENDLY = "/calendly"


def enter_event_types() -> None:
    """Give every practitioner an event type for each appointment, those that the environment names before others."""
    event_types.seed_from_settings()
    shared = AppointmentType.objects.get(code=AppointmentType.FREE_CONSULTATION)
    given = [(None, shared)] + [
        (practitioner, appointment_type)
        for practitioner in Practitioner.objects.prefetch_related("appointment_types")
        for appointment_type in practitioner.appointment_types.all()
    ]
    for practitioner, appointment_type in given:
        name = f"{practitioner.email if practitioner else 'shared'}/{appointment_type.code}"
        CalendlyEventType.objects.get_or_create(
            practitioner=practitioner,
            appointment_type=appointment_type,
            defaults={"calendly_id": uuid5(NAMESPACE_URL, name)},
        )


def tell_sandbox() -> int:
    """
    Make the event types known to the sandbox, and say how many there are; telling it again does no harm.

    :raises VendorUnavailable: it does not answer.
    :raises VendorRefused: it does not understand.
    """
    wire = Wire(
        vendor="Sandbox",
        base_url=settings.CALENDLY_BASE_URL.removesuffix(SANDBOX_CALENDLY),
        token="",
        timeout=settings.VENDOR_TIMEOUT_SECONDS,
    )
    rows = CalendlyEventType.objects.select_related("practitioner", "appointment_type")
    consultants = list(Practitioner.objects.consulting())
    documents = [
        {
            "uri": row.uri,
            "name": f"{row.appointment_type} with {row.practitioner or 'a consultant'}",
            "minutes": row.appointment_type.minutes,
            "inbound": row.appointment_type.is_free_consultation,
            "hosts": [_host(person) for person in ([row.practitioner] if row.practitioner else consultants)],
        }
        for row in rows
    ]
    return wire.post(
        "/_control/event-types", json={"event_types": documents}, read=lambda answer: len(answer["event_types"])
    )


def is_sandbox_named() -> bool:
    """Tell whether the settings lead to a sandbox, and not to Calendly itself."""
    return settings.CALENDLY_BASE_URL.endswith(SANDBOX_CALENDLY)


def _host(practitioner: Practitioner) -> dict[str, str]:
    return {"uri": practitioner.calendly_user_uri, "email": practitioner.email, "name": practitioner.name}
