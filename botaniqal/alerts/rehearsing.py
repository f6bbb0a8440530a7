"""What a rule would say: now, and of the last week; nothing is opened, nobody is told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from botaniqal.shown import clinic_time, shown_length

from . import evaluating, telling
from .models import AlertPeak, AlertRule
from .signals import SIGNALS
from .stretches import Stretch

WEEK = timedelta(days=7)
NAMED = 5


def rehearse(rule: AlertRule, *, now: datetime) -> str:
    """Say in words what a rule finds now, what it would have opened in the last week, and who would not be told."""
    signal = SIGNALS[rule.signal]
    found = evaluating.look(rule, since=now - WEEK, now=now)
    is_over = found.value is not None and found.value >= rule.threshold
    said = [
        found.words,
        f"{'It would open' if is_over else 'It would stay quiet'}: it opens from {signal.shown(rule.threshold)} on.",
    ]
    if until := evaluating.quiet_until(rule, now):
        said.append(f"It is muted until {clinic_time(until)}.")
    said.append(_past(rule, now, found.stretches) if signal.looks_back else _known_past(rule, now))
    if nobody := telling.why_nobody(rule.action):
        said.append(nobody)
    return " ".join(said)


def _past(rule: AlertRule, now: datetime, stretches: list[Stretch]) -> str:
    opened = list(_episodes(rule, stretches))
    if not opened:
        return "In the last 7 days it would not have opened."
    lasted = [f"{clinic_time(each.first)} ({shown_length(each.last - each.first)})" for each in opened[-NAMED:]]
    times = "once" if len(opened) == 1 else f"{len(opened)} times"
    which = "" if len(opened) <= NAMED else "lastly "
    return f"In the last 7 days it would have opened {times}, {which}on {', '.join(lasted)}."


def _episodes(rule: AlertRule, stretches: list[Stretch]) -> Iterator[Stretch]:
    """Join what lies closer together than it takes to be over."""
    current: Stretch | None = None
    for stretch in stretches:
        if current is None:
            current = stretch
        elif stretch.first - current.last <= rule.settles_after:
            current = replace(current, last=max(current.last, stretch.last))
        else:
            yield current
            current = stretch
    if current:
        yield current


def _known_past(rule: AlertRule, now: datetime) -> str:
    """What nobody can look at any more is known as far as it was looked at then."""
    peaks = AlertPeak.objects.filter(rule=rule, hour__gte=now - WEEK)
    if not peaks.exists():
        return "What it stood at before is not known: it was never looked at."
    reached = list(peaks.filter(value__gte=rule.threshold).order_by("hour").values_list("hour", flat=True))
    if not reached:
        return "In the last 7 days it never reached that."
    hours = "1 hour" if len(reached) == 1 else f"{len(reached)} hours"
    return f"In the last 7 days it reached that in {hours}, lastly in the one from {clinic_time(reached[-1])} on."
