"""The script's pages: operations write it, a clinician approves it, and what is in use stays as it is."""

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.admin.conftest import logged_in, somebody
from triage import scripts
from triage.models import Question, Script

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft():
    made = scripts.make_draft(of=None, by=None)
    Script.objects.filter(pk=made.pk).update(emergency_card="Ring 000.")
    Question.objects.create(script=made, code="pain", text="You don't have pain, do you?", kind="fact")
    return made


@pytest.fixture
def clinician():
    return logged_in(somebody("clinician"))


def url(script, verb="change"):
    return reverse("admin:triage_script_change", args=[script.pk]).replace("change/", verb and f"{verb}/")


class TestPage:
    def test_warns_of_leading_words_where_they_are_edited(self, operations, draft):
        assert "It expects a no. Ask openly." in operations.get(url(draft)).content.decode()

    def test_does_not_let_what_is_in_use_be_changed(self, operations, draft):
        Script.objects.filter(pk=draft.pk).update(
            state="in_use", approved_at=timezone.now(), approved_by=somebody("clinician")
        )

        operations.post(url(draft), {"opening": "Changed", "emergency_card": "Changed"})

        draft.refresh_from_db()
        assert draft.emergency_card == "Ring 000."

    def test_shows_of_each_question_the_rest_on_demand(self, operations, draft):
        page = operations.get(url(draft)).content.decode()

        assert page.count("<details><summary>") == draft.questions.count() + 1  # and of the one that can be added

    def test_opens_where_something_is_wrong(self, operations, draft):
        (question,) = draft.questions.all()
        form = {
            "emergency_card": "Ring 000.",
            "questions-TOTAL_FORMS": 1,
            "questions-INITIAL_FORMS": 1,
            "questions-0-id": question.pk,
            "questions-0-script": draft.pk,
            "questions-0-text": "Chest pain?",
            "questions-0-kind": "yes_no",
            "questions-0-position": 0,
            "questions-0-code": question.code,
            "questions-0-flags_on": "yes",
        }

        page = operations.post(url(draft), form).content.decode()

        assert "Say in a few words what the red flag means." in page
        assert page.count("<details><summary>") == 1

    def test_notes_who_changed_a_question_last(self, draft):
        olive = somebody("operations")
        (question,) = draft.questions.all()
        form = {
            "opening": "",
            "emergency_card": "Ring 000.",
            "note": "",
            "questions-TOTAL_FORMS": 1,
            "questions-INITIAL_FORMS": 1,
            "questions-0-id": question.pk,
            "questions-0-script": draft.pk,
            "questions-0-text": "Since when?",
            "questions-0-kind": "fact",
            "questions-0-position": 0,
            "questions-0-code": question.code,
        }

        logged_in(olive).post(url(draft), form)

        draft.refresh_from_db()
        assert (draft.questions.get().text, draft.changed_by) == ("Since when?", olive)


class TestPreview:
    def test_shows_the_questions_with_what_is_doubtful(self, operations, draft):
        page = operations.get(reverse("admin:triage_script_preview", args=[draft.pk])).content.decode()

        assert "It expects a no. Ask openly." in page
        assert "Ring 000." in page

    def test_is_not_there_for_whoever_may_not_see_scripts(self, draft):
        page = logged_in(somebody("management")).get(reverse("admin:triage_script_preview", args=[draft.pk]))

        assert page.status_code in (302, 403)


class TestApprove:
    def test_needs_the_warnings_to_be_accepted(self, clinician, draft):
        clinician.post(url(draft, "do/approve"))
        draft.refresh_from_db()
        before = draft.state

        clinician.post(url(draft, "do/approve"), {"accepts_warnings": "on"})

        draft.refresh_from_db()
        assert (before, draft.state) == ("draft", "in_use")

    @pytest.mark.parametrize("role", ["operations", "consultant"])
    def test_is_for_whoever_is_named_for_it(self, draft, role):
        answer = logged_in(somebody(role)).post(url(draft, "do/approve"), {"accepts_warnings": "on"})

        draft.refresh_from_db()
        assert answer.status_code == 403
        assert draft.state == Script.State.DRAFT
