"""The search over the portal as people use it: by keyboard, from any page."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.factories import PatientFactory, UserFactory

from .looks import faults

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def leo(doctor):
    return PatientFactory(name="Leo Martin")


@pytest.fixture
def olive(transactional_db):
    return UserFactory(is_staff=True, first_name="Olive", roles=["operations"])


class TestSearch:
    def test_leads_to_a_patient_by_keyboard_alone(self, open_as, olive, leo):
        PatientFactory(name="Leona Marsh")
        page = open_as(olive)
        page.goto("/admin/")
        page.keyboard.press("Control+k")
        expect(page.locator("#search-words")).to_be_focused()

        page.keyboard.type("leo")
        expect(page.locator("#search-count")).to_have_text("2 found.")
        page.keyboard.press("ArrowDown")
        expect(page.locator('[role="option"][aria-selected="true"]')).to_contain_text("Leona Marsh")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")

        page.wait_for_url(f"**{reverse('admin:bookings_patient_change', args=[leo.pk])}")
        assert page.evaluate("Object.keys(localStorage).concat(Object.keys(sessionStorage)).join()") in ("", "theme")

    def test_opens_what_was_typed_even_when_enter_comes_first(self, open_as, olive, leo):
        page = open_as(olive)
        page.goto("/admin/")
        page.keyboard.press("Control+k")

        page.keyboard.type("martin")
        page.keyboard.press("Enter")

        page.wait_for_url(f"**{reverse('admin:bookings_patient_change', args=[leo.pk])}")

    def test_closes_and_gives_the_focus_back(self, open_as, olive, leo):
        page = open_as(olive)
        page.goto("/admin/")
        page.locator(".search-open").focus()
        page.keyboard.press("Enter")
        page.keyboard.type("zzzz")
        expect(page.locator("#search-count")).to_contain_text("Nothing was found.")

        page.keyboard.press("Escape")

        expect(page.locator("#search")).to_be_hidden()
        expect(page.locator(".search-open")).to_be_focused()
        page.keyboard.press("Control+k")
        expect(page.locator("#search-words")).to_have_value("")

    @pytest.mark.parametrize(("scheme", "width"), [("light", 1366), ("dark", 1366), ("light", 320)])
    def test_has_no_faults(self, axe, open_as, olive, leo, scheme, width):
        page = open_as(olive, width=width, color_scheme=scheme)
        page.goto("/admin/")
        page.keyboard.press("Control+k")
        page.keyboard.type("martin")
        expect(page.locator('[role="option"]')).to_have_count(1)

        assert faults(axe, page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")

    def test_works_without_javascript(self, open_as, olive, leo):
        page = open_as(olive, java_script_enabled=False)
        page.goto("/admin/")
        page.locator(".search-open").click()

        page.locator("#search-page-words").fill("martin")
        page.locator("main").get_by_role("button", name="Search").click()

        expect(page.locator("main").get_by_role("link", name="Leo Martin")).to_be_visible()
