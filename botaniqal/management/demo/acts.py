"""What happens at the demo's clinic, at whatever moment it happened, through the clinic's own verbs."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.db.models import F, Q, QuerySet

from bookings import lifecycle, notices
from bookings.intake import form_filling
from bookings.models import Booking, Patient, SyncRecord
from bookings.money import payments
from botaniqal.accounts.models import User
from botaniqal.messages.models import Message
from practitioners import availability, diary
from practitioners.models import Practitioner, Room
from services import prices
from services.models import AppointmentType
from triage import sessions
from triage.models import TriageSession

CALL_LASTS = timedelta(minutes=11)


def weekday_from(day: date, weekdays: int) -> date:
    """Count so many weekdays on from a day, or back."""
    step = timedelta(days=1 if weekdays > 0 else -1)
    while weekdays:
        day += step
        if day.weekday() < 5:
            weekdays -= step.days
    return day


def come(*, name: str, phone: str, time_zone: str = "Australia/Melbourne") -> Patient:
    """Make somebody known who wrote to the clinic, or rang it."""
    email = f"{name.lower().replace(' ', '.')}@example.com"
    return Patient.objects.create(name=name, email=email, phone=phone, time_zone=time_zone)


def plan(
    *, patient: Patient, consultant: Practitioner, starts_at: datetime, concern: str, now: datetime
) -> TriageSession:
    """Plan a call that its patient asks for."""
    kind = sessions.free_consultation()
    session = sessions.open_session(
        patient=patient,
        consultant=consultant,
        appointment_type=kind,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=kind.minutes),
        entry=diary.take(practitioner=consultant, span=availability.occupied_span(kind, starts_at), by=None),
        source=Booking.Source.ONLINE,
        by=None,
        now=now,
        concern=concern,
    )
    TriageSession.objects.filter(pk=session.pk).update(created_at=now)
    date_back(session.consultation, now)
    return session


def book(
    *,
    patient: Patient,
    giver: Practitioner,
    kind: AppointmentType,
    starts_at: datetime,
    taken: payments.Taken,
    by: User | None,
    now: datetime,
    source: Booking.Source = Booking.Source.PHONE,
) -> Booking:
    """
    Book a visit: the phone-booking verb rightly refuses those in the past.

    :raises SlotTaken: the practitioner has something else then.
    """
    room = Room.objects.first() if kind.is_in_person else None
    booking = lifecycle.book(
        patient=patient,
        practitioner=giver,
        appointment_type=kind,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=kind.minutes),
        entry=diary.take(practitioner=giver, span=availability.occupied_span(kind, starts_at), room=room, by=by),
        price=prices.price_of(kind, prices.clinic_day(now)),
        source=source,
        by=by,
        now=now,
    )
    payments.record(booking=booking, taken=taken, by=by, now=now)
    notices.send_confirmation(booking=booking, now=now)
    date_back(booking, now)
    return booking


def fill_form(booking: Booking, said: Mapping[str, str | list[str]], *, is_sent: bool, now: datetime) -> None:
    """Fill in the form of a visit, and send it off or leave it a draft."""
    version = form_filling.wanted_of(booking)
    row = form_filling.save_draft(booking_id=booking.pk, version=version, said=said, revision=0, now=now)
    if is_sent:
        form_filling.send(booking_id=booking.pk, revision=row.draft_revision, now=now)


def date_back(booking: Booking, moment: datetime) -> None:
    """Let a booking have been made when it was."""
    Booking.objects.filter(pk=booking.pk).update(created_at=moment)
    booking.created_at = moment


def forget_what_is_past(bookings: QuerySet[Booking], now: datetime) -> None:
    """Owe vendors and patients nothing of visits that are over: vendors were not there, e-mails went out in time."""
    unsent = Message.objects.filter(reference__in=bookings.values("pk"), next_try_at__lt=now, sent_at=None)
    unsent.update(created_at=F("next_try_at"))
    over = bookings.filter(Q(starts_at__lte=now) | Q(state=Booking.State.CANCELLED))
    SyncRecord.objects.filter(booking__in=over).update(told=F("wanted"))
    let_have_gone_out(Message.objects.filter(reference__in=over.values("pk")), now)


def let_have_gone_out(messages: QuerySet[Message], now: datetime) -> None:
    """Let e-mails of the past have gone out and been delivered in their time."""
    written = messages.filter(next_try_at__lt=now, sent_at=None)
    moments = dict.fromkeys(("created_at", "sent_at", "delivery_at"), F("next_try_at"))
    written.update(told=F("wanted"), delivery=Message.Delivery.DELIVERED, **moments)
