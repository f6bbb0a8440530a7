"""At the call desk, finding a time: whom to recommend, why another time cannot be had, and going beyond a soft rule."""

from datetime import datetime, time

import pytest
from playwright.sync_api import expect

from practitioners import availability, diary
from practitioners.models import DiaryEntry, Practitioner, TimeOff
from services.prices import clinic_day
from tests.factories import BookingFactory, PractitionerFactory, SessionFactory, next_morning
from triage.models import Override

from .desk import Desk
from .looks import faults

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "They work all day."


@pytest.fixture
def trusted(sarah):
    """Sarah, whom operations let go beyond soft rules."""
    Practitioner.objects.filter(pk=sarah.pk).update(may_override=True)
    return sarah


def ask(desk, clock, moment=None):
    """Ask from the first cell about another time, by keyboard: of tomorrow, since today's may have passed."""
    desk["#grid .desk-other"].first.focus()
    desk.press("Enter")
    expect(desk["#why-not-time"]).to_be_focused()
    desk["#why-not-day"].fill(f"{clinic_day(moment or next_morning(9))}")
    desk["#why-not-time"].fill(clock)
    desk.press("Enter")
    expect(desk["#why-not-answer .badge"]).to_be_visible()


class TestRecommendation:
    def test_puts_whom_the_patient_knows_first_and_says_why(self, desk, kind, session):
        known = PractitionerFactory(name="Dr Zoe", gives=[kind], hours=(time(14), time(17)))
        BookingFactory(patient=session.patient, practitioner=known, state="completed", starts_at=next_morning(9, -30))

        desk.look_for_times()

        first = desk["#grid tbody th"].first
        expect(first).to_contain_text("Dr Zoe")
        expect(first).to_contain_text("Recommended")
        expect(first).to_contain_text("Seen before, 1 visit")

    def test_is_kept_with_the_call_when_a_time_is_held(self, desk, doctor, session):
        desk.hold_soonest()

        session.refresh_from_db()
        assert session.recommended_practitioners == [doctor.pk]
        assert session.recommendation["chosen"] == f"{doctor.pk}"


class TestGrid:
    def test_shows_who_has_no_time_too_and_stays_one_tab_stop(self, desk, kind):
        PractitionerFactory(name="Dr Away", gives=[kind], hours=False)

        desk.look_for_times()

        expect(desk["#grid tbody th"]).to_have_count(2)
        expect(desk["#grid tbody tr"].last).to_contain_text("No free time")
        expect(desk['#grid button[tabindex="0"]']).to_have_count(1)

    def test_leads_by_arrows_to_the_times_and_to_the_question(self, desk):
        desk.look_for_times()
        desk.press("ArrowDown")
        expect(desk.focus).to_have_class("desk-slot figures")

        for _ in range(40):
            desk.press("ArrowDown")

        expect(desk.focus).to_have_class("desk-other")

    def test_goes_to_the_next_free_day_by_keyboard(self, open_as, sarah, kind):
        PractitionerFactory(gives=[kind], hours=False)
        desk = Desk(open_as(sarah.user), SessionFactory(consultant=sarah))

        desk.press("Alt+4", "Enter")

        expect(desk["#grid .empty"]).to_contain_text("No free times")
        expect(desk["#grid .desk-other"].first).to_have_text("Why not?")


class TestWhyNot:
    def test_tells_a_hard_rule_and_holds_the_nearest_time(self, desk, doctor, kind, session):
        desk.look_for_times()
        first = desk["#grid .desk-slot"].first
        clock = first.inner_text()
        taken = first.evaluate("slot => slot.time.startsAt")
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, _moment(taken)), by=None)

        ask(desk, clock, _moment(taken))

        expect(desk["#why-not-answer"]).to_contain_text("Dr Dia has a visit then")
        expect(desk["#why-not-nearest button"]).to_have_count(3)
        expect(desk["#why-not-nearest button"].first).to_be_focused()
        desk.press("Enter")
        expect(desk["#held"]).to_be_visible()
        assert len(diary.living_holds(held_for=session.pk)) == 1

    def test_says_who_may_go_beyond_a_rule_to_those_who_may_not(self, desk):
        desk.look_for_times()

        ask(desk, "18:30")

        expect(desk["#why-not-answer"]).to_contain_text("outside Dr Dia's hours")
        expect(desk["#why-not-answer"]).to_contain_text("Operations can go beyond this rule.")
        expect(desk["#why-not-hold"]).to_be_hidden()

    def test_goes_back_to_the_cell_when_it_is_closed(self, desk):
        desk.look_for_times()
        ask(desk, "18:30")

        desk.press("Escape")

        expect(desk["#grid .desk-other"].first).to_be_focused()

    def test_goes_beyond_a_rule_with_a_reason_up_to_the_booking(self, trusted, desk, doctor, session):
        desk.look_for_times()
        ask(desk, "18:30")
        expect(desk["#why-not-reason"]).to_be_focused()
        desk.press("Enter")
        expect(desk["#why-not"]).to_be_visible()

        desk.type(REASON)
        desk.press("Enter")

        expect(desk["#held"]).to_be_visible()
        expect(desk["#summary"]).to_contain_text("18:30")
        [held] = diary.living_holds(held_for=session.pk)
        assert (held.practitioner, Override.objects.get().reason) == (doctor, REASON)
        desk['[value="later"]'].check()
        desk.press("Control+Enter")
        expect(desk["#number"]).to_be_visible()
        held.refresh_from_db()
        assert held.kind == DiaryEntry.Kind.BOOKING

    def test_keeps_the_reason_when_the_portal_refuses(self, trusted, desk, doctor):
        desk.look_for_times()
        ask(desk, "18:30")
        TimeOff.objects.create(
            practitioner=doctor, starts_at=next_morning(0, -1), ends_at=next_morning(0, 20), reason="Away"
        )
        desk.type(REASON)

        desk.press("Enter")

        expect(desk["#alarm"]).to_contain_text("Dr Dia is away then.")
        desk["#grid .desk-other"].first.focus()
        desk.press("Enter")
        expect(desk["#why-not-reason"]).to_have_value(REASON)

    def test_reads_well_for_everybody(self, trusted, desk, axe):
        desk.look_for_times()
        ask(desk, "18:30")

        assert faults(axe, desk.page) == []


def _moment(text):
    return datetime.fromisoformat(text)
