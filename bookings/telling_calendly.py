"""
Telling Calendly: a confirmed booking has one event in its practitioner's Calendly, any other has none.

Calendly has no idempotency key and cannot move an event, so what is about to be sent is written down first: whatever
is cut off is found again, by the booking's id that the invitee carries.
"""

from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils import timezone

from botaniqal.integrations import owed
from botaniqal.integrations.calendly import (
    Answer,
    Calendly,
    EventType,
    Invitee,
    InviteeDraft,
    Location,
    ScheduledEvent,
    uuid_of,
)
from botaniqal.integrations.calendly_events import PHONE_QUESTION
from botaniqal.integrations.http import VendorRefused
from botaniqal.integrations.owed import NeedsPerson
from practitioners.models import CalendlyEventType, DiaryEntry, Practitioner

from . import notices
from .models import Booking, SyncRecord

# Calendly shows the reason to the patient.
CANCELLED = "Cancelled by Botaniqal."
MOVED = "Moved to another time by Botaniqal."
ANSWER = "Booked by Botaniqal on the phone."

OVER = (Booking.State.COMPLETED, Booking.State.NO_SHOW)


class Teller:
    """One run of telling Calendly."""

    def __init__(self, vendor: Calendly) -> None:
        self._vendor = vendor

    def tell(self, record: SyncRecord) -> dict[str, Any]:
        """
        Bring Calendly to the booking's present state.

        :raises VendorUnavailable: to be tried again.
        :raises NeedsPerson: Calendly said no, or something is missing here.
        """
        booking = Booking.objects.select_related("patient", "practitioner", "appointment_type").get(
            pk=record.booking_id
        )
        if record.underway:
            self._end_underway(record)
        event = self._standing_event(record)
        if booking.state in OVER:
            return {}
        if not _belongs_there(booking):
            if event and event.starts_at > timezone.now():  # what is past stays
                owed.renew(record)
                self._vendor.cancel_event(uuid_of(event.uri), reason=CANCELLED)
            return {}
        if event and not _fits(event, booking):
            self._leave(record, event)
            event = None
        _note_event(booking, event or self._create(record, booking))
        return {}

    def _end_underway(self, record: SyncRecord) -> None:
        """Find out what became of a request that was cut off."""
        if former := record.underway.get("leaves"):
            owed.renew(record)
            self._vendor.cancel_event(former, reason=MOVED)
            owed.renew(record, underway=None)
        elif invitee := self._find(record, **record.underway):
            _keep(record, invitee)

    def _standing_event(self, record: SyncRecord) -> ScheduledEvent | None:
        if not record.external_id:
            return None
        try:
            event = self._vendor.event(record.external_id)
        except VendorRefused as refusal:
            if refusal.status == 404:
                return None
            raise
        return event if event.is_active else None

    def _leave(self, record: SyncRecord, event: ScheduledEvent) -> None:
        # The id goes first: Calendly's own message of this cancellation must not find a booking to cancel.
        former, refs = uuid_of(event.uri), [*record.former_refs, record.external_ref]
        owed.renew(record, external_id="", external_ref="", former_refs=refs, underway={"leaves": former})
        self._vendor.cancel_event(former, reason=MOVED)
        owed.renew(record, underway=None)

    def _create(self, record: SyncRecord, booking: Booking) -> ScheduledEvent:
        draft = self._draft(booking)
        sought = {"email": draft.email, "starts_at": draft.starts_at.isoformat()}
        owed.renew(record, underway=sought)
        try:
            invitee = self._vendor.create_invitee(draft)
        except VendorRefused as refusal:
            # Calendly says no in one way to everything, also to what it took a moment ago.
            invitee = self._find(record, **sought)
            if invitee is None:
                owed.renew(record, underway=None)
                raise NeedsPerson(_refusal(refusal, booking)) from None
        _keep(record, invitee)
        return self._vendor.event(record.external_id)

    def _find(self, record: SyncRecord, *, email: str, starts_at: str) -> Invitee | None:
        return self._vendor.find_invitee(
            organization=settings.CALENDLY_ORGANIZATION,
            email=email,
            starts_at=datetime.fromisoformat(starts_at),
            utm_content=str(record.booking_id),
        )

    def _draft(self, booking: Booking) -> InviteeDraft:
        practitioner, kind, patient = booking.practitioner, booking.appointment_type, booking.patient
        known = CalendlyEventType.objects.filter(practitioner=practitioner, appointment_type=kind).first()
        if known is None:
            raise NeedsPerson(
                f"No Calendly event type for {kind} and {practitioner}. Add one on the practitioner's page."
            )
        event_type = self._event_types.get(known.calendly_id)
        if event_type is None or not event_type.is_active:
            raise NeedsPerson(f"Calendly has no such event type for {kind} and {practitioner} any more. Correct it.")
        if not patient.email:
            raise NeedsPerson("Calendly needs the patient's e-mail address. Add it, then try again.")
        return InviteeDraft(
            event_type_uri=event_type.uri,
            starts_at=booking.starts_at,
            name=patient.name,
            email=patient.email,
            timezone=patient.time_zone,
            utm_content=str(booking.pk),
            phone=patient.phone or None,
            location=_location(event_type, patient.phone),
            answers=tuple(
                Answer(
                    question=question.text,
                    answer=patient.phone if patient.phone and PHONE_QUESTION.search(question.text) else ANSWER,
                    position=question.position,
                )
                for question in event_type.questions
                if question.is_required
            ),
        )

    @cached_property
    def _event_types(self) -> dict[str, EventType]:
        found = self._vendor.event_types(organization=settings.CALENDLY_ORGANIZATION)
        return {uuid_of(event_type.uri): event_type for event_type in found}


def _belongs_there(booking: Booking) -> bool:
    return (
        booking.state != Booking.State.CANCELLED
        and booking.practitioner.calendar_provider == Practitioner.CalendarProvider.CALENDLY
    )


def _fits(event: ScheduledEvent, booking: Booking) -> bool:
    """Say whether an event is at the booking's time and not another practitioner's; a shared type is anybody's."""
    of_another = (
        CalendlyEventType.objects.filter(calendly_id=uuid_of(event.event_type_uri))
        .exclude(practitioner=None)
        .exclude(practitioner=booking.practitioner)
    )
    return event.starts_at == booking.starts_at and not of_another.exists()


def _keep(record: SyncRecord, invitee: Invitee) -> None:
    owed.renew(record, external_id=uuid_of(invitee.event_uri), external_ref=invitee.uri, underway=None)


def _note_event(booking: Booking, event: ScheduledEvent) -> None:
    DiaryEntry.objects.filter(pk=booking.entry_id).update(external_id=uuid_of(event.uri))
    if not booking.practitioner.meeting_link:
        booking.join_link = event.join_url or ""
        # Unless it was moved again meanwhile: then this is not the link.
        Booking.objects.filter(pk=booking.pk, starts_at=event.starts_at).update(join_link=booking.join_link)
    notices.note_join_link(booking=booking)


def _location(event_type: EventType, phone: str) -> Location | None:
    """Choose among the places that the event type offers; where several people share it, Calendly chooses."""
    if event_type.pooling_type:
        return None
    for kind in event_type.location_kinds:
        if kind.endswith("_conference") or kind == "inbound_call":
            return Location(kind=kind)
        if kind == "outbound_call" and phone:
            return Location(kind=kind, place=phone)
    return None


def _refusal(refusal: VendorRefused, booking: Booking) -> str:
    if refusal.status == 400 and "start_time" in refusal.parameters:
        return f"Calendly says that this time is not free in {booking.practitioner}'s calendar."
    return f"Calendly did not take the booking. Enter it there by hand, or try again. ({refusal})"
