"""The workers' side of the portal as processes that a test may kill: broker, worker, scheduler."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests.sandbox_server import ENVIRONMENT, Sandbox
from tools.dev import environment, valkey
from tools.dev.demo import CELERY
from tools.dev.processes import Child, Children

# Minutes of an ordinary trouble in seconds; a lease stays longer than a call may take.
TIME_SPANS = {
    "VENDOR_TIMEOUT_SECONDS": "1",
    "SYNC_LEASE_SECONDS": "3",
    "SYNC_BACKOFF_SECONDS": "0.2",
    "SYNC_BACKOFF_MAX_SECONDS": "1",
    "SYNC_TRIES": "100",
    "SWEEP_SECONDS": "0.5",
    "JOIN_LINK_WAIT_SECONDS": "5",
}


class Workers:
    """Broker, worker and scheduler of the portal; the first two can be ended and started again."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self._folder = folder
        self._broker = ExitStack()
        self._children: list[Child] = []
        (folder / "run").mkdir(mode=0o700)
        self._env = {
            **os.environ,
            **{name: make() for name, make in environment.NEEDED.items()},
            **ENVIRONMENT,
            **TIME_SPANS,
            "DEMO": "1",
            "PUBLIC_BASE_URL": settings.PUBLIC_BASE_URL,
            **environment.vendors_at(sandbox.url),
            "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}",
            "REDIS_URL": valkey.address(folder / "run"),
        }

    def start_broker(self) -> None:
        valkey.start(self._broker.enter_context(Children()), self._folder, self._folder / "run", is_durable=False)

    def stop_broker(self) -> None:
        self._broker.close()

    def start_worker(self) -> None:
        self._worker = self._start("worker", "-P", "threads", "-c", "8", "--without-gossip", "--without-mingle")

    def kill_worker(self) -> None:
        """End the worker as a machine does that loses its power."""
        self._worker.process.kill()
        self._worker.process.wait()

    def start_scheduler(self) -> None:
        self._start("beat", "--pidfile=", "-s", str(self._folder / "beat-schedule"))

    def stop(self) -> None:
        for child in reversed(self._children):
            child.process.kill()
            child.stop()
        self.stop_broker()

    def _start(self, name: str, *options: str) -> Child:
        child = Child(name, [*CELERY, name, *options], env=self._env, folder=self._folder, is_shown=False)
        self._children.append(child)
        return child


@pytest.fixture
def workers(tmp_path: Path, sandbox: Sandbox, transactional_db: None) -> Iterator[Workers]:
    """Broker, worker and scheduler, at work on the tests' database and told of the sandbox as their vendors."""
    workers = Workers(tmp_path, sandbox)
    try:
        workers.start_broker()
        workers.start_worker()
        workers.start_scheduler()
        yield workers
    finally:
        workers.stop()
