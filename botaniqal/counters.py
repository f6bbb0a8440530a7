"""
What happens, counted in Redis for all processes and machines together.

A process adds up in memory and hands its sums over each second, so that nobody who counts waits for anything. What is
handed over has a number, so that after an answer that did not come it is handed over again and counts once. A process
that is killed takes its last second with it.
"""

import json
import logging
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.util import Finalize
from uuid import uuid4

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

FLUSH_SECONDS = 1.0
REDIS_TIMEOUT_SECONDS = 0.5
# So many different sums wait in a process while Redis is away; what comes on top is only counted as lost.
MOST_SUMS = 5_000
KEPT_SECONDS = 30 * 86_400  # a book in which nobody wrote for so long is forgotten
KNOWN_SECONDS = 86_400  # how long Redis knows what a process handed over last
MICROSECONDS = 1_000_000
QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
EVENTS, SINCE, SUM, OVER = "events", "since", "sum", "+Inf"

HAND_OVER = """
local last, name, number = KEYS[1], ARGV[1], tonumber(ARGV[2])
if tonumber(redis.call('GET', last) or 0) >= number then return end
redis.call('SET', last, number, 'EX', ARGV[3])
for i = 2, #KEYS do
  redis.call('HSETNX', KEYS[i], 'since', name .. number)
  redis.call('EXPIRE', KEYS[i], ARGV[4])
  for field, by in pairs(cjson.decode(ARGV[i + 3])) do redis.call('HINCRBY', KEYS[i], field, by) end
end
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Family:
    """What is counted under one name, by which labels; with buckets it is timed, and the buckets are in seconds."""

    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


# No value of a label may come from outside as it is: each value makes a series that is kept.
FAMILIES = {
    "triage_sessions_created": Family("Calls planned, by how their consultation was booked.", ("source",)),
    "phone_bookings_created": Family("Visits booked on the phone.", ("appointment_type",)),
    "http_requests": Family("Requests answered.", ("view", "method", "status")),
    "http_request_duration_seconds": Family("How long an answer took.", ("view",), QUICK),
    "webhook_processing_time_seconds": Family(
        "How long a vendor's message took: to be answered, and later to be worked.",
        ("vendor", "stage", "outcome"),
        QUICK,
    ),
    "vendor_call_duration_seconds": Family("How long a call to a vendor took.", ("vendor", "outcome"), SLOW),
    "calendar_sync_failures": Family("Times that a vendor could not be told of a visit.", ("system",)),
    "availability_searches": Family("Searches for a free time.", ("appointment_type", "found")),
    "bell_duration_seconds": Family("How long a run of a job took.", ("bell", "outcome"), SLOW),
    "counters_dropped": Family("Counts lost because Redis was away for too long."),
}


def count(name: str, by: int = 1, /, **labels: str) -> None:
    """Count something under a name of ``FAMILIES``; never raises, and waits for nothing."""
    try:
        _tally.add(EVENTS, _field(name, labels), max(by, 0))
    except Exception as error:  # counting must not break what is counted
        log.warning("%s was not counted: %s", name, type(error).__name__)


def observe(name: str, seconds: float, /, **labels: str) -> None:
    """Note how long something took under a name of ``FAMILIES``; never raises, and waits for nothing."""
    try:
        buckets = FAMILIES[name].buckets
        place = bisect_left(buckets, seconds)
        bucket = OVER if place == len(buckets) else str(float(buckets[place]))
        _tally.add(EVENTS, _field(name, labels, bucket), 1)
        _tally.add(EVENTS, _field(name, labels, SUM), int(max(seconds, 0) * MICROSECONDS))
    except Exception as error:
        log.warning("%s was not counted: %s", name, type(error).__name__)


@contextmanager
def timed(name: str, /, **labels: str) -> Iterator[dict[str, str]]:
    """Note how long a block took; it may still change its labels, as when it knows what came of it."""
    started = time.perf_counter()
    try:
        yield labels
    finally:
        observe(name, time.perf_counter() - started, **labels)


def write(book: str, field: str, by: int = 1) -> None:
    """Add to a field of another book than that of events; never raises, and waits for nothing."""
    try:
        _tally.add(book, field, by)
    except Exception as error:
        log.warning("nothing was added to %s: %s", book, type(error).__name__)


def read() -> dict[tuple[str, ...], int]:
    """
    Read what was counted, each under its name, its labels' values and, of what is timed, its bucket or ``sum``.

    :raises redis.RedisError: Redis does not answer.
    """
    found = {}
    for field, number in read_book(EVENTS)[1].items():
        name, *values = json.loads(field)
        family = FAMILIES.get(name)
        # Another release may count under other names and labels.
        if family and len(values) == len(family.labels) + bool(family.buckets):
            found[name, *values] = number
    return found


def read_book(book: str) -> tuple[str, dict[str, int]]:
    """
    Read a book: the name that it got with its first entry, another one whenever Redis forgot it, and its fields.

    :raises redis.RedisError: Redis does not answer.
    """
    found = _redis().hgetall(_key(book))
    since = found.pop(SINCE, "")
    return since, {field: int(number) for field, number in found.items()}


def flush() -> None:
    """Hand over what this process has counted, without waiting for the second to end."""
    _tally.flush()


class _Tally:
    """What one process has counted and not handed over yet."""

    def __init__(self) -> None:
        self._lock, self._handing = threading.Lock(), threading.Lock()
        self._sums: dict[tuple[str, str], int] = {}
        self._lost = 0
        self._batch: dict[tuple[str, str], int] = {}
        self._name, self._number = uuid4().hex, 0
        self._is_running = self._is_away = False

    def add(self, book: str, field: str, by: int) -> None:
        """Add to a sum."""
        with self._lock:
            key = book, field
            if key in self._sums or len(self._sums) < MOST_SUMS:
                self._sums[key] = self._sums.get(key, 0) + by
            else:
                self._lost += 1
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, daemon=True, name="counters").start()
        # A worker that was forked runs these at its end, and not what is registered with atexit.
        Finalize(None, self.flush, exitpriority=1)

    def flush(self) -> None:
        """Hand over; what Redis did not confirm stays as it is, under its number, and goes first the next time."""
        with self._handing:
            if not self._batch:
                self._begin_batch()
            if not self._batch:
                return
            try:
                self._hand_over()
            except redis.RedisError as error:
                if not self._is_away:
                    log.warning("what was counted is kept until Redis takes it: %s", type(error).__name__)
                self._is_away = True
                return
            self._batch, self._is_away = {}, False

    def _begin_batch(self) -> None:
        with self._lock:
            self._batch, self._sums = self._sums, {}
            lost, self._lost = self._lost, 0
        if lost:
            key = EVENTS, _field("counters_dropped", {})
            self._batch[key] = self._batch.get(key, 0) + lost
        self._number += 1

    def _hand_over(self) -> None:
        books: dict[str, dict[str, str]] = {}
        for (book, field), by in self._batch.items():
            books.setdefault(book, {})[field] = str(by)  # Lua would write a large number as 1e+15
        keys = [_key(f"last:{self._name}"), *map(_key, books)]
        numbers = [self._name, self._number, KNOWN_SECONDS, KEPT_SECONDS]
        _redis().register_script(HAND_OVER)(keys, [*numbers, *map(json.dumps, books.values())])

    def _run(self) -> None:
        while True:
            time.sleep(FLUSH_SECONDS)
            try:
                self.flush()
            except Exception as error:  # the thread has to live as long as its process
                log.warning("what was counted was not handed over: %s", type(error).__name__)


def _field(name: str, labels: dict[str, str], *part: str) -> str:
    family = FAMILIES[name]
    if len(labels) != len(family.labels):
        raise KeyError(name)
    return _as_json(name, *(labels[label] for label in family.labels), *part)


@lru_cache(maxsize=MOST_SUMS)
def _as_json(*words: str) -> str:
    return json.dumps(words)


def _key(book: str) -> str:
    return f"{settings.COUNTERS_PREFIX}:{book}"


_clients: dict[str, redis.Redis] = {}


def _redis() -> redis.Redis:
    url = settings.REDIS_URL
    if url not in _clients:
        # Tried once more, because a connection that idled through a restart of Redis fails at its next use.
        _clients[url] = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
    return _clients[url]


_tally = _Tally()


def _begin_anew() -> None:
    """Begin with nothing in a forked process: what was counted before is its parent's to hand over."""
    global _tally
    _tally = _Tally()
    _clients.clear()


os.register_at_fork(after_in_child=_begin_anew)
