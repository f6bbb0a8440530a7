"""What MediRecords says of the clinic's visits: one list of the practice's appointments."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from botaniqal.integrations import medirecords

from ..models import Booking, SyncRecord
from ..vendors.telling_medirecords import CANCELLED
from .asking import OVER, Directory, as_mark, minutes_between
from .comparing import STRANGER, Names, Presence, Visit, Word


class InMediRecords:
    """MediRecords, asked."""

    system = SyncRecord.System.MEDIRECORDS

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._vendor = medirecords.client()

    @property
    def is_used(self) -> bool:
        return bool(self._directory.by_provider)

    @property
    def places(self) -> list[str]:
        return [""]

    def listed(self, place: str, starts_from: datetime, starts_until: datetime) -> Iterable[Word]:
        return map(self._word, self._vendor.list_appointments(starts_from=starts_from, starts_until=starts_until))

    def one(self, external_id: str, place: str) -> Word | None:
        appointment = self._vendor.get_appointment(external_id)
        return self._word(appointment) if appointment else None

    def place_of(self, booking: Booking, record: SyncRecord | None) -> str:
        return ""

    def after_moves(self, word: Word) -> Word:
        return word

    def visit(self, booking: Booking, *, now: datetime) -> Visit:
        if booking.appointment_type.is_free_consultation or booking.state in OVER:
            presence = Presence.EITHER
        else:
            presence = Presence.GONE if booking.state == Booking.State.CANCELLED else Presence.STANDS
        return Visit(
            presence=presence,
            starts_at=booking.starts_at,
            minutes=minutes_between(booking.starts_at, booking.ends_at),
            practitioner=str(booking.practitioner_id) if booking.practitioner.medirecords_provider_id else "",
            type=self._type_ids.get(booking.appointment_type.medirecords_type, ""),
            patient=str(booking.patient.medirecords_id or ""),
        )

    def marked(self, word: Word) -> Word:
        return word

    def matters(self, word: Word) -> bool:
        return bool(word.mark) or word.practitioner != STRANGER

    def names(self) -> Names:
        return Names(practitioners=self._directory.names, types=self._types)

    def remove(self, external_id: str, place: str) -> None:
        self._vendor.cancel_appointment(external_id, reason=CANCELLED)

    def _word(self, appointment: medirecords.Appointment) -> Word:
        return Word(
            external_id=appointment.id,
            stands=not appointment.is_cancelled,
            starts_at=appointment.starts_at,
            minutes=appointment.minutes,
            practitioner=self._directory.by_provider.get(appointment.provider_id or "", STRANGER),
            type=appointment.type_id or "",
            patient=appointment.patient_id or "",
            mark=as_mark(appointment.ref or ""),
        )

    @cached_property
    def _types(self) -> dict[str, str]:
        return {kind.id: kind.name for kind in self._vendor.list_appointment_types()}

    @cached_property
    def _type_ids(self) -> dict[str, str]:
        return {name: id for id, name in self._types.items()}
