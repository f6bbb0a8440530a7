"""What somebody has to be told of: opened once, acknowledged by a person, over by itself."""

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Missing, RuleBroken
from botaniqal.integrations import owed
from botaniqal.integrations.models import Incident

Severity, Action = Incident.Severity, Incident.Action


class NotOpen(RuleBroken):
    """The incident is over: there is nothing to look after."""

    code = "not_open"

    def __init__(self) -> None:
        super().__init__("incident", "It is over by now.")


class LookedAfter(RuleBroken):
    """Somebody acknowledged it before."""

    code = "looked_after"

    def __init__(self, by: User | None) -> None:
        super().__init__("incident", f"{by or 'Somebody'} looks after it already.")


def open_incident(
    *,
    key: str,
    summary: str,
    severity: Severity = Severity.ERROR,
    action: Action = Action.PAGE,
    began_at: datetime | None = None,
    grace: timedelta = timedelta(),
    quiet_until: datetime | None = None,
    now: datetime,
) -> None:
    """
    Open an incident, and owe it to whom it concerns; where one is open under this key, nothing happens.

    Nobody is told of what is over within its grace, or before ``quiet_until``.
    """
    incident = Incident(
        key=key[: _longest("key")],
        summary=summary[: _longest("summary")],
        severity=severity,
        action=action,
        opened_at=began_at or now,
        found_at=now,
        quiet_until=quiet_until,
        next_try_at=max(now + grace, quiet_until or now),
    )
    # By the constraint, not by a look before: whoever finds the same trouble at the same moment is second.
    Incident.objects.bulk_create([incident], ignore_conflicts=True)
    _ring()


@transaction.atomic
def acknowledge(*, incident_id: int, by: User, now: datetime) -> Incident:
    """
    Note that a person looks after it: PagerDuty wakes nobody else, and who was not told yet is not told any more.

    :raises Missing: there is no such incident.
    :raises NotOpen: it is over.
    :raises LookedAfter: somebody acknowledged it before.
    """
    incident = Incident.objects.select_for_update(of=["self"]).filter(pk=incident_id).first()
    if incident is None:
        raise Missing("There is no such incident.")
    if incident.resolved_at:
        raise NotOpen
    if incident.acknowledged_at:
        raise LookedAfter(incident.acknowledged_by)
    incident.acknowledged_at, incident.acknowledged_by = now, by
    incident.save(update_fields=["acknowledged_at", "acknowledged_by"])
    owed.want_again(Incident.objects.filter(pk=incident.pk), now=now)
    _ring()
    return incident


def resolve(*, key: str, now: datetime, over_at: datetime | None = None) -> bool:
    """Note that what an incident is about is well again, and since when; answers whether one was open."""
    unresolved = Incident.objects.filter(key=key[: _longest("key")], resolved_at=None)
    if not unresolved.update(resolved_at=over_at or now, **owed.newly_wanted(now)):
        return False
    _ring()
    return True


def _ring() -> None:
    transaction.on_commit(partial(ring, "tell_of_incidents"))


def _longest(field: str) -> int:
    return Incident._meta.get_field(field).max_length
