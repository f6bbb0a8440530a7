"""Two hundred calls that want the same time at the same moment, as bookings and as holds: one gets it."""

import time
from collections import Counter
from statistics import median

from django.db import connection

from bench import _django  # noqa: F401 - before any app
from bench import _figures as figures
from bench._data import Calls, fill, free_times
from bench._load import always, each, load, post, server

RACERS = 200
TIMES = 3
DOORS = {"bookings": ("/api/bookings/phone", 200), "holds": ("/api/holds", 201)}

OVERLAPS = """
    SELECT count(*) FROM practitioners_diaryentry a JOIN practitioners_diaryentry b ON a.id < b.id
    WHERE a.practitioner_id = b.practitioner_id AND a.starts_at > now() AND b.starts_at > now()
      AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
      AND tstzrange(a.live_from, a.live_until) && tstzrange(b.live_from, b.live_until)
"""
DEAD_LOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def main() -> None:
    """Print what came of the races."""
    kind = fill(bookings=10_000, practitioners=6)
    calls = Calls(kind=kind, count=len(DOORS) * TIMES * RACERS)
    times = free_times(kind, days=1)
    dead_locks = ask(DEAD_LOCKS)

    with server() as port:
        bare = load(port, always(post("/bench/insert"))).expect(200)
        for what, (path, success) in DOORS.items():
            figures.heading(f"Race: {RACERS} {what} at once for one time, {TIMES} times one after the other")
            races = [
                load(port, each(calls.request(path, *wanted) for _ in range(RACERS)), clients=RACERS, seconds=60)
                for wanted in (next(times) for _ in range(TIMES))
            ]
            statuses = sum((race.statuses for race in races), Counter())
            figures.exactly("success", statuses.pop(success, 0), TIMES)
            figures.exactly("409, the time is taken", statuses.pop(409, 0), TIMES * (RACERS - 1))
            figures.exactly("any other answer", statuses.total(), 0)
            attempts = median(race.rate for race in races)
            figures.note("attempts/s", attempts)
            figures.note("… of a bare INSERT view", attempts / bare.rate)
            figures.note("… the last one has its answer after", median(race.seconds for race in races) * 1000, "ms")

    figures.heading("Race: what the database says afterwards")
    await_end_of_connections()  # a connection that ends has told what it counted
    figures.exactly("dead-locks", ask(DEAD_LOCKS) - dead_locks, 0)
    figures.exactly("entries that overlap", ask(OVERLAPS), 0)


def ask(query: str) -> int:
    """Ask the database for a number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(query)
        return cursor.fetchone()[0]


def await_end_of_connections() -> None:
    """Wait until nobody but ourselves is connected to the database."""
    for _ in range(200):
        if not ask(OTHERS):
            return
        time.sleep(0.05)
    raise SystemExit("Somebody else is connected to the database that is measured.")


if __name__ == "__main__":
    main()
