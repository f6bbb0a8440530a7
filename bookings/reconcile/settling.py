"""
Settling a difference between the portal and a vendor: a person says who is right, and sees before what that will do.

Either way the whole is one transaction of the portal's; what has to be done at a vendor is owed and done afterwards.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Conflict, Malformed, Missing, RuleBroken
from botaniqal.integrations import owed
from botaniqal.integrations.models import Turn
from botaniqal.integrations.owed import NeedsPerson
from practitioners import diary
from practitioners.models import DiaryEntry, Practitioner

from .. import lifecycle, locking
from ..models import Booking, Drift, SyncRecord
from ..money import payments
from ..vendors import backfill, hearing, sync
from . import comparing, plans
from .asking import Directory
from .comparing import Word
from .drift import VENDORS
from .finding import fingerprint
from .plans import Plan, Winner, calendly_told_the_patient, practitioner_in

Kind, Field, System = Drift.Kind, Drift.Field, SyncRecord.System

STANDING = (Booking.State.PENDING_PAYMENT, Booking.State.CONFIRMED)


class AlreadySettled(Conflict):
    """Somebody else was quicker."""

    code = "already_settled"
    message = "Somebody settled this meanwhile. Nothing was changed."


class ChangedSince(Conflict):
    """What was compared is no longer what stands here."""

    code = "changed_since"
    message = "The booking was changed after this was found. Nothing was done. Compare again."


class Braked(Conflict):
    """So many differences were found at once that something else may be wrong."""

    code = "braked"
    message = "The brake is on: too many differences were found at once. Look at them all, then release it."


@transaction.atomic
def portal_wins(*, drift_id: int, by: User | None, now: datetime) -> Drift:
    """
    Owe a vendor the booking as it stands here, whole; what belongs to no booking is taken away there.

    :raises AlreadySettled: somebody settled it, or it is being done.
    :raises Braked: too many differences were found with it.
    :raises ChangedSince: the booking is another than the one that was compared.
    :raises RuleBroken: the vendor cannot be brought to this.
    """
    drift = _locked(drift_id, Winner.PORTAL)
    if drift.kind == Kind.UNKNOWN:
        return _owe(drift, Winner.PORTAL, by, now)
    booking, record = _unchanged(drift)
    word = comparing.from_evidence(drift.evidence)
    if record is None:
        sync.owe(booking=booking, now=now)
    else:
        _take_note_of_moves(drift, record, word)
        owed.want_again(SyncRecord.objects.filter(pk=record.pk), now=now)
        record.note(Turn.TRIED_AGAIN, f"{drift.get_field_display()} differed. The portal wins.")
        transaction.on_commit(partial(ring, f"tell_{drift.system}"))
    told = f"The portal won: {drift.get_system_display()} is told again."
    _settle(Drift.objects.filter(booking=booking, system=drift.system), told, by, now)
    drift.refresh_from_db()
    return drift


@transaction.atomic
def vendor_wins(*, drift_id: int, by: User | None, now: datetime) -> Drift:
    """
    Take over what a vendor says, as a fact: a clash in the diary is shown, not refused.

    :raises AlreadySettled: somebody settled it, or it is being done.
    :raises Braked: too many differences were found with it.
    :raises ChangedSince: the booking is another than the one that was compared.
    :raises RuleBroken: this cannot be taken over.
    """
    drift = _locked(drift_id, Winner.VENDOR)
    if drift.kind == Kind.UNKNOWN:
        return _owe(drift, Winner.VENDOR, by, now)
    booking, record = _unchanged(drift)
    word = comparing.from_evidence(drift.evidence)
    if drift.kind == Kind.DIFFERS:
        _take_over(drift, booking, record, word, now)
    else:
        _cancel(drift, booking, record, by, now)
    vendor = drift.get_system_display()
    _settle(Drift.objects.filter(pk=drift.pk), f"{vendor} won: {_taken_over(drift)}", by, now)
    others = Drift.objects.filter(booking=booking).exclude(system=drift.system)
    _settle(others, "The booking was changed, and is told there anew.", by, now)
    _keep_comparable(drift, booking)
    drift.refresh_from_db()
    return drift


@transaction.atomic
def leave(*, drift_id: int, reason: str, by: User | None, now: datetime) -> Drift:
    """
    Leave a difference as it is; the same is not shown again.

    :raises AlreadySettled: somebody settled it, or it is being done.
    :raises Braked: too many differences were found with it.
    :raises Malformed: no reason is given, or a card number in it.
    """
    if not reason.strip():
        raise Malformed("Say why this may stay as it is.", details={"reason": ["Required."]})
    payments.refuse_card_number(reason, "reason")
    drift = _locked(drift_id, None)
    drift.is_left = True
    drift.save(update_fields=["is_left"])
    _settle(Drift.objects.filter(pk=drift.pk), f"Left as it is: {reason.strip()}", by, now)
    drift.refresh_from_db()
    return drift


def work_due() -> int:
    """Do at the vendors, or fetch from them, what was decided of things that belong to no booking, and count it."""
    directory: list[Directory] = []

    def do(drift: Drift) -> dict[str, Any]:
        if not directory:
            directory.append(Directory())
        if drift.evidence.get("winner") == Winner.VENDOR:
            return _fetch(drift)
        return _remove(drift, directory[0])

    return owed.work(Drift.objects.unsettled(), do)


def plan_for(drift: Drift, winner: Winner | None) -> Plan | None:
    """
    Say what settling a difference would do now.

    :raises AlreadySettled: somebody settled it, or it is being done.
    :raises Braked: too many differences were found with it.
    :raises RuleBroken: it cannot be settled that way.
    """
    if drift.settled_at or is_being_done(drift):
        raise AlreadySettled
    if drift.found_by and drift.found_by.is_braked and not drift.found_by.released_at:
        raise Braked
    plan = plans.preview(drift, winner) if winner else None
    if plan and not plan.is_possible:
        raise RuleBroken("drift", plan.sentence)
    return plan


def is_being_done(drift: Drift) -> bool:
    """Tell whether a worker is about to do what was decided."""
    return drift.told < drift.wanted and not drift.needs_person


def _locked(drift_id: int, winner: Winner | None) -> Drift:
    people = ("booking__practitioner", "booking__appointment_type", "found_by")
    try:
        drift = Drift.objects.select_for_update(of=["self"]).select_related(*people).get(pk=drift_id)
    except Drift.DoesNotExist as error:
        raise Missing("There is no such difference.") from error
    plan_for(drift, winner)
    return drift


def _unchanged(drift: Drift) -> tuple[Booking, SyncRecord | None]:
    """Lock the booking and its record, if they are still what was compared."""
    booking = locking.locked(drift.booking_id)
    record = booking.sync_records.select_for_update().filter(system=drift.system).first()
    if fingerprint(booking, record) != drift.evidence.get("seen"):
        raise ChangedSince
    # Somebody may have written down meanwhile that it belongs to another booking.
    known = SyncRecord.objects.filter(system=drift.system, external_id=drift.external_id).exclude(external_id="")
    if known.exclude(booking=booking).exists():
        raise ChangedSince
    return booking, record


def _take_note_of_moves(drift: Drift, record: SyncRecord, word: Word | None) -> None:
    """Let the record stand for what is there now: what was moved there has another id, and the old one is old news."""
    if word is None:
        return
    is_another = not word.stands or word.external_id != record.external_id
    if drift.system == System.CALENDLY and is_another:
        former = [*record.former_refs, record.external_ref]
        record.former_refs = [ref for ref in dict.fromkeys(former) if ref]
        record.external_id = record.external_ref = ""
    if word.stands:
        record.external_id = word.external_id
        record.external_ref = word.place if drift.system == System.OUTLOOK else word.ref or record.external_ref
    record.save(update_fields=["external_id", "external_ref", "former_refs"])


def _take_over(drift: Drift, booking: Booking, record: SyncRecord | None, word: Word, now: datetime) -> None:
    if booking.state not in STANDING:
        raise lifecycle.WrongMove(booking, "changed")
    starts_at, ends_at = booking.starts_at, booking.ends_at
    practitioner = booking.practitioner
    if drift.field == Field.TIME:
        starts_at, ends_at = word.starts_at, word.starts_at + (ends_at - starts_at)
    elif drift.field == Field.LENGTH:
        ends_at = starts_at + timedelta(minutes=word.minutes)
    else:
        practitioner = practitioner_in(drift)
    if record:
        _take_note_of_moves(drift, record, word)
    former = booking.entry
    lifecycle.give_back(booking)
    booking.entry, booking.attention = hearing.place(
        practitioner,
        diary.Span(starts_at, ends_at),
        word.external_id,
        calendar=_calendar_of(drift),
        room=former.room if former else None,
    )
    if drift.system == System.MEDIRECORDS:
        # Its event in the calendar stays the same until that is told.
        DiaryEntry.objects.filter(pk=booking.entry_id).update(external_id=former.external_id if former else "")
    if drift.field == Field.LENGTH:
        # Nothing that the patient would have to hear.
        booking.ends_at = ends_at
        booking.save(update_fields=["entry", "ends_at", "attention"])
        sync.owe(booking=booking, now=now)
    else:
        lifecycle.note_move(booking=booking, starts_at=starts_at, ends_at=ends_at, now=now, practitioner=practitioner)
    _adopt(drift, booking)


def _cancel(drift: Drift, booking: Booking, record: SyncRecord | None, by: User | None, now: datetime) -> None:
    vendor = drift.get_system_display()
    reason = f"Cancelled in {vendor}." if drift.kind == Kind.CANCELLED_THERE else f"No longer in {vendor}."
    tell_patient = not calendly_told_the_patient(drift)
    lifecycle.cancel(booking_id=booking.pk, reason=reason, by=by, now=now, tell_patient=tell_patient)
    booking.refresh_from_db(fields=["state"])
    if record:
        _adopt(drift, booking)


def _adopt(drift: Drift, booking: Booking) -> None:
    """Owe nothing to the vendor whose word was taken."""
    record = booking.sync_records.get(system=drift.system)
    sync.adopt(
        booking=booking,
        system=drift.system,
        external_id=record.external_id,
        external_ref=record.external_ref,
        heard=f"{drift.get_field_display()} taken over: {drift.theirs}.",
    )


def _keep_comparable(drift: Drift, booking: Booking) -> None:
    """Let the other differences at that vendor be settled still: all that changed is what was just taken over."""
    booking = Booking.objects.get(pk=booking.pk)
    record = booking.sync_records.filter(system=drift.system).first()
    for other in Drift.objects.unsettled().filter(booking=booking, system=drift.system):
        other.evidence["seen"] = fingerprint(booking, record)
        other.save(update_fields=["evidence"])


def _owe(drift: Drift, winner: Winner, by: User | None, now: datetime) -> Drift:
    drift.evidence["winner"] = winner
    drift.settled_by = by
    drift.save(update_fields=["evidence", "settled_by"])
    owed.want_again(Drift.objects.filter(pk=drift.pk), now=now)
    transaction.on_commit(partial(ring, "settle_drift"))
    drift.refresh_from_db()
    return drift


def _remove(drift: Drift, directory: Directory) -> dict[str, Any]:
    """Take away at a vendor what carries the portal's mark, if it is still what was seen."""
    vendor, place = VENDORS[drift.system](directory), drift.evidence.get("place", "")
    word = vendor.one(drift.external_id, place)
    if word and word.stands:
        if vendor.marked(word).mark != drift.evidence["mark"]:
            raise NeedsPerson("It no longer carries the portal's mark. Look at it there.")
        if SyncRecord.objects.filter(system=drift.system, external_id=drift.external_id).exists():
            raise NeedsPerson("A booking has taken it over meanwhile. Compare again.")
        owed.renew(drift)
        vendor.remove(drift.external_id, place)
    return _done(f"The portal won: cancelled in {drift.get_system_display()}.")


def _fetch(drift: Drift) -> dict[str, Any]:
    is_new = backfill.fetch_event(event_id=drift.external_id)
    return _done("Fetched from Calendly." if is_new else "It is in the inbox already, or gone from Calendly.")


def _done(outcome: str) -> dict[str, Any]:
    return {"settled_at": timezone.now(), "outcome": outcome}


def _settle(drifts: Any, outcome: str, by: User | None, now: datetime) -> None:
    drifts.unsettled().update(settled_at=now, settled_by=by, outcome=outcome[:300])


def _calendar_of(drift: Drift) -> str:
    return Practitioner.CalendarProvider.NONE if drift.system == System.MEDIRECORDS else drift.system


def _taken_over(drift: Drift) -> str:
    return f"{drift.get_field_display().lower()} is {drift.theirs}." if drift.kind == Kind.DIFFERS else "cancelled."
