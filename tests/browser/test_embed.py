"""The clinic's website with the embed on it: another origin, in a real browser."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.conf import settings as portal
from playwright.sync_api import Page, expect

from services.models import InterestEntry, Service
from tests.factories import AppointmentTypeFactory, ServiceFactory
from tests.offering import approve_words

from .looks import faults

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
EXAMPLE = Path(portal.BASE_DIR) / "docs" / "embed-example.html"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def website(tmp_path, live_server) -> Iterator[str]:
    """The example page on a server of its own, with the address of this portal."""
    page = EXAMPLE.read_text().replace("https://portal.botaniqal.example", live_server.url)
    (tmp_path / "index.html").write_text(page)
    (tmp_path / "favicon.ico").touch()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def services(transactional_db) -> None:
    """One service that can be booked, and one to wait for."""
    gaps = ServiceFactory(slug="gaps", name="GAPS <b>diet</b>", description="Coaching & care.", position=1)
    AppointmentTypeFactory(service=gaps, code="initial-gaps", price=195)
    AppointmentTypeFactory(service=gaps, code="followup-gaps", price=79.5)
    equine = ServiceFactory(
        slug="equine", name="Equine", status=Service.Status.COMING_SOON, has_waitlist=True, position=2
    )
    for service in (gaps, equine):
        approve_words(service)


@pytest.fixture
def page(open_as, website, settings) -> Page:
    """The website as a visitor sees it, allowed to ask the portal."""
    settings.CORS_ALLOWED_ORIGINS = [website]
    page = open_as(None)
    page.goto(website)
    page.wait_for_selector("#services[data-ready]")
    return page


class TestEmbed:
    def test_shows_the_services_and_leads_to_their_pages(self, page, live_server):
        cards = page.locator("#services li.card")
        expect(cards).to_have_count(2)

        expect(cards.first.locator("h3")).to_have_text("GAPS <b>diet</b>")
        expect(cards.first).to_contain_text("Coaching & care.")
        expect(cards.first).to_contain_text("From $79.50")
        expect(cards.first.locator("a")).to_have_attribute("href", f"{live_server.url}/services/gaps")
        expect(cards.nth(1)).to_contain_text("Starts soon")
        expect(page.locator("#horses li.card h3")).to_have_text(["Equine"])

    def test_is_broken_by_no_style_of_the_site(self, page):
        card = page.locator("#services li.card").first

        assert card.evaluate("card => getComputedStyle(card).textTransform") == "none"
        assert card.locator("a").evaluate("link => getComputedStyle(link).color") == "rgb(31, 42, 36)"
        expect(page.locator("#services ul")).to_be_visible()

    def test_puts_a_visitor_on_the_list_by_keyboard(self, page):
        horses = page.locator("#horses")
        horses.locator("summary").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("Leo Martin")
        page.keyboard.press("Tab")
        page.keyboard.type("leo")
        page.keyboard.press("Enter")
        expect(horses.locator("#equine-email-wrong")).to_have_text("Enter a valid email address.")
        expect(horses.locator("#equine-consent-wrong")).to_have_text("Without consent nobody may be written to.")
        expect(horses.locator('[name="email"]')).to_be_focused()
        assert not InterestEntry.objects.exists()

        page.keyboard.type("@example.com")
        horses.locator('[name="email"]').press("End")
        horses.locator('[name="consent"]').check()
        horses.locator("button").click()

        done = horses.locator('[role="status"]')
        expect(done).to_have_text("Thank you. We write to you when it starts.")
        expect(done).to_be_focused()
        entry = InterestEntry.objects.get()
        assert (entry.name, entry.email, entry.source) == ("Leo Martin", "leo@example.com", "api")
        assert "when Equine begins" in entry.consent_wording

    def test_keeps_nothing_of_a_robot(self, page):
        horses = page.locator("#horses")
        horses.locator("summary").click()
        horses.locator('[name="name"]').fill("Robo")
        horses.locator('[name="email"]').fill("robo@example.com")
        horses.locator('[name="consent"]').check()
        horses.locator('[name="website"]').evaluate("field => field.value = 'https://casino.example'")
        horses.locator("button").click()

        expect(horses.locator('[role="status"]')).to_have_text("Thank you. We write to you when it starts.")
        assert not InterestEntry.objects.exists()

    def test_leaves_nothing_in_the_browser(self, page):
        assert page.context.cookies() == []
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0

    def test_has_no_faults(self, page, axe):
        page.locator("#services summary").click()

        for width in (1366, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert [fault for fault in faults(axe, page) if "card" in fault or "equine" in fault] == []
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


class TestElsewhere:
    def test_shows_a_link_where_the_site_may_not_ask(self, browser, website, settings, live_server):
        settings.CORS_ALLOWED_ORIGINS = ["https://www.botaniqal.example"]
        context = browser.new_context()
        page, refused = context.new_page(), []
        page.on("console", lambda message: refused.append("CORS policy" in message.text))

        page.goto(website)
        page.wait_for_selector("#services[data-ready]")

        expect(page.locator("#services a")).to_have_attribute("href", f"{live_server.url}/services")
        expect(page.locator("#services li")).to_have_count(0)
        assert any(refused)
        context.close()
