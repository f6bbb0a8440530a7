"""The public's pages at a million bookings: how long each takes, what it weighs, and how many queries it asks."""

import gzip
import json
from datetime import time
from statistics import median, quantiles
from time import perf_counter, process_time

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench import _django, _urls  # noqa: F401 - before any app
from bench import _figures as figures
from bench._data import put_aside
from bench._years import build
from botaniqal.accounts.models import User
from practitioners.models import Practitioner, WorkingHours
from services import catalogue, catalogue_words
from services.models import AppointmentType, Service
from services.prices import clinic_day

BOOKINGS, CALLS = 1_000_000, 100_000
TIMES = 60
BUDGET_MILLISECONDS = 150
PAGES = ["/services", "/services/alternative-medicine", "/services/equine", "/free-consultation?zone=Australia/Perth"]


def main() -> None:
    """Print the figures of the pages."""
    build(bookings=BOOKINGS, calls=CALLS)
    open_the_clinic()
    visitor = Client(headers={"host": "localhost"})
    for page in PAGES:
        measure(visitor, page)


def open_the_clinic() -> None:
    """Offer the initial catalogue with approved words, and let all consultants ring from nine to five."""
    now = timezone.now()
    free = AppointmentType.objects.get(code=AppointmentType.FREE_CONSULTATION)
    free.service = Service.objects.create(slug="free-consultation", name="Free Consultation")
    free.save()
    catalogue.load(text=(settings.BASE_DIR / "services" / "catalogue.json").read_text(), day=clinic_day(now))
    AppointmentType.objects.update(verdict=AppointmentType.Verdict.GREEN, findings=[])
    manager = User.objects.create_user("management@botaniqal.example", is_superuser=True)
    slugs = Service.objects.values_list("slug", flat=True)
    catalogue_words.approve_all(slugs=slugs, reason="Measured, not read.", by=manager, now=now)
    consultants = Practitioner.objects.filter(type="consultant")
    free.practitioners.set(consultants)
    WorkingHours.objects.bulk_create(
        WorkingHours(practitioner=person, weekday=weekday, starts=time(9), ends=time(17))
        for person in consultants
        for weekday in range(7)
    )


def measure(visitor: Client, address: str) -> None:
    """Print the figures of one page, in turns with a bare view that answers as much."""
    with CaptureQueriesContext(connection) as captured:
        answer = visitor.get(address)
    queries = len(captured)
    assert answer.status_code == 200, answer.content
    put_aside(json.dumps({"page": answer.content.decode()}).encode())
    _urls._body.cache_clear()
    taken, bare, busy = [], [], []
    for _ in range(TIMES):
        began = process_time()
        taken.append(milliseconds(visitor, address))
        busy.append((process_time() - began) * 1000)
        bare.append(milliseconds(visitor, "/bench/bare"))
    figures.heading(f"{address} ({queries} queries)")
    figures.at_most("p95", p95(taken), BUDGET_MILLISECONDS, "ms")
    figures.note("… of a bare view's, times", p95(taken) / p95(bare))
    figures.note("processor time, median", median(busy), "ms")
    figures.note("the page", len(answer.content) / 1000, "kB")
    figures.note("… over the wire", len(gzip.compress(answer.content)) / 1000, "kB")


def milliseconds(visitor: Client, address: str) -> float:
    """How long an answer took."""
    started = perf_counter()
    visitor.get(address)
    return (perf_counter() - started) * 1000


def p95(taken: list[float]) -> float:
    """The time within which nearly all answers came."""
    return quantiles(taken, n=100, method="inclusive")[94]


if __name__ == "__main__":
    main()
