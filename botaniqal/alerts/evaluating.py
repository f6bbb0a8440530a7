"""
Rules are looked at every few seconds, and what they find opens incidents and ends them.

Each rule knows until when it was looked at: a worker that was down looks at what it missed, where rows tell of it. What
is looked at is read outside any transaction; of several workers that look at once, one writes down what it found.
"""

import logging
import traceback
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from botaniqal.api import health
from botaniqal.errors import DomainError
from botaniqal.integrations import incidents
from botaniqal.integrations.models import Incident

from .models import MINUTES_OF_MONTH, AlertPeak, AlertRule
from .signals import SIGNALS, Found
from .stretches import Stretch, muted_until

CLINIC = ZoneInfo(settings.CLINIC_TIME_ZONE)
LONGEST_BACK = timedelta(minutes=MINUTES_OF_MONTH)
KEPT = timedelta(days=35)
LATE_AFTER = timedelta(minutes=5)

log = logging.getLogger(__name__)


class Unknown(DomainError):
    """What a rule watches cannot be asked at the moment."""

    code = "unknown"
    message = "Redis, where processes leave their marks, does not answer. Look again in a moment."


def evaluate_due(*, now: datetime) -> int:
    """Look at every rule that is active, end what no rule watches any more, and count the rules that were looked at."""
    # One that is switched on again is looked at from then on.
    resting = AlertRule.objects.filter(is_active=False).exclude(evaluated_until=None)
    resting.update(evaluated_until=None, over_at=None, last_value=None, last_words="", problem="")
    rules = list(AlertRule.objects.filter(is_active=True))
    unresolved = Incident.objects.filter(key__startswith="alert:", resolved_at=None)
    for key in set(unresolved.values_list("key", flat=True)) - {rule.key for rule in rules}:
        incidents.resolve(key=key, now=now)
    AlertPeak.objects.filter(hour__lt=now - KEPT).delete()
    return sum(_evaluate(rule, now) for rule in rules)


def require_recent() -> None:
    """
    Make sure that the rules were looked at a moment ago; one that never was is new.

    :raises NotReady: one of them was not.
    """
    late = AlertRule.objects.filter(is_active=True, evaluated_until__lt=timezone.now() - LATE_AFTER)
    names = ", ".join(late.values_list("name", flat=True)[:5])
    if names:
        raise health.NotReady(f"These alerts were not looked at for {LATE_AFTER // timedelta(minutes=1)} min: {names}.")


def look(rule: AlertRule, *, since: datetime, now: datetime) -> Found:
    """
    Ask what a rule watches, without changing anything.

    :raises Unknown: nobody can tell at the moment.
    """
    try:
        return SIGNALS[rule.signal].look(rule, since, now)
    except health.NoMarks:
        raise Unknown from None


def quiet_until(rule: AlertRule, now: datetime) -> datetime | None:
    """Say when a rule's muted hours end, if it is muted now."""
    return muted_until(now, begins=rule.muted_from, ends=rule.muted_until, zone=CLINIC)


def _evaluate(rule: AlertRule, now: datetime) -> bool:
    # A clock that was put back must not leave a time that nobody looks at: rather twice than never.
    since = min(rule.evaluated_until or now - rule.period, now)
    try:
        found = look(rule, since=max(since, now - LONGEST_BACK), now=now)
    except DomainError as reason:
        return _note_problem(rule, reason.message)
    except Exception as error:
        # The text of an error may quote what somebody typed, so neither it nor a traceback is logged.
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error("alert %s: %s at %s:%s", rule.code, type(error).__name__, place.filename, place.lineno)
        return _note_problem(rule, f"The portal failed at this ({type(error).__name__}).")
    return write_down(rule, found, now)


def last_of_all() -> datetime | None:
    """Say until when every active rule was looked at; None where one never was."""
    looked_at = list(AlertRule.objects.filter(is_active=True).values_list("evaluated_until", flat=True))
    return None if not looked_at or None in looked_at else min(looked_at)


def _note_problem(rule: AlertRule, problem: str) -> bool:
    AlertRule.objects.filter(pk=rule.pk).update(problem=problem[:300])
    return False


@transaction.atomic
def write_down(rule: AlertRule, found: Found, now: datetime) -> bool:
    """Open and end what follows from a look, unless another worker was quicker or somebody changed the rule."""
    asked = {name: getattr(rule, name) for name in ("evaluated_until", "threshold", "period_minutes", "is_active")}
    if not AlertRule.objects.select_for_update().filter(pk=rule.pk, **asked).exists():
        return False
    unresolved = Incident.objects.filter(key=rule.key, resolved_at=None).first()
    over_at = min(rule.over_at, now) if rule.over_at else None
    for stretch in found.stretches:
        if over_at and stretch.last <= over_at and stretch.last < now:
            continue  # it was seen before
        if unresolved and over_at and stretch.first - over_at > rule.settles_after:
            incidents.resolve(key=rule.key, over_at=over_at + rule.settles_after, now=now)
            unresolved = None
        if not unresolved:
            unresolved = _open(rule, stretch, now)
        over_at = stretch.last
    # No value is no recovery: of a share of too few calls nobody knows.
    if unresolved and found.value is not None:
        # Before anybody was told it is over as soon as it is well.
        is_in_grace = unresolved.found_at <= now < unresolved.found_at + SIGNALS[rule.signal].grace
        ends_at = (over_at or now) + (timedelta() if is_in_grace else rule.settles_after)
        if ends_at <= now and (over_at or now) < now:
            incidents.resolve(key=rule.key, over_at=ends_at, now=now)
    AlertRule.objects.filter(pk=rule.pk).update(
        evaluated_until=now, last_value=found.value, last_words=found.words[:300], over_at=over_at, problem=""
    )
    _keep_peak(rule, found, now)
    return True


def _open(rule: AlertRule, stretch: Stretch, now: datetime) -> Incident:
    incidents.open_incident(
        key=rule.key,
        summary=f"{rule.name}: {stretch.words}",
        severity=incidents.Severity(rule.severity),
        action=incidents.Action(rule.action),
        began_at=stretch.first,
        grace=SIGNALS[rule.signal].grace,
        quiet_until=quiet_until(rule, now),
        now=now,
    )
    return Incident.objects.get(key=rule.key, resolved_at=None)


def _keep_peak(rule: AlertRule, found: Found, now: datetime) -> None:
    if found.value is None:
        return
    hour = AlertPeak.hour_of(now)
    kept = AlertPeak.objects.filter(rule=rule, hour=hour)
    if not kept.filter(value__gte=found.value).exists() and not kept.update(value=found.value):
        AlertPeak.objects.bulk_create([AlertPeak(rule=rule, hour=hour, value=found.value)])
