"""
Telling Calendly: a confirmed booking has one event in its practitioner's Calendly, any other has none.

Calendly has no idempotency key and cannot move an event, so what is about to be sent is written down first: whatever
is cut off is found again, by the booking's id that the invitee carries. Where the plan forbids the portal to book, the
patient gets a link to do it, and Calendly is looked at until that was used.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import transaction
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
    prefilled,
    uuid_of,
)
from botaniqal.integrations.calendly_events import PHONE_QUESTION
from botaniqal.integrations.http import VendorBusy, VendorRefused
from botaniqal.integrations.models import Turn
from botaniqal.integrations.owed import NeedsPerson, WaitFor
from practitioners.models import CalendlyEventType, DiaryEntry, Practitioner

from .. import notices
from ..models import Booking, SyncNote, SyncRecord, on_clock
from . import backfill

# Calendly shows the reason to the patient.
CANCELLED = "Cancelled by Botaniqal."
MOVED = "Moved by Botaniqal."
ANSWER = "Booked by Botaniqal on the phone."

LINK_SENT = "A link was sent to the patient; Calendly knows nothing yet."
LINK_UNUSED = "The patient has not used the link to enter this visit in Calendly. Enter it there by hand."
NO_LINK = "Calendly's plan does not let the portal book, and for a link it is too late. Enter the visit there by hand."
ENDED_THERE = "It was cancelled or moved in Calendly. That is worked first."
CANCELLED_THERE = "This visit was cancelled in Calendly. Cancel it here, or try again to have it entered there anew."

OVER = (Booking.State.COMPLETED, Booking.State.NO_SHOW)
FORBIDDEN = 403
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LINK_REACH = timedelta(days=31)  # how far from the visit's time a patient who used the link is looked for


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
            self._end_underway(record, booking)
        event = self._standing_event(record, booking)
        if booking.state in OVER:
            if event is None:
                record.note(Turn.TOLD, SyncNote.OVER_BEFORE)
            return {}
        if not _belongs_there(booking):
            if event and event.starts_at > timezone.now():  # what is past stays
                self._take_out(record, booking, event)
            return {}
        if event and not _fits(event, booking):
            self._leave(record, event, "The former time was cancelled.")
            event = None
        _note_event(booking, event or self._create(record, booking))
        return {}

    def _end_underway(self, record: SyncRecord, booking: Booking) -> None:
        """Find out what became of a request that was cut off, or of a link that was sent."""
        sought = dict(record.underway)
        if former := sought.pop("leaves", ""):
            owed.renew(record)
            self._vendor.cancel_event(former, reason=MOVED)
            owed.renew(record, underway=sought or None)
        if "link" in sought:
            self._look_for_use(record, booking, **sought)
        elif sought and (invitee := self._find(record, **sought)):
            self._take(record, invitee)
        elif sought:
            self._look_for_end(record, **sought)
            owed.renew(record, underway=None)

    def _take(self, record: SyncRecord, invitee: Invitee) -> None:
        """Keep what was found again; where the patient chose another time meanwhile, it has to leave."""
        known = self._known_event(record)
        if invitee.uri == record.external_ref or known is None or not known.is_active:
            _keep(record, invitee)
            record.note(Turn.TOLD, SyncNote.FOUND_AGAIN)
        else:
            refs = [*record.former_refs, invitee.uri]
            self._let_go(record, invitee.event_uri, "An event too many was cancelled.", former_refs=refs)

    def _look_for_use(self, record: SyncRecord, booking: Booking, *, link: str, email: str, starts_at: str) -> None:
        """
        Find out whether the patient used the link; one for a time that the visit no longer has is forgotten.

        :raises WaitFor: not yet.
        :raises NeedsPerson: the patient chose another time, or it becomes too late.
        """
        meant_for = datetime.fromisoformat(starts_at)
        chosen = {
            event.starts_at: invitee
            for event, invitee in self._marked(record, email, timezone.now() - DAY, meant_for + LINK_REACH)
            if event.is_active and invitee.is_active
        }
        is_wanted = _is_wanted(booking)
        if wanted := [start for start in (booking.starts_at, meant_for) if start in chosen] or (
            [] if is_wanted else list(chosen)
        ):
            _keep(record, chosen[wanted[0]])
            record.note(Turn.HEARD, f"The patient used the link for {on_clock(wanted[0])}.")
        elif chosen:
            raise NeedsPerson(
                f"The patient chose {on_clock(min(chosen))} in Calendly, not {booking.when}. Move the visit there, "
                "or cancel that one in Calendly."
            )
        elif not is_wanted or booking.starts_at != meant_for:
            notices.forget_booking_link(booking=booking)
            owed.renew(record, underway=None)
        elif booking.starts_at - timezone.now() < DAY:
            raise NeedsPerson(LINK_UNUSED)
        else:
            raise WaitFor(LINK_SENT, seconds=settings.LINK_CHECK_SECONDS)

    def _look_for_end(self, record: SyncRecord, *, email: str, starts_at: str) -> None:
        """Keep what somebody cancelled in Calendly before we knew that it stood there, else it is made anew."""
        ours = {record.external_ref, *record.former_refs}
        start = datetime.fromisoformat(starts_at)
        for event, invitee in self._marked(record, email, start - MINUTE, start + MINUTE):
            if event.starts_at == start and invitee.uri not in ours and invitee.new_invitee is None:
                _keep(record, invitee)
                record.note(Turn.HEARD, "Cancelled there.")

    def _marked(
        self, record: SyncRecord, email: str, since: datetime, until: datetime
    ) -> Iterator[tuple[ScheduledEvent, Invitee]]:
        return self._vendor.marked_invitees(
            organization=settings.CALENDLY_ORGANIZATION,
            email=email,
            since=since,
            until=until,
            utm_content=str(record.booking_id),
        )

    def _standing_event(self, record: SyncRecord, booking: Booking) -> ScheduledEvent | None:
        """
        Find the booking's event, where it takes place.

        :raises WaitFor: somebody else cancelled or moved it in Calendly, which is yet to be worked here.
        :raises NeedsPerson: it was worked, and the visit stands here all the same.
        """
        event = self._known_event(record)
        if event is None or event.is_active:
            return event
        if _is_wanted(booking):
            if backfill.fetch_end(event_id=record.external_id):
                raise WaitFor(ENDED_THERE, seconds=settings.SWEEP_SECONDS)
            owed.renew(record, **self._forgotten(record))
            if event.starts_at == booking.starts_at:
                raise NeedsPerson(CANCELLED_THERE)
        return None

    def _known_event(self, record: SyncRecord) -> ScheduledEvent | None:
        if not record.external_id:
            return None
        try:
            return self._vendor.event(record.external_id)
        except VendorRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    def _take_out(self, record: SyncRecord, booking: Booking, event: ScheduledEvent) -> None:
        """Cancel the event of a visit that is cancelled, or goes on in another calendar."""
        if booking.state == Booking.State.CANCELLED:
            owed.renew(record)
            self._vendor.cancel_event(uuid_of(event.uri), reason=CANCELLED)
            record.note(Turn.TOLD, "Cancelled.")
        else:
            self._leave(record, event, "Cancelled: it goes on in another calendar.")
            _forget_join_link(booking, event)

    def _leave(self, record: SyncRecord, event: ScheduledEvent, words: str) -> None:
        # The id goes first: Calendly's own message of this cancellation must not find a booking to cancel.
        self._let_go(record, event.uri, words, **self._forgotten(record))

    def _forgotten(self, record: SyncRecord) -> dict[str, Any]:
        """Let what Calendly says of the record's event be old news; of an imported one the invitee is not known yet."""
        known = record.external_ref
        refs = [known] if known else [invitee.uri for invitee in self._vendor.invitees(record.external_id)]
        return {"external_id": "", "external_ref": "", "former_refs": [*record.former_refs, *refs]}

    def _let_go(self, record: SyncRecord, event_uri: str, words: str, **changes: Any) -> None:
        leaves = uuid_of(event_uri)
        owed.renew(record, underway={"leaves": leaves}, **changes)
        self._vendor.cancel_event(leaves, reason=MOVED)
        owed.renew(record, underway=None)
        record.note(Turn.TOLD, words)

    def _create(self, record: SyncRecord, booking: Booking) -> ScheduledEvent:
        draft = self._draft(booking)
        sought = {"email": draft.email, "starts_at": draft.starts_at.isoformat()}
        before = record.underway
        owed.renew(record, underway=sought)
        try:
            invitee = self._vendor.create_invitee(draft)
        except VendorBusy:
            # Nothing was sent: there is nothing more to look for than before.
            owed.renew(record, underway=before)
            raise
        except VendorRefused as refusal:
            # Calendly says no in one way to everything, also to what it took a moment ago.
            invitee = self._find(record, **sought)
            if invitee is None:
                owed.renew(record, underway=None)
                if refusal.status == FORBIDDEN:
                    self._send_link(record, booking, draft)
                if _is_taken(refusal) and record.may_be_let_in():
                    raise owed.NotYet("Calendly has another visit then, which may have to leave first") from None
                raise NeedsPerson(_refusal(refusal, booking)) from None
        _keep(record, invitee)
        record.note(Turn.TOLD, f"Entered for {booking.when}.")
        return self._vendor.event(record.external_id)

    def _send_link(self, record: SyncRecord, booking: Booking, draft: InviteeDraft) -> None:
        """
        Let the patient enter the visit: the plan, or the token's rights, do not let the portal book.

        :raises WaitFor: the link is on its way to the patient.
        :raises NeedsPerson: it is too late for that, or the time cannot be chosen there.
        """
        starts_at = booking.starts_at
        if starts_at - timezone.now() < DAY:
            raise NeedsPerson(NO_LINK)
        free = self._vendor.available_times(
            event_type=draft.event_type_uri, start=starts_at - MINUTE, end=starts_at + MINUTE
        )
        if starts_at not in {time.starts_at for time in free}:
            raise NeedsPerson(f"Calendly says that this time is not free in {booking.practitioner}'s calendar.")
        link = self._vendor.create_link(draft.event_type_uri)
        filled = prefilled(
            link,
            name=draft.name,
            email=draft.email,
            starts_at=starts_at,
            timezone=draft.timezone,
            utm_content=draft.utm_content,
            phone=draft.phone,
        )
        with transaction.atomic():
            owed.renew(record, underway={"link": link, "email": draft.email, "starts_at": starts_at.isoformat()})
            notices.send_booking_link(booking=booking, link=filled, now=timezone.now())
        record.note(Turn.TOLD, f"A link was sent to the patient, to enter {booking.when}.")
        raise WaitFor(LINK_SENT, seconds=settings.LINK_CHECK_SECONDS)

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


def _is_wanted(booking: Booking) -> bool:
    return _belongs_there(booking) and booking.state not in OVER


def _fits(event: ScheduledEvent, booking: Booking) -> bool:
    """Say whether an event is at the booking's time and not another practitioner's; a shared type is anybody's."""
    of_another = (
        CalendlyEventType.objects.filter(calendly_id=uuid_of(event.event_type_uri))
        .exclude(practitioner=None)
        .exclude(practitioner=booking.practitioner)
    )
    return event.starts_at == booking.starts_at and not of_another.exists()


def _keep(record: SyncRecord, invitee: Invitee) -> None:
    refs = list(record.former_refs)
    if record.external_ref and record.external_ref not in (invitee.uri, *refs):
        refs.append(record.external_ref)
    kept = {"external_id": uuid_of(invitee.event_uri), "external_ref": invitee.uri, "former_refs": refs}
    owed.renew(record, **kept, underway=None)


def _note_event(booking: Booking, event: ScheduledEvent) -> None:
    DiaryEntry.objects.filter(pk=booking.entry_id).update(external_id=uuid_of(event.uri))
    if not booking.practitioner.meeting_link:
        booking.join_link = event.join_url or ""
        # Unless it was moved again meanwhile: then this is not the link.
        Booking.objects.filter(pk=booking.pk, starts_at=event.starts_at).update(join_link=booking.join_link)
    notices.note_join_link(booking=booking)


def _forget_join_link(booking: Booking, event: ScheduledEvent) -> None:
    """Calendly's meeting ends with its event; a visit that goes on elsewhere has another, or none."""
    if event.join_url:
        link = notices.meeting_link(booking.practitioner, booking.appointment_type)
        Booking.objects.filter(pk=booking.pk, join_link=event.join_url).update(join_link=link)


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


def _is_taken(refusal: VendorRefused) -> bool:
    return refusal.status == 400 and "start_time" in refusal.parameters


def _refusal(refusal: VendorRefused, booking: Booking) -> str:
    if _is_taken(refusal):
        return f"Calendly says that this time is not free in {booking.practitioner}'s calendar."
    return f"Calendly did not take the booking. Enter it there by hand, or try again. ({refusal})"
