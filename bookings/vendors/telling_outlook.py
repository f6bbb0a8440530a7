"""
Telling Outlook: a confirmed booking has one event in its practitioner's mailbox, any other has none.

What is about to be sent is written down first, with the id by which Outlook knows a repeated request: whatever is cut
off is asked for again, or found by the booking's id that the event carries.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

from botaniqal.integrations import owed
from botaniqal.integrations.graph import Event, EventDraft, Graph
from botaniqal.integrations.http import VendorRefused
from botaniqal.integrations.models import Turn
from botaniqal.integrations.owed import NeedsPerson
from practitioners import calendars
from practitioners.models import DiaryEntry, Practitioner

from .. import notices
from ..models import Booking, SyncNote, SyncRecord

OVER = (Booking.State.COMPLETED, Booking.State.NO_SHOW)
LONGEST_LOCATION = 255
FORBIDDEN, GONE = 403, 404


Answer = TypeVar("Answer")


class Teller:
    """One run of telling Outlook."""

    def __init__(self, vendor: Graph) -> None:
        self._vendor = vendor

    def tell(self, record: SyncRecord) -> dict[str, Any]:
        """
        Bring Outlook to the booking's present state.

        :raises VendorUnavailable: to be tried again.
        :raises NeedsPerson: Outlook said no, or something is missing here.
        """
        booking = Booking.objects.select_related(
            "patient", "practitioner", "appointment_type__service", "entry__room"
        ).get(pk=record.booking_id)
        self._end_underway(record)
        mailbox = _mailbox_of(booking)
        event = self._standing_event(record, mailbox)
        if booking.state in OVER:
            if event is None:
                record.note(Turn.TOLD, SyncNote.OVER_BEFORE)
            return {"underway": None}
        is_elsewhere = event is not None and not _is_same(record.external_ref, mailbox)
        if is_elsewhere:
            self._take_out(record, event)
            record.note(Turn.TOLD, "Taken out of the calendar.")
        if mailbox is None:
            return {"underway": None}
        if not mailbox:
            raise NeedsPerson(f"{booking.practitioner} has no Outlook mailbox. Add it on the practitioner's page.")
        try:
            event = self._bring_up_to_date(record, booking, mailbox, None if is_elsewhere else event)
        except VendorRefused as refusal:
            raise NeedsPerson(_refusal(refusal, booking)) from None
        _note_event(booking, event)
        return {"underway": None}

    def _end_underway(self, record: SyncRecord) -> None:
        """Find out what became of a request that was cut off."""
        underway = record.underway or {}
        if former := underway.get("leaves"):
            owed.renew(record)
            _unless_gone(lambda: self._vendor.delete_event(underway["mailbox"], former))
            owed.renew(record, underway=None)
        elif underway and (event := self._find(record, underway["mailbox"])):
            _keep(record, event, underway["mailbox"])
            record.note(Turn.TOLD, SyncNote.FOUND_AGAIN)

    def _standing_event(self, record: SyncRecord, mailbox: str | None) -> Event | None:
        """Fetch the event that is known, else look for one of ours where it may stand."""
        places = list(filter(None, dict.fromkeys([record.external_ref, mailbox])))
        if record.external_id and places:
            place = places[0]
            event = _unless_gone(lambda: self._vendor.get_event(place, record.external_id))
            event = event if event and not event.is_cancelled else None
        else:
            found = ((self._find(record, place), place) for place in places)
            event, place = next((pair for pair in found if pair[0]), (None, ""))
        if event and (record.external_id, record.external_ref) != (event.id, place):
            _keep(record, event, place)
        return event

    def _find(self, record: SyncRecord, mailbox: str) -> Event | None:
        return _unless_gone(lambda: self._vendor.find_event(mailbox, str(record.booking_id)))

    def _take_out(self, record: SyncRecord, event: Event) -> None:
        leaves = {"leaves": event.id, "mailbox": record.external_ref}
        owed.renew(record, external_id="", external_ref="", underway=leaves)
        self._vendor.delete_event(leaves["mailbox"], event.id)
        owed.renew(record, underway=None)

    def _bring_up_to_date(self, record: SyncRecord, booking: Booking, mailbox: str, event: Event | None) -> Event:
        draft = _draft(booking)
        if event is None:
            # A request that was cut off is repeated under its own id; another creation never is.
            underway = record.underway or {}
            is_repeat = underway.get("mailbox") == mailbox
            transaction = underway["transaction"] if is_repeat else str(uuid4())
            owed.renew(record, underway={"mailbox": mailbox, "transaction": transaction})
            event = self._vendor.create_event(mailbox, draft, transaction_id=transaction)
            _keep(record, event, mailbox)
            record.note(Turn.TOLD, f"Entered for {booking.when}.")
        if _differs(event, draft):
            owed.renew(record)
            event = self._vendor.update_event(mailbox, event.id, draft)
            record.note(Turn.TOLD, f"Brought up to date: {booking.when}.")
        return event


def _unless_gone(call: Callable[[], Answer]) -> Answer | None:
    """Ask something of a mailbox that may be no more: with it, its events are gone."""
    try:
        return call()
    except VendorRefused as refusal:
        if refusal.status != GONE:
            raise
        return None


def _mailbox_of(booking: Booking) -> str | None:
    """Tell in whose mailbox the booking should stand, empty while nobody said which; None where in none."""
    practitioner = booking.practitioner
    is_outlook = practitioner.calendar_provider == Practitioner.CalendarProvider.OUTLOOK
    return practitioner.mailbox if is_outlook and booking.state != Booking.State.CANCELLED else None


def _draft(booking: Booking) -> EventDraft:
    """Say what the calendar shows: nothing of the patient, who is found by the number."""
    kind, join_link = booking.appointment_type, booking.join_link
    room = booking.entry.room.name if booking.entry and booking.entry.room else ""
    place = room or join_link or kind.get_mode_display()
    return EventDraft(
        subject=f"{'Call' if kind.is_free_consultation else 'Visit'} {booking.number}",
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        body="\n".join(filter(None, [f"{booking.number} in the Botaniqal portal.", join_link])),
        location=place if len(place) <= LONGEST_LOCATION else kind.get_mode_display(),
        categories=(kind.service.name,),
        booking_id=str(booking.pk),
        service=kind.service.name,
        minutes=int((booking.ends_at - booking.starts_at).total_seconds() // 60),
        practitioner=booking.practitioner.name,
        price=booking.price,
    )


def _differs(event: Event, draft: EventDraft) -> bool:
    return event.is_all_day or any(
        getattr(event, field) != getattr(draft, field) for field in ("starts_at", "ends_at", "subject", "location")
    )


def _keep(record: SyncRecord, event: Event, mailbox: str) -> None:
    owed.renew(record, external_id=event.id, external_ref=mailbox, underway=None)


def _note_event(booking: Booking, event: Event) -> None:
    if DiaryEntry.objects.filter(pk=booking.entry_id).update(external_id=event.id):
        # The mirror may have read it before anybody could know whose it is.
        calendars.give_way(practitioner=booking.practitioner, external_id=event.id)
    notices.note_join_link(booking=booking)


def _is_same(mailbox: str, other: str | None) -> bool:
    return mailbox.casefold() == (other or "").casefold()


def _refusal(refusal: VendorRefused, booking: Booking) -> str:
    if refusal.status in (FORBIDDEN, GONE):
        return f"Outlook does not let the portal into {booking.practitioner}'s mailbox. Check its address and rights."
    return f"Outlook did not take the visit. Enter it there by hand, or try again. ({refusal})"
