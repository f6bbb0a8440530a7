"""As much of a visit's patient as a person may see."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

from bookings.models import Patient
from botaniqal import names
from botaniqal.admin import limited_to_own


@dataclass(frozen=True, slots=True)
class Known:
    """Whose names a person may read: everybody's, those of own patients, or nobody's."""

    reads_bookings: bool
    patients: frozenset[UUID] | None = None
    """None for whoever sees them all."""

    @classmethod
    def to(cls, request: HttpRequest, patients: Collection[UUID]) -> "Known":
        """Find out for some patients, by one query at most."""
        if not request.user.has_perm("bookings.view_booking"):
            return cls(False, frozenset())
        if not limited_to_own(request):
            return cls(True)
        own = Patient.objects.known_to(request.user).filter(pk__in=patients).values_list("pk", flat=True)
        return cls(True, frozenset(own))

    def has(self, patient_id: UUID) -> bool:
        """Tell whether the whole of a patient's visit may be seen."""
        return self.patients is None or patient_id in self.patients

    def name(self, patient_id: UUID, name: str) -> str:
        """Give the name by which a visit is shown: of others' patients the first alone, of nobody's a word."""
        if not self.reads_bookings:
            return "Visit"
        return name if self.has(patient_id) else names.first(name)
