import json
import time
from datetime import timedelta

import pytest
import redis
import time_machine
from django.conf import settings
from django.utils import timezone

from botaniqal.alerts import watch
from botaniqal.api import health
from botaniqal.celery import app, ring


@pytest.fixture
def broker():
    """The queue in which bells wait for a worker."""
    queue = redis.Redis.from_url(settings.REDIS_URL)
    queue.delete("celery")
    yield queue
    queue.delete("celery")


def rung(broker):
    """Which bells wait, others' among them, once one has come that was rung last."""
    ring("remind")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        names = [
            json.loads(message)["headers"]["task"].rpartition(".")[2] for message in broker.lrange("celery", 0, -1)
        ]
        if "remind" in names:
            return {name for name in names if name != "remind"}
        time.sleep(0.02)
    raise AssertionError("the bell was not heard")


class TestRingIfSilent:
    def test_rings_where_the_scheduler_does_not(self, broker):
        with time_machine.travel(timezone.now() - timedelta(minutes=2)):
            health.mark(health.BEAT)

        watch.ring_if_silent()

        assert "evaluate_alerts" in rung(broker)

    def test_leaves_it_to_the_scheduler_where_that_is_seen(self, broker):
        health.mark(health.BEAT)

        watch.ring_if_silent()

        assert "evaluate_alerts" not in rung(broker)

    def test_is_not_ended_by_a_redis_that_does_not_answer(self, broker, settings):
        settings.CACHES = {
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
        }

        watch.ring_if_silent()

        assert "evaluate_alerts" not in rung(broker)

    def test_is_done_by_every_worker(self):
        assert "botaniqal.alerts.watch:SchedulerWatch" in app.steps["worker"]
