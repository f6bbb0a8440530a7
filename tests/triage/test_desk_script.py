"""Step 3 of the desk: answers, red flags, and bringing them to a clinician."""

import pytest
from django.utils import timezone

from practitioners import diary
from tests.factories import PractitionerFactory, ServiceFactory, UserFactory
from triage import red_flags, sessions
from triage.models import Question, Script

from .conftest import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinician():
    user = UserFactory(roles=["clinician"], first_name="Kim", last_name="Doyle")
    return PractitionerFactory(type="nurse", name="Nurse Kim", user=user)


@pytest.fixture(autouse=True)
def script(clinician):
    """A script in use: a red flag, a fact, and a question of one service."""
    made = Script.objects.create(
        version=1, emergency_card="Ring 000.", state="in_use", approved_at=timezone.now(), approved_by=clinician.user
    )
    rows = [
        {"code": "chest", "text": "Chest pain?", "kind": "yes_no", "flags_on": ["yes"], "flag": "Chest pain"},
        {"code": "gp", "text": "Who is your GP?", "kind": "fact"},
        {"code": "diet", "text": "What did you eat?", "kind": "text", "service": ServiceFactory(slug="gaps")},
    ]
    Question.objects.bulk_create(Question(script=made, position=place, **row) for place, row in enumerate(rows))
    return made


def answer_of(state, code):
    return next(each["answer"] for each in state["script"]["questions"] if each["code"] == code)


class TestPage:
    def test_asks_the_common_part_and_has_that_of_the_service_ready(self, desk):
        page = desk.page().content.decode()

        assert "Who is your GP?" in page
        assert "What did you eat?" in page
        assert "Ring 000." in page

    def test_shows_nothing_of_anothers_call(self, tom, session):
        desk = Desk(tom.user, session)

        assert "Who is your GP?" not in desk.page().content.decode()
        state = desk.get("state").json()
        assert state["script"] is None
        assert state["redFlags"] == []


class TestAnswer:
    def test_is_written_down_and_shown(self, desk):
        state = desk.post("answer", code="gp", value="Dr Ray").json()

        assert answer_of(state, "gp")["value"] == "Dr Ray"

    def test_tells_what_the_other_window_wrote(self, desk):
        desk.post("answer", code="gp", value="Dr Ray")

        refused = desk.post("answer", code="gp", value="Dr Lee")

        assert refused.status_code == 409
        assert refused.json()["code"] == "stale_answer"
        assert refused.json()["answer"]["value"] == "Dr Ray"

    def test_takes_the_place_of_the_one_that_was_seen(self, desk):
        first = answer_of(desk.post("answer", code="gp", value="Dr Ray").json(), "gp")

        state = desk.post("answer", code="gp", value="Dr Lee", former=first["id"]).json()

        shown = answer_of(state, "gp")
        assert (shown["value"], shown["isChanged"]) == ("Dr Lee", True)

    @pytest.mark.parametrize("value", ["yes", "unsure"])
    def test_stops_the_call(self, desk, session, wanted, value):
        desk.post("hold", **wanted)

        state = desk.post("answer", code="chest", value=value).json()

        assert [flag["words"] for flag in state["redFlags"]] == ["Chest pain"]
        assert state["holds"] == []
        assert desk.post("hold", **wanted).json()["code"] == "red_flag"
        assert not diary.living_holds(held_for=session.pk)

    def test_never_clears_what_it_raised(self, desk):
        given = answer_of(desk.post("answer", code="chest", value="yes").json(), "chest")

        state = desk.post("answer", code="chest", value="no", former=given["id"]).json()

        assert len(state["redFlags"]) == 1

    def test_is_for_the_calls_own_consultant(self, tom, session):
        assert Desk(tom.user, session).post("answer", code="gp", value="Dr Ray").status_code == 403

    @pytest.mark.parametrize("body", [{}, {"code": "gp"}, {"code": "gp", "value": "x", "former": "y"}])
    def test_refuses_what_is_no_answer(self, desk, body):
        assert desk.post("answer", **body).status_code == 400


class TestRedFlag:
    def test_is_raised_by_hand(self, desk):
        state = desk.post("red_flag", words="Slurred speech").json()

        assert state["redFlags"][0]["words"] == "Slurred speech"

    def test_is_for_the_calls_own_consultant(self, tom, session):
        assert Desk(tom.user, session).post("red_flag", words="Pain").status_code == 403


class TestEscalate:
    def test_shows_until_when_the_clinician_has_to_answer(self, desk, clinician, settings):
        settings.ESCALATION_SECONDS = 300
        desk.post("red_flag", words="Slurred speech")

        [flag] = desk.post("escalate", clinicianId=str(clinician.pk)).json()["redFlags"]

        assert flag["escalatedTo"] == "Nurse Kim"
        assert flag["answerBy"]
        assert (flag["acknowledgedBy"], flag["isOverdue"]) == ("", False)

    def test_shows_who_looks_after_it(self, desk, session, clinician):
        desk.post("red_flag", words="Slurred speech")
        desk.post("escalate")
        flag = session.red_flags.get()

        red_flags.acknowledge(flag_id=flag.pk, by=clinician.user, now=timezone.now())

        assert desk.get("state").json()["redFlags"][0]["acknowledgedBy"] == "Kim Doyle"

    def test_is_for_the_calls_own_consultant(self, session, tom):
        own = {"consultant": session.consultant, "by": session.consultant.user}
        red_flags.put_up_by_hand(session_id=session.pk, words="Pain", now=timezone.now(), **own)

        assert Desk(tom.user, session).post("escalate").status_code == 403

    def test_refuses_once_the_call_is_over(self, desk, session):
        own = {"consultant": session.consultant, "by": session.consultant.user, "now": timezone.now()}
        sessions.wrap_up(session_id=session.pk, outcome="rejected", **own)

        assert desk.post("escalate").json()["code"] == "no_flag"
