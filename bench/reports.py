"""Reports over two years at a million bookings, what closing their days takes, and what a phone booking pays for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from statistics import median, quantiles
from time import perf_counter

from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bench import _django  # noqa: F401 - before any app
from bench import _figures as table
from bench._data import Calls, fill, free_times, quick_to_fill
from bench._years import build
from bookings.models import Booking
from botaniqal.accounts.models import User
from botaniqal.reports import figures
from botaniqal.reports.figures import Period, closing
from botaniqal.reports.models import Day
from botaniqal.reports.report_pages import REPORTS

BOOKINGS, CALLS = 1_000_000, 100_000
DAYS = 730
TIMES = 20
BUDGET_MILLISECONDS = 1_000
ROUNDS, BOOKED_A_ROUND = 20, 20
# Half of the calls led to the visit that their patient came to next; the data of the other benches have none.
LED_TO = """
    WITH call AS (
        SELECT id, patient_id, row_number() OVER (PARTITION BY patient_id ORDER BY created_at) AS n
        FROM triage_triagesession WHERE state = 'done'
    ), visit AS (
        SELECT id, patient_id, row_number() OVER (PARTITION BY patient_id ORDER BY starts_at) AS n
        FROM bookings_booking WHERE price > 0
    )
    UPDATE triage_triagesession session SET booking_id = visit.id, outcome = 'booked'
    FROM call JOIN visit USING (patient_id, n) WHERE session.id = call.id AND call.n % 2 = 1
"""
# Some came to nothing, and some of the money went back.
ENDED = """
    UPDATE bookings_booking SET state = 'no_show' WHERE price > 0 AND state = 'completed' AND right(number, 1) = '7';
    UPDATE bookings_booking
    SET state = 'cancelled', cancel_reason = 'Ill', cancelled_at = starts_at - interval '1 day'
    WHERE price > 0 AND state = 'completed' AND right(number, 1) = '3';
    INSERT INTO bookings_refunddecision (id, payment_id, cause, paid, suggested, policy, status, amount, reason,
        reference, created_at, decided_at, settled_at, wanted, told, attempts, next_try_at, needs_person, problem)
    SELECT gen_random_uuid(), p.id, 'patient', 119, 119, '', 'given_back', 119, '', '', cancelled_at, cancelled_at,
        cancelled_at, 1, 1, 0, cancelled_at, false, ''
    FROM bookings_payment p JOIN bookings_booking b ON b.id = p.booking_id WHERE state = 'cancelled'
"""


def main() -> None:
    """Print the figures of the reports."""
    measure_touches()
    build(bookings=BOOKINGS, calls=CALLS)
    with quick_to_fill("bookings_refunddecision"), connection.cursor() as cursor:
        cursor.execute(LED_TO)
        cursor.execute(ENDED)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    today = timezone.localdate()
    period = Period(today - (DAYS - 1) * timedelta(days=1), today)

    table.heading(f"Reports: {BOOKINGS:,} bookings, {CALLS:,} calls, {DAYS} days, 50 practitioners, 1 client")
    open_still = {name: seconds(ask) for name, ask in asked(period)}
    started = perf_counter()
    closed = closing.close_due(now=timezone.now())
    table.note(f"closing {closed} days for the first time", perf_counter() - started, "s")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    for name, ask in asked(period):
        took = p95(ask)
        table.at_most(f"{name}, p95", took, BUDGET_MILLISECONDS, "ms")
        table.note("… of counting it from the rows", took / 1000 / open_still[name])
    measure_change(period)
    measure_pages(period)


def asked(period: Period) -> Iterator[tuple[str, Callable[[], object]]]:
    """List what a report over a period asks."""
    yield "funnel", lambda: figures.funnel(period)
    yield "revenue by service", lambda: figures.revenue(period)
    yield "revenue by practitioner", lambda: figures.revenue(period, by="practitioner")
    yield "revenue by month", lambda: figures.series("revenue", period)
    yield "utilisation", lambda: figures.utilisation(period)
    yield "no-shows by type", lambda: figures.no_shows(period)
    yield "abandonment", lambda: figures.abandonment(period)
    yield "waitlists", lambda: figures.waitlist(period)


def measure_change(period: Period) -> None:
    """Print what a change in a closed day costs the next reader, and the bell that counts the day again."""
    visits = Booking.objects.filter(starts_at__lt=period.ends_at, state="completed", price__gt=0).order_by("starts_at")
    visit = visits[visits.count() // 2]
    Booking.objects.filter(pk=visit.pk).update(state="no_show")
    table.at_most(
        "no-shows by type, one day open again",
        seconds(lambda: figures.no_shows(period)) * 1000,
        BUDGET_MILLISECONDS,
        "ms",
    )
    took = seconds(lambda: closing.close_due(now=timezone.now()))
    table.note("closing what it opened again", took * 1000, "ms")
    table.exactly("days left open", Day.objects.filter(closed_at=None).count(), 0)


def measure_pages(period: Period) -> None:
    """Print how long the pages take that show these figures."""
    table.heading("… as pages: p95")
    browser = Client(headers={"host": "localhost"})
    browser.force_login(User.objects.create_superuser("olive@botaniqal.example"))
    for report in REPORTS:
        address = f"{reverse(f'admin:report_{report.slug}')}?first={period.first}&last={period.last}"
        table.at_most(report.name, p95(partial(show, browser, address)), BUDGET_MILLISECONDS, "ms")
    table.heading("… and the rows behind their figures: p95")
    for figure in dict.fromkeys(figure for report in REPORTS for figure in report.figures):
        address = f"{reverse('admin:report_rows', args=[figure])}?first={period.first}&last={period.last}"
        table.at_most(figure, p95(partial(show, browser, address)), BUDGET_MILLISECONDS, "ms")


def show(browser: Client, address: str) -> None:
    """Ask for a page."""
    answer = browser.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} was answered {answer.status_code}.")


def measure_touches() -> None:
    """Print what the triggers that write down changes add to a phone booking; with and without take turns."""
    kind = fill(bookings=10_000, practitioners=50)
    calls = Calls(kind=kind, count=2 * ROUNDS * BOOKED_A_ROUND + 2)
    times = free_times(kind, days=14)
    client = Client(headers={"host": "localhost"} | calls.headers)

    def book() -> float:
        wish = calls.wish(*next(times))
        started = perf_counter()
        answer = client.post("/api/bookings/phone", wish, content_type="application/json")
        if answer.status_code != 200:
            raise SystemExit(f"A booking was answered {answer.status_code}.")
        return (perf_counter() - started) * 1000

    book()
    touched: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        touched += [book() for _ in range(BOOKED_A_ROUND)]
        with without_touches():
            bare += [book() for _ in range(BOOKED_A_ROUND)]
    table.heading("What a phone booking pays for figures that follow every change")
    table.note("phone booking, p50", median(touched), "ms")
    table.note("… without the triggers", median(bare), "ms")
    table.at_most("… with of without", median(touched) / median(bare), 1.05)


@contextmanager
def without_touches() -> Iterator[None]:
    """Let nothing be written down of what changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT event_object_table FROM information_schema.triggers WHERE trigger_name LIKE 'figures_%'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        for name in tables:
            cursor.execute(f'ALTER TABLE "{name}" DISABLE TRIGGER USER')
        try:
            yield
        finally:
            for name in tables:
                cursor.execute(f'ALTER TABLE "{name}" ENABLE TRIGGER USER')


def seconds(ask: Callable[[], object]) -> float:
    """Seconds that something takes."""
    started = perf_counter()
    ask()
    return perf_counter() - started


def p95(ask: Callable[[], object]) -> float:
    """Milliseconds within which nearly all answers came."""
    return quantiles([seconds(ask) * 1000 for _ in range(TIMES)], n=100, method="inclusive")[94]


if __name__ == "__main__":
    main()
