"""What Outlook says of the clinic's visits: the events that carry the portal's mark; all others are busy time."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from botaniqal.integrations import graph
from practitioners.models import Practitioner

from ..models import Booking, SyncRecord
from .asking import Directory, as_mark, minutes_between, presence_in_calendar
from .comparing import Names, Visit, Word


class InOutlook:
    """Outlook, asked: one list a mailbox."""

    system = SyncRecord.System.OUTLOOK

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._vendor = graph.client()

    @property
    def is_used(self) -> bool:
        return bool(self.places)

    @property
    def places(self) -> list[str]:
        on_outlook = Practitioner.CalendarProvider.OUTLOOK
        people = self._directory.practitioners.values()
        return sorted({one.mailbox for one in people if one.mailbox and one.calendar_provider == on_outlook})

    def listed(self, place: str, starts_from: datetime, starts_until: datetime) -> Iterable[Word]:
        events = self._vendor.own_events(place, starts_from, starts_until)
        return [self._word(event, place) for event in events]

    def one(self, external_id: str, place: str) -> Word | None:
        event = self._vendor.get_event(place, external_id) if place else None
        return self._word(event, place) if event else None

    def place_of(self, booking: Booking, record: SyncRecord | None) -> str:
        return (record.external_ref if record else "") or booking.practitioner.mailbox

    def after_moves(self, word: Word) -> Word:
        return word

    def visit(self, booking: Booking, *, now: datetime) -> Visit:
        return Visit(
            presence=presence_in_calendar(booking, Practitioner.CalendarProvider.OUTLOOK, now),
            starts_at=booking.starts_at,
            minutes=minutes_between(booking.starts_at, booking.ends_at),
            practitioner=str(booking.practitioner_id),
        )

    def marked(self, word: Word) -> Word:
        return word

    def matters(self, word: Word) -> bool:
        return bool(word.mark)

    def names(self) -> Names:
        return Names(practitioners=self._directory.names, types={})

    def remove(self, external_id: str, place: str) -> None:
        self._vendor.delete_event(place, external_id)

    def _word(self, event: graph.Event, place: str) -> Word:
        return Word(
            external_id=event.id,
            stands=not event.is_cancelled,
            starts_at=event.starts_at,
            minutes=minutes_between(event.starts_at, event.ends_at),
            practitioner=self._owners.get(place.lower(), ""),
            mark=as_mark(event.booking_id or ""),
            place=place,
        )

    @cached_property
    def _owners(self) -> dict[str, str]:
        people = self._directory.practitioners.items()
        return {one.mailbox.lower(): key for key, one in people if one.mailbox}
