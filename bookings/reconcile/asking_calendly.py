"""
What Calendly says of the clinic's visits: one list of the organisation's events.

Invitees are looked up only where an event by itself does not tell whose it is or where it went.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.conf import settings

from botaniqal.integrations import calendly
from botaniqal.integrations.calendly import ScheduledEvent, uuid_of
from botaniqal.integrations.http import VendorRefused
from practitioners.models import CalendlyEventType, Practitioner

from ..models import Booking, SyncRecord
from .asking import Directory, as_mark, minutes_between, presence_in_calendar
from .comparing import Names, Visit, Word, instead_of

# Calendly shows the reason to the patient.
REMOVED = "Cancelled by Botaniqal."
# Whoever moved a visit more often is looked after by a person.
MOST_MOVES = 10


class InCalendly:
    """Calendly, asked."""

    system = SyncRecord.System.CALENDLY

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._vendor = calendly.client()

    @property
    def is_used(self) -> bool:
        on_calendly = Practitioner.CalendarProvider.CALENDLY
        people = self._directory.practitioners.values()
        return bool(self._directory.event_types) or any(one.calendar_provider == on_calendly for one in people)

    @property
    def places(self) -> list[str]:
        return [""]

    def listed(self, place: str, starts_from: datetime, starts_until: datetime) -> Iterable[Word]:
        events = self._vendor.events(
            organization=settings.CALENDLY_ORGANIZATION, min_start=starts_from, max_start=starts_until
        )
        return map(self._word, events)

    def one(self, external_id: str, place: str) -> Word | None:
        try:
            return self._word(self._vendor.event(external_id))
        except VendorRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    def place_of(self, booking: Booking, record: SyncRecord | None) -> str:
        return ""

    def after_moves(self, word: Word) -> Word:
        """Follow the invitee from event to event: Calendly never changes an event's time."""
        first = word
        for _ in range(MOST_MOVES):
            if word.stands:
                break
            invitees = self._vendor.invitees(word.external_id)
            new = next((one.new_invitee for one in invitees if one.new_invitee), None)
            moved = self.one(_event_of(new), "") if new else None
            if moved is None:
                break
            word = self._with_invitee(moved, new)
        return instead_of(first, word) if word.stands else first

    def visit(self, booking: Booking, *, now: datetime) -> Visit:
        event_types = self._directory.event_types.values()
        own = [one for one in event_types if one.practitioner_id == booking.practitioner_id]
        kinds = {one.appointment_type_id for one in own}
        return Visit(
            presence=presence_in_calendar(booking, Practitioner.CalendarProvider.CALENDLY, now),
            starts_at=booking.starts_at,
            minutes=minutes_between(booking.starts_at, booking.ends_at),
            # Who makes a free consultation is settled at the call desk, not in a shared calendar.
            practitioner="" if booking.appointment_type.is_free_consultation else str(booking.practitioner_id),
            type=str(booking.appointment_type_id) if booking.appointment_type_id in kinds else "",
        )

    def marked(self, word: Word) -> Word:
        invitees = list(self._vendor.invitees(word.external_id))
        one = next((each for each in invitees if each.is_active), None)
        return self._with_invitee(word, one.uri, one.utm_content or "") if one else word

    def matters(self, word: Word) -> bool:
        return bool(word.place)

    def names(self) -> Names:
        kinds = [one.appointment_type for one in self._directory.event_types.values()]
        return Names(practitioners=self._directory.names, types={str(kind.pk): str(kind) for kind in kinds})

    def remove(self, external_id: str, place: str) -> None:
        self._vendor.cancel_event(external_id, reason=REMOVED)

    def _word(self, event: ScheduledEvent) -> Word:
        event_type = self._directory.event_types.get(uuid_of(event.event_type_uri))
        minutes = minutes_between(event.starts_at, event.ends_at)
        kind = event_type and event_type.appointment_type
        return Word(
            external_id=uuid_of(event.uri),
            stands=event.is_active,
            starts_at=event.starts_at,
            minutes=minutes,
            practitioner=self._host(event, event_type),
            # One event type may stand for several lengths; the hooks choose the appointment type by the length.
            type=str(kind.pk) if kind and kind.minutes == minutes else "",
            place=event_type.calendly_id if event_type else "",
        )

    def _host(self, event: ScheduledEvent, event_type: CalendlyEventType | None) -> str:
        if event_type and event_type.practitioner_id:
            return str(event_type.practitioner_id)
        known = self._directory.by_calendly_user
        keys = [key for member in event.members for key in (member.uri, (member.email or "").lower())]
        return next((known[key] for key in keys if key in known), "")

    def _with_invitee(self, word: Word, invitee: str, mark: str = "") -> Word:
        return replace(word, ref=invitee, mark=as_mark(mark))


def _event_of(invitee_uri: str) -> str:
    """Take the event's id out of an invitee's address, /scheduled_events/{event}/invitees/{invitee}."""
    return invitee_uri.partition("/scheduled_events/")[2].partition("/")[0]
