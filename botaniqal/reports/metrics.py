"""What Prometheus is told: counters as they stand, and figures, which are worked out once for all who ask."""

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import accumulate

import redis
from django.core.cache import cache
from django.db import DatabaseError, connections
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bookings.models import Booking, SyncRecord
from botaniqal import counters
from botaniqal.api.health import NoMarks

from .figures import one_look
from .gauges import GAUGES, PARTS, Sample

FRESH = timedelta(seconds=2)
KEPT_SECONDS = 90
"""Longer than from one bell to the next: only where no worker is, whoever asks after a pause waits for them."""
LONGEST_SECONDS = 10
"""Whoever works the figures out is given up after so long, and the next one does."""
KEPT, UNDER_WAY = "metrics:kept", "metrics:under-way"
UP, MADE_AT = "metrics_part_up", "metrics_made_timestamp_seconds"
# CloudWatch's agent drops histograms, so what the clinic's specification wants to see there is told twice.
AS_COUNTERS = {
    "webhook_processing_time_seconds": {
        "sum": "webhook_processing_time_spent_seconds",
        "count": "webhook_processing_time_messages",
    }
}
# Whoever asks for an increase does not see the first value of a series: what is watched begins before it happens.
FROM_ZERO: dict[str, list[tuple[str, ...]]] = {
    "triage_sessions_created": [(source,) for source in Booking.Source.values],
    "calendar_sync_failures": [(system,) for system in SyncRecord.System.values],
    "counters_dropped": [()],
}
ABOUT_ITSELF = {
    UP: counters.Family("1 where this part of the metrics could be told.", ("part",)),
    MADE_AT: counters.Family("When the figures were worked out."),
}

log = logging.getLogger(__name__)


class Portal(Collector):
    """Everything that the portal tells of itself."""

    def collect(self) -> Iterator[Metric]:
        """Tell it, each name also where there is nothing to say of it yet."""
        told, counted = _told(timezone.now()), {}
        try:
            counted = counters.read()
        except redis.RedisError:
            told = [*told, (UP, ("counters",), 0.0)]
        else:
            told = [*told, (UP, ("counters",), 1.0)]
        yield from _counters(counted)
        yield from _gauges(told)


def make(now: datetime) -> list[Sample]:
    """Work the figures out, and keep them for whoever asks."""
    told = _made(now)
    with suppress(redis.RedisError):
        cache.set(KEPT, (now, told), timeout=KEPT_SECONDS)
        cache.delete(UNDER_WAY)
    return told


def _gauges(told: list[Sample]) -> Iterator[Metric]:
    metrics = {
        name: GaugeMetricFamily(name, family.help, labels=family.labels)
        for name, family in (GAUGES | ABOUT_ITSELF).items()
    }
    for name, labels, value in told:
        metrics[name].add_metric(labels, value)
    yield from metrics.values()


def _counters(counted: dict[tuple[str, ...], int]) -> Iterator[Metric]:
    by_name: dict[str, dict[tuple[str, ...], int]] = {name: {} for name in counters.FAMILIES}
    for (name, *rest), number in counted.items():
        by_name[name][tuple(rest)] = number
    for name, numbers in by_name.items():
        family = counters.FAMILIES[name]
        if family.buckets:
            metric = _histogram(name, family, numbers)
            yield metric
            yield from _as_counters(metric, family)
        else:
            metric = CounterMetricFamily(name, family.help, labels=family.labels)
            for labels, number in (dict.fromkeys(FROM_ZERO.get(name, []), 0) | numbers).items():
                metric.add_metric(labels, number)
            yield metric


def _histogram(name: str, family: counters.Family, numbers: dict[tuple[str, ...], int]) -> Metric:
    metric = HistogramMetricFamily(name, family.help, labels=family.labels)
    places = [*(str(float(bucket)) for bucket in family.buckets), counters.OVER]
    for labels in dict.fromkeys(key[:-1] for key in numbers):
        reached = accumulate(numbers.get((*labels, place), 0) for place in places)
        seconds = numbers.get((*labels, counters.SUM), 0) / counters.MICROSECONDS
        metric.add_metric(labels, list(zip(places, reached, strict=True)), seconds)
    return metric


def _as_counters(timed: Metric, family: counters.Family) -> Iterator[Metric]:
    for part, name in AS_COUNTERS.get(timed.name, {}).items():
        metric = CounterMetricFamily(name, f"{family.help} The histogram's {part}.", labels=family.labels)
        for sample in timed.samples:
            if sample.name == f"{timed.name}_{part}":
                metric.add_metric(list(sample.labels.values()), sample.value)
        yield metric


def _told(now: datetime) -> list[Sample]:
    """
    Give the figures that are known. Older ones are worked out anew behind the answer, by one process for all.

    So nobody who scrapes waits for the reports' queries, and a storm of scrapes makes no more of them.
    """
    try:
        kept = cache.get(KEPT)
    except redis.RedisError:
        return _made(now)
    if not kept:
        return make(now)
    made_at, told = kept
    if now - made_at >= FRESH:
        with suppress(redis.RedisError):
            if cache.add(UNDER_WAY, 1, timeout=LONGEST_SECONDS):
                threading.Thread(target=_make_behind, daemon=True, name="metrics").start()
    return told


def _make_behind() -> None:
    try:
        make(timezone.now())
    finally:
        connections.close_all()


def _made(now: datetime) -> list[Sample]:
    told: list[Sample] = [(MADE_AT, (), now.timestamp())]
    for part, tell in PARTS.items():
        try:
            with one_look():
                told += [*tell(now), (UP, (part,), 1.0)]
        except (DatabaseError, NoMarks, redis.RedisError) as error:
            # What can be told is told: an outage is just when somebody looks.
            log.warning("metrics without %s: %s", part, type(error).__name__)
            told.append((UP, (part,), 0.0))
    return told
