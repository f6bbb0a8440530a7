"""What rules watch: each signal says what it finds now, and when it stood at the threshold since it was last asked."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum

from django.db.models import Q

from bookings.vendors import sync
from botaniqal.api import health
from botaniqal.integrations import subscriptions
from botaniqal.integrations.models import Subscription
from botaniqal.reports import figures
from botaniqal.reports.figures import Period
from botaniqal.shown import clinic_time, shown_length
from practitioners import nobody_free
from practitioners.models import OutsideCalendar
from services.prices import clinic_day

from .models import AlertRule, Watched
from .stretches import DAY, Stretch, of_moments

MINUTE = timedelta(minutes=1)
TENTH = Decimal("0.1")
NAMED = 3
"""So many are named in a sentence, the others are counted."""


class Unit(StrEnum):
    """What a value is counted in, and how it is written behind it."""

    NUMBER = ""
    PERCENT = " %"
    MINUTES = " min"


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found: the value now, None where there is none, in words, and when it was at the threshold."""

    value: Decimal | None
    words: str
    stretches: list[Stretch] = field(default_factory=list)


Look = Callable[[AlertRule, datetime, datetime], Found]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """
    Something that can be watched.

    ``look`` gets the rule, since when it was not looked at, and now. ``looks_back`` where rows tell what happened
    meanwhile; else only what is now is known. Nobody is told of what is well again within ``grace``.
    """

    meaning: str
    unit: Unit
    look: Look
    looks_back: bool = False
    grace: timedelta = timedelta()

    def shown(self, value: Decimal | None) -> str:
        """Write a value with its unit."""
        return "–" if value is None else f"{value.normalize():f}{self.unit}"


def _sync_failures(rule: AlertRule, since: datetime, now: datetime) -> Found:
    moments = list(sync.failed_tries(systems=sync.CALENDARS, after=since - rule.period, until=now))
    # A window that is as long as the period, and ends now.
    value = sum(moment > now - rule.period for moment in moments)
    length = shown_length(rule.period)
    stretches = [
        Stretch(first, last, f"{_tries(most)} to tell Calendly or Outlook of a booking failed within {length}.")
        for first, last, most in of_moments(moments, number=_whole(rule.threshold), period=rule.period, until=now)
        if last >= since
    ]
    return Found(Decimal(value), f"{_tries(value)} failed in the last {length}.", stretches)


def _nobody_free(rule: AlertRule, since: datetime, now: datetime) -> Found:
    kinds = nobody_free.types_without_times(now=now)
    if not kinds:
        return Found(Decimal(0), "Somebody is free for every appointment on offer.")
    days = nobody_free.AHEAD_DAYS
    return _state(rule, now, len(kinds), f"In {days} days nobody is free for {_named([str(kind) for kind in kinds])}.")


def _abandonment(rule: AlertRule, since: datetime, now: datetime) -> Found:
    days, today = rule.period_minutes // (24 * 60), clinic_day(now)
    stretches = []
    # A day that has ended meanwhile is looked at once more, whole.
    for n in range((today - clinic_day(since)).days, 0, -1):
        period = Period(today - n * DAY - (days - 1) * DAY, today - n * DAY)
        share, words = _share_given_up(rule, period, now)
        if share is not None and share >= rule.threshold:
            is_same_day = rule.over_at is not None and rule.over_at >= figures.day_start(period.last)
            first = _unbroken_since(rule, period.ends_at) if is_same_day else period.ends_at
            stretches.append(Stretch(first, period.ends_at, words))
    period = Period(today - (days - 1) * DAY, today)
    share, words = _share_given_up(rule, period, now)
    if share is not None and share >= rule.threshold:
        stretches.append(Stretch(_unbroken_since(rule, now), now, words))
    return Found(share, words, stretches)


def _share_given_up(rule: AlertRule, period: Period, now: datetime) -> tuple[Decimal | None, str]:
    given_up = figures.abandonment(period, now=now)
    when = "On" if period.first == period.last else "From"
    if given_up.whole < rule.smallest_number:
        return None, f"{when} {period} there were fewer than {rule.smallest_number} calls: too few for a share."
    share = (Decimal(100 * given_up.part) / given_up.whole).quantize(TENTH, ROUND_HALF_UP)
    return share, f"{when} {period} {given_up.part} of {given_up.whole} calls were given up, {share} %."


def _subscriptions(rule: AlertRule, since: datetime, now: datetime) -> Found:
    # One under a lease is being mended at this moment, mostly in a second.
    is_mended = Q(leased_until__gt=now)
    silent = list(subscriptions.silent(Subscription.objects.exclude(is_mended)))
    if not silent:
        return Found(Decimal(0), "All subscriptions are told of changes.")
    named = _named([row.get_vendor_display() for row in silent])
    return _state(rule, now, len(silent), f"{named} does not tell the portal of changes.")


def _stale_calendars(rule: AlertRule, since: datetime, now: datetime) -> Found:
    stale = list(OutsideCalendar.objects.stale(now).select_related("practitioner").order_by("practitioner__name"))
    if not stale:
        return Found(Decimal(0), "All calendars are fresh.")
    named = _named([row.practitioner.name for row in stale])
    return _state(rule, now, len(stale), f"The calendar could not be read for long: {named}.")


def _inbox_age(rule: AlertRule, since: datetime, now: datetime) -> Found:
    age = figures.inbox_age(now)
    if age < MINUTE:
        return _aged(rule, now, age, "No message of a vendor waits for long.")
    return _aged(rule, now, age, f"A message of a vendor has waited for {shown_length(age)}.")


def _worker_unseen(rule: AlertRule, since: datetime, now: datetime) -> Found:
    # Without a worker nothing is looked at: a gap between two looks is what was missed.
    gap = now - rule.evaluated_until if rule.evaluated_until else timedelta()
    if gap >= _minutes(rule.threshold):
        words = f"No worker was at work from {clinic_time(rule.evaluated_until)} to {clinic_time(now)}."
        return _aged(rule, now, gap, words)
    return _unseen(rule, now, health.WORKER)


def _beat_unseen(rule: AlertRule, since: datetime, now: datetime) -> Found:
    return _unseen(rule, now, health.BEAT)


def _unseen(rule: AlertRule, now: datetime, process: str) -> Found:
    name, seen_at = health.PROCESSES[process], health.seen()[process]
    if seen_at is None:
        return Found(None, f"No {name} was seen since Redis was emptied.")
    age = max(now - seen_at, timedelta())
    ago = "a moment ago" if age < MINUTE else f"{shown_length(age)} ago"
    return _aged(rule, now, age, f"The {name} was last seen {ago}.")


def _state(rule: AlertRule, now: datetime, count: int, words: str) -> Found:
    """Say what is so now."""
    value = Decimal(count)
    return Found(value, words, [Stretch(_unbroken_since(rule, now), now, words)] if value >= rule.threshold else [])


def _unbroken_since(rule: AlertRule, now: datetime) -> datetime:
    """What stood at the threshold at the last look and stands there now is taken to have stood there between."""
    stood_there = rule.over_at is not None and rule.over_at == rule.evaluated_until
    return min(rule.over_at, now) if stood_there else now


def _aged(rule: AlertRule, now: datetime, age: timedelta, words: str) -> Found:
    """Say how old something is; it tells by itself when it came of the threshold's age."""
    value = (Decimal(age / MINUTE)).quantize(TENTH, ROUND_HALF_UP)
    first = min(now - (age - _minutes(rule.threshold)), _unbroken_since(rule, now))
    return Found(value, words, [Stretch(first, now, words)] if value >= rule.threshold else [])


def _minutes(threshold: Decimal) -> timedelta:
    return float(threshold) * MINUTE


def _whole(threshold: Decimal) -> int:
    return int(threshold.to_integral_value(ROUND_CEILING))


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"


def _named(names: Collection[str]) -> str:
    """Name the first few, each once, and count the others."""
    distinct = list(dict.fromkeys(names))
    others = len(distinct) - NAMED
    return ", ".join(distinct[:NAMED]) + (f" and {others} more" if others > 0 else "")


SIGNALS: Mapping[str, Signal] = {
    Watched.SYNC_FAILURES: Signal(
        meaning="Tries to tell Calendly or Outlook of a booking that ended without success, to be tried again or left "
        "to a person, within the period.",
        unit=Unit.NUMBER,
        look=_sync_failures,
        looks_back=True,
    ),
    Watched.NOBODY_FREE: Signal(
        meaning=f"Appointments on offer for which nobody has a free time in the next {nobody_free.AHEAD_DAYS} days, or "
        "up to how far ahead they may be booked.",
        unit=Unit.NUMBER,
        look=_nobody_free,
    ),
    Watched.ABANDONMENT: Signal(
        meaning="Calls that were given up, of all calls of the period's days, today the last of them.",
        unit=Unit.PERCENT,
        look=_abandonment,
        looks_back=True,
    ),
    Watched.SUBSCRIPTIONS: Signal(
        meaning="Subscriptions that fell silent, were switched off or are gone at the vendor.",
        unit=Unit.NUMBER,
        look=_subscriptions,
        grace=timedelta(minutes=5),  # nearly all are made anew at once
    ),
    Watched.STALE_CALENDARS: Signal(
        meaning="Calendars of practitioners that could not be read for longer than they stay fresh.",
        unit=Unit.NUMBER,
        look=_stale_calendars,
    ),
    Watched.INBOX_AGE: Signal(
        meaning="How long the message of a vendor has waited that waits the longest to be worked.",
        unit=Unit.MINUTES,
        look=_inbox_age,
    ),
    Watched.WORKER_UNSEEN: Signal(
        meaning="How long ago a worker was seen. While none works nothing is looked at: what was missed is told when "
        "one is back, and /readyz tells it before.",
        unit=Unit.MINUTES,
        look=_worker_unseen,
    ),
    Watched.BEAT_UNSEEN: Signal(
        meaning="How long ago the scheduler was seen. While it rings for nothing, /readyz tells it.",
        unit=Unit.MINUTES,
        look=_beat_unseen,
    ),
}
