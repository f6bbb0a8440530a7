"""Changes to a patient's details: an empty one is filled, another is proposed and a person decides."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from botaniqal import cards, phones
from botaniqal.accounts.models import User
from botaniqal.errors import Conflict, Malformed, Missing, NotAllowed, RuleBroken
from practitioners.models import check_time_zone

from ..models import Booking, DetailProposal, Patient
from ..vendors import sync
from . import identity

Field = DetailProposal.Field
Source = DetailProposal.Source

DECIDE = "bookings.decide_details"
FIRST_BIRTH = date(1900, 1, 1)


class AlreadyDecided(RuleBroken):
    """Somebody decided on the proposal."""

    code = "already_decided"

    def __init__(self) -> None:
        super().__init__("proposal", "Somebody has decided on this already.")


class MayNotDecide(NotAllowed):
    """The person may not decide on details of this patient."""

    code = "may_not_decide"
    message = "Ask for three identifiers first, or leave it to operations."


class ChangedMeanwhile(Conflict):
    """The detail is not what it was when another was proposed for it."""

    message = "This detail was changed since the proposal was made. Refuse it, and propose it anew if it still holds."


@dataclass(frozen=True, slots=True)
class Told:
    """What became of what somebody said of a detail: filled in, proposed, or known already."""

    field: Field
    is_filled: bool = False
    proposal: DetailProposal | None = None


@transaction.atomic
def tell(
    *,
    patient_id: UUID,
    field: str,
    value: str,
    source: str,
    by: User | None,
    now: datetime,
    session_id: UUID | None = None,
) -> Told:
    """
    Fill in a detail that is empty, or propose another value for it, in place of what was proposed before.

    :raises Malformed: the value cannot be such a detail, or holds a card number.
    """
    field, patient = Field(field), Patient.objects.select_for_update().get(pk=patient_id)
    kept, ours = as_kept(field, value), written(patient, field)
    waiting = DetailProposal.objects.filter(patient=patient, field=field, decided_at=None)
    if kept == ours:
        waiting.update(is_taken=False, decided_at=now, decided_by=by)
        return Told(field)
    if not ours:
        waiting.update(is_taken=False, decided_at=now, decided_by=by)
        _write(patient, field, kept, now)
        return Told(field, is_filled=True)
    if same := waiting.filter(theirs=kept).first():
        return Told(field, proposal=same)
    waiting.update(is_taken=False, decided_at=now, decided_by=by)
    proposal = DetailProposal.objects.create(
        patient=patient,
        field=field,
        ours=ours,
        theirs=kept,
        source=source,
        session_id=session_id,
        proposed_at=now,
        proposed_by=by,
    )
    return Told(field, proposal=proposal)


@transaction.atomic
def propose_differences(*, patient: Patient, other: Patient, by: User | None, now: datetime) -> None:
    """Propose to a patient what a merged record says otherwise, also for empty details, so that undoing is whole."""
    waiting = set(patient.proposals.filter(decided_at=None).values_list("field", flat=True))
    rows = ((field, written(patient, field), written(other, field)) for field in Field if field not in waiting)
    DetailProposal.objects.bulk_create(
        DetailProposal(
            patient=patient,
            field=field,
            ours=ours,
            theirs=theirs,
            source=Source.MERGE,
            proposed_at=now,
            proposed_by=by,
        )
        for field, ours, theirs in rows
        if theirs and theirs.casefold() != ours.casefold()
    )


@transaction.atomic
def decide(
    *, proposal_id: int, is_taken: bool, by: User, now: datetime, session_id: UUID | None = None
) -> DetailProposal:
    """
    Take a proposed detail over, which reaches the vendors, or refuse it.

    ``session_id`` is a call of the person's own, in which the patient gave three identifiers.

    :raises Missing: there is no such proposal.
    :raises MayNotDecide: neither by right nor by such a call.
    :raises AlreadyDecided: somebody was quicker.
    :raises ChangedMeanwhile: the detail is another by now.
    """
    patient_id = DetailProposal.objects.filter(pk=proposal_id).values_list("patient", flat=True).first()
    if patient_id is None:
        raise Missing("There is no such proposal.")
    patient = Patient.objects.select_for_update().get(pk=patient_id)
    if not may_decide(patient_id=patient_id, by=by, session_id=session_id):
        raise MayNotDecide
    proposal = DetailProposal.objects.select_for_update(of=["self"]).get(pk=proposal_id)
    if proposal.decided_at:
        raise AlreadyDecided
    if is_taken:
        if written(patient, proposal.field) != proposal.ours:
            raise ChangedMeanwhile
        _write(patient, Field(proposal.field), proposal.theirs, now)
    proposal.is_taken, proposal.decided_at, proposal.decided_by = is_taken, now, by
    proposal.save(update_fields=["is_taken", "decided_at", "decided_by"])
    return proposal


def may_decide(*, patient_id: UUID, by: User, session_id: UUID | None) -> bool:
    """Tell whether somebody may decide on a patient's details: by right, or in a call with three identifiers."""
    if by.has_perm(DECIDE):
        return True
    return session_id is not None and identity.is_identified(patient_id=patient_id, session_id=session_id)


def written(patient: Patient, field: str) -> str:
    """Write a detail as it is kept in a proposal."""
    value = getattr(patient, field)
    return value.isoformat() if isinstance(value, date) else value or ""


def shown(field: str, value: str) -> str:
    """Write a detail as people read it."""
    if field == Field.BIRTH and value:
        return f"{date.fromisoformat(value):%-d %b %Y}"
    return (phones.shown(value) or value) if field == Field.PHONE else value


def as_kept(field: Field, value: str) -> str:
    """
    Bring a detail into the form in which it is kept.

    :raises Malformed: it cannot be one.
    """
    value = " ".join(value.split())
    cards.refuse(value, field)
    if not value:
        raise _wrong(field, "Write something, or leave the detail as it is.")
    if len(value) > LONGEST[field]:
        raise _wrong(field, f"Write it in {LONGEST[field]} characters at most.")
    return READERS[field](value)


def _wrong(field: Field, sentence: str) -> Malformed:
    return Malformed(sentence, details={field.value: [sentence]})


def _name(value: str) -> str:
    if "\0" in value or not any(character.isalpha() for character in value):
        raise _wrong(Field.NAME, "That is no name.")
    return value


def _email(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise _wrong(Field.EMAIL, "That is no e-mail address.") from None
    return value


def _phone(value: str) -> str:
    if number := phones.kept(value):
        return number
    raise _wrong(Field.PHONE, "That is no phone number. Write it as 0412 345 678, or from abroad as +64 21 123 4567.")


def _birth(value: str) -> str:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or not FIRST_BIRTH <= day <= timezone.localdate():
        raise _wrong(Field.BIRTH, "A date of birth lies between 1900 and today.")
    return day.isoformat()


def _address(value: str) -> str:
    if "\0" in value:
        raise _wrong(Field.ADDRESS, "That is no address.")
    return value


def _zone(value: str) -> str:
    try:
        check_time_zone(value)
    except ValidationError:
        raise _wrong(Field.ZONE, "That is no time zone. Write it as Australia/Melbourne.") from None
    return value


READERS: dict[Field, Callable[[str], str]] = {
    Field.NAME: _name,
    Field.EMAIL: _email,
    Field.PHONE: _phone,
    Field.BIRTH: _birth,
    Field.ADDRESS: _address,
    Field.ZONE: _zone,
}
LONGEST = {field: Patient._meta.get_field(field).max_length or 10 for field in Field} | {Field.PHONE: 40}


def _write(patient: Patient, field: Field, value: str, now: datetime) -> None:
    setattr(patient, field, date.fromisoformat(value) if field == Field.BIRTH else value)
    patient.save(update_fields=[field])
    ahead = Booking.objects.upcoming(now).filter(patient=patient).select_related("practitioner", "appointment_type")
    for booking in ahead:
        sync.owe(booking=booking, now=now)
