"""Journeys at the call desk, by keyboard wherever a consultant would use it."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import Page, expect

from bookings.models import SyncRecord
from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.availability import CLINIC
from tests.factories import AppointmentTypeFactory, PractitionerFactory, ServiceFactory, SessionFactory
from triage.models import TriageSession

from .desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)
MOST_PRESSES = 12


@pytest.fixture
def kind(transactional_db):
    return AppointmentTypeFactory(name="Alternative medicine, initial")


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind], calendar_provider="calendly")


@pytest.fixture
def sarah(transactional_db):
    return PractitionerFactory(consultant=True, name="Sarah Chen", user__is_staff=True)


@pytest.fixture
def tom(transactional_db):
    return PractitionerFactory(consultant=True, name="Tom Baker", user__is_staff=True)


@pytest.fixture
def session(sarah, doctor):
    return SessionFactory(consultant=sarah)


@pytest.fixture
def desk(open_as, sarah, session) -> Desk:
    return Desk(open_as(sarah.user), session)


def clinic_words(moment) -> str:
    """A moment as the desk writes it."""
    return f"{moment.astimezone(CLINIC):%a %-d %b %H:%M}"


def eventually(read: Callable[[], str]) -> str:
    """Read until there is something to read, for what no answer tells about."""
    for _ in range(100):
        if value := read():
            return value
        time.sleep(0.02)
    return read()


class TestBooking:
    def test_takes_few_presses_from_the_open_page_to_the_next_call(self, desk, session):
        expect(desk["#start"]).to_be_focused()
        desk.press("Enter")
        expect(desk["#notes"]).to_be_focused()
        desk.type("Poor sleep for six months.")
        desk.look_for_times()
        desk.press("Enter")
        expect(desk['[value="card"]']).to_be_focused()
        expect(desk["#held"]).to_be_visible()
        [held] = diary.living_holds(held_for=session.pk)
        desk.press("Enter", "Enter")
        expect(desk["#done"]).to_be_focused()
        to_booked = desk.presses

        desk.press("Enter")
        desk.page.wait_for_url("**/admin/")

        assert to_booked <= MOST_PRESSES
        session.refresh_from_db()
        assert (session.state, session.outcome) == ("done", "booked")
        assert session.notes == "Poor sleep for six months."
        assert (session.booking.starts_at, session.booking.payment.status) == (held.starts_at, "collected")

    def test_goes_on_by_one_key_alone(self, desk, session):
        desk.press("Control+Enter")
        expect(desk["#timer"]).to_be_visible()
        desk.press("Control+Enter", "Control+Enter")
        expect(desk.offer("soonest")).to_have_attribute("aria-disabled", "false")
        desk.press("Control+Enter")
        expect(desk["#held"]).to_be_visible()
        desk.press("Control+Enter", "Space", "Control+Enter")
        expect(desk["#done"]).to_be_focused()

        session.refresh_from_db()
        assert session.state == "wrap_up"

    def test_shows_the_clinics_time_whatever_the_browsers_clock(self, desk, session):
        desk.hold_soonest()

        [held] = diary.living_holds(held_for=session.pk)
        expect(desk["#summary"]).to_contain_text(clinic_words(held.starts_at))

    def test_shows_the_patients_time_beside_it(self, open_as, sarah, doctor):
        session = SessionFactory(consultant=sarah, patient__time_zone="Australia/Perth")
        desk = Desk(open_as(sarah.user), session)

        desk.hold_soonest()

        expect(desk["#summary"]).to_contain_text("Perth)")

    def test_follows_the_vendors_until_all_know(self, desk, session):
        desk.hold_soonest()
        desk.press("Enter", "Enter")
        expect(desk["#systems"]).to_contain_text("Waiting")

        SyncRecord.objects.filter(booking__triage_session=session).update(told=F("wanted"))
        Message.objects.update(told=F("wanted"))

        expect(desk["#systems .badge.ok"]).to_have_count(3)
        expect(desk["#systems"]).not_to_contain_text("Waiting")

    def test_tells_of_a_price_that_changed_meanwhile(self, desk, kind, session):
        desk.hold_soonest()
        kind.prices.update(amount=129)
        desk.press("Enter", "Enter")
        expect(desk["#alarm"]).to_contain_text("The price is $129 now.")

        desk.press("Control+Enter")

        expect(desk["#visit"]).to_contain_text("$129.00 paid")

    def test_asks_for_no_payment_where_there_is_nothing_to_pay(self, open_as, sarah):
        PractitionerFactory(gives=[AppointmentTypeFactory(price=0)])
        desk = Desk(open_as(sarah.user), SessionFactory(consultant=sarah))

        desk.hold_soonest()
        expect(desk["#confirm"]).to_be_focused()
        desk.press("Enter")

        expect(desk["#visit"]).to_contain_text("nothing to pay")

    def test_is_seen_in_a_second_window(self, desk, open_as, sarah, session):
        second = Desk(open_as(sarah.user), session)
        desk.hold_soonest()
        expect(second["#held"]).to_be_visible()

        desk.press("Enter", "Enter")

        expect(second["#number"]).to_have_text(desk["#number"].inner_text())


class TestFindingATime:
    def test_is_one_tab_stop_in_which_arrows_move(self, desk):
        desk.look_for_times()
        desk.press("ArrowDown")
        expect(desk['.desk-slot[tabindex="0"]']).to_be_focused()
        first = desk.focus.get_attribute("data-key")

        desk.press("ArrowDown", "ArrowRight")

        assert desk.focus.get_attribute("data-key") != first
        expect(desk['.desk-slot[tabindex="0"]']).to_have_count(1)
        expect(desk['.desk-slot[tabindex="0"]']).to_be_focused()

    def test_turns_weeks_and_keeps_the_focus_in_the_grid(self, desk):
        desk.look_for_times()
        desk.press("ArrowDown")
        week = desk["#week"].inner_text()

        desk.press("PageDown")
        expect(desk["#week"]).not_to_have_text(week)
        expect(desk[".desk-slot:focus"]).to_have_count(1)
        desk.press("PageUp")

        expect(desk["#week"]).to_have_text(week)

    def test_offers_another_practitioner(self, desk, kind, session):
        PractitionerFactory(name="Dr Shivani", gives=[kind])
        desk.look_for_times()
        expect(desk.offer("other")).to_contain_text("Dr Shivani")

        desk.offer("other").click()

        expect(desk["#summary"]).to_contain_text("Dr Shivani")

    def test_says_when_nothing_is_free(self, desk, doctor):
        doctor.working_hours.all().delete()

        desk.press("Alt+4", "Enter")

        expect(desk["#grid"]).to_contain_text("No free times with these choices.")

    def test_leads_to_the_next_week_with_a_free_time(self, desk, doctor):
        desk.look_for_times()
        doctor.working_hours.all().delete()
        far = timezone.localdate() + timedelta(days=30)
        doctor.working_hours.create(weekday=far.weekday(), starts="09:00", ends="10:00", valid_from=far)
        desk.press("ArrowDown", "PageDown")
        desk.page.get_by_role("button", name="the next free day").press("Enter")

        expect(desk[".desk-slot"].first).to_be_visible()

    def test_stays_away_from_where_somebody_types(self, desk, kind, doctor):
        desk.look_for_times()
        desk.press("Alt+2")
        desk.type("Slept ba")
        SessionFactory(consultant=desk.session.consultant)
        with desk.page.expect_response("**/state/*"):
            pass

        desk.type("dly")

        expect(desk["#notes"]).to_be_focused()
        expect(desk["#notes"]).to_have_value("Slept badly")

    def test_survives_a_reload(self, desk):
        desk.hold_soonest()
        summary = desk["#summary"].inner_text()

        desk.page.reload()
        desk.wait_until_ready()

        expect(desk["#held"]).to_be_visible()
        expect(desk["#summary"]).to_have_text(summary)
        expect(desk['[name="type"]:checked']).to_have_count(1)


class TestLosingASlot:
    def test_offers_three_others_of_which_enter_holds_the_first(self, desk, doctor):
        desk.look_for_times()
        taken = desk.page.evaluate("document.querySelector('[data-offer=soonest]').time.startsAt")
        starts_at = datetime.fromisoformat(taken)
        span = diary.Span(starts_at, starts_at + timedelta(minutes=15))
        diary.hold(practitioner=doctor, span=span, held_for=uuid4(), by=None)

        desk.press("Enter")
        expect(desk["#alarm"]).to_contain_text("That time was just taken. Offer one of these:")
        expect(desk["#alarm button"]).to_have_count(3)
        expect(desk["#alarm button"].first).to_be_focused()
        desk.press("Enter")

        expect(desk["#held"]).to_be_visible()
        expect(desk["#alarm"]).to_be_hidden()


class TestHolding:
    def test_that_runs_out_can_be_had_again_with_all_choices_kept(self, desk, settings):
        settings.HOLD_SECONDS = 2
        desk.hold_soonest()
        desk.press("Space")

        expect(desk["#alarm"]).to_contain_text("ran out. Nothing was charged.")
        expect(desk['[name="payment"]:checked']).to_have_count(1)
        settings.HOLD_SECONDS = 300
        desk["#alarm button"].click()

        expect(desk["#countdown"]).to_have_text("5:00")
        expect(desk["#alarm"]).to_be_hidden()

    def test_can_be_kept_and_let_go(self, desk, session):
        desk.hold_soonest()
        before = diary.living_holds(held_for=session.pk)[0].live_until
        with desk.page.expect_response("**/keep/"):
            desk["#keep"].click()
        after = diary.living_holds(held_for=session.pk)[0].live_until

        desk["#let-go"].click()

        expect(desk["#summary"]).to_have_text("No time held yet.")
        assert after > before
        assert diary.living_holds(held_for=session.pk) == []


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
    def test_without_a_booking_says_how(self, desk, session):
        desk.press("Enter")
        desk["#end"].focus()
        desk.press("Enter")
        expect(desk["#ending"]).to_be_visible()

        desk.press("Space", "ArrowRight", "Enter")
        desk.page.wait_for_url("**/admin/")

        session.refresh_from_db()
        assert (session.outcome, session.disposition) == ("referred", "emergency")

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


class TestAccessibility:
    """What axe-core finds, in every state, light and dark, on a desk and on a phone."""

    @pytest.mark.parametrize(
        ("scheme", "width", "height"), [("light", 1366, 768), ("dark", 1366, 768), ("light", 320, 640)]
    )
    def test_finds_nothing(self, axe, open_as, sarah, session, scheme, width, height):
        AppointmentTypeFactory(price="none", service__name="Weight loss")
        desk = Desk(open_as(sarah.user, width=width, height=height, color_scheme=scheme), session)
        found = {"open": faults(axe, desk.page)}
        desk.hold_soonest()
        desk['[value="card"]'].check()
        found["held"] = faults(axe, desk.page)
        desk["#end"].click()
        found["dialog"] = faults(axe, desk.page)
        desk.press("Escape")
        sideways = desk.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        desk["#confirm"].click()
        expect(desk["#done"]).to_be_visible()
        found["booked"] = faults(axe, desk.page)

        assert found == {state: [] for state in found}
        assert not sideways

    def test_finds_nothing_where_two_texts_meet(self, axe, desk):
        desk.page.context.set_offline(True)
        desk["#notes"].fill("Mine")
        TriageSession.objects.update(notes="Theirs", version=2)
        desk.page.context.set_offline(False)
        expect(desk['[data-conflict="notes"]']).to_be_visible()

        assert faults(axe, desk.page) == []

    def test_finds_nothing_in_anothers_call(self, axe, open_as, tom, session):
        toms = Desk(open_as(tom.user), session)

        assert faults(axe, toms.page) == []


def faults(axe: str, page: Page) -> list[str]:
    """Name what axe-core finds wrong on a page."""
    page.evaluate(axe)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    result = page.evaluate("tags => axe.run({ runOnly: tags })", tags)
    return [f"{rule['id']}: {node['html'][:120]}" for rule in result["violations"] for node in rule["nodes"]]
