"""As much of a visit's patient as a person may see."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

from bookings.models import Booking, Patient
from botaniqal.admin import limited_to_own


@dataclass(frozen=True, slots=True)
class Known:
    """Whose names a person may read: everybody's, those of own patients, or nobody's."""

    reads_bookings: bool
    patients: frozenset[UUID] | None = None
    """None for whoever sees them all."""

    @classmethod
    def to(cls, request: HttpRequest, bookings: Iterable[Booking]) -> "Known":
        """Find out for some bookings, by one query at most."""
        if not request.user.has_perm("bookings.view_booking"):
            return cls(False, frozenset())
        if not limited_to_own(request):
            return cls(True)
        asked = {booking.patient_id for booking in bookings}
        own = Patient.objects.known_to(request.user).filter(pk__in=asked).values_list("pk", flat=True)
        return cls(True, frozenset(own))

    def has(self, booking: Booking) -> bool:
        """Tell whether the whole of a booking may be seen."""
        return self.patients is None or booking.patient_id in self.patients

    def name(self, booking: Booking) -> str:
        """Give the name by which a visit is shown: of others' patients the first alone, of nobody's a word."""
        if not self.reads_bookings:
            return "Visit"
        return booking.patient.name if self.has(booking) else booking.patient.first_name
