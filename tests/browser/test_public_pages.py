"""The public pages as visitors use them: without JavaScript, by their own clock, by keyboard, on any screen."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from services.models import Service
from tests.factories import AppointmentTypeFactory, PractitionerFactory, ServiceFactory
from tests.offering import approve_words
from triage.models import TriageSession

from .looks import Looks

pytestmark = pytest.mark.django_db(transaction=True)
SUBMIT = "button.public-send"
FIRST_LOAD_BYTES = 100_000


@pytest.fixture(autouse=True)
def catalogue(transactional_db) -> None:
    """A free consultation, a service with each way of booking, and one that is coming soon."""
    free = ServiceFactory(slug="free-consultation", name="Free consultation", position=1)
    call = AppointmentTypeFactory(service=free, free=True, practitioner_types=["consultant"])
    gaps = ServiceFactory(slug="gaps", name="GAPS", description="Coaching by video.", position=2)
    AppointmentTypeFactory(service=gaps, name="GAPS, initial", price=195, is_bookable_online=True)
    AppointmentTypeFactory(service=gaps, name="GAPS, follow-up", price=79, kind="followup")
    AppointmentTypeFactory(service=gaps, name="GAPS, in person", price="none", in_person=True)
    equine = ServiceFactory(
        slug="equine",
        name="Equine",
        status=Service.Status.COMING_SOON,
        has_waitlist=True,
        launches_on=timezone.localdate() + timedelta(days=90),
        position=3,
    )
    for service in (free, gaps, equine):
        approve_words(service)
    PractitionerFactory(consultant=True, name="Sarah Chen", gives=[call])


@pytest.fixture
def looks(axe) -> Looks:
    return Looks(axe)


def fill(page: Page) -> None:
    """Say who is to be called."""
    page.get_by_label("Your name").fill("Leo Martin")
    page.get_by_label("E-mail").fill("leo.martin@example.com")
    page.get_by_label("Phone").fill("0491 570 156")


class TestWithoutJavaScript:
    def test_a_visitor_finds_a_service_and_plans_a_call(self, open_as):
        page = open_as(None, java_script_enabled=False)
        page.goto("/services")
        page.get_by_role("link", name="GAPS").click()
        expect(page.locator("main")).to_contain_text("There is no price for it yet.")
        page.get_by_role("link", name=re.compile("Book by free consultation.*GAPS, follow-up")).click()

        fill(page)
        page.get_by_label("Where are you?").select_option(label="Perth")
        page.get_by_role("button", name="Show times there").click()
        expect(page.get_by_label("Your name")).to_have_value("Leo Martin")
        expect(page.locator("main")).to_contain_text("Times are by the clock in Perth")
        page.locator(SUBMIT).click()
        expect(page.get_by_role("alert")).to_contain_text("Choose a time first.")
        page.locator(".public-day").nth(1).locator("summary").click()
        page.locator(".public-day").nth(1).locator("label.chip").nth(2).click()
        page.get_by_label("Yes, and you may ring me").check()
        page.locator(SUBMIT).click()

        expect(page.get_by_role("heading", name="Your call is planned")).to_be_visible()
        expect(page.locator("main")).to_contain_text("Sarah Chen rings you on")
        session = TriageSession.objects.select_related("patient").get()
        assert session.patient.time_zone == "Australia/Perth"
        # Three letters, or digits, stand in a token by chance.
        assert not re.search("leo.?martin|491.?570", page.url, re.IGNORECASE)


@pytest.mark.slow
class TestClock:
    """The visitor's own clock, where there is JavaScript."""

    def test_is_the_browsers_without_being_asked(self, open_as):
        page = open_as(None, timezone_id="Australia/Perth")
        page.goto("/free-consultation")

        page.wait_for_url("**/free-consultation?zone=Australia%2FPerth")
        expect(page.get_by_label("Where are you?")).to_have_value("Australia/Perth")

    def test_comes_along_from_other_pages(self, open_as):
        page = open_as(None, timezone_id="Pacific/Auckland")
        page.goto("/services")

        page.get_by_role("navigation").get_by_role("link", name="Free consultation").click()

        expect(page).to_have_url(re.compile(r"zone=Pacific%2FAuckland$"))
        expect(page.locator("main")).to_contain_text("Times are by the clock in Auckland")

    def test_is_remembered_once_it_was_chosen_by_hand(self, open_as):
        page = open_as(None, timezone_id="Europe/London")
        page.goto("/free-consultation?zone=Australia/Melbourne")
        page.get_by_label("Where are you?").select_option("Australia/Brisbane")
        page.get_by_role("button", name="Show times there").click()
        expect(page.locator("main")).to_contain_text("Times are by the clock in Brisbane")

        page.goto("/free-consultation")

        page.wait_for_url("**zone=Australia%2FBrisbane")

    def test_of_a_browser_that_nobody_knows_loads_no_page_without_end(self, open_as):
        page, asked = open_as(None, timezone_id="Australia/Perth"), []
        page.on("request", lambda request: request.is_navigation_request() and asked.append(request.url))
        page.add_init_script("localStorage.setItem('zone', 'Mars/Olympus')")

        page.goto("/free-consultation")
        page.wait_for_url("**zone=Mars%2FOlympus")
        page.wait_for_load_state("networkidle")

        expect(page.get_by_label("Where are you?")).to_have_value("Australia/Melbourne")
        assert len(asked) == 2


@pytest.mark.slow
class TestKeyboard:
    def test_plans_a_call_without_a_mouse(self, open_as):
        page = open_as(None, timezone_id="Australia/Melbourne")
        page.goto("/free-consultation?zone=Australia/Melbourne")

        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Where are you?")).to_be_focused()
        # Past the button and the first day, of which little may be left, into the times of the second.
        for key in ("Tab", "Tab", "Enter", "Tab", "Enter", "Tab", "ArrowRight"):
            page.keyboard.press(key)
        expect(page.locator(".public-day").nth(1).locator("input").nth(1)).to_be_checked()
        page.get_by_label("Your name").focus()
        for words in ("Leo Martin", "leo.martin@example.com", "0491 570 156", "Sleep"):
            page.keyboard.type(words)
            page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.get_by_label("Yes, and you may ring me")).to_be_checked()
        page.get_by_label("Phone").focus()
        page.keyboard.press("Enter")  # sends it all, and does not show other days

        expect(page.get_by_role("heading", name="Your call is planned")).to_be_visible()

    def test_begins_at_what_is_wrong_and_leads_to_each_field(self, open_as):
        page = open_as(None)
        page.goto("/free-consultation?zone=Europe/London")
        page.locator(SUBMIT).click()

        expect(page.get_by_role("alert")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.type("Leo")

        expect(page.get_by_label("Your name")).to_have_value("Leo")
        expect(page.get_by_label("Your name")).to_have_accessible_description("Tell us your name.")

    def test_sees_what_has_the_focus(self, open_as):
        page = open_as(None, width=390, height=600)
        page.goto("/free-consultation?zone=Europe/London")
        hidden = []
        for _ in range(30):
            page.keyboard.press("Tab")
            hidden += page.evaluate(
                """() => {
                    const focused = document.activeElement, box = focused.getBoundingClientRect();
                    const there = document.elementFromPoint(box.left + box.width / 2, box.top + 12);
                    const isSeen = focused.contains(there) || there?.closest("label")?.contains(focused);
                    return isSeen || focused === document.body ? [] : [focused.outerHTML];
                }"""
            )

        assert hidden == []


@pytest.mark.slow
class TestLooks:
    def test_have_no_faults(self, open_as, looks):
        page = open_as(None)
        # The browser would note a 404 as an error of the page.
        page.route(re.compile("nowhere"), lambda route: route.fulfill(response=route.fetch(), status=200))
        for address in (
            "/services",
            "/services/gaps",
            "/services/equine",
            "/services/nowhere",
            "/nowhere",
            "/free-consultation?zone=Australia/Melbourne",
            "/free-consultation?zone=Australia/Perth",
            "/free-consultation?zone=elsewhere",
        ):
            page.goto(address)
            looks.at(page, address)
        page.locator(SUBMIT).click()
        expect(page.get_by_role("alert")).to_be_focused()
        page.wait_for_load_state("networkidle")
        looks.at(page, "something is missing")
        page.locator("label.chip").first.click()
        fill(page)
        page.get_by_label("Yes, and you may ring me").check()
        page.locator(SUBMIT).click()
        page.wait_for_url("**/free-consultation/*")
        page.wait_for_load_state("networkidle")
        looks.at(page, "planned")

        assert looks.wrong == []


@pytest.mark.slow
class TestFirstLoad:
    @pytest.mark.parametrize("address", ["/services", "/services/gaps", "/free-consultation?zone=Australia/Perth"])
    def test_is_small_and_from_nowhere_else(self, open_as, live_server, address):
        page, answers = open_as(None, timezone_id="Australia/Perth"), []
        page.on("response", lambda answer: answers.append(answer))

        page.goto(address)
        page.wait_for_load_state("networkidle")

        sizes = {answer.url: len(answer.body()) for answer in answers}
        assert all(url.startswith(live_server.url) for url in sizes)
        assert not any("woff" in url for url in sizes)
        assert sum(sizes.values()) <= FIRST_LOAD_BYTES, sizes
