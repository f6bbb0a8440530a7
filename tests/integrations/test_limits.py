import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
import redis
from pytest_django import Settings

from botaniqal.integrations import limits
from botaniqal.integrations.limits import Busy, Limit, pause, within

# What another process of the portal does, without a database and at the same Redis.
PROLOGUE = """
import sys, time, django
django.setup()
from django.conf import settings
from botaniqal.integrations.limits import Busy, Limit, within
settings.LIMITS_PREFIX = sys.argv[1]
"""
CALLS_AS_FAST_AS_IT_CAN = """
end = time.time() + 1.6
while time.time() < end:
    try:
        with within(Limit("vendor", [(5, 0.2), (12, 1)]), vendor="Vendor"):
            print(time.time(), flush=True)
    except Busy:
        pass
"""
HANGS = """
with within(Limit("vendor", at_once=1, place_seconds=0.7), vendor="Vendor"):
    print("in", flush=True)
    time.sleep(600)
"""


def started(code: str, settings: Settings) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROLOGUE + code, settings.LIMITS_PREFIX]
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "botaniqal.settings"}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def call(*some: Limit) -> None:
    with within(*some, vendor="Vendor"):
        pass


def refused(*some: Limit) -> Busy:
    with pytest.raises(Busy) as caught:
        call(*some)
    return caught.value


def as_soon_as_it_may(limit: Limit) -> float:
    """Ask again and again, and tell when the call was made."""
    patience = time.monotonic() + 10
    while time.monotonic() < patience:
        with suppress(Busy), within(limit, vendor="Vendor"):
            return time.time()
    raise AssertionError


def most_in(moments: list[float], seconds: float) -> int:
    """Count the most calls that any span of so many seconds holds."""
    return max(sum(1 for other in moments if 0 <= other - moment < seconds) for moment in moments)


@pytest.fixture
def store(settings: Settings) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as store:
        yield store


class TestWithin:
    def test_lets_a_call_through_without_any_limit(self, settings: Settings) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        call()

    def test_allows_as_many_as_the_window_says_and_no_more(self) -> None:
        limit = Limit("vendor", [(10, 60)], unit="bookings")
        for _ in range(10):
            call(limit)

        busy = refused(limit)

        assert str(busy) == "Waits for Vendor's limit: 10 bookings a minute."
        assert busy.seconds == pytest.approx(60, abs=2)

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(3600, "2 calls an hour"), (86400, "2 calls a day"), (90, "2 calls in 90 seconds"), (2.5, "in 2.5 seconds")],
    )
    def test_says_in_words_what_it_waits_for(self, seconds: float, words: str) -> None:
        limit = Limit("vendor", [(2, seconds)])
        call(limit)
        call(limit)

        assert words in str(refused(limit))

    def test_refills_no_sooner_than_the_window_has_passed(self) -> None:
        limit, moments = Limit("vendor", [(4, 0.5)]), []

        for _ in range(12):
            with within(limit, vendor="Vendor"):
                moments.append(time.time())

        assert most_in(moments, 0.5) == 4
        assert 1 <= moments[-1] - moments[0] < 3

    def test_keeps_to_every_window(self) -> None:
        limit, moments = Limit("vendor", [(2, 0.2), (3, 0.8)]), []

        for _ in range(6):
            with within(limit, vendor="Vendor"):
                moments.append(time.time())

        assert (most_in(moments, 0.2), most_in(moments, 0.8)) == (2, 3)

    def test_counts_a_call_from_its_end(self) -> None:
        limit = Limit("vendor", [(1, 0.4)])
        with within(limit, vendor="Vendor"):
            time.sleep(0.2)
            arrived = time.time()

        call(limit)

        assert time.time() - arrived >= 0.4

    def test_names_the_limit_that_takes_longest(self) -> None:
        wide, narrow = Limit("wide", [(1, 60)]), Limit("narrow", [(1, 3600)])
        call(wide, narrow)

        assert "an hour" in str(refused(wide, narrow))

    def test_uses_nothing_of_one_limit_where_another_refuses(self) -> None:
        wide, narrow = Limit("wide", [(3, 60)]), Limit("narrow", [(1, 60)])
        call(wide, narrow)
        refused(wide, narrow)
        refused(narrow, wide)

        call(wide)
        call(wide)

        refused(wide)

    def test_counts_a_call_once_when_redis_is_asked_twice(self) -> None:
        limit, places = Limit("vendor", [(1, 60)]), Limit("mailbox", at_once=1)

        limits._take("ticket", [limit, places], "Vendor")
        limits._take("ticket", [limit, places], "Vendor")

        refused(limit)
        refused(places)

    def test_holds_in_several_processes_at_once(self, settings: Settings) -> None:
        processes = [started(CALLS_AS_FAST_AS_IT_CAN, settings) for _ in range(2)]

        said = [process.communicate(timeout=30)[0] for process in processes]

        assert [process.returncode for process in processes] == [0, 0]
        moments = sorted(float(line) for lines in said for line in lines.split())
        assert most_in(moments, 0.2) <= 5
        assert most_in(moments, 1) <= 12 <= len(moments)

    def test_lets_only_so_many_in_at_once(self) -> None:
        limit, lock, inside, most = Limit("mailbox", at_once=3), threading.Lock(), [], []

        def work(number: int) -> None:
            with within(limit, vendor="Outlook"):
                with lock:
                    inside.append(number)
                    most.append(len(inside))
                time.sleep(0.02)
                with lock:
                    inside.remove(number)

        with ThreadPoolExecutor(12) as people:
            list(people.map(work, range(24)))

        assert len(most) == 24
        assert max(most) == 3

    def test_gives_up_on_a_place_that_is_long_in_coming(self) -> None:
        limit = Limit("mailbox", at_once=2)
        with within(limit, vendor="Outlook"), within(limit, vendor="Outlook"):
            busy = refused(limit)

        assert str(busy) == "Waits for Vendor's limit: 2 calls at once."
        assert busy.seconds == 1

    def test_gives_a_place_back_when_the_call_fails(self) -> None:
        limit = Limit("mailbox", at_once=1)
        with pytest.raises(ZeroDivisionError), within(limit, vendor="Outlook"):
            raise ZeroDivisionError

        call(limit)

    def test_takes_the_place_of_a_process_that_was_killed(self, settings: Settings) -> None:
        process = started(HANGS, settings)
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()

        call(Limit("vendor", at_once=1, place_seconds=0.7))

    def test_lets_the_lowest_rank_of_those_who_wait_go_first(self) -> None:
        limit = Limit("vendor", [(1, 2.5)])
        call(limit)
        for rank in range(4):
            refused(replace(limit, turn=(str(rank), rank)))
        faster = replace(limit, windows=[(1, 0.3)])
        asking = [replace(faster, turn=(str(rank), rank)) for rank in reversed(range(4))]

        with ThreadPoolExecutor(4) as people:
            last, third, second, first = people.map(as_soon_as_it_may, asking)

        assert first < second < third < last

    def test_tells_those_who_wait_when_it_is_their_turn(self) -> None:
        limit = Limit("vendor", [(2, 30), (4, 40)])
        call(limit)
        call(limit)

        waits = [refused(replace(limit, turn=(str(rank), rank))).seconds for rank in range(5)]

        assert waits == pytest.approx([30, 30, 40, 40, 40], abs=2)

    def test_keeps_no_turn_for_whoever_does_not_come_back(self, settings: Settings) -> None:
        settings.SWEEP_SECONDS = 0.1
        limit = Limit("vendor", [(1, 2.5)])
        call(limit)
        refused(replace(limit, turn=("soon", 1)))
        start = time.time()

        gone = as_soon_as_it_may(replace(limit, turn=("late", 2)))

        assert 2 < gone - start < 9

    def test_has_nobody_wait_long_on_account_of_others_alone(self) -> None:
        limit = Limit("vendor", [(1, 3600)], at_once=1)
        with within(Limit("vendor", at_once=1), vendor="Vendor"):
            refused(replace(limit, turn=("soon", 1)))

        assert refused(replace(limit, turn=("late", 2))).seconds == 60
        call(replace(limit, turn=("soon", 1)))

    def test_forgets_what_no_window_needs(self, store: redis.Redis, settings: Settings) -> None:
        limit = Limit("vendor", [(3, 0.05), (3, 0.1)])
        for _ in range(9):
            call(limit)

        assert store.zcard(f"{settings.LIMITS_PREFIX}:vendor:calls") <= 4

    def test_leaves_nothing_for_ever(self, store: redis.Redis, settings: Settings) -> None:
        limit = Limit("vendor", [(3, 60)], at_once=2)
        with within(limit, vendor="Vendor"):
            pause("vendor", 60)
            refused(replace(limit, turn=("somebody", 1)))

            ends = {key.rpartition(":")[2]: store.pttl(key) for key in store.keys(f"{settings.LIMITS_PREFIX}*")}

        assert ends.keys() == set(limits.KEYS)
        assert all(0 < end <= 130_000 for end in ends.values())

    def test_writes_no_address_down(self, store: redis.Redis, settings: Settings) -> None:
        call(Limit("graph:dr.dia@botaniqal.example", [(3, 60)]))

        [key] = store.keys(f"{settings.LIMITS_PREFIX}*")

        assert "dia" not in key
        assert "@" not in key

    def test_finds_its_way_when_redis_forgot_everything(self, store: redis.Redis) -> None:
        call(Limit("vendor", [(3, 60)]))
        store.script_flush()

        call(Limit("vendor", [(3, 60)]))

    def test_is_busy_where_redis_is_down(self, settings: Settings) -> None:
        settings.REDIS_URL, settings.SWEEP_SECONDS = "redis://127.0.0.1:1/0", 3

        busy = refused(Limit("vendor", [(3, 60)]))

        assert str(busy) == "Waits until the calls to Vendor can be counted again: Redis does not answer."
        assert (busy.seconds, busy.__cause__) == (3, None)

    def test_is_busy_before_long_where_redis_hangs(self, settings: Settings) -> None:
        with silence() as port:
            settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
            start = time.monotonic()

            refused(Limit("vendor", [(3, 60)]))

        assert time.monotonic() - start < 5

    def test_is_not_held_up_by_redis_where_the_limit_is_off(self, settings: Settings) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        call(Limit("vendor", []))


class TestPause:
    def test_holds_everybody_back(self) -> None:
        pause("vendor", 60)

        busy = refused(Limit("vendor", []))

        assert str(busy) == "Waits because Vendor asked for a pause."
        assert busy.seconds == pytest.approx(60, abs=2)

    def test_holds_up_nobody_else(self) -> None:
        pause("vendor", 60)

        call(Limit("another", [(1, 60)]))

    def test_ends_by_itself(self) -> None:
        pause("vendor", 0.3)
        start = time.monotonic()

        call(Limit("vendor", [(1, 60)]))

        assert 0.2 < time.monotonic() - start < 3

    @pytest.mark.parametrize("shorter", [1, 0.0001, 0, -5])
    def test_is_never_made_shorter(self, shorter: float) -> None:
        pause("vendor", 60)
        pause("vendor", shorter)

        assert refused(Limit("vendor", [])).seconds > 50

    def test_is_made_longer(self) -> None:
        pause("vendor", 30)
        pause("vendor", 60)

        assert refused(Limit("vendor", [])).seconds > 50

    def test_does_no_harm_where_redis_is_down(self, settings: Settings) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        pause("vendor", 60)


@contextmanager
def silence() -> Iterator[int]:
    """Listen and never say a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]
