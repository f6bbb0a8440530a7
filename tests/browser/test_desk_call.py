"""At the call desk: what is said is kept, whoever else writes, and each call has one owner and one end."""

import time
from collections.abc import Callable

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect

from tests.factories import ServiceFactory
from triage.models import TriageSession

from .desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


def eventually(read: Callable[[], str]) -> str:
    """Read until there is something to read, for what no answer tells about."""
    for _ in range(100):
        if value := read():
            return value
        time.sleep(0.02)
    return read()


class TestNotes:
    def test_of_two_windows_stand_side_by_side(self, desk, open_as, sarah, session):
        other = Desk(open_as(sarah.user), session)
        desk.page.context.set_offline(True)
        desk["#notes"].fill("Mine")
        other["#notes"].fill("Theirs")
        expect(other["#saved"]).to_contain_text("Saved ")

        desk.page.context.set_offline(False)

        expect(desk['[data-conflict="notes"]']).to_contain_text("Theirs")
        expect(desk["#notes"]).to_have_value("Mine")
        session.refresh_from_db()
        assert session.notes == "Theirs"

    @pytest.mark.parametrize(("choice", "kept"), [("Keep mine", "Mine"), ("Take theirs", "Theirs")])
    def test_are_settled_by_choosing_one(self, desk, session, choice, kept):
        desk.page.context.set_offline(True)
        desk["#notes"].fill("Mine")
        TriageSession.objects.update(notes="Theirs", version=2)
        desk.page.context.set_offline(False)

        desk.page.get_by_role("button", name=choice).click()

        expect(desk['[data-conflict="notes"]']).to_be_hidden()
        expect(desk["#saved"]).to_contain_text("Saved")
        expect(desk["#notes"]).to_have_value(kept)
        session.refresh_from_db()
        assert session.notes == kept

    def test_of_different_fields_do_not_meet(self, desk, session):
        desk.page.context.set_offline(True)
        desk["#notes"].fill("Mine")
        TriageSession.objects.update(primary_concern="Theirs", version=2)
        desk.page.context.set_offline(False)

        expect(desk["#saved"]).to_contain_text("Saved ")

        expect(desk["#concern"]).to_have_value("Theirs")
        session.refresh_from_db()
        assert (session.notes, session.primary_concern) == ("Mine", "Theirs")

    @pytest.mark.main_way
    def test_are_kept_while_offline(self, desk, session):
        desk.page.context.set_offline(True)
        desk["#notes"].fill("Said on a bad line.")
        expect(desk["#saved"]).to_have_text("Offline, will retry")

        desk.page.context.set_offline(False)

        expect(desk["#saved"]).to_contain_text("Saved ")
        session.refresh_from_db()
        assert session.notes == "Said on a bad line."

    def test_are_sent_when_the_page_is_left(self, desk, session):
        desk["#notes"].fill("Last words.")

        desk["#today"].click()

        assert eventually(lambda: TriageSession.objects.get(pk=session.pk).notes) == "Last words."

    def test_may_pause_after_a_word(self, desk, session):
        desk.press("Alt+3")
        desk.type("Sleep ")
        expect(desk["#saved"]).to_contain_text("Saved ")
        desk.type("and back")

        expect(desk["#concern"]).to_have_value("Sleep and back")

    def test_never_hold_a_card_number(self, desk, session):
        desk["#notes"].fill("4111 1111 1111 1111")

        expect(desk["#alarm"]).to_contain_text("That looks like a card number.")
        desk["#notes"].fill("Paid.")

        expect(desk["#saved"]).to_contain_text("Saved ")
        expect(desk["#alarm"]).to_be_hidden()

    def test_are_not_sent_by_looking(self, open_as, sarah, session):
        gone = ServiceFactory(status="retired")
        TriageSession.objects.update(notes="One\r\nTwo", recommended_service=gone)
        desk = Desk(open_as(sarah.user), session)

        expect(desk["#saved"]).to_have_text("Saved")
        desk["#today"].click()
        desk.page.wait_for_url("**/admin/")

        session.refresh_from_db()
        assert (session.version, session.recommended_service) == (1, gone)

    def test_hold_what_the_patient_needs(self, desk, session):
        service = ServiceFactory(name="Equine", status="coming_soon")
        desk.page.reload()
        desk.wait_until_ready()

        desk["#concern"].fill("Sleep")
        desk.page.get_by_label("Equine").check()

        expect(desk["#saved"]).to_contain_text("Saved ")
        session.refresh_from_db()
        assert (session.primary_concern, session.recommended_service) == ("Sleep", service)


class TestBeingLoggedOut:
    def test_keeps_the_page_until_one_is_back(self, desk, session):
        cookies = desk.page.context.cookies()
        desk.page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
        desk["#notes"].fill("Said meanwhile.")
        expect(desk["#alarm"]).to_contain_text("You were logged out.")

        desk.page.context.add_cookies(cookies)

        expect(desk["#saved"]).to_contain_text("Saved ")
        expect(desk["#alarm"]).to_be_hidden()
        session.refresh_from_db()
        assert session.notes == "Said meanwhile."


class TestAnothersCall:
    def test_is_read_only_until_taken_over(self, desk, open_as, tom, session):
        desk.press("Enter")
        expect(desk["#timer"]).to_be_visible()
        toms = Desk(open_as(tom.user), session)
        expect(toms["#owner"]).to_contain_text("Taken by Sarah Chen at")
        expect(toms["#notes"]).to_have_count(0)

        toms.press("Enter")

        expect(toms["#notes"]).to_be_editable()
        expect(desk["#alarm"]).to_contain_text("Tom Baker took this call over.")
        expect(desk["#notes"]).not_to_be_editable()


class TestEnding:
    @pytest.mark.main_way
    def test_without_a_booking_says_how(self, desk, session):
        desk.press("Enter")
        desk["#end"].focus()
        desk.press("Enter")
        expect(desk["#ending"]).to_be_visible()

        desk.press("Space", "Enter", "ArrowRight", "Enter")
        desk.page.wait_for_url("**/admin/")

        session.refresh_from_db()
        assert (session.outcome, session.disposition_id) == ("referred", "emergency")

    def test_can_be_thought_better_of(self, desk, session):
        desk["#end"].click()
        desk.press("Escape")

        expect(desk["#ending"]).to_be_hidden()
        session.refresh_from_db()
        assert session.state == "scheduled"

    def test_shows_a_call_that_is_over_as_it_was(self, open_as, sarah, session):
        now = timezone.now()
        TriageSession.objects.update(
            state="done", outcome="rejected", notes="Asked for a friend.", started_at=now, ended_at=now
        )

        desk = Desk(open_as(sarah.user), session)

        expect(desk["#owner"]).to_contain_text("This call ended at")
        expect(desk["#notes"]).to_have_value("Asked for a friend.")
        expect(desk["#notes"]).not_to_be_editable()
