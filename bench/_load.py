"""A server of the portal to measure, and clients that keep it busy."""

import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

CLIENTS = 16
LONGEST_ANSWER = 30  # seconds

Requests = Callable[[], bytes | None]
"""Gives the next request, or None when there is nothing more to ask."""


@dataclass
class Result:
    """What came back in one measurement."""

    seconds: float = 0
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, percent: int) -> float:
        """Milliseconds within which so many percent were answered."""
        return statistics.quantiles(self.milliseconds, n=100, method="inclusive")[percent - 1]

    def expect(self, status: int) -> "Result":
        """Refuse a measurement of anything else than this answer."""
        if set(self.statuses) != {status}:
            raise SystemExit(f"Only {status} was expected; there came {dict(self.statuses)}.")
        return self


@contextmanager
def server() -> Iterator[int]:
    """Serve the portal and the bare views as in production, and give the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "8", "--backlog", "1024"]
    command += ["--port", str(port), "--log-level", "error", "botaniqal.wsgi:application"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "bench._settings"}
    process = subprocess.Popen([sys.executable, "-m", *command], env=environment)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # whoever ends us ends the server too
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def get(path: str) -> bytes:
    """Write down a request for a page."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """Write down a request that sends JSON."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def always(request: bytes) -> Requests:
    """Ask the same again and again."""
    return lambda: request


def each(requests: Iterator[bytes]) -> Requests:
    """Ask one after the other, until there are no more."""
    return lambda: next(requests, None)


def load(
    port: int,
    next_request: Requests,
    *,
    clients: int = CLIENTS,
    seconds: float = 1,
    per_second: float | None = None,
) -> Result:
    """
    Ask from several connections at once, until the time is over or there is nothing more to ask.

    Each connection asks again as soon as it has its answer; with ``per_second``, requests are due at a constant rate
    and their time counts from when they were due, so that waiting for a free connection counts too.

    One loop over plain sockets: a client that parses more would be slower than what it measures.
    """
    result, selector, asked, is_more = Result(), selectors.DefaultSelector(), 0, True
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]
    for connection in idle:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    started = now = time.perf_counter()
    while True:
        while is_more and idle:
            due = started + asked / per_second if per_second else now
            if due > now:
                break
            request = next_request() if due < started + seconds else None
            if request is None:
                is_more = False
                break
            connection = idle.pop(0)  # in turn: a server closes a connection that is not used for long
            selector.register(connection, selectors.EVENT_READ, [due, b""])
            connection.sendall(request)
            asked += 1
        if not is_more and len(idle) == clients:
            break
        for key, _ in selector.select(due - now if is_more and idle else LONGEST_ANSWER):
            state = key.data
            received = key.fileobj.recv(262_144)
            if not received:
                raise SystemExit("The server closed a connection.")
            state[1] += received
            head, found, body = state[1].partition(b"\r\n\r\n")
            if not found or len(body) < _length(head):
                continue
            result.milliseconds.append((time.perf_counter() - state[0]) * 1000)
            result.statuses[int(head[9:12])] += 1
            selector.unregister(key.fileobj)
            idle.append(key.fileobj)
        now = time.perf_counter()
    result.seconds = now - started
    for connection in idle:
        connection.close()
    return result


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])


def _wait_for(port: int, process: subprocess.Popen) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"The server ended with {process.returncode}.")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("The server did not start.")
