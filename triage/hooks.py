"""What a free consultation made, moved or cancelled in Calendly changes here."""

from datetime import datetime, timedelta
from uuid import UUID

from bookings.models import Booking
from bookings.money import payments
from bookings.vendors import heard, hearing
from bookings.vendors.hooks import Visits
from botaniqal.errors import DomainError
from botaniqal.integrations.calendly_events import CalendlyEvent
from botaniqal.integrations.owed import NeedsPerson
from practitioners import availability, diary
from practitioners.models import CalendlyEventType, Practitioner
from services.models import AppointmentType

from . import sessions
from .models import TriageSession


class Consultations(Visits):
    """What Calendly's words do to calls."""

    is_consultation = True

    def book(self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """
        Plan the call that somebody booked in Calendly.

        :raises NeedsPerson: there is no consultant at all.
        """
        kind = event_type.appointment_type
        ends_at = event.ends_at or event.starts_at + timedelta(minutes=kind.minutes)
        consultant = self.host(event, event_type) or _least_busy(event, kind)
        entry, attention = hearing.place(consultant, diary.Span(event.starts_at, ends_at), event.event_id)
        session = sessions.open_session(
            patient=hearing.new_patient(event),
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
        hearing.adopt(session.consultation, event)
        return f"Call planned with {consultant}."

    def host(self, event: CalendlyEvent, event_type: CalendlyEventType) -> Practitioner | None:
        """Find whose event type it is; one that consultants share goes to whom Calendly named."""
        if event_type.practitioner and event_type.practitioner.is_active:
            return event_type.practitioner
        return hearing.member(event)

    def kind(self, event: CalendlyEvent, event_type: CalendlyEventType, practitioner: Practitioner) -> AppointmentType:
        """Take the event type's own: a long call is a call."""
        return event_type.appointment_type

    def locked(self, booking_id: UUID) -> Booking:
        """Read a consultation for a change: its call before it, as everywhere."""
        call = TriageSession.objects.filter(consultation=booking_id).values_list("pk", flat=True).first()
        if call:
            sessions.locked(call)
        return super().locked(booking_id)

    def hand_over(self, booking: Booking, practitioner: Practitioner) -> None:
        """Make the call the other consultant's."""
        session = sessions.locked(booking.call.pk)
        session.consultant = practitioner
        session.claimed_by = session.claimed_at = None
        session.version += 1
        session.save(update_fields=["consultant", "claimed_by", "claimed_at", "version"])

    def end_as_no_show(self, booking: Booking, now: datetime) -> None:
        """
        Close the call that nobody answered.

        :raises NeedsPerson: somebody is at it.
        """
        session = sessions.locked(booking.call.pk)
        if session.state != TriageSession.State.SCHEDULED:
            raise NeedsPerson(f"Calendly says that nobody answered {booking.number}, but the call has begun. Close it.")
        outcome = TriageSession.Outcome.NO_SHOW
        sessions.close(session=session, outcome=outcome, by=None, now=now, is_heard=True)

    def reopen(self, booking: Booking, now: datetime) -> None:
        """Plan the call again."""
        sessions.reopen(session=sessions.locked(booking.call.pk), reason=heard.UNDONE_THERE, by=None, now=now)

    def is_touched(self, booking: Booking) -> bool:
        """Tell also whether somebody has begun the call, or written in it."""
        call = booking.call
        has_begun = call.tries or call.state in (TriageSession.State.IN_PROGRESS, TriageSession.State.WRAP_UP)
        return super().is_touched(booking) or bool(has_begun or call.notes or call.booking_id)

    def forget(self, booking: Booking) -> None:
        """Delete the call."""
        booking.call.delete()


def _least_busy(event: CalendlyEvent, kind: AppointmentType) -> Practitioner:
    """Find who is free with the fewest calls that day: never nobody."""
    people = sessions.by_load(list(Practitioner.objects.consulting()), event.starts_at)
    if not people:
        raise NeedsPerson("There is no active consultant to make this call. Add one, then replay the event.")
    return next((person for person in people if _is_free(person, event, kind)), people[0])


def _is_free(person: Practitioner, event: CalendlyEvent, kind: AppointmentType) -> bool:
    try:
        availability.check(practitioner=person, appointment_type=kind, starts_at=event.starts_at)
    except DomainError:
        return False
    return True


consultations = Consultations()
consultation_created, consultation_cancelled = consultations.created, consultations.cancelled
consultation_no_show, consultation_no_show_undone = consultations.no_show, consultations.no_show_undone
