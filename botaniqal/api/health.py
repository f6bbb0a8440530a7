"""
Whether the portal is alive and ready for work: the marks that its processes leave, how its jobs last ran, the checks.

Marks and runs lie in Redis, in the cache, where every machine sees them. They are seen by everybody and kept by nobody:
a Redis that was emptied knows none until the next one comes.
"""

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import redis
from celery.schedules import maybe_schedule
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

from botaniqal.celery import app

WORKER, BEAT = "worker", "beat"
PROCESSES = {WORKER: "worker", BEAT: "scheduler"}
"""Who leaves a mark, and what people call it."""
SILENT_AFTER = timedelta(seconds=60)
LATE_AFTER = timedelta(minutes=2)
LONGEST_RUN = timedelta(minutes=15)
PROBE_SECONDS = 2.0


class NotReady(Exception):
    """Something that the portal needs is missing."""


class NoMarks(Exception):
    """Redis, where processes and jobs leave their marks, does not answer."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a periodic job last ran; `did` counts what got done, `failed_with` names the kind of error."""

    name: str
    began_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    did: int = 0
    failed_with: str = ""
    is_late: bool = False

    @property
    def is_running(self) -> bool:
        """True from its beginning to its end, also when it was cut off meanwhile."""
        return self.began_at is not None and (self.ended_at is None or self.ended_at < self.began_at)


def mark(process: str) -> None:
    """Note that a process does its work; that Redis is away for a moment keeps nobody from it."""
    with suppress(redis.RedisError):
        cache.set(f"seen:{process}", timezone.now(), timeout=None)


def seen() -> dict[str, datetime | None]:
    """
    Tell when the worker and the scheduler were last seen.

    :raises NoMarks: nobody knows.
    """
    marks = _read([f"seen:{process}" for process in PROCESSES])
    return {process: marks.get(f"seen:{process}") for process in PROCESSES}


def is_silent(seen_at: datetime | None, now: datetime) -> bool:
    """Tell whether a process was not seen for too long."""
    return seen_at is None or now - seen_at > SILENT_AFTER


@contextmanager
def noted(name: str) -> Iterator[dict[str, int]]:
    """Note that a job began, and how it ended; whoever runs it puts into ``did`` how much got done."""
    began_at, started = timezone.now(), time.monotonic()
    told = {"did": 0}
    ended: dict[str, object] = {"failed_with": ""}
    with suppress(redis.RedisError):
        cache.set(f"began:{name}", began_at, timeout=None)
    try:
        yield told
    except BaseException as error:
        ended["failed_with"] = type(error).__name__
        raise
    finally:
        ended |= {"ended_at": timezone.now(), "seconds": time.monotonic() - started, **told}
        with suppress(redis.RedisError):
            cache.set(f"ended:{name}", ended, timeout=None)


def last_runs() -> dict[str, Run]:
    """
    Tell of each periodic job when it last began, when and how that ended, and whether the next run is late.

    :raises NoMarks: nobody knows.
    """
    schedules = {name: maybe_schedule(entry["schedule"], app=app) for name, entry in app.conf.beat_schedule.items()}
    marks = _read([f"{moment}:{name}" for name in schedules for moment in ("began", "ended")])
    runs = {}
    for name, schedule in schedules.items():
        run = Run(name=name, began_at=marks.get(f"began:{name}"), **marks.get(f"ended:{name}", {}))
        # What never ran may be new, or Redis was emptied.
        overdue = -schedule.remaining_estimate(run.began_at) if run.began_at else timedelta()
        runs[name] = replace(run, is_late=overdue > (LONGEST_RUN if run.is_running else LATE_AFTER))
    return runs


def _read(keys: list[str]) -> Mapping[str, Any]:
    try:
        return cache.get_many(keys)
    except redis.RedisError:
        raise NoMarks from None


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether everything that the portal needs is there, and what is missing."""
    checks = {name: {"ok": not why, "why": why} for name, why in outcomes().items()}
    is_ready = all(check["ok"] for check in checks.values())
    return JsonResponse(
        {"status": "ok" if is_ready else "not ready", "checks": checks},
        status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )


def outcomes() -> dict[str, str]:
    """Run all checks beside each other and say what each one misses, nothing where all is well; within two seconds."""
    with _starting:
        for name, check in CHECKS.items():
            if name not in _under_way or not _under_way[name].is_alive():
                _under_way[name] = _Attempt(check)
                _under_way[name].start()
        attempts = {name: _under_way[name] for name in CHECKS}
    until = time.monotonic() + PROBE_SECONDS
    for attempt in attempts.values():
        attempt.join(max(0, until - time.monotonic()))
    return {
        name: f"This could not be told within {PROBE_SECONDS:g} s." if attempt.is_alive() else attempt.why
        for name, attempt in attempts.items()
    }


class _Attempt(threading.Thread):
    """
    One run of a check, beside whoever asks, who goes on when it hangs.

    One that hangs is waited for again by the next who asks, so that they do not pile up.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__(daemon=True, name="check")
        self._check, self.why = check, ""

    def run(self) -> None:
        try:
            self._check()
        except NotReady as why:
            self.why = str(why)
        except NoMarks:
            self.why = "Redis, where marks are left, does not answer."
        except Exception as error:  # its text may quote addresses and passwords
            self.why = f"The check itself failed ({type(error).__name__})."
        finally:
            connections.close_all()


_starting = threading.Lock()
_under_way: dict[str, _Attempt] = {}


def _database() -> None:
    with _asking_the_database(), connection.cursor() as cursor:
        cursor.execute("select current_setting('transaction_read_only')")
        [is_read_only] = cursor.fetchone()
    if is_read_only == "on":
        raise NotReady("The database takes no changes: it is read-only.")


def _migrations() -> None:
    with _asking_the_database():
        applied = MigrationRecorder(connection).applied_migrations()
    missing = len(_migrations_here() - applied.keys())
    if missing:
        count = "1 migration is" if missing == 1 else f"{missing} migrations are"
        raise NotReady(f"{count} not applied. Run manage.py migrate.")


@functools.cache
def _migrations_here() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.nodes)


@contextmanager
def _asking_the_database() -> Iterator[None]:
    try:
        yield
    except DatabaseError:
        raise NotReady("The database does not answer.") from None


def _broker() -> None:
    patience = PROBE_SECONDS / 2
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.ping()
    except redis.RedisError:
        raise NotReady("Redis does not answer.") from None
    finally:
        client.close()


def _process(process: str) -> None:
    if is_silent(seen()[process], timezone.now()):
        raise NotReady(f"No {PROCESSES[process]} was seen for {SILENT_AFTER.total_seconds():g} s.")


def _jobs() -> None:
    late = [name for name, run in last_runs().items() if run.is_late]
    if late:
        raise NotReady(f"Late: {', '.join(sorted(late))}.")


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    WORKER: functools.partial(_process, WORKER),
    "scheduler": functools.partial(_process, BEAT),
    "jobs": _jobs,
}
"""What has to be there, by name; who knows more puts a check of its own here, which raises NotReady."""
