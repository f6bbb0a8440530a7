"""A call at the desk from the open page to the booking, by keyboard: how many keys are pressed, how long is waited."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

# Playwright's loop runs in this thread, and Django would refuse to ask the database beside it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench import _django  # noqa: F401 - before any app
from bench import _figures as figures
from bench._data import Calls, fill
from bench._load import server
from botaniqal.accounts.models import User
from triage.models import TriageSession

ROUNDS = 5
MOST_PRESSES, MOST_SECONDS = 12, 1
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


class Journey:
    """A consultant at the keyboard, who waits only for what they need to go on."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.presses = 0
        self.waited = 0.0

    def press(self, *keys: str) -> None:
        """Press keys; what is typed as an answer is not counted."""
        for key in keys:
            self.page.keyboard.press(key)
            self.presses += 1

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count how long something takes that has to be there first."""
        started = perf_counter()
        yield
        self.waited += perf_counter() - started

    def book(self) -> None:
        """Begin the call, note what is needed, hold the soonest time, take the payment and confirm."""
        find, typed = self.page.locator, self.page.keyboard.type
        self.press("Enter")
        with self.waiting():
            expect(find("#notes")).to_be_focused()
        typed("Poor sleep for six months.")
        self.press("Alt+4", "Enter")
        with self.waiting():
            expect(find('[data-offer="soonest"]')).to_have_attribute("aria-disabled", "false")
        self.press("Enter")
        with self.waiting():
            expect(find("#held")).to_be_visible()
        self.press("Enter")
        expect(find("#reference")).to_be_focused()
        typed("T-1029")
        self.press("Enter", "Enter")
        with self.waiting():
            expect(find("#done")).to_be_focused()


def main() -> None:
    """Print the figures of the desk."""
    Calls(kind=fill(bookings=100_000, practitioners=6), count=ROUNDS + 1)
    User.objects.update(is_staff=True)
    calls = list(TriageSession.objects.select_related("consultant__user"))
    with server() as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        journeys = [_journey(browser, port, call) for call in calls]
        browser.close()
    _, *warm = journeys
    figures.heading("Call desk: from the open page to the booking, 100,000 bookings")
    figures.at_most("key presses beyond typed answers", max(one.presses for one in warm), MOST_PRESSES)
    figures.at_most("seconds waited in all, median", median(one.waited for one in warm), MOST_SECONDS, "s")


def _journey(browser: Browser, port: int, call: TriageSession) -> Journey:
    client, name = Client(), settings.SESSION_COOKIE_NAME
    client.force_login(call.consultant.user)
    address = f"http://127.0.0.1:{port}"
    context = browser.new_context(base_url=address, viewport={"width": 1366, "height": 768})
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
    page = context.new_page()
    page.goto(reverse("admin:triage_triagesession_desk", args=[call.pk]))
    page.locator("#desk[data-ready]").wait_for()
    journey = Journey(page)
    journey.book()
    context.close()
    return journey


if __name__ == "__main__":
    main()
