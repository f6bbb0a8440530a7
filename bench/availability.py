"""Free times: how many answers a second, against bare views of the same size; and what history and people cost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import count, cycle
from statistics import median
from threading import Event
from time import perf_counter

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench import _django  # noqa: F401 - before any app
from bench import _figures as figures
from bench._data import fill, free_times, put_aside
from bench._load import Result, always, get, load, server
from practitioners import diary
from services.models import AppointmentType

ROUNDS, SECONDS = 9, 0.5  # short ones side by side: a noisy moment spoils one of them, not the median
BOOKINGS_PER_SECOND = 10
PAGE = f"/api/practitioners/availability?service=alternative_medicine&date={timezone.localdate() + timedelta(days=1)}"
BARE, ONE_ROW = "/bench/bare", "/bench/one-row"


def main() -> None:
    """Print the figures of availability."""
    costs = {}
    with server() as port:
        figures.heading("Availability: 6 practitioners × 1 day, 16 clients")
        for bookings in (10_000, 100_000, 1_000_000):
            kind = fill(bookings=bookings, practitioners=6)
            queries = count_queries()
            load(port, always(get(PAGE)))
            paths = [PAGE, BARE, ONE_ROW] if bookings == 100_000 else [PAGE, BARE]
            rounds = [ask(port, *paths) for _ in range(ROUNDS)]
            costs[bookings] = median(one[BARE].rate / one[PAGE].rate for one in rounds)
            figures.note(f"{bookings:,} bookings: answers/s", median(one[PAGE].rate for one in rounds))
            if bookings == 100_000:
                figures.at_least("… of a bare DRF view", 1 / costs[bookings], 0.30)
                figures.at_least("… of one row + same body (no snapshots yet)", ratio(rounds, PAGE, ONE_ROW), 0.60)
                figures.at_most("… queries", queries, 4)
                steady = load(port, always(get(PAGE)), per_second=50, seconds=5).expect(200)
                figures.at_most("… p99 at 50 requests/s", steady.percentile(99), 50, "ms")
                figures.at_least(
                    f"… rate with {BOOKINGS_PER_SECOND} bookings/s going on", while_booking(port, kind), 0.8
                )
        figures.at_most("cost at 1,000,000 bookings, against 10,000", costs[1_000_000] / costs[10_000], 1.2)

        figures.heading("Availability: more practitioners × 1 day, 100,000 bookings, 1 client")
        for practitioners in (50, 500):
            fill(bookings=100_000, practitioners=practitioners)
            more_queries = count_queries()
            load(port, always(get(PAGE)), clients=1)
            result = load(port, always(get(PAGE)), clients=1, seconds=4).expect(200)
            figures.note(f"{practitioners}: answers/s", result.rate)
            figures.at_most(f"{practitioners}: p95", result.percentile(95), 250, "ms")
            figures.exactly(f"{practitioners}: queries", more_queries, queries)


def ask(port: int, *paths: str) -> dict[str, Result]:
    """Ask for each page in turn, so that all see the same machine."""
    return {path: load(port, always(get(path)), seconds=SECONDS).expect(200) for path in paths}


def ratio(rounds: list[dict[str, Result]], path: str, other: str) -> float:
    """Compare two pages' rates within each round, and keep the median."""
    return median(one[path].rate / one[other].rate for one in rounds)


def count_queries() -> int:
    """Count the queries of one answer, and put it aside for the bare views."""
    with CaptureQueriesContext(connection) as captured:
        answer = Client(headers={"host": "localhost"}).get(PAGE)
    put_aside(answer.content)
    return len(captured)


def while_booking(port: int, kind: AppointmentType) -> float:
    """Compare the page's rate while bookings go on with its rate on its own."""
    found = []
    for _ in range(ROUNDS):
        alone = ask(port, PAGE)[PAGE]
        with bookings_going_on(kind):
            found.append(ask(port, PAGE)[PAGE].rate / alone.rate)
    return median(found)


@contextmanager
def bookings_going_on(kind: AppointmentType) -> Iterator[None]:
    """Take and give back the day's free times, one after the other, at a constant rate."""
    is_over, times = Event(), list(free_times(kind, days=1))

    def book() -> None:
        started = perf_counter()
        for n, (practitioner, moment) in zip(count(1), cycle(times), strict=False):
            span = diary.Span(moment, moment + timedelta(minutes=kind.minutes))
            diary.release(entry=diary.take(practitioner=practitioner, span=span, by=None))
            if is_over.wait(started + n / BOOKINGS_PER_SECOND - perf_counter()):
                break
        connection.close()

    with ThreadPoolExecutor(1) as thread:
        booked = thread.submit(book)
        try:
            yield
        finally:
            is_over.set()
        booked.result()


if __name__ == "__main__":
    main()
