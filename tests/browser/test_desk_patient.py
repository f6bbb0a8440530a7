"""Who is on the phone, at the desk, in a browser."""

from datetime import date

import pytest
from playwright.sync_api import expect

from bookings.models import Consent, ConsentWording
from tests.factories import PatientFactory

from .desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def known(session):
    return PatientFactory(name="Leo Martin", date_of_birth=date(1979, 3, 4), phone=session.patient.phone)


def tick(desk: Desk, *identifiers: str) -> None:
    for identifier in identifiers:
        desk[f'[data-identifier="{identifier}"]'].check()


class TestIdentity:
    def test_fills_in_the_birth_and_identifies_by_three(self, desk, session):
        desk["#change-details"].click()
        desk.page.get_by_label("Date of birth").last.fill("1979-03-04")
        desk["#asking-do"].click()
        expect(desk['[data-field="date_of_birth"] [data-value]']).to_have_text("4 Mar 1979")

        tick(desk, "name", "birth", "phone")

        expect(desk["#identified"]).to_have_text("Identified")
        session.patient.refresh_from_db()
        assert session.patient.identified_at is not None

    def test_leads_to_what_is_missing(self, desk):
        desk.press("Alt+1", "Enter", "Enter")
        expect(desk["#change-details"]).to_be_focused()
        desk.press("Enter")
        expect(desk["#asking [name=date_of_birth]"]).to_be_focused()

    def test_takes_five_keys_and_leads_on_to_the_consents(self, desk, session):
        session.patient.date_of_birth = date(1979, 3, 4)
        session.patient.save()
        desk.page.reload()
        desk.wait_until_ready()
        before = desk.presses

        desk.press("Alt+1", "Enter", "Enter", "Enter")
        expect(desk["#identified"]).to_have_text("Identified")
        expect(desk["#read-out"]).to_be_focused()
        desk.press("Enter")

        expect(desk["#asking"]).to_be_visible()
        assert desk.presses - before == 5

    def test_takes_a_proposal_over_after_that(self, desk, session):
        desk["#change-details"].click()
        desk.page.get_by_label("E-mail").fill("leo.new@example.com")
        desk.page.get_by_label("Date of birth").last.fill("1979-03-04")
        desk.press("Enter")
        row = desk['[data-field="email"]']
        expect(row.locator("[data-proposed]")).to_have_text("Proposed: leo.new@example.com")
        expect(row.locator("[data-take]")).to_be_hidden()

        tick(desk, "name", "birth", "phone")
        row.locator("[data-take]").click()

        expect(row.locator("[data-value]")).to_have_text("leo.new@example.com")

    @pytest.mark.main_way
    def test_links_the_call_to_a_known_patient_by_six_keys(self, known, desk, session):
        expect(desk["#candidates button"]).to_be_visible()
        before = desk.presses

        desk.press("Alt+1", "Enter", "Enter", "Enter", "Enter")
        expect(desk["#asking-do"]).to_be_focused()
        with desk.page.expect_navigation():
            desk.press("Enter")
        desk.wait_until_ready()

        expect(desk["#linked"]).to_be_visible()
        assert desk.presses - before == 6

    def test_links_the_call_to_a_known_patient_and_takes_that_back(self, known, desk, session):
        desk.page.get_by_label("Compare with Leo Martin").click()
        desk["#asking-do"].click()
        expect(desk["#asking-problem"]).to_have_text("Tick the name and two more first.")
        for value in ("name", "birth", "phone"):
            desk[f'#asking input[value="{value}"]'].check()
        with desk.page.expect_navigation():
            desk["#asking-do"].click()
        desk.wait_until_ready()

        expect(desk["#identified"]).to_have_text("Identified")
        session.refresh_from_db()
        assert session.patient == known
        with desk.page.expect_navigation():
            desk["#unlink"].click()
        desk.wait_until_ready()
        expect(desk["#identified"]).to_have_text("Not identified")
        session.refresh_from_db()
        assert session.patient != known


class TestConsents:
    def test_are_given_by_a_key_each(self, desk, session):
        wordings = ConsentWording.objects.filter(is_current=True).count()
        desk["#read-out"].focus()

        desk.press("Enter", *["Enter"] * wordings)
        expect(desk["#asking-do"]).to_be_focused()
        desk.press("Enter")

        expect(desk["#asking"]).to_be_hidden()
        expect(desk["#read-out"]).to_be_focused()
        expect(desk["#consents .badge.ok"]).to_have_count(wordings)
        assert Consent.objects.filter(patient=session.patient, is_given=True).count() == wordings > 1

    def test_are_read_out_and_a_refused_one_is_said_before_confirming(self, desk, session):
        desk.hold_soonest()
        expect(desk["#consent-warning"]).to_contain_text("not asked yet")

        desk["#read-out"].click()
        desk["#asking fieldset"].first.get_by_label("Refuses").check()
        expect(desk["#consents .badge.bad"]).to_be_visible()
        desk["#asking-do"].click()

        expect(desk["#consent-warning"]).to_contain_text("nothing can be booked")
        assert Consent.objects.filter(patient=session.patient, is_given=False).count() == 1
