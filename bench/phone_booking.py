"""Booking on the phone: how long it takes and how many a second, against one bare INSERT; and where the time goes."""

import cProfile
import inspect
import pstats
import sys
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

from django.db import connection
from django.test import Client

from bench import _django  # noqa: F401 - before any app
from bench import _figures as figures
from bench._data import Calls, fill, free_times
from bench._load import Result, always, each, load, post, server
from bookings import lifecycle, notices
from bookings.money import payments
from bookings.vendors import sync
from practitioners import availability, diary
from practitioners.tokens import ConsultantToken
from triage import booking, sessions
from triage.api import own_session

ROUNDS = 3
PROFILED = 50
CALLS = 6_000
PAGE, INSERT = "/api/bookings/phone", "/bench/insert"

# None of them calls another one.
PARTS: dict[str, Callable[..., Any]] = {
    "who calls (token)": ConsultantToken.authenticate,
    "the call": own_session,
    "the practitioner": booking.practitioner_named,
    "the appointment type": booking.type_wanted,
    "may it begin then": availability.check,
    "what it costs": payments.amount_due,
    "lock the call": sessions.locked,
    "take the time": diary.take,
    "booking, what vendors are owed": lifecycle.book,
    "its number": lifecycle.give_number,
    "payment": payments.record,
    "end of the call": sessions.close,
    "the patient's e-mail": notices.send_confirmation,
    "where each system stands": sync.wait_until_told,
}
REST = "all else (HTTP, form, transaction, answer)"


def main() -> None:
    """Print the figures of the phone booking."""
    kind = fill(bookings=100_000, practitioners=50)
    calls = Calls(kind=kind, count=CALLS)
    times = free_times(kind, days=14)
    requests = each(calls.request(PAGE, *time) for time in times)
    insert = always(post(INSERT))

    figures.heading("Phone booking: 100,000 bookings, 50 practitioners, nobody waits for vendors")
    with server() as port:
        load(port, requests).expect(200)
        for clients in (1, 4, 16):
            rounds = [
                (load(port, requests, clients=clients, seconds=1.5).expect(200), load(port, insert, clients=clients))
                for _ in range(ROUNDS)
            ]
            booked = together([one for one, _ in rounds])
            figures.note(f"clients: {clients}, bookings/s", booked.rate)
            figures.note("… p50", booked.percentile(50), "ms")
            figures.at_most("… p95", booked.percentile(95), 100, "ms")
            figures.at_least("… of a bare INSERT view", median(one.rate / bare.rate for one, bare in rounds), 0.35)

    client = Client(headers={"host": "localhost"} | calls.headers)

    def book() -> None:
        wish = calls.wish(*next(times))
        answer = client.post(PAGE, wish, content_type="application/json")
        if answer.status_code != 200:
            raise SystemExit(f"A booking was answered {answer.status_code}.")

    book()  # the first one loads templates and addresses
    statements = count_statements(book)
    shares = profile(book)
    print(f"\n  {'Where the time goes':<48} {'statements':>10} {'of the time':>12}")
    for part in [*PARTS, REST]:
        print(f"  {part:<48} {statements[part]:>10} {shares[part]:>12.0%}")
    print(f"  {'':<48} {statements.total():>10}")


def together(results: list[Result]) -> Result:
    """Put several measurements together."""
    whole = Result()
    for one in results:
        whole.seconds += one.seconds
        whole.milliseconds += one.milliseconds
        whole.statuses += one.statuses
    return whole


def count_statements(book: Callable[[], None]) -> Counter:
    """Count the statements of one booking by the part that sends them."""
    parts = {inspect.unwrap(function).__code__: part for part, function in PARTS.items()}
    found: Counter = Counter()

    def count(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        frame = sys._getframe()
        while frame and frame.f_code not in parts:
            frame = frame.f_back
        found[parts[frame.f_code] if frame else REST] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        book()
    return found


def profile(book: Callable[[], None]) -> dict[str, float]:
    """Say which share of the time each part takes; the profiler makes Python look slower than it is."""
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(PROFILED):
        book()
    profiler.disable()
    timed = pstats.Stats(profiler).stats

    def seconds(function: Callable[..., Any]) -> float:
        code = inspect.unwrap(function).__code__
        return timed[code.co_filename, code.co_firstlineno, code.co_name][3]

    whole = seconds(book)
    shares = {part: seconds(function) / whole for part, function in PARTS.items()}
    return shares | {REST: 1 - sum(shares.values())}


if __name__ == "__main__":
    main()
