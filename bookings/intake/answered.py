"""What patients answered in forms, put together to be read: by booking, or by patient."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from services.models import Form

from ..models import Booking, FormAnswers, Patient

MOST_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A form that was filled in; of a draft nothing is told but that there is one: it is the patient's own."""

    form: str
    version: int | None
    booking: Booking | None
    at: datetime
    is_draft: bool
    lines: list[tuple[str, str]]

    @property
    def name(self) -> str:
        """The form, and which version of it asked."""
        return f"{self.form}, version {self.version}" if self.version else self.form


def of_booking(booking: Booking) -> list[Answered]:
    """Read what was filled in for a visit, the latest first, with what is still a draft."""
    return read(booking.form_answers.all())


def of_patient(patient: Patient) -> list[Answered]:
    """Read what a patient filled in for any visit, the latest first, with what is still a draft."""
    rows = FormAnswers.objects.filter(booking__patient=patient).select_related("booking__appointment_type")
    return read(rows)[:MOST_SHOWN]


def sent_for(bookings: Iterable[Booking]) -> Mapping[UUID, list[Answered]]:
    """Read what was sent in for some visits, by the visit."""
    told: dict[UUID, list[Answered]] = defaultdict(list)
    for one in read(FormAnswers.objects.sent_in().filter(booking__in=list(bookings)).select_related("booking")):
        told[one.booking.pk].append(one)
    return told


def read(rows: QuerySet[FormAnswers]) -> list[Answered]:
    """Put rows in words: which form, when, and question by question what was answered."""
    sorted_rows = rows.select_related("version__form", "booking").order_by(
        Coalesce("submitted_at", F("saved_at")).desc(nulls_last=True)
    )
    names: dict[str, str] = {}
    told = []
    for row in sorted_rows:
        if row.version is None and not names:
            names = dict(Form.objects.exclude(jotform_id="").values_list("jotform_id", "name"))
        told.append(
            Answered(
                form=row.version.form.name if row.version else names.get(row.form_id, "A form at JotForm"),
                version=row.version and row.version.version,
                booking=row.booking,
                at=row.submitted_at or row.saved_at,
                is_draft=row.submitted_at is None,
                lines=[(each.get("question") or each.get("name", ""), each.get("answer", "")) for each in row.answers],
            )
        )
    return told
