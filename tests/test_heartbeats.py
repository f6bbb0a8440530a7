"""The marks of worker and scheduler."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from botaniqal.api import health
from botaniqal.celery import app
from botaniqal.heartbeats import SeenScheduler, WorkerSeen


@pytest.fixture(autouse=True)
def own_cache(settings: Settings) -> None:
    """Keep away from the marks of workers elsewhere."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}


class Clock:
    """A worker's own clock, which a test lets strike."""

    def __init__(self) -> None:
        self.strike: Callable[[], Any] | None = None

    def call_repeatedly(self, seconds: float, do: Callable[..., Any], arguments: tuple[Any, ...]) -> "Clock":
        """Take down what is to be done again and again."""
        self.strike = lambda: do(*arguments)
        return self

    def cancel(self) -> None:
        """Strike no more."""
        self.strike = None


class TestWorkerSeen:
    def test_leaves_its_mark_for_as_long_as_the_worker_works(self, time_machine) -> None:
        worker = SimpleNamespace(timer=Clock())
        step = WorkerSeen(worker)
        time_machine.move_to("2026-10-05T10:00:00+11:00", tick=False)
        step.start(worker)
        first = health.seen()[health.WORKER]
        time_machine.shift(10)
        worker.timer.strike()

        assert (health.seen()[health.WORKER] - first).total_seconds() == 10
        assert health.seen()[health.BEAT] is None

        step.stop(worker)
        assert worker.timer.strike is None

    def test_is_a_step_of_every_worker(self) -> None:
        assert "botaniqal.heartbeats:WorkerSeen" in app.steps["worker"]


class TestSeenScheduler:
    def test_leaves_its_mark_when_it_looks_what_is_due(self, tmp_path: Path) -> None:
        scheduler = SeenScheduler(app=app, lazy=True, schedule_filename=str(tmp_path / "schedule"))
        scheduler.setup_schedule()  # nothing of it is due yet

        scheduler.tick()
        scheduler.close()

        assert health.seen()[health.BEAT] is not None
        assert health.seen()[health.WORKER] is None

    def test_is_the_scheduler_in_use(self) -> None:
        assert app.conf.beat_scheduler == "botaniqal.heartbeats:SeenScheduler"
        assert app.conf.beat_max_loop_interval < health.SILENT_AFTER.total_seconds() / 2
