"""At the call desk: the script answered by the keyboard, and what a red flag stops."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.factories import AppointmentTypeFactory, PractitionerFactory, ServiceFactory, UserFactory
from triage import red_flags
from triage.models import Answer, Question, Script

from .desk import Desk
from .looks import faults

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clinician(transactional_db):
    user = UserFactory(roles=["clinician"], first_name="Kim", last_name="Doyle", is_staff=True)
    return PractitionerFactory(type="nurse", name="Nurse Kim", user=user)


@pytest.fixture(autouse=True)
def script(clinician):
    """A script in use: two red flags, a choice, a fact, and a question of one service."""
    made = Script.objects.create(
        version=1,
        opening="Good morning, is this a good moment?",
        emergency_card="Danger to life: ring 000 and stay on the line.",
        state="in_use",
        approved_at=timezone.now(),
        approved_by=clinician.user,
    )
    gaps = ServiceFactory(slug="gaps", name="GAPS")
    AppointmentTypeFactory(service=gaps)
    rows = [
        {"code": "gp", "text": "Who is your GP?", "kind": "fact"},
        {
            "code": "chest",
            "text": "Do you have chest pain?",
            "kind": "yes_no",
            "flags_on": ["yes"],
            "flag": "Chest pain",
        },
        {"code": "harm", "text": "Thoughts of self-harm?", "kind": "yes_no", "flags_on": ["yes"], "flag": "Self-harm"},
        {"code": "since", "text": "Since when?", "kind": "choice", "choices": ["Days", "Weeks"]},
        {"code": "diet", "text": "What did you eat yesterday?", "kind": "text", "service": gaps},
    ]
    Question.objects.bulk_create(Question(script=made, position=place, **row) for place, row in enumerate(rows))
    return made


def answers(session):
    return dict(Answer.objects.filter(session=session, is_current=True).values_list("question__code", "value"))


def saved(desk):
    expect(desk["#saved"]).to_contain_text("Saved ")


class TestScript:
    @pytest.mark.main_way
    def test_is_answered_by_keys_alone_red_flags_first(self, desk, session):
        desk["#concern"].fill("Poor sleep")

        desk.press("Alt+3")
        expect(desk["[data-question=chest] fieldset"]).to_be_focused()
        desk.press("ArrowRight", "ArrowRight", "Enter")  # past “Yes” to “No”
        expect(desk["[data-question=harm] fieldset"]).to_be_focused()
        desk.press("ArrowRight", "ArrowRight", "Space", "Enter")
        expect(desk.focus).to_have_attribute("id", "q-gp")
        desk.type("Dr Ray")
        desk.press("Enter", "ArrowRight", "Space")

        expect(desk["#progress"]).to_have_text("4 of 4")
        saved(desk)
        assert answers(session) == {"chest": "no", "harm": "no", "gp": "Dr Ray", "since": "Days"}

    def test_takes_no_typing_and_no_look_at_it_for_an_answer(self, desk, session):
        desk["#concern"].fill("Poor sleep")

        desk.press("Alt+3")
        desk.type("Pain in the chest ")
        desk.press("ArrowRight", "Tab", "Shift+Tab", "Enter")
        expect(desk["[data-question=harm] fieldset"]).to_be_focused()
        desk["#q-gp"].fill("Dr Ray")

        saved(desk)
        assert answers(session) == {"gp": "Dr Ray"}
        expect(desk["#stop"]).to_be_hidden()

    def test_is_left_for_the_recommended_service_by_the_same_keys(self, desk):
        desk["#concern"].fill("Poor sleep")

        desk.press("Alt+3")
        expect(desk["[data-question=chest] fieldset"]).to_be_focused()
        desk.press("Alt+3")
        expect(desk["#services input"].first).to_be_focused()
        desk.press("Alt+3")

        expect(desk["[data-question=chest] fieldset"]).to_be_focused()

    def test_asks_that_of_the_recommended_service_too(self, desk):
        diet = desk.page.get_by_label("What did you eat yesterday?")
        expect(diet).to_be_hidden()

        desk["#services"].get_by_role("radio", name="GAPS").check()

        expect(diet).to_be_visible()
        expect(desk["#progress"]).to_have_text("0 of 5")

    def test_survives_a_reload(self, desk, session):
        desk["#q-gp"].fill("Dr Ray")
        saved(desk)

        desk.page.reload()
        desk.wait_until_ready()

        expect(desk["#q-gp"]).to_have_value("Dr Ray")
        expect(desk["#progress"]).to_have_text("1 of 4")

    def test_is_kept_while_offline(self, desk, session):
        desk.page.context.set_offline(True)
        desk["#q-gp"].fill("Dr Ray")
        expect(desk["#saved"]).to_have_text("Offline, will retry")

        desk.page.context.set_offline(False)

        saved(desk)
        assert answers(session) == {"gp": "Dr Ray"}

    def test_shows_both_answers_of_two_windows(self, desk, open_as, sarah, session):
        other = Desk(open_as(sarah.user), session)
        desk.page.context.set_offline(True)
        desk["#q-gp"].fill("Dr Ray")
        other["#q-gp"].fill("Dr Lee")
        saved(other)

        desk.page.context.set_offline(False)

        conflict = desk['[data-question="gp"] .desk-conflict']
        expect(conflict).to_contain_text("Dr Lee")
        expect(desk["#q-gp"]).to_have_value("Dr Ray")
        assert answers(session) == {"gp": "Dr Lee"}
        conflict.get_by_role("button", name="Keep mine").click()
        expect(conflict).to_be_hidden()
        saved(desk)
        assert answers(session) == {"gp": "Dr Ray"}
        expect(desk['[data-question="gp"] [data-said]']).to_contain_text("Changed ")

    def test_scrolls_by_itself_and_never_the_page(self, desk):
        assert desk.page.evaluate("document.documentElement.scrollHeight <= innerHeight")


class TestRedFlag:
    @pytest.mark.main_way
    def test_stops_the_call_with_its_end_in_focus(self, desk, session):
        desk.hold_soonest()

        desk["[data-question=chest]"].get_by_role("radio", name="Unsure").check()

        expect(desk["#stop"]).to_contain_text("Chest pain")
        expect(desk["#stop"]).to_contain_text("ring 000")
        expect(desk["#stop-end"]).to_be_focused()
        expect(desk["#held"]).to_be_hidden()
        desk.press("Enter")
        expect(desk["#ending"]).to_be_visible()

    def test_is_brought_to_a_clinician_who_lets_the_call_go_on(self, desk, session, clinician):
        desk["#raise"].click()
        desk.type("Slurred speech")
        desk.press("Enter")
        expect(desk["#stop"]).to_contain_text("Slurred speech")
        expect(desk["#stop-end"]).to_be_focused()

        desk["#escalate"].click()
        expect(desk["#stop-standing"]).to_contain_text("Brought to Nurse Kim, who has ")
        flag = session.red_flags.get()
        red_flags.acknowledge(flag_id=flag.pk, by=clinician.user, now=timezone.now())
        expect(desk["#stop-standing"]).to_contain_text("Kim Doyle looks after it.")
        red_flags.clear(flag_id=flag.pk, reason="An old matter.", by=clinician.user, now=timezone.now())

        expect(desk["#stop"]).to_be_hidden()
        desk.hold_soonest()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1366, 390])
    def test_leaves_the_desk_usable_by_everybody(self, open_as, sarah, session, axe, scheme, width):
        page = open_as(sarah.user, width=width, color_scheme=scheme)
        desk = Desk(page, session)
        desk["[data-question=chest]"].get_by_role("radio", name="Yes").check()
        expect(desk["#stop"]).to_be_visible()

        assert faults(axe, page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
