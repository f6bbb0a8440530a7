"""
What a visit made, moved or cancelled in Calendly changes here.

The vendor's word is a fact: its time is taken even where it clashes, and somebody is asked to look.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from botaniqal.integrations.calendly_events import CalendlyEvent
from botaniqal.integrations.owed import NeedsPerson
from practitioners import diary
from practitioners.models import CalendlyEventType, Practitioner
from services import prices
from services.models import AppointmentType

from .. import lifecycle, locking, notices
from ..models import Booking, Payment
from ..money import payments
from . import heard, hearing

State = Booking.State

Handler = Callable[[CalendlyEvent, CalendlyEventType, datetime], str]
"""Works an event, and says in a sentence what came of it."""


class Visits(heard.Heard):
    """What Calendly's words do to visits."""

    is_consultation = False

    def book(self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """
        Book a visit that was made in Calendly, and owe it to MediRecords.

        :raises NeedsPerson: nobody here gives it.
        """
        practitioner = self.host(event, event_type)
        if practitioner is None:
            raise NeedsPerson("No practitioner here belongs to this Calendly event. Set the event type's practitioner.")
        kind = self.kind(event, event_type, practitioner)
        ends_at = event.ends_at or event.starts_at + timedelta(minutes=kind.minutes)
        entry, attention = hearing.place(practitioner, diary.Span(event.starts_at, ends_at), event.event_id)
        price = prices.price_of(kind, prices.clinic_day(now))
        booking = lifecycle.book(
            patient=hearing.new_patient(event),
            practitioner=practitioner,
            appointment_type=kind,
            starts_at=event.starts_at,
            ends_at=ends_at,
            entry=entry,
            price=price or 0,
            source=Booking.Source.PHONE,
            by=None,
            now=now,
            join_link=event.join_url or "",
            attention=attention or heard.doubt(practitioner, kind, has_price=price is not None),
        )
        hearing.adopt(booking, event)
        payments.record(booking=booking, taken=payments.Taken(), by=None, now=now)
        notices.send_confirmation(booking=booking, now=now)
        return f"Booked as {booking.number}."

    def host(self, event: CalendlyEvent, event_type: CalendlyEventType) -> Practitioner | None:
        """Find who gives it: the event type's own, else whom Calendly gave it to."""
        return event_type.practitioner or hearing.member(event)

    def kind(self, event: CalendlyEvent, event_type: CalendlyEventType, practitioner: Practitioner) -> AppointmentType:
        """Choose the event type's own, unless the length says that it is another that this practitioner gives."""
        kind = event_type.appointment_type
        if event.ends_at is None or event.ends_at - event.starts_at == timedelta(minutes=kind.minutes):
            return kind
        minutes = (event.ends_at - event.starts_at) // timedelta(minutes=1)
        given = AppointmentType.objects.offered().filter(practitioners=practitioner, minutes=minutes)
        return given.in_catalogue_order().first() or kind

    def locked(self, booking_id: UUID) -> Booking:
        """Read a booking for a change."""
        return locking.locked(booking_id)

    def hand_over(self, booking: Booking, practitioner: Practitioner) -> None:
        """Do what else belongs to a booking's going to another practitioner."""

    def end_as_no_show(self, booking: Booking, now: datetime) -> None:
        """Note what Calendly says: the patient did not come."""
        lifecycle.mark_no_show(booking_id=booking.pk, by=None, now=now, is_heard=True)

    def reopen(self, booking: Booking, now: datetime) -> None:
        """Take back what Calendly said: the patient did not come."""
        lifecycle.correct(booking_id=booking.pk, state=State.CONFIRMED, reason=heard.UNDONE_THERE, by=None, now=now)

    def is_touched(self, booking: Booking) -> bool:
        """Tell whether somebody here has done more with a booking than to take it in."""
        payment = Payment.objects.filter(booking=booking).first()
        return bool(
            booking.notes
            or (payment and payment.status == Payment.Status.COLLECTED)
            or booking.form_answers.exists()
            or not (booking.state == State.CONFIRMED or booking.is_end_heard)
        )

    def forget(self, booking: Booking) -> None:
        """Delete what else stands with a booking that nobody has been told of."""


visits = Visits()
visit_created, visit_cancelled = visits.created, visits.cancelled
visit_no_show, visit_no_show_undone = visits.no_show, visits.no_show_undone
