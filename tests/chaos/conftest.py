"""The workers' side of the portal as processes that a test may kill: broker, worker, scheduler."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from django.db import connection
from kombu import Connection

from botaniqal.celery import app
from tests.sandbox_server import ENVIRONMENT, Sandbox
from tests.stack import eventually, free_port
from tools.dev import demo, environment, valkey
from tools.dev.demo import CELERY
from tools.dev.processes import Child, Children

# Minutes of an ordinary trouble in seconds; a lease stays longer than a call may take.
TIME_SPANS = {
    "VENDOR_TIMEOUT_SECONDS": "2",
    "SYNC_LEASE_SECONDS": "5",
    "SYNC_BACKOFF_SECONDS": "0.2",
    "SYNC_BACKOFF_MAX_SECONDS": "1",
    "SYNC_TRIES": "100",
    "SWEEP_SECONDS": "0.5",
    "JOIN_LINK_WAIT_SECONDS": "5",
    "CALENDAR_POLL_SECONDS": "5",
    "CALENDAR_DEBOUNCE_SECONDS": "0.5",
    "SUBSCRIPTION_CHECK_SECONDS": "2",
}


class Workers:
    """Broker, worker and scheduler of the portal; the first two can be ended and started again."""

    def __init__(self, folder: Path, sandbox: Sandbox, database: str) -> None:
        self._folder = folder
        self._broker = ExitStack()
        self._children: list[Child] = []
        (folder / "run").mkdir(mode=0o700)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {
            **{name: make() for name, make in environment.NEEDED.items()},
            **os.environ,
            **ENVIRONMENT,
            **TIME_SPANS,
            "DEMO": "1",
            "PUBLIC_BASE_URL": self.url,
            **environment.vendors_at(sandbox.url),
            "DATABASE_URL": database,
            "REDIS_URL": valkey.address(folder / "run"),
        }

    @property
    def env(self) -> dict[str, str]:
        """The environment that all of them have."""
        return dict(self._env)

    def start(self, **settings: str) -> None:
        """Start broker, worker and scheduler, with other settings than those of all tests here."""
        self._env |= settings
        self.start_broker()
        self.start_worker()
        self.start_scheduler()

    def start_broker(self) -> None:
        valkey.start(self._broker.enter_context(Children()), self._folder, self._folder / "run", is_durable=False)

    def stop_broker(self) -> None:
        self._broker.close()

    def start_worker(self, *, threads: int = 8) -> None:
        options = ("-P", "threads", "-c", str(threads), "--without-gossip", "--without-mingle")
        self._worker = self._start("worker", *options)

    def kill_worker(self) -> None:
        """End the worker as a machine does that loses its power."""
        self._worker.process.kill()
        self._worker.process.wait()

    def ring(self, *bells: str) -> None:
        """Ring as the scheduler does."""
        address = self._env["REDIS_URL"].replace("unix://", "redis+socket://", 1)
        with Connection(address) as connection:
            for bell in bells:
                app.send_task(f"botaniqal.tasks.{bell}", connection=connection)

    def start_web(self) -> None:
        """Serve the portal, so that vendors can knock."""
        web = demo.server("botaniqal.wsgi", self.port, workers=1, threads=16)
        child = Child("web", web, env=self._env, folder=self._folder, is_shown=False)
        self._children.append(child)
        eventually(self._answers, within=30)

    def logs(self) -> str:
        """Read what all of them wrote down."""
        return "".join(path.read_text() for path in self._folder.rglob("*.log"))

    def start_scheduler(self) -> None:
        self._start("beat", "--pidfile=", "-s", str(self._folder / "beat-schedule"))

    def stop(self) -> None:
        for child in reversed(self._children):
            child.process.kill()
            child.stop()
        self.stop_broker()

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=1).ok
        except requests.RequestException:
            return False

    def _start(self, name: str, *options: str) -> Child:
        # A name of its own for each, so that none writes over what another wrote down.
        shown_as = f"{name}-{len(self._children)}"
        child = Child(shown_as, [*CELERY, name, *options], env=self._env, folder=self._folder, is_shown=False)
        self._children.append(child)
        return child


@pytest.fixture
def idle_workers(tmp_path: Path, sandbox: Sandbox, transactional_db: None) -> Iterator[Workers]:
    """What works on the tests' database and has the sandbox for its vendors, not started yet."""
    database = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"
    workers = Workers(tmp_path, sandbox, database)
    try:
        yield workers
    finally:
        workers.stop()


@pytest.fixture
def workers(idle_workers: Workers) -> Workers:
    """Broker, worker and scheduler, at work."""
    idle_workers.start()
    return idle_workers
