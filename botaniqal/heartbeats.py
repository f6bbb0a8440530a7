"""The marks of worker and scheduler, each its own: that one stands still must not look like the fault of the other."""

import time
from typing import Any

from celery.beat import PersistentScheduler
from celery.bootsteps import StartStopStep
from celery.worker import WorkController

from botaniqal.api import health

EVERY_SECONDS = 10


class WorkerSeen(StartStopStep):
    """Has a worker's own clock leave its mark for as long as the worker works."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: WorkController) -> None:
        """Leave the first mark, and the others."""
        health.mark(health.WORKER)
        self._marks = worker.timer.call_repeatedly(EVERY_SECONDS, health.mark, (health.WORKER,))

    def stop(self, worker: WorkController) -> None:
        """Leave no more."""
        self._marks.cancel()


class SeenScheduler(PersistentScheduler):
    """Celery's scheduler, which leaves its mark while it looks for what is due."""

    _marked_at = float("-inf")

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Ring what is due."""
        if time.monotonic() - self._marked_at >= EVERY_SECONDS / 2:
            self._marked_at = time.monotonic()
            health.mark(health.BEAT)
        return super().tick(*args, **kwargs)
