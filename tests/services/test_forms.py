"""The versions of forms: drafted, published once they pass, never changed after."""

from datetime import UTC, datetime

import pytest

from botaniqal.errors import Conflict, Malformed, Missing, NotAllowed, RuleBroken
from botaniqal.wording import gate
from botaniqal.wording.models import Approval
from services import first_forms, form_schema, forms
from services.apps import Services
from services.form_questions import BadForm, Kind, Question
from services.models import Form, FormVersion
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)


def asking(*texts):
    return form_schema.write([Question(name=f"q{n}", text=text, kind=Kind.TEXT) for n, text in enumerate(texts)])


@pytest.fixture
def form():
    return Form.objects.create(slug="sleep", name="How you sleep")


@pytest.fixture
def draft(form):
    draft = forms.begin_draft(form_id=form.pk, by=None)
    return save(draft, "How do you sleep?")


@pytest.fixture
def operations():
    return UserFactory(roles=["operations"])


def save(draft, *texts, intro="", former=None):
    return forms.save_draft(version_id=draft.pk, intro=intro, schema=asking(*texts), by=None, former=former)


class TestFirstForms:
    def test_are_those_of_the_clinic_and_in_use(self):
        in_use = FormVersion.objects.in_use().values_list("form__slug", flat=True)

        assert set(in_use) == {"mini-intake", "medical-history", "nutrition-assessment", "weight-and-lifestyle"}

    def test_can_be_read_and_pass_the_wording_gate(self):
        for version in FormVersion.objects.in_use().select_related("form"):
            questions = form_schema.read(version.schema)

            assert form_schema.write(questions) == version.schema
            assert gate.findings(forms.text_of(version, questions).text) == []

    def test_are_not_made_where_there_are_some(self):
        FormVersion.objects.all().delete()
        Form.objects.exclude(slug="mini-intake").delete()

        first_forms.load_forms(sender=Services, using="default")

        assert Form.objects.count() == 1


class TestBeginDraft:
    def test_copies_the_version_in_use(self, draft, operations):
        published = forms.publish(version_id=draft.pk, by=operations, now=NOW)

        copy = forms.begin_draft(form_id=draft.form_id, by=operations)

        assert (copy.version, copy.schema, copy.state) == (2, published.schema, FormVersion.State.DRAFT)

    def test_begins_one_alone(self, draft):
        with pytest.raises(RuleBroken, match="a draft already"):
            forms.begin_draft(form_id=draft.form_id, by=None)

    def test_says_when_there_is_no_form(self):
        with pytest.raises(Missing):
            forms.begin_draft(form_id=0, by=None)


class TestSaveDraft:
    def test_keeps_the_normal_form(self, draft):
        loose = {"type": "object", "properties": {"age": {"type": "integer", "title": "Age?"}}}

        saved = forms.save_draft(version_id=draft.pk, intro=" Hello ", schema=loose, by=None)

        assert saved.schema["x-order"] == ["age"]
        assert saved.intro == "Hello"

    def test_refuses_what_somebody_else_changed_meanwhile(self, draft):
        opened = forms.mark_of(draft)
        save(draft, "Do you sleep well?")

        with pytest.raises(Conflict, match="Somebody else"):
            save(draft, "Mine?", former=opened)

        assert "well" in str(FormVersion.objects.get(pk=draft.pk).schema)

    @pytest.mark.parametrize("intro", ["x" * 1001, "a\0b", "Pay with 4111 1111 1111 1111"])
    def test_refuses_an_introduction_that_cannot_be_shown(self, draft, intro):
        with pytest.raises(Malformed) as refused:
            save(draft, "What?", intro=intro)

        assert "intro" in refused.value.details

    def test_never_changes_what_was_published(self, draft, operations):
        forms.publish(version_id=draft.pk, by=operations, now=NOW)

        with pytest.raises(RuleBroken, match="published before"):
            save(draft, "Changed?")


class TestPublish:
    def test_takes_the_place_of_the_version_in_use_and_says_who_approved(self, draft, operations):
        first = forms.publish(version_id=draft.pk, by=operations, now=NOW)
        second = save(forms.begin_draft(form_id=draft.form_id, by=operations), "And now?")

        forms.publish(version_id=second.pk, by=operations, now=NOW)
        first.refresh_from_db()
        second.refresh_from_db()

        assert (first.state, second.state) == (FormVersion.State.RETIRED, FormVersion.State.IN_USE)
        assert (second.approved_by, second.approved_at) == (operations, NOW)
        assert Approval.objects.filter(subject="form:sleep").count() == 2

    def test_refuses_a_form_that_asks_nothing(self, form, operations):
        empty = forms.begin_draft(form_id=form.pk, by=operations)

        with pytest.raises(BadForm, match="asks nothing"):
            forms.publish(version_id=empty.pk, by=operations, now=NOW)

    def test_passes_all_words_through_the_gate(self, form, operations):
        question = Question(
            name="what", text="What?", kind=Kind.CHOICE, choices=("Tea", "Cannabis"), section="You", help="Say it."
        )
        draft = forms.begin_draft(form_id=form.pk, by=operations)
        schema = form_schema.write([question])
        forms.save_draft(version_id=draft.pk, intro="", schema=schema, by=operations)

        with pytest.raises(gate.RefusedWords, match="cannabis"):
            forms.publish(version_id=draft.pk, by=operations, now=NOW)

        draft.refresh_from_db()
        assert draft.state == FormVersion.State.DRAFT

    def test_lets_a_doubtful_word_through_for_a_reason(self, draft, operations):
        save(draft, "Do you see a specialist?")
        with pytest.raises(gate.ReasonNeeded):
            forms.publish(version_id=draft.pk, by=operations, now=NOW)

        forms.publish(version_id=draft.pk, reason="It asks who treats them.", by=operations, now=NOW)

        assert Approval.objects.get(subject="form:sleep").accepted == ["specialist*"]

    @pytest.mark.parametrize("role", ["consultant", "clinician"])
    def test_is_for_those_who_approve_wording(self, draft, role):
        with pytest.raises(NotAllowed):
            forms.publish(version_id=draft.pk, by=UserFactory(roles=[role]), now=NOW)


class TestRetire:
    def test_leaves_the_form_without_a_version_to_fill(self, draft, operations):
        forms.publish(version_id=draft.pk, by=operations, now=NOW)

        forms.retire(version_id=draft.pk, by=operations, now=NOW)

        assert not draft.form.versions.in_use().exists()

    def test_refuses_what_is_not_in_use(self, draft, operations):
        with pytest.raises(RuleBroken, match="in use"):
            forms.retire(version_id=draft.pk, by=operations, now=NOW)


class TestDifferences:
    def test_names_what_came_went_and_changed(self, form, draft):
        other = FormVersion(form=form, version=2, schema=asking("How did you sleep?", "And then?"))

        told = forms.differences(draft, other)

        assert [(name, old and old.text, new and new.text) for name, old, new in told] == [
            ("q0", "How do you sleep?", "How did you sleep?"),
            ("q1", None, "And then?"),
        ]
