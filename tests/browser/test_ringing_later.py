"""At the call desk: whose call it is, ringing later, and the patient's own page for another time."""

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect

from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from triage import rebooking
from triage.models import TriageSession

from .desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)
State = TriageSession.State


class TestClaiming:
    def test_has_one_winner_and_tells_the_other(self, open_as, tom, session):
        ann = PractitionerFactory(consultant=True, name="Ann Lee", user__is_staff=True)
        toms, anns = Desk(open_as(tom.user), session), Desk(open_as(ann.user), session)
        expect(anns["#take-over"]).to_have_text("Claim")
        anns.page.route("**/desk/state/", lambda route: route.abort())

        toms.press("Enter")
        expect(toms["#start"]).to_be_visible()
        anns.press("Enter")

        expect(anns["#alarm"]).to_contain_text("Tom Baker took this call at")
        session.refresh_from_db()
        assert session.consultant == tom


class TestParking:
    def test_lets_another_consultant_go_on(self, desk, open_as, tom, session):
        desk.press("Enter")
        desk["#notes"].fill("Half told.")
        desk["#park"].click()
        desk.page.wait_for_url("**/admin/")

        toms = Desk(open_as(tom.user), session)
        expect(toms["#owner"]).to_contain_text("Parked at")
        toms.press("Enter")

        expect(toms["#notes"]).to_have_value("Half told.")
        expect(toms["#timer"]).to_be_visible()
        session.refresh_from_db()
        assert session.claimed_by == tom


class TestRingingBack:
    def test_takes_the_suggested_time_by_enter_alone(self, desk, session):
        desk.press("Enter")
        desk["#call-back"].focus()
        desk.press("Enter")
        expect(desk["#later-times"]).to_be_visible()
        expect(desk["#later-at"]).to_be_focused()

        desk.press("Enter")
        desk.page.wait_for_url("**/admin/")

        session.refresh_from_db()
        assert (session.state, session.claimed_by) == (State.SCHEDULED, None)
        assert session.call_back_at > timezone.now()

    def test_keeps_the_time_that_was_typed(self, desk, session):
        desk.press("Enter")
        desk.page.route("**/desk/later/**", lambda route: None)
        desk["#call-back"].click()
        desk["#later-at"].fill(f"{next_morning(15):%Y-%m-%dT}23:15")

        desk["#later-do"].click()
        desk.page.wait_for_url("**/admin/")

        session.refresh_from_db()
        assert f"{timezone.localtime(session.call_back_at):%H:%M}" == "23:15"

    def test_says_why_a_time_is_refused(self, desk):
        desk.press("Enter")
        desk["#call-back"].click()
        desk["#later-at"].fill("2020-01-01T10:00")
        desk["#later-do"].click()

        expect(desk["#later-problem"]).to_have_text("That time has passed. Choose a later one.")


class TestNoAnswer:
    def test_climbs_the_ladder_to_its_end(self, desk, session):
        for tries in (1, 2):
            desk.press("Enter")
            desk["#no-answer"].click()
            expect(desk["#later-words"]).to_contain_text(f"Try {tries} of 3.")
            expect(desk["#later-times"]).to_be_visible()
            desk.press("Enter")
            desk.page.wait_for_url("**/admin/")
            desk.page.go_back()
            desk.page.reload()
            desk.wait_until_ready()
            expect(desk["#owner"]).to_contain_text(f"Nobody answered {tries} of 3 times.")
        desk["#no-answer"].click()
        expect(desk["#later-words"]).to_contain_text("It was the last one")
        desk.press("Enter")
        desk.page.wait_for_url("**/admin/")

        session.refresh_from_db()
        assert (session.state, session.outcome) == (State.DONE, "no_show")


class TestAnotherTime:
    @pytest.fixture
    def link(self, transactional_db):
        kind = AppointmentTypeFactory(free=True, practitioner_types=["consultant"])
        sarah = PractitionerFactory(consultant=True, gives=[kind])
        session = SessionFactory(
            consultant=sarah,
            consultation__appointment_type=kind,
            consultation__starts_at=next_morning(8, days=-1),
            patient__time_zone="Australia/Perth",
        )
        return rebooking.link_to(session, now=timezone.now()).removeprefix(settings.PUBLIC_BASE_URL)

    def test_is_chosen_without_javascript(self, open_as, sarah, link):
        page = open_as(sarah.user, java_script_enabled=False, width=320, height=640)
        page.goto(link)
        page.locator("summary").nth(1).click()
        page.locator("details").nth(1).locator("label").first.click()

        page.get_by_role("button", name="Ring me at this time").click()

        expect(page.locator(".public-lead")).to_contain_text("We ring you on")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_is_for_everybody(self, open_as, sarah, link, axe, scheme):
        page = open_as(sarah.user, color_scheme=scheme, width=390, height=800)
        page.goto(link)

        found = page.evaluate(f"async () => {{ {axe}; return (await axe.run()).violations.map(v => v.id) }}")

        assert found == []
