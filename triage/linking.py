"""Whose call it is: linking it to a known patient, taking that back, and calls about somebody else of the family."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from bookings.models import DetailProposal, Patient
from bookings.patients import identity, merging, proposals
from botaniqal.accounts.models import User
from botaniqal.errors import RuleBroken
from practitioners.models import Practitioner

from . import sessions
from .models import CallEvent, TriageSession


class NotLinked(RuleBroken):
    """The call was not linked to this patient, or that was taken back."""

    code = "not_linked"

    def __init__(self) -> None:
        super().__init__("patient", "This call was not linked to another record.")


@transaction.atomic
def link(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    patient_id: UUID,
    identifiers: list[str],
    by: User | None,
    now: datetime,
) -> TriageSession:
    """
    Give a call, its consultation and its booking to a known patient with whom three identifiers agree.

    :raises NotYourSession: another consultant has the call.
    :raises SessionClosed: it is over.
    :raises NotIdentified: too few identifiers agree.
    :raises CannotMerge: it is that patient's call already, or one of the records was merged meanwhile.
    """
    session = own_call(session_id, consultant)
    kept = Patient.objects.standing().filter(pk=patient_id).first()
    if kept is None or kept.pk == session.patient_id:
        raise merging.CannotMerge("That record cannot be linked any more. Look again.")
    if not identity.is_enough(identifiers):
        raise identity.NotIdentified
    identity.check(patient_id=kept.pk, identifiers=identifiers, session_id=session_id, by=by, now=now)
    merging.merge(kept_id=kept.pk, given_up_id=session.patient_id, reason="Identified on the phone", by=by, now=now)
    session.events.create(kind=CallEvent.Kind.LINKED, at=now, by=by, words="Linked to a known patient.")
    session.refresh_from_db()
    return session


@transaction.atomic
def unlink(*, session_id: UUID, consultant: Practitioner | None, by: User | None, now: datetime) -> TriageSession:
    """
    Take back that a call was linked: both records are as they were.

    :raises NotYourSession: another consultant has the call.
    :raises SessionClosed: it is over.
    :raises NotLinked: there is nothing to take back.
    """
    session = own_call(session_id, consultant)
    row = merging.merge_of_call(patient_id=session.patient_id, session_id=session_id)
    if row is None:
        raise NotLinked
    merging.undo(merge_id=row.pk, by=by, now=now)
    session.events.create(kind=CallEvent.Kind.LINKED, at=now, by=by, words="Link to a known patient taken back.")
    session.refresh_from_db()
    return session


@transaction.atomic
def make_for_another(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    name: str,
    date_of_birth: date | None,
    by: User | None,
    now: datetime,
) -> Patient:
    """
    Let the call be about somebody else who shares e-mail and phone; the consultation stays with who arranged it.

    :raises NotYourSession: another consultant has the call.
    :raises SessionClosed: it is over or booked.
    :raises Malformed: that is no name, or no date of birth.
    """
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    sessions.require_open(session)
    field, caller = DetailProposal.Field, session.patient
    name = proposals.as_kept(field.NAME, name)
    if date_of_birth:
        proposals.as_kept(field.BIRTH, date_of_birth.isoformat())
    patient = Patient.objects.create(
        name=name,
        date_of_birth=date_of_birth,
        email=caller.email,
        phone=caller.phone,
        address=caller.address,
        time_zone=caller.time_zone,
    )
    session.patient = patient
    session.version += 1
    session.save(update_fields=["patient", "version"])
    session.events.create(kind=CallEvent.Kind.LINKED, at=now, by=by, words="The call is about somebody else.")
    return patient


def own_call(session_id: UUID, consultant: Practitioner | None) -> TriageSession:
    """
    Lock a consultant's call that is not over, under which alone its patient changes.

    :raises NotYourSession: another consultant has it.
    :raises SessionClosed: it is over.
    """
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    if session.state == TriageSession.State.DONE:
        raise sessions.SessionClosed
    return session
