"""A server of the portal to measure, and clients that keep it busy."""

import os
import selectors
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


@dataclass
class Result:
    """What came back in one measurement."""

    seconds: float = 0
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, percent: int) -> float:
        """Milliseconds within which so many percent were answered."""
        return statistics.quantiles(self.milliseconds, n=100, method="inclusive")[percent - 1]

    def __str__(self) -> str:
        times = f"p50 {self.percentile(50):.1f} ms, p95 {self.percentile(95):.1f} ms, p99 {self.percentile(99):.1f} ms"
        return f"{self.rate:7,.0f}/s   {times}   {dict(self.statuses)}"


@contextmanager
def server(**environment: str) -> Iterator[int]:
    """Serve the portal and the bare views as in production, and give the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "8", "--backlog", "1024"]
    command += ["--port", str(port), "--log-level", "error", "botaniqal.wsgi:application"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "bench._settings"} | environment
    process = subprocess.Popen([sys.executable, "-m", *command], env=environment)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def get(path: str) -> bytes:
    """Write down a request for a page."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Write down a request that sends JSON."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def load(
    port: int,
    next_request: Callable[[], bytes | None],
    *,
    clients: int = CLIENTS,
    seconds: float = 3,
    keep: bool = False,
) -> Result:
    """
    Ask from several connections at once, until the time is over or there is nothing more to ask.

    One loop over plain sockets: a client that parses more would be slower than what it measures.
    """
    result, selector, open_requests = Result(), selectors.DefaultSelector(), 0
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]
    started = time.perf_counter()
    for connection in sockets:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if request := next_request():
            selector.register(connection, selectors.EVENT_READ, [time.perf_counter(), b""])
            connection.sendall(request)
            open_requests += 1
    while open_requests:
        for key, _ in selector.select(30):
            state = key.data
            state[1] += key.fileobj.recv(262_144)
            head, found, body = state[1].partition(b"\r\n\r\n")
            if not found or len(body) < _length(head):
                continue
            now = time.perf_counter()
            result.milliseconds.append((now - state[0]) * 1000)
            result.statuses[int(head[9:12])] += 1
            if keep:
                result.bodies.append(body)
            request = next_request() if now - started < seconds else None
            if request:
                state[:] = [now, b""]
                key.fileobj.sendall(request)
            else:
                selector.unregister(key.fileobj)
                open_requests -= 1
    result.seconds = time.perf_counter() - started
    for connection in sockets:
        connection.close()
    return result


def always(path: str) -> Callable[[], bytes]:
    """Ask for the same page again and again."""
    request = get(path)
    return lambda: request


def _length(head: bytes) -> int:
    place = head.lower().index(b"content-length:") + 15
    return int(head[place : head.find(b"\r", place) if b"\r" in head[place:] else None])


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
