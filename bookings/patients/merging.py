"""Making two records one where they are one person's, and two again where that was wrong."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import ForeignKey

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing, RuleBroken

from ..models import Booking, DetailProposal, EarlierTimeRequest, Patient, PatientMerge
from ..vendors import sync
from ..waiting.earlier import STANDING
from . import proposals

STAYS = {PatientMerge._meta.get_field("given_up")}
"""What points at a patient and is about that record itself, so that it is never moved."""


class CannotMerge(RuleBroken):
    """These two records cannot be made one."""

    code = "cannot_merge"

    def __init__(self, message: str) -> None:
        super().__init__("merge", message)


class NotMerged(RuleBroken):
    """The merge was undone already."""

    code = "not_merged"

    def __init__(self) -> None:
        super().__init__("merge", "This merge was undone already.")


def relations() -> Iterator[ForeignKey]:
    """List everything that belongs to a patient, from the top floor down: a call is locked before its visits."""
    for model in reversed(apps.get_models()):
        for field in model._meta.local_fields:
            if field.is_relation and field.related_model is Patient and field not in STAYS:
                yield field


@transaction.atomic
def merge(*, kept_id: UUID, given_up_id: UUID, reason: str, by: User | None, now: datetime) -> PatientMerge:
    """
    Move everything of one record to another of the same person; details that differ become proposals.

    :raises Missing: there is no such patient.
    :raises CannotMerge: they are one record, or one of them was merged already.
    :raises Malformed: no reason is given, or a card number in it.
    """
    if not reason.strip():
        raise Malformed("Say why these are one person.", details={"reason": ["Required."]})
    cards.refuse(reason, "reason")
    if kept_id == given_up_id:
        raise CannotMerge("These are one record already.")
    _lock_rows(given_up_id)
    kept, given_up = _locked(kept_id, given_up_id)
    if kept.merged_into_id or given_up.merged_into_id:
        raise CannotMerge("One of these records was merged into another meanwhile. Look again.")

    moved: dict[str, Any] = {}
    for field in relations():
        if keys := _move(field, kept, given_up):
            moved[_name_of(field)] = keys
    if given_up.medirecords_id and not kept.medirecords_id:
        moved["medirecords_id"] = str(given_up.medirecords_id)
        _hand_medirecords(given_up, kept)
    given_up.merged_into = kept
    given_up.save(update_fields=["merged_into"])
    row = PatientMerge.objects.create(
        kept=kept, given_up=given_up, moved=moved, reason=reason.strip()[:200], merged_at=now, merged_by=by
    )
    proposals.propose_differences(patient=kept, other=given_up, by=by, now=now)
    _tell_vendors(moved, now)
    return row


@transaction.atomic
def undo(*, merge_id: int, by: User | None, now: datetime) -> PatientMerge:
    """
    Give back to a record exactly what was moved; what came to the other since stays there.

    :raises Missing: there was no such merge.
    :raises NotMerged: it was undone already.
    """
    named = PatientMerge.objects.filter(pk=merge_id).values_list("kept", "given_up").first()
    if named is None:
        raise Missing("There was no such merge.")
    _lock_rows(named[0])
    kept, given_up = _locked(*named)
    row = PatientMerge.objects.select_for_update(of=["self"]).get(pk=merge_id)
    if row.undone_at or row.kept_id != kept.pk:
        raise NotMerged
    if kept.merged_into_id:
        raise CannotMerge(f"{kept} was merged into another record since. Undo that first.")
    row.undone_at, row.undone_by = now, by
    row.save(update_fields=["undone_at", "undone_by"])
    given_up.merged_into = None
    given_up.save(update_fields=["merged_into"])
    for field in relations():
        if keys := row.moved.get(_name_of(field)):
            _rows(field, kept).filter(pk__in=keys).update(**{field.name: given_up})
    if row.moved.get("medirecords_id") == str(kept.medirecords_id):
        _hand_medirecords(kept, given_up)
    # What the other record proposed is no longer about this person.
    theirs = DetailProposal.objects.filter(patient=kept, source=DetailProposal.Source.MERGE, decided_at=None)
    theirs.filter(proposed_at=row.merged_at).update(is_taken=False, decided_at=now, decided_by=by)
    _tell_vendors(row.moved, now)
    return row


def merge_of_call(*, patient_id: UUID, session_id: UUID) -> PatientMerge | None:
    """Find the merge by which a call came to the patient whose it is now."""
    merges = PatientMerge.objects.filter(kept=patient_id, undone_at=None, moved__has_key="triage.triagesession.patient")
    return next((one for one in merges if str(session_id) in one.moved["triage.triagesession.patient"]), None)


def _name_of(field: ForeignKey) -> str:
    return f"{field.model._meta.label_lower}.{field.name}"


def _rows(field: ForeignKey, patient: Patient) -> Any:
    return field.model._base_manager.filter(**{field.name: patient})


def _lock_rows(patient_id: UUID) -> None:
    """Wait for whoever changes a call or visit of the patient, in the order in which they lock it."""
    for field in relations():
        mine = field.model._base_manager.filter(**{field.attname: patient_id})
        if field.model is not Patient:
            list(mine.select_for_update(of=["self"]).order_by("pk").values_list("pk", flat=True))


def _locked(*patient_ids: UUID) -> list[Patient]:
    """Lock both against new rows as well; one order for all, so that no two wait for each other."""
    rows = {row.pk: row for row in Patient.objects.select_for_update().filter(pk__in=patient_ids).order_by("pk")}
    if len(rows) < len(patient_ids):
        raise Missing("There is no such patient.")
    return [rows[key] for key in patient_ids]


def _move(field: ForeignKey, kept: Patient, given_up: Patient) -> list[str | int]:
    rows = _rows(field, given_up)
    if field.model is DetailProposal:
        # One open proposal a detail: where both have one, that of the record that stays is decided on.
        taken = DetailProposal.objects.filter(patient=kept, decided_at=None).values("field")
        rows = rows.exclude(decided_at=None, field__in=taken)
    if field.model is EarlierTimeRequest:
        # One place on the list for a kind of visit: where both have one, that of the record that stays counts.
        taken = EarlierTimeRequest.objects.filter(patient=kept, state__in=STANDING).values("appointment_type")
        rows = rows.exclude(state__in=STANDING, appointment_type__in=taken)
    keys = list(rows.values_list("pk", flat=True))
    field.model._base_manager.filter(pk__in=keys).update(**{field.name: kept})
    return [key if isinstance(key, int) else str(key) for key in keys]


def _hand_medirecords(giver: Patient, taker: Patient) -> None:
    """Hand over the record at MediRecords; it can be only one patient's at a time."""
    taker.medirecords_id, giver.medirecords_id = giver.medirecords_id, taker.medirecords_id
    Patient.objects.filter(pk=giver.pk).update(medirecords_id=None)
    taker.save(update_fields=["medirecords_id"])


def _tell_vendors(moved: dict[str, Any], now: datetime) -> None:
    keys = moved.get("bookings.booking.patient", [])
    for booking in Booking.objects.upcoming(now).filter(pk__in=keys).select_related("practitioner", "appointment_type"):
        sync.owe(booking=booking, now=now)
