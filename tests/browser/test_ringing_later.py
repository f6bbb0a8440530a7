"""At the call desk: whose call it is, ringing later, and the patient's own page for another time."""

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect

from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from triage import claims, rebooking
from triage.models import CallEvent, TriageSession

from .desk import Desk
from .looks import faults

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


class TestToday:
    @pytest.fixture
    def today(self, open_as, sarah, tom):
        for name in ("Zoe Papas", "Bob Papas"):
            taken = SessionFactory(consultant=sarah, in_progress=True, patient__name=name)
            claims.take_over(session_id=taken.pk, consultant=tom, by=tom.user, now=timezone.now())
        page = open_as(sarah.user)
        page.goto("/admin/")
        expect(page.locator("#queue-live")).to_have_text("Live")
        return page

    def test_takes_a_notice_away_and_goes_on_to_the_next(self, today):
        notices = today.get_by_role("button", name="Noted")
        expect(notices).to_have_count(2)
        notices.first.focus()

        with today.expect_response(lambda answer: answer.request.method == "POST"):
            today.keyboard.press("Enter")
        expect(notices).to_have_count(1)
        expect(notices).to_be_focused()
        with today.expect_response(lambda answer: answer.request.method == "POST"):
            today.keyboard.press("Enter")

        expect(notices).to_have_count(0)
        expect(today.locator("#queue-heading")).to_be_focused()
        assert not CallEvent.objects.filter(former__isnull=False, seen_at=None).exists()

    def test_tells_of_a_call_that_is_taken_over_at_once(self, today, sarah, tom):
        notices = today.get_by_role("button", name="Noted")
        expect(notices).to_have_count(2)
        taken = SessionFactory(consultant=sarah, in_progress=True)

        claims.take_over(session_id=taken.pk, consultant=tom, by=tom.user, now=timezone.now())

        expect(notices).to_have_count(3)

    def test_keeps_the_view_while_it_polls_and_for_the_next_time(self, today, sarah):
        today.get_by_role("link", name="Unclaimed").click()
        expect(today.locator("#queue")).to_contain_text("Somebody has each call")

        waiting = SessionFactory(consultant=sarah, patient__name="Mia Rossi")
        expect(today.locator("#queue")).to_contain_text("Mia Rossi")
        claims.claim(session_id=waiting.pk, consultant=sarah, by=sarah.user, now=timezone.now())
        expect(today.locator("#queue")).to_contain_text("Somebody has each call")
        today.goto("/admin/")

        expect(today.get_by_role("link", name="Unclaimed")).to_have_attribute("aria-current", "page")


class TestDialogs:
    @pytest.mark.parametrize(("scheme", "width"), [("light", 1366), ("dark", 1366), ("light", 320)])
    def test_have_no_faults(self, open_as, sarah, session, axe, scheme, width):
        desk = Desk(open_as(sarah.user, color_scheme=scheme, width=width, height=768), session)

        for opener in ("#no-answer", "#call-back"):
            desk[opener].click()
            expect(desk["#later-times"]).to_be_visible()
            assert faults(axe, desk.page) == []
            desk.press("Escape")
            expect(desk["#later"]).to_be_hidden()
            expect(desk[opener]).to_be_focused()


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

        assert faults(axe, page) == []
