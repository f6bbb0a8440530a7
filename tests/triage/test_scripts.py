from datetime import UTC, datetime

import pytest

from botaniqal.errors import Malformed, Missing, NotAllowed, RuleBroken
from tests.factories import PractitionerFactory, ServiceFactory, SessionFactory, UserFactory
from triage import red_flags, scripts, sessions
from triage.desk import script_state
from triage.models import Question, Script, TriageSession

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)


@pytest.fixture
def clinician():
    return UserFactory(roles=["clinician"])


@pytest.fixture
def script(clinician):
    """A script in use, with a question of each kind."""
    return approved(clinician)


def approved(clinician, **questions):
    draft = scripts.make_draft(of=None, by=None)
    Script.objects.filter(pk=draft.pk).update(emergency_card="Ring 000.")
    rows = [
        {"code": "suburb", "text": "Where do you live?", "kind": "fact"},
        {
            "code": "chest_pain",
            "text": "Do you have chest pain?",
            "kind": "yes_no",
            "flags_on": ["yes"],
            "flag": "Pain",
        },
        {"code": "sleep", "text": "How do you sleep?", "kind": "choice", "choices": ["Well", "Badly"]},
        {"code": "story", "text": "What happened?", "kind": "text", "card_label": "Story"},
    ]
    for place, row in enumerate(rows):
        Question.objects.create(script=draft, position=place, **row)
    return scripts.approve(script_id=draft.pk, by=clinician, now=NOW)


@pytest.fixture
def session(script):
    made = SessionFactory()
    return sessions.start(session_id=made.pk, consultant=made.consultant, by=made.consultant.user, now=NOW)


def answer(session, code, value, former=None, consultant=None):
    return scripts.answer(
        session_id=session.pk,
        consultant=consultant or session.consultant,
        code=code,
        value=value,
        former=former,
        by=session.consultant.user,
        now=NOW,
    )


class TestMakeDraft:
    def test_copies_all_that_is_asked(self, script):
        draft = scripts.make_draft(of=script, by=None)

        assert (draft.version, draft.state, draft.emergency_card) == (2, "draft", "Ring 000.")
        assert [one.code for one in draft.questions.all()] == [one.code for one in script.questions.all()]
        assert draft.questions.get(code="chest_pain").flags_on == ["yes"]

    def test_makes_no_second_one(self, script):
        scripts.make_draft(of=script, by=None)

        with pytest.raises(RuleBroken, match="draft already"):
            scripts.make_draft(of=script, by=None)


class TestApprove:
    def test_retires_the_version_before(self, script, clinician):
        draft = scripts.make_draft(of=script, by=None)

        scripts.approve(script_id=draft.pk, by=clinician, now=NOW)

        script.refresh_from_db()
        assert (script.state, scripts.in_use()) == ("retired", draft)
        assert scripts.in_use().approved_by == clinician

    def test_is_for_named_people_alone(self, script):
        draft = scripts.make_draft(of=script, by=None)

        with pytest.raises(NotAllowed):
            scripts.approve(script_id=draft.pk, by=UserFactory(roles=["operations"]), now=NOW)

    def test_is_for_another_than_who_began_the_draft(self, script, clinician):
        draft = scripts.make_draft(of=script, by=clinician)
        UserFactory(roles=["clinician"])

        with pytest.raises(RuleBroken) as refusal:
            scripts.approve(script_id=draft.pk, by=clinician, now=NOW)

        assert refusal.value.rule == "four_eyes"

    def test_is_for_another_than_who_changed_the_draft_last(self, script, clinician):
        draft = scripts.make_draft(of=script, by=UserFactory(roles=["clinician"]))
        scripts.note_writer(script_id=draft.pk, by=clinician)

        with pytest.raises(RuleBroken) as refusal:
            scripts.approve(script_id=draft.pk, by=clinician, now=NOW)

        assert refusal.value.rule == "four_eyes"

    def test_is_for_who_began_it_where_the_only_other_changed_it_last(self, script, clinician):
        other = UserFactory(roles=["clinician"])
        draft = scripts.make_draft(of=script, by=clinician)
        scripts.note_writer(script_id=draft.pk, by=other)

        scripts.approve(script_id=draft.pk, by=clinician, now=NOW)

        draft.refresh_from_db()
        assert draft.approved_by == clinician

    def test_is_for_who_began_it_where_nobody_else_may(self, script, clinician):
        draft = scripts.make_draft(of=script, by=clinician)

        assert scripts.approve(script_id=draft.pk, by=clinician, now=NOW).state == Script.State.IN_USE

    def test_refuses_what_was_approved_before(self, script, clinician):
        with pytest.raises(scripts.NotADraft):
            scripts.approve(script_id=script.pk, by=clinician, now=NOW)

    def test_refuses_an_empty_script(self, clinician):
        draft = scripts.make_draft(of=None, by=None)

        with pytest.raises(RuleBroken, match="needs questions"):
            scripts.approve(script_id=draft.pk, by=clinician, now=NOW)

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"kind": "choice", "choices": ["One"]}, "two different answers"),
            ({"kind": "text", "flags_on": ["yes"], "flag": "Danger"}, "Only yes or no"),
            ({"kind": "yes_no", "flags_on": ["perhaps"], "flag": "Danger"}, "cannot be given"),
        ],
    )
    def test_refuses_a_question_that_cannot_be_asked(self, script, clinician, changes, why):
        draft = scripts.make_draft(of=script, by=None)
        draft.questions.filter(code="story").update(**changes)

        with pytest.raises(RuleBroken, match=why):
            scripts.approve(script_id=draft.pk, by=clinician, now=NOW)

    def test_wants_leading_words_to_be_accepted(self, script, clinician):
        draft = scripts.make_draft(of=script, by=None)
        draft.questions.filter(code="story").update(text="You don't smoke, do you?")

        with pytest.raises(RuleBroken, match="lead the person"):
            scripts.approve(script_id=draft.pk, by=clinician, now=NOW)
        accepted = scripts.approve(script_id=draft.pk, accepts_warnings=True, by=clinician, now=NOW)

        assert accepted.state == "in_use"


class TestStart:
    def test_keeps_the_script_that_the_call_began_with(self, session, script, clinician):
        newer = scripts.approve(script_id=scripts.make_draft(of=script, by=None).pk, by=clinician, now=NOW)

        answer(session, "suburb", "Carlton")

        assert TriageSession.objects.get(pk=session.pk).script == script != newer


class TestAskedBy:
    def test_begins_with_red_flags_and_parts_services(self, script):
        gaps = ServiceFactory(name="GAPS", slug="gaps")
        Question.objects.create(script=script, service=gaps, code="diet", text="What do you eat?", kind="text")

        asked = script_state.asked_by(script)

        assert [(slug, [one.code for one in questions]) for slug, questions in asked] == [
            ("", ["chest_pain", "suburb", "sleep", "story"]),
            ("gaps", ["diet"]),
        ]

    def test_is_empty_without_a_script(self):
        assert script_state.asked_by(None) == []


class TestAnswer:
    def test_keeps_the_former_ones_as_history(self, session):
        first = answer(session, "sleep", "Well")
        answer(session, "sleep", "Badly", former=first.pk)

        assert [row.value for row in session.answers.filter(question__code="sleep")] == ["Well", "Badly"]
        assert session.answers.get(is_current=True).value == "Badly"

    def test_changes_nothing_when_it_is_the_same(self, session):
        first = answer(session, "sleep", "Well")

        assert answer(session, "sleep", "Well") == first
        assert session.answers.count() == 1

    def test_can_be_taken_back(self, session):
        first = answer(session, "suburb", "Carlton")

        answer(session, "suburb", "", former=first.pk)

        assert session.answers.get(is_current=True).value == ""

    def test_never_overwrites_what_another_window_wrote(self, session):
        standing = answer(session, "sleep", "Well")

        with pytest.raises(scripts.StaleAnswer) as refusal:
            answer(session, "sleep", "Badly", former=None)

        assert refusal.value.extra["answer"]["id"] == standing.pk
        assert session.answers.get(is_current=True) == standing

    @pytest.mark.parametrize(
        ("code", "value"),
        [
            ("sleep", "Perhaps"),
            ("chest_pain", "maybe"),
            ("suburb", "x" * 201),
            ("story", "x" * 5001),
            ("story", "4111 1111 1111 1111"),
        ],
    )
    def test_refuses_what_is_no_answer(self, session, code, value):
        with pytest.raises(Malformed):
            answer(session, code, value)

        assert not session.answers.exists()

    def test_refuses_a_question_that_is_not_asked(self, session):
        with pytest.raises(Missing):
            answer(session, "unknown", "yes")

    def test_refuses_anothers_call(self, session):
        with pytest.raises(sessions.NotYourSession):
            answer(session, "suburb", "Carlton", consultant=PractitionerFactory(consultant=True))

    def test_refuses_a_call_that_is_over(self, session):
        sessions.wrap_up(session_id=session.pk, consultant=session.consultant, outcome="rejected", by=None, now=NOW)

        with pytest.raises(sessions.SessionClosed):
            answer(session, "suburb", "Carlton")

    @pytest.mark.parametrize(("value", "is_up"), [("yes", True), ("unsure", True), ("no", False)])
    def test_raises_a_red_flag(self, session, value, is_up):
        answer(session, "chest_pain", value)

        assert session.red_flags.up().exists() == is_up

    def test_does_not_clear_a_red_flag_by_another_answer(self, session):
        given = answer(session, "chest_pain", "yes")

        answer(session, "chest_pain", "no", former=given.pk)

        with pytest.raises(red_flags.RedFlagUp):
            red_flags.require_none(session)

    def test_raises_one_flag_for_a_question(self, session):
        given = answer(session, "chest_pain", "yes")
        answer(session, "chest_pain", "unsure", former=given.pk)

        assert session.red_flags.count() == 1
