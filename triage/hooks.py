"""What a free consultation made, moved or cancelled in Calendly changes here."""

from datetime import datetime, timedelta

from django.db import transaction

from bookings import hooks as visits
from bookings import payments
from bookings.models import Booking
from botaniqal.errors import DomainError
from botaniqal.integrations.calendly_events import CalendlyEvent
from botaniqal.integrations.owed import NeedsPerson
from practitioners import availability, diary
from practitioners.models import CalendlyEventType, Practitioner

from . import sessions


@transaction.atomic
def consultation_created(event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
    """
    Plan the call that somebody booked in Calendly.

    :raises NeedsPerson: there is no consultant at all.
    """
    visits.wait_for(event)
    if known := visits.moved(event, now) or visits.settled(event):
        return known
    kind = event_type.appointment_type
    ends_at = event.ends_at or event.starts_at + timedelta(minutes=kind.minutes)
    consultant = _consultant(event, event_type)
    entry, attention = visits.place(consultant, diary.Span(event.starts_at, ends_at), event.event_id)
    session = sessions.open_session(
        patient=visits.new_patient(event),
        consultant=consultant,
        appointment_type=kind,
        starts_at=event.starts_at,
        ends_at=ends_at,
        entry=entry,
        source=Booking.Source.ONLINE,
        by=None,
        now=now,
        concern=payments.without_card_numbers(event.concern or ""),
        join_link=event.join_url or "",
        attention=attention,
    )
    visits.adopt(session.consultation, event)
    return f"Call planned with {consultant}."


@transaction.atomic
def consultation_cancelled(event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
    """Cancel a call that was cancelled in Calendly, also when that is heard before it was made."""
    return visits.cancelled(event, event_type, now, create=consultation_created)


def _consultant(event: CalendlyEvent, event_type: CalendlyEventType) -> Practitioner:
    """Whom Calendly named, else the event type's, else who is free with the fewest calls that day: never nobody."""
    if named := visits.member(event):
        return named
    if event_type.practitioner and event_type.practitioner.is_active:
        return event_type.practitioner
    people = sessions.by_load(list(Practitioner.objects.consulting()), event.starts_at)
    if not people:
        raise NeedsPerson("There is no active consultant to make this call. Add one, then replay the event.")
    return next((person for person in people if _is_free(person, event, event_type)), people[0])


def _is_free(person: Practitioner, event: CalendlyEvent, event_type: CalendlyEventType) -> bool:
    try:
        availability.check(practitioner=person, appointment_type=event_type.appointment_type, starts_at=event.starts_at)
    except DomainError:
        return False
    return True
