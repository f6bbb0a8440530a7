"""What the desk's bar shows: whose call it is, who has it, and when it is due."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from botaniqal.api.fields import in_utc
from practitioners.models import Practitioner

from .. import no_answer
from ..models import CallEvent, TriageSession


def call_of(session: TriageSession, consultant: Practitioner | None) -> dict[str, Any]:
    """Say whose a call is and what this consultant may do with it."""
    is_own = consultant is not None and session.consultant_id == consultant.pk
    is_open = session.status in (TriageSession.State.SCHEDULED, TriageSession.State.IN_PROGRESS)
    is_waiting = is_open and session.claimed_by_id is None
    is_parked = is_waiting and session.state == TriageSession.State.IN_PROGRESS
    is_others = consultant is not None and not is_own
    return {
        "owner": session.consultant.name,
        "isOwn": is_own,
        "canClaim": is_others and is_waiting,
        "canTakeOver": is_others and not is_waiting and session.state != TriageSession.State.DONE,
        "claimedAt": moment(session.claimed_at),
        "isParked": is_parked,
        "parkedAt": moment(_parked_at(session)) if is_parked else None,
        "callBackAt": moment(session.call_back_at) if is_open and session.calls_back else None,
        "tries": session.tries,
        "triesAllowed": settings.NO_ANSWER_TRIES,
    }


def later_times(session: TriageSession, now: datetime) -> dict[str, Any]:
    """Suggest when to ring back, when to try again after nobody answered, and who may ring."""
    zone = session.patient.zone
    return {
        "now": now.isoformat(),
        "callBack": [_suggestion(label, at) for label, at in no_answer.usual_call_backs(zone=zone, now=now)],
        "tries": [
            _suggestion(f"{one.daypart.capitalize()}{' (tried)' if one.is_tried else ''}", one.at)
            for one in no_answer.next_tries(session=session, now=now)
        ],
        "owners": [{"id": f"{one.pk}", "name": one.name} for one in Practitioner.objects.consulting().order_by("name")],
    }


def moment(value: datetime | None) -> str | None:
    """Write a moment for the page."""
    return value and in_utc(value)


def _suggestion(label: str, at: datetime) -> dict[str, str]:
    """Give a time for both: the page's moment, and the clinic's wall clock as a field has it."""
    return {"label": label, "at": in_utc(at), "wall": f"{timezone.localtime(at):%Y-%m-%dT%H:%M}"}


def _parked_at(session: TriageSession) -> datetime | None:
    parked = session.events.filter(kind=CallEvent.Kind.PARKED).order_by("-at")
    return parked.values_list("at", flat=True).first()
