"""
What Calendly's words do to a booking, visit or consultation, in whatever order they come.

Calendly's invitees are the thread: a rescheduling ends one and makes another, and the booking is the one whose record
has the last of them. What is heard of the others is old news; two bookings that turn out to be one become one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from botaniqal.integrations.calendly_events import CalendlyEvent
from botaniqal.integrations.owed import NeedsPerson, WaitFor
from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.models import CalendlyEventType, DiaryEntry, Practitioner
from services import prices
from services.models import AppointmentType

from .. import lifecycle, notices
from ..models import Booking, Payment, SyncRecord
from ..money import payments
from ..waiting import freed
from . import hearing, sync

CALENDLY = SyncRecord.System.CALENDLY
State = Booking.State
CANCELLED_THERE = "Cancelled in Calendly."
UNDONE_THERE = "Calendly says that the patient came."
DID_NOT_COME = "The patient did not come."
LOST = "an event of ours that nobody remembered. It is kept where the booking has no other, else cancelled there."
OLD_NEWS = "Old news: its booking has another time by now."
MOVED = "Moved: the new time comes in an event of its own."
NEW_TIME_MISSING = (
    "This visit was moved to another time in Calendly, but the new time has not come. "
    "Look it up in Calendly and move the booking."
)
MOVED_MEANWHILE = (
    "The patient moved it in Calendly while it was cancelled here. The new time is cancelled there, too. "
    "Ring the patient if that was not meant."
)


class Heard(ABC):
    """What a visit and a consultation have in common; how they are booked, given over and ended, each says itself."""

    is_consultation: bool

    @abstractmethod
    def book(self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """Book what was made in Calendly."""

    @abstractmethod
    def host(self, event: CalendlyEvent, event_type: CalendlyEventType) -> Practitioner | None:
        """Find who gives it, where the event says so."""

    @abstractmethod
    def kind(self, event: CalendlyEvent, event_type: CalendlyEventType, practitioner: Practitioner) -> AppointmentType:
        """Choose what it is."""

    @abstractmethod
    def locked(self, booking_id: UUID) -> Booking:
        """Read a booking for a change."""

    @abstractmethod
    def hand_over(self, booking: Booking, practitioner: Practitioner) -> None:
        """Do what else belongs to a booking's going to another practitioner."""

    @abstractmethod
    def end_as_no_show(self, booking: Booking, now: datetime) -> None:
        """Note what Calendly says: the patient did not come."""

    @abstractmethod
    def reopen(self, booking: Booking, now: datetime) -> None:
        """Take back what Calendly said: the patient did not come."""

    @abstractmethod
    def is_touched(self, booking: Booking) -> bool:
        """Tell whether somebody here has done more with a booking than to take it in."""

    @abstractmethod
    def forget(self, booking: Booking) -> None:
        """Delete what else stands with a booking that nobody has been told of."""

    def created(self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """
        Take in what was booked in Calendly.

        :raises NeedsPerson: nobody here gives it, or it was decided otherwise here.
        """
        with transaction.atomic():
            hearing.wait_for(event)
            return self._settled(event, event_type, now) or self.book(event, event_type, now)

    def cancelled(self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """
        Cancel what was cancelled in Calendly, also when that is heard before it was made; one that moved lives on.

        :raises NeedsPerson: it was decided otherwise here.
        :raises WaitFor: it moved, and its new time was not heard of yet.
        """
        with transaction.atomic():
            hearing.wait_for(event)
            if event.is_reschedule:
                return self._given_up(event, now)
            return self._standing(event, event_type, now, self._cancel)

    def no_show(self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """
        Note that the patient did not come, as somebody noted in Calendly.

        :raises NeedsPerson: it was decided otherwise here.
        """
        with transaction.atomic():
            hearing.wait_for(event)
            return self._standing(event, event_type, now, self._mark_no_show)

    def no_show_undone(self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """
        Take back that the patient did not come, where that was Calendly's word and nobody here decided since.

        :raises NeedsPerson: somebody here says that the patient did not come.
        """
        with transaction.atomic():
            hearing.wait_for(event)
            return self._standing(event, event_type, now, self._undo_no_show)

    def _settled(self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """Say so when an event is known, old news or a move; empty when it is about something new."""
        if record := hearing.record_of(event):
            self._link(record, event.old_invitee, now)
            known = hearing.record_of(event) or record  # two that are one visit became one
            return f"Known already as {known.booking.number}."
        if later := hearing.record_after(event.invitee_uri):
            self._link(later, event.old_invitee, now)
            return OLD_NEWS
        if record := hearing.record_by_ref(event.old_invitee):
            return self._move(record.booking_id, event, event_type, now)
        return self._own(event, event_type, now)

    def _own(self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """
        Say so when an event is our own booking coming back; one whose patient chose another time is moved there.

        :raises NeedsPerson: it is a second event for the same booking.
        :raises WaitFor: it was made by us and nobody remembers it, while something else is under way.
        """
        booking = hearing.own_booking(event)
        if booking is None:
            return ""
        if hearing.entrust(booking, event, now):
            return f"{booking.number}: {LOST}"
        record = booking.sync_records.filter(system=CALENDLY).first()
        underway = (record and record.underway) or {}
        is_at_our_time = event.starts_at == booking.starts_at
        is_by_link = "link" in underway and is_at_our_time
        # Who told Calendly knows better than an echo, which may be of a former time: nothing is noted. What took
        # another's place there is no echo, whatever its time: its patient or host moved it.
        if not event.old_invitee and (
            event.is_by_api
            or (
                not is_by_link
                and (
                    is_at_our_time
                    or underway.get("starts_at") == event.starts_at.isoformat()
                    or underway.get("leaves") == event.event_id
                )
            )
        ):
            return f"Our own booking {booking.number}."
        if record and record.external_id and not event.old_invitee:
            raise NeedsPerson(f"Calendly has a second event for {booking.number}. Cancel one of the two there.")
        return self._move(booking.pk, event, event_type, now)

    def _move(self, booking_id: UUID, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime) -> str:
        """Give a booking the time, practitioner and type of the event that stands for it now."""
        booking = self.locked(booking_id)
        if booking.state == State.CANCELLED:
            return self._cancel_there(booking, event, now)
        booking = self._movable(booking_id, now)
        if event_type.appointment_type.is_free_consultation != self.is_consultation:
            raise NeedsPerson(f"{booking.number} became something else in Calendly. Cancel it here and book it anew.")
        practitioner = self.host(event, event_type) or booking.practitioner
        ends_at = event.ends_at or event.starts_at + (booking.ends_at - booking.starts_at)
        is_known = (event.starts_at, ends_at, practitioner) == (
            booking.starts_at,
            booking.ends_at,
            booking.practitioner,
        )
        if is_known:
            DiaryEntry.objects.filter(pk=booking.entry_id).update(external_id=event.event_id)
        else:
            kind = self.kind(event, event_type, practitioner)
            self._put(booking, practitioner, kind, diary.Span(event.starts_at, ends_at), event.event_id, now)
        hearing.note_link(booking, event.join_url)
        hearing.adopt(booking, event)
        return f"{booking.number} has its event in Calendly." if is_known else f"Moved {booking.number}."

    def _cancel_there(self, booking: Booking, event: CalendlyEvent, now: datetime) -> str:
        """Let a booking that was cancelled here leave Calendly, although its patient moved it there meanwhile."""
        hearing.adopt(booking, event)
        sync.owe(booking=booking, now=now)
        booking.attention = MOVED_MEANWHILE
        booking.save(update_fields=["attention"])
        return f"{booking.number} is cancelled here, so its new time is cancelled in Calendly, too."

    def _movable(self, booking_id: UUID, now: datetime) -> Booking:
        """Lock a booking that was moved in Calendly; that its patient did not come to the former time is forgotten."""
        booking = self.locked(booking_id)
        if booking.appointment_type.is_free_consultation != self.is_consultation:
            raise NeedsPerson(f"{booking.number} became something else in Calendly. Cancel it here and book it anew.")
        if _is_no_show_heard(booking):
            self.reopen(booking, now)
            booking = self.locked(booking_id)
        if State.CANCELLED not in lifecycle.ALLOWED[booking.state]:
            state = booking.get_state_display().lower()
            raise NeedsPerson(f"{booking.number} was moved in Calendly, but is {state} here.")
        return booking

    def _put(
        self,
        booking: Booking,
        practitioner: Practitioner,
        kind: AppointmentType,
        span: diary.Span,
        event_id: str,
        now: datetime,
    ) -> None:
        """Give a locked booking another time, practitioner and type, as Calendly says."""
        freed.note(booking=booking, now=now)
        lifecycle.give_back(booking)
        booking.entry, booking.attention = hearing.place(practitioner, span, event_id)
        if kind != booking.appointment_type:
            booking.appointment_type = kind
            booking.save(update_fields=["appointment_type"])
            if prices.price_of(kind, prices.clinic_day(now)) != booking.price:
                booking.attention = booking.attention or "Became another kind of visit in Calendly. Check its price."
        if practitioner != booking.practitioner:
            booking.attention = booking.attention or doubt(practitioner, kind)
            self.hand_over(booking, practitioner)
        lifecycle.note_move(
            booking=booking, starts_at=span.starts_at, ends_at=span.ends_at, now=now, practitioner=practitioner
        )
        booking.sync_records.filter(system=CALENDLY).update(heard_at=None)

    def _given_up(self, event: CalendlyEvent, now: datetime) -> str:
        """
        Take in that an invitee gave up a time for another one, which another event tells of.

        :raises WaitFor: that event was not heard of yet.
        """
        later = hearing.record_by_ref(event.new_invitee) or hearing.record_after(event.new_invitee)
        if later:
            self._link(later, event.invitee_uri, now)
            self._link(hearing.record_after(event.invitee_uri), event.old_invitee, now)
        elif not hearing.record_after(event.invitee_uri):
            raise WaitFor(NEW_TIME_MISSING, seconds=settings.SWEEP_SECONDS)
        return MOVED

    def _standing(
        self, event: CalendlyEvent, event_type: CalendlyEventType, now: datetime, do: Callable[..., str]
    ) -> str:
        """Do what an event says to the booking that stands for it; what was never heard of is written down first."""
        known = self._settled(event, event_type, now)
        record = hearing.record_of(event) or hearing.adopt_unheard(event)
        if record is None:
            if known:
                return known
            self.book(event, event_type, now)
            record = hearing.record_of(event)
        return do(record, self.locked(record.booking_id), event, now)

    def _cancel(self, record: SyncRecord, booking: Booking, event: CalendlyEvent, now: datetime) -> str:
        """Cancel a booking that its patient or host cancelled in Calendly, which tells the patient itself."""
        if booking.state == State.CANCELLED:
            return f"{booking.number} is cancelled already."
        if not _is_no_show_heard(booking) and State.CANCELLED not in lifecycle.ALLOWED[booking.state]:
            state = booking.get_state_display().lower()
            raise NeedsPerson(f"{booking.number} was cancelled in Calendly, but is {state}.")
        if hearing.was_moved_since(booking, event):
            return f"Old news: {booking.number} was given another time since, which Calendly is told."
        self._cancel_quietly(booking, event.event_id, event.cancel_reason or CANCELLED_THERE, now)
        return f"Cancelled {booking.number}."

    def _cancel_quietly(self, booking: Booking, event_id: str, reason: str, now: datetime) -> None:
        if _is_no_show_heard(booking):
            self.reopen(booking, now)
        reason = payments.without_card_numbers(reason)
        booking = lifecycle.cancel(
            booking_id=booking.pk, reason=reason, by=None, now=now, tell_patient=False, is_heard=True
        )
        record = booking.sync_records.select_for_update().get(system=CALENDLY)
        if record.external_id == event_id:  # else it was entered anew in this very moment, and has to leave
            sync.adopt(booking=booking, system=CALENDLY, external_id=event_id, external_ref=record.external_ref)

    def _mark_no_show(self, record: SyncRecord, booking: Booking, event: CalendlyEvent, now: datetime) -> str:
        if booking.state == State.NO_SHOW and not booking.is_end_heard:
            return f"{booking.number} is marked as no-show already."
        if not hearing.is_news(record, event):
            return f"Old news: Calendly has said since that the patient of {booking.number} came."
        if booking.state == State.NO_SHOW:
            return f"{booking.number} is marked as no-show already."
        if booking.state == State.CANCELLED:
            return f"{booking.number} is cancelled."
        if booking.state != State.CONFIRMED:
            state = booking.get_state_display().lower()
            raise NeedsPerson(f"Calendly says that the patient of {booking.number} did not come, but it is {state}.")
        self.end_as_no_show(booking, now)
        hearing.note_end(record, booking, DID_NOT_COME)
        return f"Marked {booking.number} as no-show."

    def _undo_no_show(self, record: SyncRecord, booking: Booking, event: CalendlyEvent, now: datetime) -> str:
        if not hearing.is_news(record, event):
            return f"Old news: Calendly has said since whether the patient of {booking.number} came."
        if booking.state != State.NO_SHOW:
            return f"{booking.number} is not marked as no-show."
        if not booking.is_end_heard:
            raise NeedsPerson(f"Calendly says that the patient of {booking.number} came. If so, correct the booking.")
        self.reopen(booking, now)
        hearing.note_end(record, booking, "The patient came after all.")
        return f"{booking.number} is no longer marked as no-show."

    def _link(self, record: SyncRecord | None, former: str | None, now: datetime) -> None:
        """Note whose place a booking's event took; where that became a visit of its own, the two become one."""
        if record is None or not former or former in (record.external_ref, *record.former_refs):
            return
        first = hearing.record_by_ref(former)
        hearing.remember(record, former)
        if first:
            self._merge(first, record, now)

    def _merge(self, first: SyncRecord, later: SyncRecord, now: datetime) -> None:
        """
        Make one booking of two that turn out to be one visit, moved meanwhile: the first, where the later one stands.

        :raises NeedsPerson: somebody has done something with either of them.
        """
        locked = {pk: self.locked(pk) for pk in sorted((first.booking_id, later.booking_id))}
        kept, spare = locked[first.booking_id], locked[later.booking_id]
        if kept.state == State.CANCELLED or (spare.state == State.CANCELLED and not spare.is_end_heard):
            return
        if self.is_touched(spare):
            raise NeedsPerson(f"{kept.number} and {spare.number} are one visit, moved in Calendly. Cancel one of them.")
        kept = self._movable(kept.pk, now)
        ended, later_ref = spare.state, later.external_ref
        if ended == State.NO_SHOW:
            self.reopen(spare, now)
        if ended != State.CANCELLED:
            lifecycle.give_back(spare)
        refs = [*first.former_refs, first.external_ref, *later.former_refs]
        event_id, heard_at = later.external_id, later.heard_at
        SyncRecord.objects.filter(pk=later.pk).update(external_id="", external_ref="", former_refs=[])
        span = diary.Span(spare.starts_at, spare.ends_at)
        self._put(kept, spare.practitioner, spare.appointment_type, span, event_id, now)
        hearing.note_link(kept, spare.join_link)
        sync.adopt(booking=kept, system=CALENDLY, external_id=event_id, external_ref=later_ref)
        hearing.remember(first, *refs)
        SyncRecord.objects.filter(pk=first.pk).update(heard_at=heard_at)
        if ended == State.NO_SHOW:
            first.refresh_from_db()
            self.end_as_no_show(kept, now)
            hearing.note_end(first, kept, DID_NOT_COME)
        elif ended == State.CANCELLED:
            self._cancel_quietly(kept, event_id, spare.cancel_reason, now)
        self._drop(spare, kept, now)

    def _drop(self, spare: Booking, kept: Booking, now: datetime) -> None:
        """Delete a booking that turned out to be another one; where somebody has been told of it, cancel it."""
        notices.forget_unsent(booking=spare)
        records = list(spare.sync_records.select_for_update().exclude(system=CALENDLY))
        is_told = any(record.told or record.underway or record.leased_until for record in records)
        if is_told or Message.objects.filter(reference=spare.pk).exists():
            if self.locked(spare.pk).state != State.CANCELLED:
                reason = f"The same visit as {kept.number}."
                lifecycle.cancel(booking_id=spare.pk, reason=reason, by=None, now=now, tell_patient=False)
            return
        self.forget(spare)
        Payment.objects.filter(booking=spare).delete()
        spare.sync_records.all().delete()
        spare.delete()
        if not spare.patient.bookings.exists():
            spare.patient.delete()


def _is_no_show_heard(booking: Booking) -> bool:
    return booking.state == State.NO_SHOW and booking.is_end_heard


def doubt(practitioner: Practitioner, kind: AppointmentType, *, has_price: bool = True) -> str:
    """Say what is wrong with a visit that stands in Calendly all the same."""
    if not practitioner.is_active:
        return f"{practitioner} does not work here any more. Move the visit to somebody who does."
    return "" if has_price else f"{kind} has no price yet."
