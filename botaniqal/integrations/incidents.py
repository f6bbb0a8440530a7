"""What somebody has to be woken for: opened once, resolved by itself, both told to PagerDuty in order."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from botaniqal.celery import ring
from botaniqal.integrations import owed, pagerduty
from botaniqal.integrations.models import Incident

Severity = Incident.Severity

LIST = "admin:integrations_incident_changelist"
NOBODY_TO_PAGE = "Nobody was told: PAGERDUTY_ROUTING_KEY is not set."
TOLD = "PagerDuty was told."
TOLD_OVER = "PagerDuty was told that it is over."
OVER_BEFORE = "It was over before anybody was told."
OPEN_AGAIN = "It began again before PagerDuty was told of its end, which would end that one too."
# Nobody looks at the portal at night: what PagerDuty did not take is told again, also after everything was tried.
ONCE_MORE = timedelta(hours=1)


def open_incident(
    *, key: str, summary: str, severity: Severity = Severity.ERROR, grace: timedelta = timedelta(), now: datetime
) -> None:
    """
    Open an incident, and owe it to PagerDuty; where one is open under this key, nothing happens.

    Nobody is woken for what is over within its grace.
    """
    incident = Incident(
        key=key[: _longest("key")],
        summary=summary[: _longest("summary")],
        severity=severity,
        opened_at=now,
        next_try_at=now + grace,
    )
    # By the constraint, not by a look before: whoever finds the same trouble at the same moment is second.
    Incident.objects.bulk_create([incident], ignore_conflicts=True)
    transaction.on_commit(partial(ring, "page_on_call"))


def resolve(*, key: str, now: datetime) -> bool:
    """Note that what an incident is about is well again; answers whether one was open."""
    unresolved = Incident.objects.filter(key=key[: _longest("key")], resolved_at=None)
    if not unresolved.update(resolved_at=now, wanted=F("wanted") + 1, next_try_at=now, **owed.CLEARED):
        return False
    transaction.on_commit(partial(ring, "page_on_call"))
    return True


def work_due() -> int:
    """Tell PagerDuty of what was opened and what is over, and count it."""
    now = timezone.now()
    stuck = Incident.objects.for_a_person().filter(next_try_at__lte=now - ONCE_MORE)
    stuck.update(needs_person=False, attempts=settings.SYNC_TRIES - 1, next_try_at=now)
    return owed.work(Incident.objects.all(), _tell)


def _tell(incident: Incident) -> dict[str, Any]:
    if incident.resolved_at and not incident.paged_at:
        return {"outcome": OVER_BEFORE}
    if not settings.PAGERDUTY_ROUTING_KEY:
        return {"outcome": NOBODY_TO_PAGE}
    # PagerDuty knows the key alone: an older end that comes after a newer beginning would end that one.
    older = Incident.objects.open().filter(key=incident.key, pk__lt=incident.pk, needs_person=False)
    if older.exists():
        raise owed.WaitFor("PagerDuty is told first how the one before ended.", seconds=settings.SWEEP_SECONDS)
    client = pagerduty.client()
    if incident.resolved_at:
        if Incident.objects.filter(key=incident.key, pk__gt=incident.pk).exclude(paged_at=None).exists():
            return {"outcome": OPEN_AGAIN}
        owed.renew(incident)
        client.resolve(key=incident.key)
        return {"outcome": TOLD_OVER}
    # Written down before it is sent: an answer that gets lost must not leave an alert there that nobody ends.
    owed.renew(incident, paged_at=incident.paged_at or timezone.now())
    client.trigger(
        key=incident.key,
        summary=incident.summary,
        severity=incident.severity,
        at=incident.opened_at,
        source=settings.PUBLIC_BASE_URL,
        link=pagerduty.Link(url=settings.PUBLIC_BASE_URL + reverse(LIST), text="What is open in the portal"),
    )
    return {"outcome": TOLD}


def _longest(field: str) -> int:
    return Incident._meta.get_field(field).max_length
