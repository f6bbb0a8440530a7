"""The Celery app, and the bell that tells a worker to look for owed work."""

import logging
import logging.config
import os
import queue
import threading
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging
from django.conf import settings
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "botaniqal.settings")

app = Celery("botaniqal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["botaniqal"], related_name="tasks")
# A bell may be lost, so it needs no receipt; one that waits for its receipt ends the worker whose broker goes away.
app.conf.task_queues = [Queue(app.conf.task_default_queue, no_ack=True)]
app.steps["worker"].add("botaniqal.heartbeats:WorkerSeen")
app.steps["worker"].add("botaniqal.alerts.watch:SchedulerWatch")

SWEPT = (
    "tell_calendly",
    "tell_outlook",
    "tell_medirecords",
    "tell_stripe",
    "compare_money",
    "read_calendly",
    "read_outlook",
    "keep_subscriptions",
    "tell_of_incidents",
    "send_messages",
    "work_inbox",
    "reconcile",
    "settle_drift",
    "mind_calls",
    "ask_for_forms",
    "lapse_unpaid",
    "send_portal_links",
    "offer_freed_times",
    "write_to_waitlists",
)
# A sweep that no worker took until the next one is of no use any more.
app.conf.beat_schedule = {
    name: {
        "task": f"botaniqal.tasks.{name}",
        "schedule": settings.SWEEP_SECONDS,
        "options": {"expires": settings.SWEEP_SECONDS},
    }
    for name in SWEPT
} | {
    # Days begin and bells get lost: what the publish check says of today stands within the minute.
    "check_catalogue": {"task": "botaniqal.tasks.check_catalogue", "schedule": 60, "options": {"expires": 60}},
    "evaluate_alerts": {
        "task": "botaniqal.tasks.evaluate_alerts",
        "schedule": settings.ALERT_SECONDS,
        "options": {"expires": settings.ALERT_SECONDS},
    },
    "remind": {"task": "botaniqal.tasks.remind", "schedule": 60, "options": {"expires": 60}},
    "write_demand": {"task": "botaniqal.tasks.write_demand", "schedule": 60, "options": {"expires": 60}},
    "make_metrics": {"task": "botaniqal.tasks.make_metrics", "schedule": 60, "options": {"expires": 60}},
    "close_days": {"task": "botaniqal.tasks.close_days", "schedule": 60, "options": {"expires": 60}},
    "forget_old_answers": {"task": "botaniqal.tasks.forget_old_answers", "schedule": 3600},
    "read_forms": {"task": "botaniqal.tasks.read_forms", "schedule": 3600},
    # By the clock: a day that began anew with every start would never end where it is started daily.
    "purge_inbox": {"task": "botaniqal.tasks.purge_inbox", "schedule": crontab(hour="17", minute="30")},
}

log = logging.getLogger(__name__)


@setup_logging.connect
def write_as_the_portal_does(**others: Any) -> None:
    """Have worker and scheduler write their lines as the settings say: Celery's own way quotes the words of errors."""
    logging.config.dictConfig(settings.LOGGING)


class Bell:
    """
    Ring for a worker without ever holding up the caller.

    What is owed stands in a row of the database, so a bell may be lost: the scheduler rings again within seconds. One
    thread a process publishes; a broker that is down or slow delays that thread alone, and a bell that waits already
    is not queued twice.
    """

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._names: set[str] = set()
        self._lock = threading.Lock()
        self._pid: int | None = None

    def ring(self, task: str) -> None:
        """Ask for one run of a task in ``botaniqal.tasks``."""
        with self._lock:
            if self._pid != os.getpid():  # threads do not survive a fork
                self._pid, self._waiting, self._names = os.getpid(), queue.SimpleQueue(), set()
                threading.Thread(target=self._publish, args=(self._waiting,), daemon=True, name="bell").start()
            if task in self._names:
                return
            self._names.add(task)
        self._waiting.put(task)

    def _publish(self, waiting: "queue.SimpleQueue[str]") -> None:
        while True:
            task = waiting.get()
            with self._lock:
                self._names.discard(task)
            try:
                app.send_task(f"botaniqal.tasks.{task}", retry=False, expires=60)
            except Exception as error:  # any broker trouble: the scheduler's sweep does the work
                log.warning("the broker did not take the bell %s: %s", task, type(error).__name__)


ring = Bell().ring
