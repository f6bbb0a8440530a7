"""What the desk shows of the patient: details, identifiers, proposals, consents, and who else it may be."""

from typing import Any

from bookings.intake import answered
from bookings.models import Booking, ConsentWording, DetailProposal, FormAnswers, IdentityCheck, Patient
from bookings.patients import consents, identity, merging, proposals
from botaniqal.api.fields import in_utc

from ..models import TriageSession

Field = DetailProposal.Field
LISTED_VISITS = 8
IDENTIFIERS = {field: identifier for identifier, field in identity.RECORDED_IN.items()}
ROWS = [(field.value, IDENTIFIERS.get(field.value, ""), field.label) for field in Field]
"""The rows of the panel: a detail, the identifier that it is, and its name."""


def patient_of(session: TriageSession) -> dict[str, Any]:
    """Give what is known of the call's patient and what was asked in this call."""
    patient = session.patient
    checked = identity.checked_in(patient_id=patient.pk, session_id=session.pk)
    is_identified = identity.is_enough(checked)
    waiting = {row.field: row for row in patient.proposals.filter(decided_at=None).select_related("proposed_by")}
    recorded = identity.recorded(patient)
    return {
        "id": f"{patient.pk}",
        "name": patient.name,
        "details": {field.value: _detail(patient, field, waiting.get(field)) for field in Field},
        "identifiers": [
            {
                "code": each.value,
                "label": each.label,
                "isRecorded": each in recorded,
                "isChecked": each in checked,
            }
            for each in IdentityCheck.Identifier
        ],
        "isIdentified": is_identified,
        "identifiedAt": patient.identified_at and in_utc(patient.identified_at),
        "isLinked": merging.merge_of_call(patient_id=patient.pk, session_id=session.pk) is not None,
        "visits": _visits(session).count(),
        "forms": FormAnswers.objects.sent_in().filter(booking__patient=patient).count(),
        "consents": _consents(patient),
    }


def known_of(session: TriageSession) -> dict[str, Any]:
    """List who else the patient may be, the visits so far and the forms; asked for when it may have changed."""
    visits = _visits(session).select_related("practitioner", "appointment_type").order_by("-starts_at")
    return {
        "candidates": [_candidate(one) for one in identity.candidates(session.patient)],
        "visits": [
            {
                "startsAt": in_utc(visit.starts_at),
                "appointment": visit.appointment_type.name,
                "practitioner": visit.practitioner.name,
                "state": visit.get_state_display(),
            }
            for visit in visits[:LISTED_VISITS]
        ],
        "forms": [
            {
                "name": one.name,
                "appointment": one.booking.appointment_type.name,
                "at": in_utc(one.at),
                "isDraft": one.is_draft,
                "answers": [{"question": question, "answer": answer} for question, answer in one.lines],
            }
            for one in answered.of_patient(session.patient)
        ],
    }


def _detail(patient: Patient, field: Field, proposal: DetailProposal | None) -> dict[str, Any]:
    value = proposals.written(patient, field)
    return {
        "label": field.label,
        "value": value,
        "shown": proposals.shown(field, value),
        "proposed": proposal
        and {
            "id": proposal.pk,
            "shown": proposals.shown(field, proposal.theirs),
            "source": proposal.get_source_display(),
            "by": proposal.proposed_by and str(proposal.proposed_by),
        },
    }


def _visits(session: TriageSession) -> Any:
    kept = (Booking.State.COMPLETED, Booking.State.NO_SHOW)
    return session.patient.bookings.filter(state__in=kept).exclude(pk=session.consultation_id)


def _consents(patient: Patient) -> list[dict[str, Any]]:
    said = consents.latest_of(patient.pk)
    return [_consent(wording, said.get(wording.kind)) for wording in consents.current()]


def _consent(wording: ConsentWording, said: Any) -> dict[str, Any]:
    is_old = said is not None and said.wording_id != wording.pk
    return {
        "wordingId": wording.pk,
        "kind": wording.get_kind_display(),
        "version": wording.version,
        "text": wording.text,
        "isRequired": wording.is_required,
        "answer": "" if said is None else "agreed" if said.is_given else "refused",
        "isOld": is_old,
        "at": said and in_utc(said.at),
        "by": said and said.by and str(said.by),
    }


def _candidate(one: identity.Candidate) -> dict[str, Any]:
    other = one.patient
    return {
        "id": f"{other.pk}",
        "name": other.name,
        "strength": one.strength.words,
        "isFamily": one.strength == identity.Strength.FAMILY,
        "reasons": one.reasons,
        "identifiers": [
            {
                "code": identifier.value,
                "label": identifier.label,
                "shown": proposals.shown(identity.RECORDED_IN[identifier], _written(other, identifier)),
            }
            for identifier in IdentityCheck.Identifier
        ],
    }


def _written(patient: Patient, identifier: IdentityCheck.Identifier) -> str:
    return proposals.written(patient, identity.RECORDED_IN[identifier])
