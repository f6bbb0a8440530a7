"""The admin's pages at a million bookings: how long each takes, and how many queries it asks."""

from collections.abc import Iterator
from statistics import quantiles
from time import perf_counter

from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench import _django  # noqa: F401 - before any app
from bench import _figures as figures
from bench._years import build
from bookings.models import Booking, Patient
from botaniqal.accounts.models import User
from botaniqal.accounts.roles import ADMINISTRATOR, CONSULTANT
from practitioners.models import Practitioner
from triage.models import TriageSession

BOOKINGS, CALLS = 1_000_000, 100_000
TIMES = 20
BUDGET_MILLISECONDS = 300
SEARCHED = {
    "bookings_booking": ["BOT-2023-12", "hazel", "0400 000", "nobody at all"],
    "bookings_patient": ["hazel", "person1234@", "nobody at all"],
    "triage_triagesession": ["hazel"],
}

Page = tuple[str, str, dict[str, str] | None]
"""What it is called, where it is, and what is sent there; None is a page that is only read."""


def main() -> None:
    """Print the figures of the pages."""
    started = perf_counter()
    build(bookings=BOOKINGS, calls=CALLS)
    figures.heading(f"Pages: {BOOKINGS:,} bookings, {CALLS:,} calls, 200,000 patients, 1 client")
    figures.at_most("filling the database", perf_counter() - started, 180, "s")
    for who, role in (("operations", ADMINISTRATOR), ("a consultant", CONSULTANT)):
        measure(who, role)


def measure(who: str, role: str) -> None:
    """Print the figures of one person's pages."""
    figures.heading(f"… for {who}: p95, with the number of queries")
    browser = Client(headers={"host": "localhost"})
    browser.force_login(somebody(role))
    slowest = 0.0
    for name, address, sent in pages(role):
        browser_asks = (lambda a=address, s=sent: browser.post(a, s)) if sent else (lambda a=address: browser.get(a))
        with CaptureQueriesContext(connection) as captured:
            answer = browser_asks()
        if answer.status_code != 200:  # the role does not open it
            continue
        queries, took = len(captured), p95(browser_asks)
        slowest = max(slowest, took)
        figures.at_most(f"{name} ({queries} queries)", took, BUDGET_MILLISECONDS, "ms")
    figures.at_most("the slowest", slowest, BUDGET_MILLISECONDS, "ms")


def p95(ask) -> float:
    """Milliseconds within which nearly all answers came."""
    taken = []
    for _ in range(TIMES):
        started = perf_counter()
        ask()
        taken.append((perf_counter() - started) * 1000)
    return quantiles(taken, n=100, method="inclusive")[94]


def somebody(role: str) -> User:
    """Somebody who has logged in before: the measured consultant has ten thousand calls behind them."""
    if role == CONSULTANT:
        person = Practitioner.objects.filter(type="consultant").earliest("created_at").user
    else:
        person = User.objects.create_user("olive@botaniqal.example", is_superuser=True)
    person.is_staff = True
    person.save()
    return person


def pages(role: str) -> Iterator[Page]:
    """List Today, the desk, the search, and every list with its views, filters and searches."""
    own = {"consultant__type": "consultant", "consultant__email": "sarah@botaniqal.example"}
    call = TriageSession.objects.to_call().filter(**own if role == CONSULTANT else {}).first()
    yield "Today", reverse("admin:index"), None
    yield "Today's queue", reverse("admin:today_queue"), None
    yield "Desk", reverse("admin:triage_triagesession_desk", args=[call.pk]), None
    for words in ("hazel", "0400 000", "BOT-2023-12", "nobody at all"):
        yield f"Search: {words}", reverse("admin:search"), {"q": words}
    for day in ("day", "week"):
        yield f"Calendar, {day}", reverse("admin:calendar") + f"?view={day}", None
    yield "A booking", change_page(Booking.objects.upcoming(call.consultation.starts_at).first()), None
    yield "A patient", change_page(Patient.objects.get(pk=call.patient_id)), None
    for model, rows in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        address = reverse(f"admin:{name}_changelist")
        title = f"List of {model._meta.verbose_name_plural}"
        yield title, address, None
        for view in views_of(rows):
            yield f"{title}, {view}", f"{address}?view={view}", None
        for words in SEARCHED.get(name, []):
            yield f"{title}, “{words}”", f"{address}?view=all&q={words}", None


def views_of(rows: admin.ModelAdmin) -> list[str]:
    """List a list's views but the one that opens by itself."""
    return [view for asked in rows.list_filter for view in list(getattr(asked, "views", {}))[1:]]


def change_page(row) -> str:
    """Where a row's page is."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


if __name__ == "__main__":
    main()
