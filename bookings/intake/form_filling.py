"""
The form that belongs to a visit: which one, how far it is, and filling it in.

What was begun stays with the version that it was begun with. A draft belongs to the patient and is nobody else's to
read; sending it off is the last word, and from then on it is no more shown behind the link.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from botaniqal.errors import Conflict, Malformed, RuleBroken
from botaniqal.public import LinkOver
from services import form_reading, form_schema
from services.form_questions import Question
from services.form_reading import Typed
from services.models import AppointmentType, Form, FormVersion

from .. import locking
from ..models import Booking, FormAnswers

NONE, TO_FILL, DRAFT, SENT = "none", "to_fill", "draft", "sent"


class AlreadySent(RuleBroken):
    """What was sent is not changed any more."""

    code = "already_sent"

    def __init__(self) -> None:
        super().__init__("form", "This form has been sent already. Tell us at the visit if something is otherwise.")


class OtherAnswers(Conflict):
    """Another window saved something else meanwhile; it comes with the refusal."""

    code = "other_answers"
    message = "This form was changed in another window meanwhile, so nothing was saved."


class NotComplete(RuleBroken):
    """Something is missing, or does not fit; ``details`` says what, by the questions' names."""

    code = "not_complete"

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("form", "The form was not sent yet. Please mend what is marked.")
        self.details = {name: [sentence] for name, sentence in problems.items()}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a visit's patient is asked: the version, what was filled in so far, and how far it is."""

    form: Form | None = None
    version: FormVersion | None = None
    row: FormAnswers | None = None
    state: str = NONE

    @property
    def questions(self) -> tuple[Question, ...]:
        """What the version asks."""
        return form_schema.read(self.version.schema)


def wanted_of(booking: Booking) -> FormVersion | None:
    """Give the version that the patient is asked to fill in for a visit, where one is wanted."""
    asked = asked_of(booking)
    return asked.version if asked.state in (TO_FILL, DRAFT) else None


def state_of(booking: Booking) -> str:
    """Tell how far the form of a visit is: none, to_fill, draft or sent."""
    return asked_of(booking).state


def asked_of(booking: Booking) -> Asked:
    """Tell what is asked for a visit, by its service and kind, and how far it is."""
    form = _form_of(booking.appointment_type)
    if form is None:
        return Asked()
    rows = {row.source: row for row in booking.form_answers.filter(form_id__in=_ids_of(form)).select_related("version")}
    elsewhere, row = rows.get(FormAnswers.Source.JOTFORM), rows.get(FormAnswers.Source.PORTAL)
    if elsewhere or (row and row.submitted_at):
        sent = row if row and row.submitted_at else elsewhere
        return Asked(form=form, version=sent.version, row=sent, state=SENT)
    version = row.version if row else form.versions.in_use().first()
    if version is None or not form.is_active or booking.state != Booking.State.CONFIRMED:
        return Asked(form=form)
    version.form = form
    return Asked(form=form, version=version, row=row, state=DRAFT if row else TO_FILL)


def require_open(booking: Booking, *, now: datetime) -> None:
    """
    Let a form be filled in until its visit is over.

    :raises LinkOver: the visit is over, or does not take place.
    """
    if booking.state == Booking.State.CANCELLED:
        raise LinkOver("This visit was cancelled, so nothing has to be filled in for it.")
    if booking.state != Booking.State.CONFIRMED or now >= booking.ends_at:
        raise LinkOver(
            "There is nothing to fill in for this visit now. Reply to the e-mail if you want to tell us more."
        )


@transaction.atomic
def save_draft(*, booking_id: UUID, version: FormVersion, said: Typed, revision: int, now: datetime) -> FormAnswers:
    """
    Keep what a patient filled in so far; ``revision`` is that of the draft which they saw.

    :raises LinkOver: the visit is over, or does not take place.
    :raises Malformed: something cannot be kept, or nothing is asked; ``details`` says what.
    :raises AlreadySent: it was sent off.
    :raises OtherAnswers: another window saved something else meanwhile.
    """
    asked = _asked_for_change(booking_id, now)
    form_reading.require_fit(form_schema.read(version.schema), said)
    row = asked.row
    is_same_form = version.form_id == asked.form.pk and version.state != FormVersion.State.DRAFT
    if not is_same_form or (row and row.version_id != version.pk):
        raise OtherAnswers(extra=_as_it_stands(row))
    if row is None:
        if revision:
            raise OtherAnswers(extra=_as_it_stands(None))
        row = FormAnswers(id=uuid4(), source=FormAnswers.Source.PORTAL, form_id=asked.form.slug, answers=[])
        row.external_id, row.booking_id, row.version = row.id.hex, booking_id, version
    elif row.draft == said:
        return row
    elif row.draft_revision != revision:
        raise OtherAnswers(extra=_as_it_stands(row))
    row.draft, row.draft_revision, row.saved_at = dict(said), row.draft_revision + 1, now
    row.save()
    return row


@transaction.atomic
def send(*, booking_id: UUID, revision: int, now: datetime) -> FormAnswers:
    """
    Send off what was saved, for good; the answers keep the version that asked for them.

    :raises LinkOver: the visit is over, or does not take place.
    :raises AlreadySent: that was done.
    :raises OtherAnswers: another window saved something else after ``revision``.
    :raises NotComplete: something is missing, or does not fit.
    """
    asked = _asked_for_change(booking_id, now)
    row = asked.row
    if row is None or row.draft_revision != revision:
        raise OtherAnswers(extra=_as_it_stands(row))
    values, problems = form_reading.judge(row.version.schema, asked.questions, row.draft)
    if problems:
        raise NotComplete(problems)
    row.answers, row.draft, row.submitted_at = form_reading.rows(asked.questions, values), {}, now
    row.save(update_fields=["answers", "draft", "submitted_at"])
    return row


def _asked_for_change(booking_id: UUID, now: datetime) -> Asked:
    booking = locking.locked(booking_id)  # one window after the other
    asked = asked_of(booking)
    if asked.state == SENT:
        raise AlreadySent
    require_open(booking, now=now)
    if asked.state == NONE:
        raise Malformed("Nothing has to be filled in for this visit.")
    return asked


def _form_of(kind: AppointmentType) -> Form | None:
    service = kind.service
    return service.followup_form if kind.kind == AppointmentType.Kind.FOLLOWUP else service.initial_form


def _ids_of(form: Form) -> list[str]:
    """List by what its answers are known: our name of it, and JotForm's."""
    return [form.slug, form.jotform_id] if form.jotform_id else [form.slug]


def _as_it_stands(row: FormAnswers | None) -> dict[str, Any]:
    return {"draft": row.draft if row else {}, "revision": row.draft_revision if row else 0}
