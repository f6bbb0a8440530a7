"""What the call desk shows: where a call stands, what was written in it, and what was booked."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from bookings.models import Payment
from bookings.vendors import sync
from botaniqal.api.fields import in_utc
from practitioners.models import Practitioner

from ..models import TriageSession
from .call_state import call_of
from .ending_state import ending_of, owed_of
from .hold_state import holds_of, paid_words, ran_out_of
from .patient_state import patient_of
from .script_state import flags_of, script_of


def state_of(session: TriageSession, *, consultant: Practitioner | None, is_shown: bool) -> dict[str, Any]:
    """Say where a call stands; of a call that may not be shown, whose it is alone."""
    return {
        "now": timezone.now().isoformat(),
        "state": session.status,
        **call_of(session, consultant),
        "startedAt": _moment(session.started_at),
        "endedAt": _moment(session.ended_at),
        "outcome": session.get_outcome_display(),
        "patient": patient_of(session) if is_shown else None,
        "written": written_in(session) if is_shown else None,
        "holds": holds_of(session, timezone.now()) if is_shown else [],
        "ranOut": ran_out_of(session, timezone.now()) if is_shown else [],
        "booking": _booking_of(session) if is_shown and session.booking_id else None,
        "script": script_of(session) if is_shown else None,
        "redFlags": flags_of(session, timezone.now()) if is_shown else [],
        "owed": owed_of(session) if is_shown else [],
        "ending": ending_of(session, consultant, timezone.now()) if is_shown else None,
    }


def written_in(session: TriageSession) -> dict[str, Any]:
    """Give what was typed, with the version that it counts as."""
    return {
        "version": session.version,
        "notes": session.notes,
        "primaryConcern": session.primary_concern,
        "recommendedService": session.recommended_service.slug if session.recommended_service else "",
    }


def _booking_of(session: TriageSession) -> dict[str, Any]:
    booking = session.booking
    return {
        "number": booking.number,
        "startsAt": in_utc(booking.starts_at),
        "practitioner": booking.practitioner.name,
        "appointment": booking.appointment_type.name,
        "type": booking.appointment_type.code,
        "payment": paid_words(booking.payment),
        "isPaymentDue": booking.payment.status == Payment.Status.PENDING,
        "systems": sync.statement(booking),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment and in_utc(moment)
