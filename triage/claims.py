"""Whose call it is: claiming, taking over, parking, and ringing back later."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from botaniqal.accounts.models import User
from botaniqal.errors import Conflict, Missing, NotAllowed, RuleBroken
from practitioners import diary
from practitioners.models import Practitioner

from . import sessions
from .models import CallEvent, TriageSession

State = TriageSession.State
Kind = CallEvent.Kind

LONGEST_WAIT = timedelta(days=30)
"""So far ahead somebody may be rung back."""


class CallTaken(Conflict):
    """Another consultant was quicker."""

    code = "call_taken"

    def __init__(self, session: TriageSession) -> None:
        since = timezone.localtime(session.claimed_at)
        super().__init__(f"{session.claimed_by} took this call at {since:%H:%M}. You can take it over.")


@transaction.atomic
def claim(*, session_id: UUID, consultant: Practitioner | None, by: User | None, now: datetime) -> TriageSession:
    """
    Make a call one's own that nobody has: one that waits, whosever it was to be, or one that was parked.

    :raises NotAllowed: the person is no consultant.
    :raises CallTaken: another consultant has it.
    :raises SessionClosed: it is over or cancelled.
    """
    session = sessions.locked(session_id)
    _require_consultant(consultant)
    sessions.require_open(session)
    if session.claimed_by_id == consultant.pk:
        return session
    if session.claimed_by_id:
        raise CallTaken(session)
    is_parked = session.state == State.IN_PROGRESS
    _give(session, consultant, Kind.RESUMED if is_parked else Kind.CLAIMED, is_told=not is_parked, by=by, now=now)
    return session


@transaction.atomic
def take_over(*, session_id: UUID, consultant: Practitioner | None, by: User | None, now: datetime) -> TriageSession:
    """
    Make another consultant's call one's own, whatever they are doing with it; they are told.

    :raises NotAllowed: the person is no consultant.
    :raises SessionClosed: it is over.
    """
    session = sessions.locked(session_id)
    _require_consultant(consultant)
    if session.state == State.DONE:
        raise sessions.SessionClosed
    if session.consultant_id != consultant.pk:
        _give(session, consultant, Kind.TAKEN_OVER, is_told=True, by=by, now=now)
    return session


@transaction.atomic
def park(*, session_id: UUID, consultant: Practitioner | None, by: User | None, now: datetime) -> TriageSession:
    """
    Put a call aside that has begun: whoever is free goes on with it.

    :raises NotYourSession: another consultant has it.
    :raises SessionClosed: it is over or cancelled.
    :raises RuleBroken: it has not begun.
    """
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    sessions.require_open(session)
    if session.state != State.IN_PROGRESS:
        raise RuleBroken("state", "This call has not begun, so there is nothing to park.")
    if session.claimed_by_id:
        session.claimed_by = session.claimed_at = None
        session.save(update_fields=["claimed_by", "claimed_at"])
        session.events.create(kind=Kind.PARKED, at=now, by=by)
    return session


@transaction.atomic
def call_back(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    at: datetime,
    owner: Practitioner | None = None,
    by: User | None,
    now: datetime,
) -> TriageSession:
    """
    Agree that the patient is rung later: by oneself, or by another consultant.

    :raises NotYourSession: another consultant has it.
    :raises SessionClosed: it is over or cancelled.
    :raises RuleBroken: the time has passed or is too far ahead, or the other is no consultant.
    """
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    sessions.require_open(session)
    if owner and owner != session.consultant:
        if not Practitioner.objects.consulting().filter(pk=owner.pk).exists():
            raise RuleBroken("owner", f"{owner} makes no calls. Choose a consultant.")
        session.consultant = owner
        session.version += 1
    wait_until(session=session, at=at, now=now)
    local = timezone.localtime(at)
    words = f"{local:%a %-d %b %H:%M}, {session.consultant}"
    session.events.create(kind=Kind.CALL_BACK, at=now, by=by, words=words)
    return session


def wait_until(*, session: TriageSession, at: datetime, now: datetime) -> None:
    """
    Let a locked session's call wait again, for nobody in particular to begin it at another time.

    :raises RuleBroken: the time has passed, or is too far ahead.
    """
    if at < now:
        raise RuleBroken("past", "That time has passed. Choose a later one.")
    if at > now + LONGEST_WAIT:
        raise RuleBroken("too_far", f"Choose a time within the next {LONGEST_WAIT.days} days.")
    session.state, session.started_at = State.SCHEDULED, None
    session.claimed_by = session.claimed_at = None
    session.call_back_at, session.call_back_revision = at, session.consultation.revision
    changed = ["state", "started_at", "claimed_by", "claimed_at", "call_back_at", "call_back_revision"]
    session.save(update_fields=[*changed, "consultant", "version"])
    diary.release_holds(held_for=session.pk)


def untold(user: User) -> QuerySet[CallEvent]:
    """Calls that were taken from a person who has not yet noted it, the latest first."""
    return (
        CallEvent.objects.filter(former__isnull=False, former__user=user, seen_at=None)
        .select_related("by__practitioner", "session__patient", "session__consultation")
        .defer("session__notes", "session__consultation__notes")
        .order_by("-at", "-pk")
    )


@transaction.atomic
def dismiss(*, event_id: int, by: User, now: datetime) -> None:
    """
    Note that the former consultant has seen that a call was taken from them; again changes nothing.

    :raises Missing: nobody took that from this person.
    """
    event = CallEvent.objects.select_for_update().filter(pk=event_id, former__user=by).first()
    if event is None:
        raise Missing("There is no such notice.")
    if event.seen_at is None:
        event.seen_at = now
        event.save(update_fields=["seen_at"])


def _require_consultant(consultant: Practitioner | None) -> None:
    if consultant is None:
        raise NotAllowed("Only a consultant can take a call.")


def _give(
    session: TriageSession, consultant: Practitioner, kind: CallEvent.Kind, *, is_told: bool, by: User, now: datetime
) -> None:
    """Make a locked session's call a consultant's; whose it was until now is told, if it was not given away."""
    former = session.consultant if session.consultant_id != consultant.pk else None
    session.consultant = session.claimed_by = consultant
    session.claimed_at = now
    session.version += bool(former)
    session.save(update_fields=["consultant", "claimed_by", "claimed_at", "version"])
    session.events.create(
        kind=kind,
        at=now,
        by=by,
        former=former if is_told else None,
        words=f"{consultant}, from {former}" if former else f"{consultant}",
    )
