"""A call goes on through a restart of the portal: what was typed is kept, what was booked is booked once."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from bookings.models import Booking
from botaniqal.accounts.login import DEMO_PASSWORD
from tests.stack import eventually, free_port
from tools.dev import demo
from tools.dev.processes import Child, Children
from triage.models import TriageSession


class Portal:
    """The portal at an address of its own, which can be restarted."""

    def __init__(self, stack):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._stack = stack
        self._running = None

    def start(self):
        """Serve until it is stopped."""
        web = demo.server("botaniqal.wsgi", self.port, workers=1, threads=8)
        self._running = Children()
        children = self._running.__enter__()
        children.add(Child("restarted-door", web, env=self._stack.env, folder=self._stack.folder, is_shown=False))
        door = type(self._stack)(**vars(self._stack) | {"url": self.url})
        eventually(door.is_up, within=60)

    def stop(self):
        """End it, whatever it is doing."""
        if self._running:
            self._running.__exit__(None, None, None)
            self._running = None

    @contextmanager
    def away(self):
        """Be stopped for a while, and back afterwards."""
        self.stop()
        yield
        self.start()


@pytest.fixture
def portal(stack) -> Iterator[Portal]:
    """Serve the portal."""
    served = Portal(stack)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def page(browser, portal) -> Iterator[Page]:
    """Log Sarah in."""
    context = browser.new_context(base_url=portal.url, viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto("/admin/login/")
    page.fill("#id_username", "sarah@botaniqal.example")
    page.fill("#id_password", DEMO_PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url(re.compile("/admin/$"))
    yield page
    context.close()


def open_desk(page, call):
    """Open a call's desk."""
    page.goto(f"/admin/triage/triagesession/{call.pk}/desk/")
    page.locator("#desk[data-ready]").wait_for()


def written(call):
    """What the portal has of the notes."""
    return TriageSession.objects.get(pk=call.pk).notes


class TestARestart:
    def test_loses_nothing_that_was_typed(self, page, portal, make_call):
        call = make_call()
        open_desk(page, call)
        page.locator("#start").click()
        page.locator("#notes").fill("Sleeps badly.")
        eventually(lambda: written(call) == "Sleeps badly.")

        with portal.away():
            page.locator("#notes").press_sequentially(" Since March.")
            expect(page.locator("#saved")).to_contain_text("Offline")

        eventually(lambda: written(call) == "Sleeps badly. Since March.", within=30)

    def test_keeps_what_was_typed_through_a_reload(self, page, portal, make_call):
        call = make_call()
        open_desk(page, call)
        page.locator("#start").click()
        page.locator("#notes").fill("Sleeps badly.")
        eventually(lambda: written(call) == "Sleeps badly.")

        with portal.away():
            pass
        open_desk(page, call)

        expect(page.locator("#notes")).to_have_value("Sleeps badly.")

    def test_while_confirming_books_once(self, page, portal, make_call):
        call = make_call()
        open_desk(page, call)
        page.locator("#start").click()
        page.locator('#types input[name="type"]:not([disabled])').first.check(force=True)
        page.locator('[data-offer="soonest"][aria-disabled="false"]').click()
        page.locator("#held, #holds").first.wait_for()
        page.locator('input[name="payment"][value="later"]').check(force=True)
        expect(page.locator("#confirm")).to_have_attribute("aria-disabled", "false")
        # The answer is lost on its way, and the portal is gone for a while.
        page.route("**/desk/confirm/", lambda route: (route.fetch(), route.abort()), times=1)

        with page.expect_event("requestfailed"):
            page.locator("#confirm").click()
        with portal.away():
            pass

        expect(page.locator("#number")).to_have_text(re.compile(r"BOT-\d{4}-\d{4,}"), timeout=30_000)
        assert Booking.objects.filter(triage_session=call).count() == 1
