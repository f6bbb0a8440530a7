"""What patients are asked to agree to, and what they said."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from botaniqal import cards, locks
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing, RuleBroken

from ..models import Consent, ConsentWording

Kind = ConsentWording.Kind


class ConsentRefused(RuleBroken):
    """The patient refused something without which there is no booking."""

    code = "consent_refused"

    def __init__(self, wordings: list[ConsentWording]) -> None:
        kinds = ", ".join(wording.get_kind_display() for wording in wordings)
        super().__init__(
            "consent", f"The patient did not agree to what a booking needs: {kinds}. Ask again, or end without booking."
        )


class OldWording(RuleBroken):
    """Another version of the wording is in use."""

    code = "old_wording"

    def __init__(self) -> None:
        super().__init__("wording", "This wording was replaced meanwhile. Read the new one out.")


def current() -> list[ConsentWording]:
    """List the wordings in use, those that a booking needs first."""
    return list(ConsentWording.objects.filter(is_current=True).order_by("-is_required", "kind"))


def latest_of(patient_id: UUID) -> dict[str, Consent]:
    """Give what a patient last said, by kind: that holds."""
    said = Consent.objects.filter(patient=patient_id).select_related("wording", "by")
    latest = said.order_by("wording__kind", "-at", "-pk").distinct("wording__kind")
    return {consent.wording.kind: consent for consent in latest}


@transaction.atomic
def record(
    *,
    patient_id: UUID,
    wording_id: int,
    is_given: bool,
    how: str,
    by: User | None,
    now: datetime,
    session_id: UUID | None = None,
) -> Consent:
    """
    Write down what a patient said to a wording.

    :raises Missing: there is no such wording.
    :raises OldWording: another version is in use.
    """
    wording = ConsentWording.objects.select_for_update().filter(pk=wording_id).first()
    if wording is None:
        raise Missing("There is no such wording.")
    if not wording.is_current:
        raise OldWording
    said = latest_of(patient_id).get(wording.kind)
    if said and (said.wording_id, said.is_given, said.session_id) == (wording.pk, is_given, session_id):
        return said  # said once, sent twice
    return Consent.objects.create(
        patient_id=patient_id, wording=wording, is_given=is_given, how=how, session_id=session_id, at=now, by=by
    )


def require_none_refused(*, patient_id: UUID) -> None:
    """
    Make sure that the patient refused nothing that a booking needs; what was not asked is no refusal.

    :raises ConsentRefused: they did.
    """
    said = latest_of(patient_id)
    needed = [wording for wording in current() if wording.is_required and wording.kind in said]
    if refused := [wording for wording in needed if not said[wording.kind].is_given]:
        raise ConsentRefused(refused)


@transaction.atomic
def publish(*, kind: str, text: str, is_required: bool, by: User | None, now: datetime) -> ConsentWording:
    """
    Put a new version of a wording into use; the former stays with those who were asked by it, the same again changes
    nothing.

    :raises Malformed: there is no text, or a card number in it.
    """
    if kind not in Kind.values or not text.strip():
        raise Malformed("Write what is read out.", details={"text": ["Required."]})
    cards.refuse(text, "text")
    locks.wait_for(f"consent wording {kind}")  # two who publish at once get two versions
    rows = ConsentWording.objects.filter(kind=kind)
    present = rows.filter(is_current=True, text=text.strip(), is_required=is_required).first()
    if present:
        return present  # sent twice
    versions = rows.values_list("version", flat=True)
    ConsentWording.objects.filter(kind=kind, is_current=True).update(is_current=False)
    return ConsentWording.objects.create(
        kind=kind, version=max(versions, default=0) + 1, text=text.strip(), is_required=is_required, created_by=by
    )


@transaction.atomic
def withdraw(*, wording_id: int, by: User | None, now: datetime) -> ConsentWording:
    """
    Ask for this no longer.

    :raises OldWording: it is not in use.
    """
    wording = ConsentWording.objects.select_for_update().get(pk=wording_id)
    if not wording.is_current:
        raise OldWording
    wording.is_current = False
    wording.save(update_fields=["is_current"])
    return wording
