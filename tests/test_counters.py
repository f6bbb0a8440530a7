import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from pytest_django import Settings

from botaniqal import counters
from botaniqal.counters import FAMILIES, MOST_SUMS
from tests.stack import eventually, free_port

ROOT = Path(__file__).resolve().parents[1]
CALL = re.compile(r'counters\.(?:count|observe|timed)\(\s*"(\w+)"')
SEARCHES = ("availability_searches", "initial-gaps-60min", "none")
# What another process of the portal does, without a database and at the same Redis.
COUNTS = """
import sys, threading
from django.conf import settings
settings.configure(REDIS_URL=sys.argv[1], COUNTERS_PREFIX=sys.argv[2])
from botaniqal import counters
def count():
    for n in range(2_000):
        counters.count("availability_searches", appointment_type="initial-gaps-60min", found="none")
        counters.observe("vendor_call_duration_seconds", 0.3, vendor="Stripe", outcome="ok")
threads = [threading.Thread(target=count) for n in range(4)]
for each in threads: each.start()
for each in threads: each.join()
"""
# A server's processes, which are forked and ended by their parent.
SERVES = """
import os
from django.conf import settings
settings.configure(REDIS_URL=os.environ["REDIS_URL"], COUNTERS_PREFIX=os.environ["PREFIX"])
from botaniqal import counters
counters.FLUSH_SECONDS = 600
def application(environ, start_response):
    counters.count("availability_searches", appointment_type="initial-gaps-60min", found="none")
    start_response("200 OK", [])
    return [b"counted"]
"""


pytestmark = pytest.mark.usefixtures("counted")


def search(by: int = 1) -> None:
    counters.count("availability_searches", by, appointment_type="initial-gaps-60min", found="none")


def found() -> dict[tuple[str, ...], int]:
    counters.flush()
    return counters.read()


def asked(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return line.makefile("rb").read()
    except OSError:
        return b""


@contextmanager
def deaf(url: str) -> Iterator[int]:
    """Lead to Redis, but lose its answers from the first script on that it knows: any test may have it forget all."""
    there = urlsplit(url)
    hears = threading.Event()
    hears.set()

    def carry(source: socket.socket, target: socket.socket, *, is_answer: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if b"EVALSHA" in data:
                    hears.clear()
                if is_answer and data.startswith(b"-NOSCRIPT"):
                    hears.set()
                if hears.is_set() or not is_answer:
                    target.sendall(data)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection((there.hostname, there.port))
                open_ones.extend([near, far])
                for source, target, is_answer in ((near, far, False), (far, near, True)):
                    ends = {"source": source, "target": target, "is_answer": is_answer}
                    threading.Thread(target=carry, kwargs=ends, daemon=True).start()

    open_ones: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            for each in open_ones:
                each.close()


class TestCount:
    def test_adds_up(self):
        search()
        search(2)

        assert found() == {SEARCHES: 3}

    def test_never_goes_down(self):
        search(5)
        search(-3)

        assert found() == {SEARCHES: 5}

    def test_counts_what_it_knows_alone_and_never_raises(self):
        for unknown in ("patients_by_name", ""):
            counters.count(unknown, name="Leo")
        counters.count("availability_searches", colour="green", found="none")
        counters.count("availability_searches", found="none")
        counters.observe("availability_searches", "long", appointment_type="a", found="none")

        assert found() == {}

    def test_hands_over_by_itself_within_seconds(self):
        search()

        eventually(counters.read, within=5)

        assert counters.read() == {SEARCHES: 1}

    def test_holds_nobody_up(self):
        search()
        started = time.perf_counter()

        for _ in range(10_000):
            search()

        assert (time.perf_counter() - started) / 10_000 < 100e-6

    def test_is_called_with_names_that_are_known(self):
        code = [path.read_text() for path in ROOT.glob("*/**/*.py") if ".venv" not in path.parts]

        assert {name for text in code for name in CALL.findall(text)} <= set(FAMILIES)


class TestObserve:
    @pytest.mark.parametrize(
        ("seconds", "bucket"), [(-1, "0.05"), (0.05, "0.05"), (0.051, "0.1"), (60, "60.0"), (61, "+Inf")]
    )
    def test_finds_the_bucket(self, seconds: float, bucket: str):
        counters.observe("vendor_call_duration_seconds", seconds, vendor="Stripe", outcome="ok")

        name = ("vendor_call_duration_seconds", "Stripe", "ok")
        assert found() == {(*name, bucket): 1, (*name, "sum"): int(max(seconds, 0) * 1_000_000)}

    def test_times_a_block_that_says_what_came_of_it(self):
        with pytest.raises(ZeroDivisionError), counters.timed("bell_duration_seconds", bell="remind", outcome="failed"):
            _ = 1 / 0
        with counters.timed("bell_duration_seconds", bell="remind", outcome="failed") as labels:
            labels["outcome"] = "ok"

        outcomes = {key[2]: number for key, number in found().items() if key[-1] == "0.05"}
        assert outcomes == {"failed": 1, "ok": 1}


class TestProcesses:
    def test_of_several_with_threads_nothing_is_lost_and_nothing_counts_twice(self, settings: Settings):
        command = [sys.executable, "-c", COUNTS, settings.REDIS_URL, settings.COUNTERS_PREFIX]
        running = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]

        assert [each.wait(60) for each in running] == [0, 0, 0]

        call = ("vendor_call_duration_seconds", "Stripe", "ok")
        assert counters.read() == {SEARCHES: 24_000, (*call, "0.5"): 24_000, (*call, "sum"): 24_000 * 300_000}

    def test_that_are_forked_leave_their_parents_counts_to_it_and_hand_over_their_own(self):
        search(100)

        children = [get_context("fork").Process(target=search, args=(10,), daemon=True) for _ in range(3)]
        for each in children:
            each.start()
        for each in children:
            each.join(30)

        assert found() == {SEARCHES: 130}

    @pytest.mark.slow
    def test_that_serve_hand_over_when_they_are_ended(self, settings: Settings, tmp_path: Path):
        application = tmp_path / "counting_app.py"
        application.write_text(SERVES)
        port = free_port()
        granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "counting_app:application"]
        options = ["--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "error"]
        here = {"REDIS_URL": settings.REDIS_URL, "PREFIX": settings.COUNTERS_PREFIX}
        env = os.environ | here | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
        server = subprocess.Popen([*granian, *options], env=env)
        try:
            eventually(lambda: asked(port), within=30)
            for _ in range(19):
                assert asked(port)
            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0
        finally:
            server.kill()

        assert counters.read() == {SEARCHES: 20}


class TestRedis:
    def test_that_is_away_is_given_later_what_was_counted_meanwhile(self, settings: Settings):
        here = settings.REDIS_URL
        settings.REDIS_URL = "redis://127.0.0.1:9/0"
        search(1)
        counters.flush()
        search(2)
        counters.flush()
        with pytest.raises(redis.RedisError):
            counters.read()

        settings.REDIS_URL = here
        counters.flush()  # what it did not take before goes first, under its number

        assert found() == {SEARCHES: 3}

    def test_that_is_away_for_long_loses_what_is_too_much_and_the_loss_is_counted(self, settings: Settings):
        here = settings.REDIS_URL
        settings.REDIS_URL = "redis://127.0.0.1:9/0"
        for n in range(2 * MOST_SUMS + 7):  # what it was to take and did not, and as much on top
            counters.count("availability_searches", appointment_type=f"type-{n}", found="none")

        settings.REDIS_URL = here
        counters.flush()

        kept = sum(number for name, number in found().items() if name[0] == "availability_searches")
        lost = counters.read()[("counters_dropped",)]
        assert MOST_SUMS <= kept <= 2 * MOST_SUMS
        assert kept + lost == 2 * MOST_SUMS + 7

    def test_that_took_something_but_could_not_say_so_counts_it_once(self, settings: Settings):
        here = settings.REDIS_URL
        search(1)
        counters.flush()
        redis.Redis.from_url(here).script_flush()
        with deaf(here) as port:
            settings.REDIS_URL = f"redis://127.0.0.1:{port}/{here.rpartition('/')[2]}"
            search(5)
            counters.flush()
        settings.REDIS_URL = here
        # The process's own thread may be the one that hands over.
        assert eventually(lambda: counters.read() == {SEARCHES: 6}, within=5), (
            "it was taken, and only the answer was lost"
        )

        assert found() == {SEARCHES: 6}

    def test_that_has_counts_of_another_release_is_read_without_them(self, settings: Settings):
        search()
        counters.flush()
        store = redis.Redis.from_url(settings.REDIS_URL)
        others = {json.dumps(["former_name", "x"]): 1, json.dumps(["availability_searches", "one label"]): 1}
        store.hset(f"{settings.COUNTERS_PREFIX}:events", mapping=others)

        assert counters.read() == {SEARCHES: 1}


class TestBooks:
    def test_are_apart_from_the_events_and_known_by_their_beginning(self, settings: Settings):
        counters.write("searches:2026-11-22", "initial-gaps-60min", 2)
        search()
        counters.flush()

        since, entries = counters.read_book("searches:2026-11-22")

        assert entries == {"initial-gaps-60min": 2}
        assert counters.read() == {SEARCHES: 1}
        redis.Redis.from_url(settings.REDIS_URL).delete(f"{settings.COUNTERS_PREFIX}:searches:2026-11-22")
        counters.write("searches:2026-11-22", "initial-gaps-60min")
        counters.flush()
        assert counters.read_book("searches:2026-11-22")[0] not in ("", since)

    def test_are_forgotten_when_nobody_writes(self, settings: Settings):
        search()
        counters.flush()

        store = redis.Redis.from_url(settings.REDIS_URL)
        assert all(store.ttl(key) > 0 for key in store.keys(f"{settings.COUNTERS_PREFIX}:*"))
