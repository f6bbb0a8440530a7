"""What each vendor says of the clinic's visits, brought into one form so that it can be compared with the portal's."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Protocol
from uuid import UUID

from practitioners.models import CalendlyEventType, Practitioner

from ..models import Booking, SyncRecord
from .comparing import Names, Presence, Visit, Word

System = SyncRecord.System

OVER = (Booking.State.COMPLETED, Booking.State.NO_SHOW)
MINUTE = timedelta(minutes=1)


class Directory:
    """Who works here and which event types they have, read once for a whole comparison."""

    def __init__(self) -> None:
        self.practitioners = {str(person.pk): person for person in Practitioner.objects.all()}
        self.event_types = {
            kind.calendly_id: kind for kind in CalendlyEventType.objects.select_related("appointment_type")
        }

    @cached_property
    def by_provider(self) -> dict[str, str]:
        """Whom MediRecords knows as which provider."""
        people = self.practitioners.items()
        return {str(one.medirecords_provider_id): key for key, one in people if one.medirecords_provider_id}

    @cached_property
    def by_calendly_user(self) -> dict[str, str]:
        """Whom Calendly knows by which address, of its own or for e-mail."""
        people = self.practitioners.items()
        emails = {one.email.lower(): key for key, one in people}
        return emails | {one.calendly_user_uri: key for key, one in people if one.calendly_user_uri}

    @property
    def names(self) -> dict[str, str]:
        """What they are called."""
        return {key: str(person) for key, person in self.practitioners.items()}


class Vendor(Protocol):
    """
    What the comparison asks of a vendor; every call to it may raise VendorUnavailable or VendorRefused.

    ``listed`` is asked once a run, or once a mailbox; the others for single visits that are not in that list.
    """

    system: System

    def __init__(self, directory: Directory) -> None: ...

    @property
    def is_used(self) -> bool:
        """Tell whether anybody here has anything to do with it."""

    @property
    def places(self) -> list[str]:
        """Name what is listed one after the other."""

    def listed(self, place: str, starts_from: datetime, starts_until: datetime) -> Iterable[Word]:
        """List what stands there, or stood."""

    def one(self, external_id: str, place: str) -> Word | None:
        """Look at one visit by the vendor's own id."""

    def place_of(self, booking: Booking, record: SyncRecord | None) -> str:
        """Tell where a booking should be looked for."""

    def after_moves(self, word: Word) -> Word:
        """Follow a visit that was moved there to where it stands now."""

    def visit(self, booking: Booking, *, now: datetime) -> Visit:
        """Say what the vendor should say of a booking."""

    def marked(self, word: Word) -> Word:
        """Find out which booking something unknown carries the mark of."""

    def matters(self, word: Word) -> bool:
        """Tell whether something that nobody here knows is any business of the portal's."""

    def names(self) -> Names:
        """Give the words for people and types."""

    def remove(self, external_id: str, place: str) -> None:
        """Take away something that carries the portal's mark and belongs to no booking."""


def presence_in_calendar(booking: Booking, provider: Practitioner.CalendarProvider, now: datetime) -> Presence:
    """Tell whether a booking should stand in a provider's calendar."""
    # What is past stays in a calendar as it is: nobody can mend it there.
    if booking.state in OVER or booking.starts_at < now:
        return Presence.EITHER
    belongs_there = booking.practitioner.calendar_provider == provider
    return Presence.STANDS if belongs_there and booking.state != Booking.State.CANCELLED else Presence.GONE


def minutes_between(starts_at: datetime, ends_at: datetime) -> int:
    """Measure a length."""
    return (ends_at - starts_at) // MINUTE


def as_mark(text: str) -> str:
    """Take what may be a booking's id, whoever wrote it there; anything else is no mark."""
    try:
        return str(UUID(text))
    except ValueError:
        return ""
