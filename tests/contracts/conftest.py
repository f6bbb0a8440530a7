"""
Every request of ours against the vendors' contracts, which Prism serves and holds us to.

Prism answers a request that breaks its contract with 422, which no vendor does: the clients make a refusal of it.
JotForm publishes no contract: what its client asks is tested in tests/integrations/test_jotform.py alone.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

REPOSITORY = Path(__file__).parent.parent.parent
SPECS = Path(os.environ.get("CONTRACT_SPECS", REPOSITORY.parent / "shared" / "specs"))
PRISM = Path(os.environ.get("PRISM_BIN", REPOSITORY / "node_modules" / ".bin" / "prism"))
START_SECONDS = 60


MISSING = "CONTRACT_SPECS" if not SPECS.is_dir() else "Prism (npm ci)" if not PRISM.exists() else None
collect_ignore_glob = ["test_*.py"] if MISSING else []


def pytest_configure(config: pytest.Config) -> None:
    """Say once that the contracts are left out, where they or Prism are not at hand."""
    if MISSING:
        config.issue_config_time_warning(pytest.PytestWarning(f"The contract tests are left out: no {MISSING}."), 2)


@pytest.fixture(scope="session")
def calendly_url() -> Iterator[str]:
    with prism("calendly") as url:
        yield url


@pytest.fixture(scope="session")
def medirecords_url() -> Iterator[str]:
    with prism("medirecords") as url:
        yield url


@pytest.fixture(scope="session")
def pagerduty_url() -> Iterator[str]:
    with prism("pagerduty") as url:
        yield url


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[requests.Response]:
    """Hear every answer as it came: a client may take a refusal for "gone", and does so with a path that is none."""
    heard: list[requests.Response] = []
    send = requests.Session.send

    def listen(*args: Any, **kwargs: Any) -> requests.Response:
        heard.append(send(*args, **kwargs))
        return heard[-1]

    monkeypatch.setattr(requests.Session, "send", listen)
    return heard


def breaches(answers: Iterable[requests.Response]) -> list[str]:
    """List what Prism found against the requests that it was sent."""
    return [
        f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {answer.headers.get('sl-violations')}"
        for answer in answers
        if not answer.ok or "sl-violations" in answer.headers
    ]


def untested(client: type, operations: Iterable[Callable[..., Any]]) -> set[str]:
    """Name the public members of a client that none of these operations mentions."""
    public = {name for name in vars(client) if not name.startswith("_")}
    return public - {name for operation in operations for name in operation.__code__.co_names}


@contextmanager
def prism(name: str) -> Iterator[str]:
    """Serve one vendor's contract, as an address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PRISM, "mock", "--errors", "-h", "127.0.0.1", "-p", str(port), SPECS / f"{name}.yaml"]
    # A group of its own, because Prism starts its server as a child.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until_open(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def wait_until_open(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("Prism did not start; its standard error says why.")
