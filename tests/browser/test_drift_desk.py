"""The drift desk in a real browser: what somebody sees and does there, by keyboard too, on a phone too."""

import re

import pytest
from playwright.sync_api import expect

from bookings.models import Drift, Reconciliation, SyncRecord
from tests.admin.test_drift_desk import DESK, differ, run_of, unknown
from tests.factories import BookingFactory, PatientFactory, PractitionerFactory, UserFactory

from .looks import faults

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olive(transactional_db):
    return UserFactory(is_staff=True, first_name="Olive", roles=["operations"])


@pytest.fixture
def differences(transactional_db):
    """One visit of which two vendors say something else, and an appointment that nobody knows."""
    booking = BookingFactory(
        patient=PatientFactory(name="Ava Nguyen"), practitioner=PractitionerFactory(name="Dr Dia Menon")
    )
    SyncRecord.objects.create(booking=booking, system="calendly", told=1)
    run_of(found=3, problem="Outlook could not be read, so nothing of it was compared (Outlook GET: 503).")
    return [
        differ(booking),
        differ(booking, field="length", ours="15 minutes", theirs="30 minutes"),
        differ(booking, system="calendly", field="practitioner", ours="Dr Dia Menon", theirs="Dr Shivani Rao"),
        unknown(),
    ]


def opened(page):
    page.goto(DESK)
    expect(page.locator("html")).to_have_attribute("data-ready", "")
    return page


class TestDriftDesk:
    @pytest.mark.parametrize(
        ("scheme", "width", "height"), [("light", 1366, 768), ("dark", 1366, 768), ("light", 320, 640)]
    )
    def test_has_no_faults(self, axe, open_as, olive, differences, scheme, width, height):
        page = opened(open_as(olive, width=width, height=height, color_scheme=scheme))
        found = {"open": faults(axe, page)}
        page.get_by_role("link", name=re.compile("^Portal wins.* time in MediRecords")).click()
        expect(page.locator("dialog[open]")).to_contain_text("MediRecords is brought back to what the portal says")
        found["dialog"] = faults(axe, page)
        sideways = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        page.keyboard.press("Escape")
        page.get_by_role("checkbox", name=re.compile("length in MediRecords")).check()
        page.get_by_role("button", name="Portal wins for the selected").click()
        expect(page.locator("h1")).to_have_text("Portal wins, several at once")
        found["together"] = faults(axe, page)

        assert found == {state: [] for state in found}
        assert not sideways

    def test_has_no_faults_with_the_brake_on(self, axe, open_as, olive, differences):
        run = run_of(found=21, is_braked=True)
        Drift.objects.update(found_by=run)
        page = opened(open_as(olive))

        assert faults(axe, page) == []
        expect(page.get_by_role("alert")).to_contain_text("The brake is on.")

    def test_settles_by_keyboard_alone(self, open_as, olive, differences):
        page = opened(open_as(olive))
        page.get_by_role("link", name=re.compile("^Portal wins.* time in MediRecords")).focus()

        page.keyboard.press("Enter")
        button = page.locator("dialog[open]").get_by_role("button", name="Portal wins")
        expect(button).to_be_visible()
        while not button.evaluate("each => each === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")

        expect(page.get_by_text("The portal wins. MediRecords is told within seconds.")).to_be_visible()
        assert Drift.objects.unsettled().filter(system="medirecords").count() == 1

    def test_says_why_it_cannot_be_done(self, open_as, olive, differences):
        page = opened(open_as(olive))

        page.get_by_role("link", name=re.compile("^Calendly wins.* practitioner in Calendly")).click()

        expect(page.get_by_role("alert")).to_contain_text("The portal does not know who that is, or they left.")

    def test_shows_the_end_of_a_comparison_by_itself(self, open_as, olive, transactional_db):
        page = opened(open_as(olive))
        page.get_by_role("link", name="Compare now").click()
        page.locator("dialog[open]").get_by_role("button", name="Compare now").click()
        expect(page.locator("#drift-status")).to_contain_text("Waiting")

        differ()
        Reconciliation.objects.update(started_at="2026-01-01T00:00Z", ended_at="2026-01-01T00:00Z", found=1)

        expect(page.get_by_role("article")).to_have_count(1)
