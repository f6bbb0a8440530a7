"""What Prometheus costs: /metrics over a million bookings, and what timing adds to each answer."""

from collections.abc import Callable
from datetime import timedelta
from statistics import median, quantiles
from time import perf_counter, process_time

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from bench import _django  # noqa: F401 - before any app
from bench import _figures as figures
from bench._load import always, get, load, server
from bench._years import build
from botaniqal import counters
from botaniqal.reports import gauges, metrics
from botaniqal.reports.figures import closing
from practitioners.models import Practitioner

BOOKINGS, CALLS = 1_000_000, 100_000
TIMES, ROUNDS = 20, 41
BUDGET_MILLISECONDS = 100
AVAILABILITY = (
    f"/api/practitioners/availability?service=alternative_medicine&date={timezone.localdate() + timedelta(days=1)}"
)


def main() -> None:
    """Print the figures of the metrics."""
    build(bookings=BOOKINGS, calls=CALLS)
    started = perf_counter()
    days = closing.close_due(now=timezone.now())
    figures.heading(f"Metrics: {BOOKINGS:,} bookings, {CALLS:,} calls, {Practitioner.objects.count()} people, 1 client")
    figures.note(f"closing {days:,} days, once", perf_counter() - started, "s")
    count_as_in_a_busy_clinic()
    browser = Client(headers={"host": "localhost"})

    def anew() -> bytes:
        cache.delete_many([metrics.KEPT, metrics.UNDER_WAY])
        return browser.get("/metrics").content

    with CaptureQueriesContext(connection) as captured:
        size = len(anew())
    figures.note("queries", len(captured))
    figures.note("size", size / 1_000, "kB")
    figures.at_most("a scrape, p95", p95(lambda: browser.get("/metrics")), BUDGET_MILLISECONDS, "ms")
    figures.note("the first one where no worker is, p95", p95(anew), "ms")
    for name, part in gauges.PARTS.items():
        figures.note(f"… of it: {name}", p95(lambda tell=part: list(tell(timezone.now()))), "ms")
    with server() as port:
        figures.note("a storm: answers/s, 16 clients", load(port, always(get("/metrics"))).expect(200).rate)

    figures.heading("Timing: availability with it, against the same without, in one process")
    figures.at_most("processor time of an answer, with of without", timing_ratio(), 1.05)
    figures.note("one answer's counting", counting_microseconds(), "µs")


def count_as_in_a_busy_clinic() -> None:
    """Have something of each kind counted, as of 60 views and every vendor."""
    for n in range(60):
        for status in ("200", "302", "404"):
            counters.count("http_requests", view=f"view-{n}", method="GET", status=status)
        for seconds in (0.004, 0.04, 0.4):
            counters.observe("http_request_duration_seconds", seconds, view=f"view-{n}")
    for vendor in ("calendly", "graph", "medirecords", "stripe", "ses"):
        for outcome in ("ok", "unavailable", "refused"):
            counters.observe("vendor_call_duration_seconds", 0.2, vendor=vendor, outcome=outcome)
    counters.flush()


def timing_ratio() -> float:
    """Compare an answer's time in the portal with that in one without the timing, in turns."""
    timed, untimed = portal(), portal(without="botaniqal.timing.Timing")
    for browser in (timed, untimed):
        seconds_of(browser)
    return median(seconds_of(timed) / seconds_of(untimed) for _ in range(ROUNDS))


def portal(without: str = "") -> Client:
    """Make a client of the portal, which may lack a middleware."""
    with override_settings(MIDDLEWARE=[each for each in settings.MIDDLEWARE if each != without]):
        browser = Client(headers={"host": "localhost"})
        browser.handler.load_middleware()
    return browser


def seconds_of(browser: Client) -> float:
    """Ask for free times again and again, and give the processor time of it."""
    started = process_time()
    for _ in range(TIMES):
        browser.get(AVAILABILITY)
    return process_time() - started


def counting_microseconds() -> float:
    """Time what the middleware counts of one answer."""
    started = perf_counter()
    for _ in range(10_000):
        counters.count("http_requests", view="view-1", method="GET", status="200")
        counters.observe("http_request_duration_seconds", 0.01, view="view-1")
    return (perf_counter() - started) * 100


def p95(ask: Callable[[], object]) -> float:
    """Ask so many times and give the time that 95 of 100 stay below, in milliseconds."""
    took = []
    for _ in range(TIMES):
        started = perf_counter()
        ask()
        took.append((perf_counter() - started) * 1_000)
    return quantiles(took, n=20, method="inclusive")[-1]


if __name__ == "__main__":
    main()
