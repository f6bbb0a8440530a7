"""At the call desk, from the open page to the booking: by keyboard, as a consultant would."""

import re
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import expect

from bookings.models import SyncRecord
from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.availability import CLINIC
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory

from .desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)
MOST_PRESSES = 12


def clinic_words(moment) -> str:
    """A moment as the desk writes it."""
    return f"{moment.astimezone(CLINIC):%a %-d %b %H:%M}"


class TestBooking:
    @pytest.mark.main_way
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
        desk.confirm_with_card()
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
        expect(desk["#reference"]).to_be_focused()
        desk.type("T-1029")
        desk.press("Control+Enter")
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
        desk.confirm_with_card()
        expect(desk["#systems"]).to_contain_text("Waiting")

        SyncRecord.objects.filter(booking__triage_session=session).update(told=F("wanted"))
        Message.objects.update(told=F("wanted"))

        expect(desk["#systems .badge.ok"]).to_have_count(3)
        expect(desk["#systems"]).not_to_contain_text("Waiting")

    def test_says_what_waits_for_a_vendors_limit_and_until_when(self, desk, session):
        desk.hold_soonest()
        desk.confirm_with_card()
        expect(desk["#systems"]).to_contain_text("Waiting")

        why, later = "Waits for Calendly's limit: 100 bookings a day.", timezone.now() + timedelta(hours=2)
        SyncRecord.objects.filter(booking__triage_session=session).update(problem=why, next_try_at=later)

        expect(desk["#systems .badge.waiting"]).to_have_count(2)
        expect(desk["#systems"]).to_contain_text(f"{why} Next try {clinic_words(later)}.")

    def test_tells_of_a_price_that_changed_meanwhile(self, desk, kind, session):
        desk.hold_soonest()
        kind.prices.update(amount=129)
        desk.confirm_with_card()
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

        desk.confirm_with_card()

        expect(desk["#done"]).to_be_focused()
        expect(second["#number"]).to_have_text(desk["#number"].inner_text())


class TestJumping:
    def test_goes_to_each_step(self, desk):
        places = {
            "Alt+0": "#no-answer",
            "Alt+1": "[data-identifier=name]",
            "Alt+2": "#notes",
            "Alt+3": "#concern",
            "Alt+5": "#step-5",
            "Alt+4": "#types input",
        }

        for keys, place in places.items():
            desk.press(keys)
            expect(desk[f"{place}:focus"]).to_have_count(1)

    def test_goes_to_the_offers_and_the_payment_once_there_are_any(self, desk):
        desk.hold_soonest()

        desk.press("Alt+4")
        expect(desk.offer("soonest")).to_be_focused()
        desk.press("Alt+5")
        expect(desk['[value="card"]']).to_be_focused()


class TestFindingATime:
    def test_is_one_tab_stop_in_which_arrows_move(self, desk):
        desk.look_for_times()
        week = desk["#week"].inner_text()
        desk.press("ArrowDown", "PageDown")  # this week may be nearly over
        expect(desk["#week"]).not_to_have_text(week)
        expect(desk['.desk-slot[tabindex="0"]']).to_be_focused()
        first = desk.focus.get_attribute("data-key")

        desk.press("ArrowDown", "ArrowRight")

        assert desk.focus.get_attribute("data-key") != first
        expect(desk['.desk-slot[tabindex="0"]']).to_have_count(1)
        expect(desk['.desk-slot[tabindex="0"]']).to_be_focused()

    def test_leads_past_a_days_times_by_one_key(self, desk):
        desk.look_for_times()
        desk.press("ArrowDown", "End")
        expect(desk[".desk-other:focus"]).to_have_count(1)
        desk.press("Enter")

        expect(desk["#why-not"]).to_be_visible()

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
    @pytest.mark.main_way
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
        desk.look_for_times()
        desk.press("Enter", "Space")

        expect(desk["#alarm"]).to_contain_text(re.compile(r"ran out at \d\d:\d\d\. Nothing was charged\."))
        expect(desk['[name="payment"]:checked']).to_have_count(1)
        settings.HOLD_SECONDS = 300
        desk["#alarm button"].click()

        expect(desk["#countdown"]).to_have_text("5:00")
        expect(desk["#alarm"]).to_be_hidden()

    def test_that_ran_out_is_told_of_after_a_reload_with_what_was_chosen(self, desk, settings):
        settings.HOLD_SECONDS = 2
        desk.look_for_times()
        desk["#part"].select_option("morning")
        desk.press("Alt+4", "Enter", "Space")
        expect(desk["#alarm"]).to_contain_text("ran out at")
        told = desk["#alarm span"].inner_text()
        settings.HOLD_SECONDS = 300

        desk.page.reload()
        desk.wait_until_ready()

        expect(desk["#alarm span"]).to_have_text(told)
        expect(desk["#part"]).to_have_value("morning")
        expect(desk['[name="payment"]:checked']).to_have_count(1)
        desk["#alarm button"].click()
        expect(desk["#countdown"]).to_have_text("5:00")
        desk["#let-go"].click()
        expect(desk["#held"]).to_be_hidden()
        desk.page.reload()
        desk.wait_until_ready()
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
