"""The call desk as somebody sits at it."""

from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from triage.models import TriageSession


class Desk:
    """A window with a call; counts the keys that are pressed, apart from typed text."""

    def __init__(self, page: Page, session: TriageSession) -> None:
        self.page = page
        self.session = session
        self.presses = 0
        page.goto(reverse("admin:triage_triagesession_desk", args=[session.pk]))
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the page can be used."""
        self.page.locator("#desk[data-ready]").wait_for()

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
            self.presses += 1

    def type(self, text: str) -> None:
        """Type where the focus is."""
        self.page.keyboard.type(text)

    def __getitem__(self, selector: str) -> Locator:
        """Find something on the page."""
        return self.page.locator(selector)

    @property
    def focus(self) -> Locator:
        """What has the focus."""
        return self.page.locator(":focus")

    def offer(self, name: str) -> Locator:
        """One of the four offers: soonest, morning, afternoon or other."""
        return self.page.locator(f'[data-offer="{name}"]')

    def look_for_times(self) -> None:
        """Choose the first appointment and wait until its times are known."""
        self.press("Alt+4", "Enter")
        expect(self.offer("soonest")).to_have_attribute("aria-disabled", "false")

    def hold_soonest(self) -> None:
        """Hold the soonest time."""
        self.look_for_times()
        self.press("Enter")
        expect(self["#held"]).to_be_visible()

    def confirm_with_card(self) -> None:
        """From the payment that has the focus: paid by card on the terminal, with its receipt, and booked."""
        self.press("Enter")
        expect(self["#reference"]).to_be_focused()
        self.type("T-1029")
        self.press("Enter", "Enter")
