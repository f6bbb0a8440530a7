"""Free times: how many answers a second, against bare views of the same size; and what history and people cost."""

import json
from datetime import timedelta
from statistics import median

import django
from django.conf import settings

django.setup()

# ruff: noqa: E402 - the apps have to be ready
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench._data import fill
from bench._load import Result, always, load, server

ROUNDS = 3
DAY = timezone.localdate() + timedelta(days=3)
PAGE = f"/api/practitioners/availability?service=alternative_medicine&date={DAY}"


def measure(paths: list[str]) -> dict[str, Result]:
    """Ask for each page in turn, several rounds, and keep each one's median round."""
    with server() as port:
        for path in paths:
            load(port, always(path), seconds=1)
        rounds = [{path: load(port, always(path)) for path in paths} for _ in range(ROUNDS)]
    middle = {path: median(one[path].rate for one in rounds) for path in paths}
    return {path: next(one[path] for one in rounds if one[path].rate == middle[path]) for path in paths}


def queries() -> int:
    """Count the queries that one answer takes."""
    with CaptureQueriesContext(connection) as captured:
        answer = Client(headers={"host": "localhost"}).get(PAGE)
    body = settings.BASE_DIR / "var" / "bench" / "body.json"
    body.parent.mkdir(parents=True, exist_ok=True)
    body.write_bytes(answer.content)
    slots = sum(len(one["availableSlots"]) for one in json.loads(answer.content)["practitioners"])
    print(f"  one answer: {len(captured)} queries, {slots} free times, {len(answer.content):,} bytes")
    return len(captured)


def main() -> None:
    """Print the figures of product.md §13 that are about availability."""
    print("6 practitioners × 1 day, 100,000 bookings of history")
    fill(bookings=100_000, practitioners=6)
    queries()
    found = measure([PAGE, "/bench/bare", "/bench/one-row"])
    for path, result in found.items():
        print(f"  {path.partition('?')[0]:34} {result}")
    print(f"  of a bare DRF view     {found[PAGE].rate / found['/bench/bare'].rate:.2f}   (budget ≥ 0.30)")
    print(f"  of one row + same body {found[PAGE].rate / found['/bench/one-row'].rate:.2f}   (≥ 0.60 with snapshots)")

    print("history: the same at 10,000 and at 1,000,000 bookings")
    costs = {}
    for bookings in (10_000, 1_000_000):
        fill(bookings=bookings, practitioners=6)
        found = measure([PAGE, "/bench/bare"])
        costs[bookings] = found["/bench/bare"].rate / found[PAGE].rate
        print(f"  {bookings:>9,} {found[PAGE]}   cost {costs[bookings]:.2f} bare views")
    print(f"  1,000,000 against 10,000: {costs[1_000_000] / costs[10_000]:.2f}   (budget ≤ 1.20)")

    print("people: 50 and 500 practitioners × 1 day")
    for practitioners in (50, 500):
        fill(bookings=100_000, practitioners=practitioners)
        queries()
        with server() as port:
            load(port, always(PAGE), seconds=1)
            print(f"  {practitioners:>3} {load(port, always(PAGE), clients=2)}   (500: budget p95 ≤ 250 ms)")


if __name__ == "__main__":
    main()
