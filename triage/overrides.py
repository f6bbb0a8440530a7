"""Going beyond soft rules of the calendar: by right, with a reason, counted."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, NotAllowed
from practitioners import availability
from practitioners.models import Practitioner
from services.models import AppointmentType

from . import red_flags, sessions
from .models import CallEvent, Override


class MayNotOverride(NotAllowed):
    """Somebody without the right wanted to go beyond a rule."""

    message = "You may not go beyond this rule. Ask operations, who can."


def may_go_beyond(*, by: User, consultant: Practitioner | None) -> bool:
    """Tell whether somebody may go beyond soft rules: operations, and consultants whom operations let."""
    return by.has_perm("triage.go_beyond_rules") or (consultant is not None and consultant.may_override)


def granted(
    *, session_id: UUID, practitioner: Practitioner, appointment_type: AppointmentType, starts_at: datetime
) -> frozenset[str]:
    """List the rules that a call may go beyond for an appointment at a time, since somebody gave a reason."""
    rows = Override.objects.filter(
        session=session_id, practitioner=practitioner, appointment_type=appointment_type, starts_at=starts_at
    )
    return frozenset(rows.values_list("rule", flat=True))


@transaction.atomic
def go_beyond(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    practitioner: Practitioner,
    appointment_type: AppointmentType,
    starts_at: datetime,
    rules: Collection[str],
    reason: str,
    by: User,
    now: datetime,
) -> frozenset[str]:
    """
    Write down that a call goes beyond soft rules at a time, each that is broken once; the time can then be held.

    :raises MayNotOverride: the person has no right to.
    :raises Malformed: no reason is given, or a card number in it.
    :raises NotYourSession: another consultant has the call.
    :raises SessionClosed: the call is over.
    :raises RedFlagUp: a danger was heard in it, which no clinician has cleared.
    :raises RuleBroken: a hard rule stands in the way, or a soft one that was not agreed to.
    :raises SlotTaken: somebody else has the time.
    """
    reason = reason.strip()
    if not may_go_beyond(by=by, consultant=consultant):
        raise MayNotOverride
    if not reason:
        raise Malformed("Say why you go beyond the rule.", details={"reason": ["Required."]})
    cards.refuse(reason, "reason")
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    sessions.require_open(session)
    red_flags.require_none(session)
    wanted = {"practitioner": practitioner, "appointment_type": appointment_type, "starts_at": starts_at}
    before = granted(session_id=session_id, **wanted)
    verdict = availability.weigh(**wanted, held_for=session_id, now=now)
    for obstacle in verdict.obstacles:
        if not (obstacle.is_soft and obstacle.rule in {*rules, *before}):
            raise obstacle.error
    new = [Override.Rule(each.rule) for each in verdict.obstacles if each.rule not in before]
    Override.objects.bulk_create(
        Override(
            session=session,
            **wanted,
            rule=rule,
            reason=reason[:200],
            at=now,
            by=by,
        )
        for rule in new
    )
    if new:
        words = f"{practitioner}, {_day_and_time(starts_at)}: {', '.join(rule.label.lower() for rule in new)}"
        session.events.create(kind=CallEvent.Kind.OVERRIDE, at=now, by=by, words=words[:300])
    return before.union(new)


def _day_and_time(moment: datetime) -> str:
    return f"{moment.astimezone(availability.CLINIC):%a %-d %b %H:%M}"
