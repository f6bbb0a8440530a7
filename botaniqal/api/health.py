"""Whether the portal is alive, and whether it is ready for work."""

from collections.abc import Callable
from http import HTTPStatus

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

WORKER_SEEN = "worker-seen"
WORKER_SILENT_AFTER_SECONDS = 60


class NotReady(Exception):
    """Something that the portal needs is missing."""


def heartbeat() -> None:
    """Note that a worker does its work; the scheduler rings for this."""
    cache.set(WORKER_SEEN, timezone.now().isoformat(), timeout=WORKER_SILENT_AFTER_SECONDS)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether everything that the portal needs is there, and what is missing."""
    checks = {name: _outcome(check) for name, check in CHECKS.items()}
    is_ready = all(check["ok"] for check in checks.values())
    return JsonResponse(
        {"status": "ok" if is_ready else "not ready", "checks": checks},
        status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )


def _outcome(check: Callable[[], None]) -> dict[str, object]:
    try:
        check()
    except NotReady as why:
        return {"ok": False, "why": str(why)}
    return {"ok": True, "why": ""}


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        raise NotReady("The database does not answer.") from None


def _migrations() -> None:
    try:
        executor = MigrationExecutor(connection)
        open_ones = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        raise NotReady("The database does not answer.") from None
    if open_ones:
        count = "1 migration is" if len(open_ones) == 1 else f"{len(open_ones)} migrations are"
        raise NotReady(f"{count} not applied. Run manage.py migrate.")


def _broker() -> None:
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1).ping()
    except redis.RedisError:
        raise NotReady("Redis does not answer.") from None


def _worker() -> None:
    try:
        seen = cache.get(WORKER_SEEN)
    except redis.RedisError:
        raise NotReady("Redis, where workers leave their mark, does not answer.") from None
    if not seen:
        raise NotReady(f"No worker was seen for {WORKER_SILENT_AFTER_SECONDS} s.")


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "worker": _worker,
}
