from uuid import uuid4

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from botaniqal import tasks


@pytest.fixture(autouse=True)
def own_cache(settings):
    """Keep away from the marks of workers elsewhere."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}


@pytest.fixture
def worker(own_cache):
    """A worker that does what the scheduler asks for."""
    tasks.show_life()


class TestHealthz:
    def test_answers_without_a_database(self, api):
        answer = api.get("/healthz")  # pytest-django refuses the database to this test

        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    def test_is_for_reading(self, api):
        assert api.post("/healthz").status_code == 405


@pytest.mark.django_db
class TestReadyz:
    def test_is_ready_when_everything_is_there(self, api, worker):
        answer = api.get("/readyz")

        assert answer.status_code == 200
        assert answer.json() == {
            "status": "ok",
            "checks": {name: {"ok": True, "why": ""} for name in ("database", "migrations", "broker", "worker")},
        }

    def test_misses_a_worker(self, api):
        answer = api.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["checks"]["worker"] == {"ok": False, "why": "No worker was seen for 60 s."}

    def test_misses_a_migration(self, api, worker):
        [latest] = MigrationLoader(connection).graph.leaf_nodes("triage")
        MigrationRecorder(connection).record_unapplied(*latest)

        answer = api.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["checks"]["migrations"]["why"] == "1 migration is not applied. Run manage.py migrate."

    def test_misses_the_broker(self, api, worker, settings):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        answer = api.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["checks"]["broker"] == {"ok": False, "why": "Redis does not answer."}
