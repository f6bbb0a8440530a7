"""Who watches the scheduler: without it nothing would ring for the look that finds it missing."""

from contextlib import suppress

from celery.bootsteps import StartStopStep
from celery.worker import WorkController
from django.conf import settings
from django.utils import timezone

from botaniqal.api import health
from botaniqal.celery import ring


class SchedulerWatch(StartStopStep):
    """Has a worker's own clock ring for the alerts for as long as the scheduler is not seen."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: WorkController) -> None:
        """Begin to watch."""
        self._watch = worker.timer.call_repeatedly(settings.ALERT_SECONDS, ring_if_silent)

    def stop(self, worker: WorkController) -> None:
        """Watch no more."""
        self._watch.cancel()


def ring_if_silent() -> None:
    """Ring for the alerts where the scheduler does not."""
    with suppress(health.NoMarks):
        if health.is_silent(health.seen()[health.BEAT], timezone.now()):
            ring("evaluate_alerts")
