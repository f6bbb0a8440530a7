import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from botaniqal.api import health

NAMES = ["database", "migrations", "broker", "worker", "scheduler", "jobs", "alerts"]


@pytest.fixture(autouse=True)
def own_cache(settings):
    """Keep away from the marks of workers elsewhere."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}


@pytest.fixture
def at_work(own_cache):
    """A worker and a scheduler that do what they are for."""
    health.mark(health.WORKER)
    health.mark(health.BEAT)


@pytest.fixture
def hole():
    """A door that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class TestHealthz:
    def test_answers_without_a_database(self, api):
        answer = api.get("/healthz")  # pytest-django refuses the database to this test

        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    def test_is_for_reading(self, api):
        assert api.post("/healthz").status_code == 405


@pytest.mark.django_db
class TestReadyz:
    def test_is_ready_when_everything_is_there(self, api, at_work):
        answer = api.get("/readyz")

        assert answer.json() == {"status": "ok", "checks": {name: {"ok": True, "why": ""} for name in NAMES}}
        assert answer.status_code == 200

    def test_tells_worker_and_scheduler_apart(self, api, time_machine):
        time_machine.move_to(timezone.now())
        health.mark(health.BEAT)
        time_machine.shift(health.SILENT_AFTER / 2)
        health.mark(health.WORKER)
        time_machine.shift(health.SILENT_AFTER / 2 + timedelta(seconds=1))

        answer = api.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["checks"]["worker"]["ok"]
        assert answer.json()["checks"]["scheduler"] == {"ok": False, "why": "No scheduler was seen for 60 s."}

    def test_misses_the_broker(self, api, at_work, settings):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        answer = api.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["checks"]["broker"] == {"ok": False, "why": "Redis does not answer."}

    def test_names_jobs_that_are_late(self, api, time_machine):
        time_machine.move_to(timezone.now())
        with health.noted("work_inbox"):
            pass
        time_machine.shift(health.LATE_AFTER + timedelta(seconds=settings.SWEEP_SECONDS + 1))

        assert api.get("/readyz").json()["checks"]["jobs"]["why"] == "Late: work_inbox."

    def test_is_not_held_up_by_a_redis_that_hangs(self, api, settings, hole):
        redis = f"redis://127.0.0.1:{hole}/0"
        settings.REDIS_URL = redis
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis}}

        begun, threads = time.monotonic(), threading.active_count()
        answers = [api.get("/readyz") for _ in range(2)]

        assert time.monotonic() - begun < 2 * health.PROBE_SECONDS + 1
        assert answers[-1].json()["checks"]["worker"]["why"] == "This could not be told within 2 s."
        assert answers[-1].json()["checks"]["database"]["ok"]
        assert threading.active_count() - threads <= 3, "those that hang are asked once"

    def test_is_not_held_up_by_a_database_that_hangs(self, api, at_work, settings, hole, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        monkeypatch.setitem(connection.settings_dict, "PORT", str(hole))

        begun = time.monotonic()
        answer = api.get("/readyz")

        assert time.monotonic() - begun < health.PROBE_SECONDS + 1
        assert not answer.json()["checks"]["database"]["ok"]
        assert answer.json()["checks"]["worker"]["ok"]

    def test_says_that_the_database_takes_no_changes(self, api, at_work, monkeypatch):
        options = connection.settings_dict["OPTIONS"]
        monkeypatch.setitem(options, "options", f"{options['options']} -c default_transaction_read_only=on")

        answer = api.get("/readyz")

        assert answer.json()["checks"]["database"]["why"] == "The database takes no changes: it is read-only."

    def test_misses_a_migration(self, api, at_work):
        [latest] = MigrationLoader(connection).graph.leaf_nodes("triage")
        beside(MigrationRecorder.record_unapplied, *latest)
        try:
            answer = api.get("/readyz")
        finally:
            beside(MigrationRecorder.record_applied, *latest)

        assert answer.status_code == 503
        assert answer.json()["checks"]["migrations"]["why"] == "1 migration is not applied. Run manage.py migrate."


def beside(change, *names):
    """Change which migrations are applied outside the test's transaction, where a check sees it."""

    def run():
        change(MigrationRecorder(connection), *names)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


class TestLastRuns:
    def test_tell_how_a_job_ended(self):
        with health.noted("remind") as told:
            told["did"] = 3

        run = health.last_runs()["remind"]

        assert (run.did, run.failed_with, run.is_running, run.is_late) == (3, "", False, False)
        assert run.began_at <= run.ended_at
        assert 0 <= run.seconds < 1

    def test_name_the_kind_of_error_and_not_its_words(self):
        with pytest.raises(ValueError, match="Leo"), health.noted("remind"):
            raise ValueError("Leo Martin")

        assert health.last_runs()["remind"].failed_with == "ValueError"

    def test_keep_the_former_end_while_the_next_goes_on(self):
        with health.noted("remind"):
            pass
        with health.noted("remind"):
            run = health.last_runs()["remind"]

        assert run.is_running
        assert run.ended_at < run.began_at

    def test_are_late_once_the_next_should_have_begun(self, time_machine):
        time_machine.move_to(timezone.now())
        with health.noted("remind"):
            pass

        time_machine.shift(timedelta(seconds=60) + health.LATE_AFTER - timedelta(seconds=5))
        early = health.last_runs()["remind"].is_late
        time_machine.shift(timedelta(seconds=10))

        assert (early, health.last_runs()["remind"].is_late) == (False, True)

    def test_know_what_is_done_by_the_clock(self, time_machine):
        time_machine.move_to(datetime(2026, 10, 3, 17, 31, tzinfo=UTC))
        with health.noted("purge_inbox"):
            pass

        time_machine.move_to(datetime(2026, 10, 4, 17, 29, tzinfo=UTC))
        early = health.last_runs()["purge_inbox"].is_late
        time_machine.move_to(datetime(2026, 10, 4, 17, 35, tzinfo=UTC))

        assert (early, health.last_runs()["purge_inbox"].is_late) == (False, True)

    def test_say_nothing_of_what_never_ran(self):
        run = health.last_runs()["remind"]

        assert (run.began_at, run.ended_at, run.is_running, run.is_late) == (None, None, False, False)


class TestSeen:
    def test_knows_nobody_at_first(self):
        assert health.seen() == {"worker": None, "beat": None}
        assert health.is_silent(None, timezone.now())

    def test_says_so_when_nobody_knows(self, settings):
        settings.CACHES = {
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
        }

        health.mark(health.WORKER)  # a mark that cannot be left disturbs nobody

        with pytest.raises(health.NoMarks):
            health.seen()
