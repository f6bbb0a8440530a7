"""
What a visit made, moved or cancelled in Calendly changes here.

The vendor's word is a fact: its time is taken even where it clashes, and somebody is asked to look.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Lower

from botaniqal.integrations.calendly_events import CalendlyEvent
from botaniqal.integrations.owed import NeedsPerson
from practitioners import diary, timegrid
from practitioners.models import LONGEST_ENTRY, TIME_ZONES, BusyPeriod, CalendlyEventType, DiaryEntry, Practitioner
from services import prices
from services.models import AppointmentType

from . import lifecycle, notices, payments, sync
from .models import Booking, Patient, SyncRecord

CALENDLY = SyncRecord.System.CALENDLY
CANCELLED_THERE = "Cancelled in Calendly."

Handler = Callable[[CalendlyEvent, CalendlyEventType, datetime], str]
"""Works an event, and says in a sentence what came of it."""


@transaction.atomic
def visit_created(event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
    """
    Book a visit that was made in Calendly, and owe it to MediRecords.

    :raises NeedsPerson: nobody here gives it.
    """
    wait_for(event)
    if known := moved(event, now) or settled(event):
        return known
    practitioner = event_type.practitioner or member(event)
    if practitioner is None:
        raise NeedsPerson("No practitioner here belongs to this Calendly event. Set the event type's practitioner.")
    kind = _type_of(event, event_type, practitioner)
    ends_at = event.ends_at or event.starts_at + timedelta(minutes=kind.minutes)
    entry, attention = place(practitioner, diary.Span(event.starts_at, ends_at), event.event_id)
    price = prices.price_of(kind, prices.clinic_day(now))
    booking = lifecycle.book(
        patient=new_patient(event),
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
        attention=attention or ("" if price is not None else f"{kind} has no price yet."),
    )
    adopt(booking, event)
    payments.record(booking=booking, taken=payments.Taken(), by=None, now=now)
    notices.send_confirmation(booking=booking, now=now)
    return f"Booked as {booking.number}."


@transaction.atomic
def visit_cancelled(event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
    """Cancel a visit that was cancelled in Calendly, also when that is heard before it was made."""
    return cancelled(event, event_type, now, create=visit_created)


# --- What visits and consultations have in common ---------------------------------------------------------------------

MOVED = "Moved: the new time comes in an event of its own."


def wait_for(event: CalendlyEvent) -> None:
    """Let deliveries about one event be worked one after the other, until the transaction's end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"calendly:{event.event_id}"])


def settled(event: CalendlyEvent) -> str:
    """Say so when the event is known, or is our own booking coming back; empty when there is something to do."""
    if record := record_of(event):
        return f"Known already as {record.booking.number}."
    if _is_former(event):
        return "Old news: its booking has another time by now."
    # Nothing is noted of our own: who told Calendly knows better, and this may be the echo of a former time.
    own = _own(event)
    return f"Our own booking {own.number}." if own else ""


def moved(event: CalendlyEvent, now: datetime) -> str:
    """Move the booking that an event takes the place of; empty when it takes nobody's."""
    old = (
        SyncRecord.objects.filter(system=CALENDLY, external_ref=event.old_invitee).first()
        if event.old_invitee
        else None
    )
    if old is None:
        return ""
    booking = lifecycle.locked(old.booking_id)
    if lifecycle.State.CANCELLED not in lifecycle.ALLOWED[booking.state]:
        raise NeedsPerson(f"{booking.number} was moved in Calendly, but is {booking.get_state_display().lower()} here.")
    length = booking.ends_at - booking.starts_at
    ends_at = event.ends_at or event.starts_at + length
    lifecycle.give_back(booking)
    booking.entry, booking.attention = place(booking.practitioner, diary.Span(event.starts_at, ends_at), event.event_id)
    lifecycle.note_move(booking=booking, starts_at=event.starts_at, ends_at=ends_at, now=now)
    adopt(booking, event)
    return f"Moved {booking.number}."


def cancelled(event: CalendlyEvent, event_type: CalendlyEventType, now: datetime, *, create: Handler) -> str:
    """Cancel what an event was about; where that was never heard of, it is written down first, as cancelled."""
    wait_for(event)
    if event.is_reschedule:
        return MOVED
    if not record_of(event):
        if known := settled(event):
            return known
        create(event, event_type, now)
    return _cancel_as_told(event, now)


def _cancel_as_told(event: CalendlyEvent, now: datetime) -> str:
    """Cancel the booking of an event that its patient or host cancelled in Calendly, which tells the patient itself."""
    record = record_of(event)
    booking = record.booking
    if booking.state == Booking.State.CANCELLED:
        return f"{booking.number} is cancelled already."
    if lifecycle.State.CANCELLED not in lifecycle.ALLOWED[booking.state]:
        raise NeedsPerson(f"{booking.number} was cancelled in Calendly, but is {booking.get_state_display().lower()}.")
    reason = payments.without_card_numbers(event.cancel_reason or CANCELLED_THERE)
    lifecycle.cancel(booking_id=booking.pk, reason=reason, by=None, now=now, tell_patient=False)
    sync.adopt(booking=booking, system=CALENDLY, external_id=record.external_id, external_ref=record.external_ref)
    return f"Cancelled {booking.number}."


def place(practitioner: Practitioner, span: diary.Span, event_id: str) -> tuple[DiaryEntry | None, str]:
    """
    Enter in the diary what Calendly took already.

    Where that cannot be, the time is shown as busy, and a sentence says why somebody has to look.
    """
    is_on_grid = not any((moment - timegrid.EPOCH) % timegrid.CELL for moment in (span.starts_at, span.ends_at))
    if span.ends_at - span.starts_at > LONGEST_ENTRY:
        why = "Takes more than a day, so it stands outside the diary."
    elif is_on_grid:
        try:
            entry = diary.take(practitioner=practitioner, span=span, by=None)
        except diary.SlotTaken:
            why = f"Clashes with something else in {practitioner}'s diary. Move one of the two."
        else:
            entry.external_id = event_id
            entry.save(update_fields=["external_id"])
            return entry, ""
    else:
        why = "Begins or ends off the five-minute grid, so it stands outside the diary."
    BusyPeriod.objects.update_or_create(
        practitioner=practitioner,
        calendar=Practitioner.CalendarProvider.CALENDLY,
        external_id=event_id,
        defaults={"starts_at": span.starts_at, "ends_at": span.ends_at},
    )
    return None, why


def member(event: CalendlyEvent) -> Practitioner | None:
    """Find whom Calendly gave the event to: by the member's address in Calendly, else by e-mail."""
    people = Practitioner.objects.active()
    return (
        people.filter(calendly_user_uri__in=event.member_uris).exclude(calendly_user_uri="").first()
        or people.annotate(address=Lower("email")).filter(address__in=map(str.lower, event.member_emails)).first()
    )


def new_patient(event: CalendlyEvent) -> Patient:
    """Write down the person who booked; whether that is somebody known, a person decides: e-mail is no identity."""
    return Patient.objects.create(
        name=event.name[:255],
        email=event.email,
        phone=event.phone or "",
        time_zone=event.timezone if event.timezone in TIME_ZONES else settings.CLINIC_TIME_ZONE,
    )


def record_of(event: CalendlyEvent) -> SyncRecord | None:
    """Find what is known here of a Calendly event."""
    return (
        SyncRecord.objects.filter(system=CALENDLY, external_id=event.event_id)
        .select_related("booking__practitioner")
        .first()
    )


def adopt(booking: Booking, event: CalendlyEvent) -> None:
    """Note that Calendly knows of a booking, by which event, and whose place that took."""
    sync.adopt(
        booking=booking,
        system=CALENDLY,
        external_id=event.event_id,
        external_ref=event.invitee_uri or "",
        former_ref=event.old_invitee,
    )


def _is_former(event: CalendlyEvent) -> bool:
    """Tell whether another event took this one's place, also when that was heard of first."""
    former = SyncRecord.objects.filter(system=CALENDLY, former_refs__contains=[event.invitee_uri])
    return former.exclude(former_refs=[]).exists()  # by the index, which leaves empty lists out


def _own(event: CalendlyEvent) -> Booking | None:
    try:
        return Booking.objects.filter(pk=UUID(event.utm_content or "")).first()
    except ValueError:
        return None


def _type_of(event: CalendlyEvent, event_type: CalendlyEventType, practitioner: Practitioner) -> AppointmentType:
    """The event type's own, unless the event's length says that it is another that this practitioner gives."""
    kind = event_type.appointment_type
    if event.ends_at is None or event.ends_at - event.starts_at == timedelta(minutes=kind.minutes):
        return kind
    minutes = (event.ends_at - event.starts_at) // timedelta(minutes=1)
    other = AppointmentType.objects.offered().filter(practitioners=practitioner, minutes=minutes).in_catalogue_order()
    return other.first() or kind
