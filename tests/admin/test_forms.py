"""Forms in the hands of the people who write them."""

from http import HTTPStatus

import pytest
from django.urls import reverse

from services import form_schema, forms
from services.form_questions import Condition, Kind, Question
from services.models import Form, FormVersion
from tests.admin.conftest import logged_in, somebody
from tests.admin.test_verbs import told, verb_of
from tests.factories import ServiceFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:services_form_changelist")
ASKED = [
    Question(name="ill", text="Are you ill?", kind=Kind.YES_NO, is_required=True, section="You"),
    Question(name="illness", text="With what?", kind=Kind.TEXT, only_if=Condition("ill", "yes"), section="You"),
    Question(name="sleep", text="How do you sleep?", kind=Kind.CHOICE, choices=("Well", "Badly")),
]


@pytest.fixture
def draft():
    form = Form.objects.create(slug="sleep", name="How you sleep")
    made = forms.begin_draft(form_id=form.pk, by=None)
    return forms.save_draft(version_id=made.pk, intro="Hello", schema=form_schema.write(ASKED), by=None)


def page(name, version):
    return reverse(f"admin:services_formversion_{name}", args=[version.pk])


def rows(*questions):
    """Write questions as the editor posts them."""
    posted = {"rows": len(questions)}
    for n, question in enumerate(questions):
        posted |= {f"{part}-{n}": value for part, value in question.items()}
    return posted


def as_posted(version):
    return [
        {
            "name": one.name,
            "text": one.text,
            "kind": one.kind,
            "choices": "\r\n".join(one.choices),
            "section": one.section,
            "only_if": f"{one.only_if.name}={one.only_if.value}" if one.only_if else "",
            **({"is_required": "on"} if one.is_required else {}),
        }
        for one in form_schema.read(version.schema)
    ]


def edit(client, version, *questions, do="save", intro="Hello", **more):
    version.refresh_from_db()
    posted = {"mark": forms.mark_of(version), "intro": intro, "do": do, **rows(*questions), **more}
    return client.post(page("edit", version), posted)


def asked(version):
    version.refresh_from_db()
    return [one.text for one in form_schema.read(version.schema)]


class TestList:
    def test_says_what_is_in_use_and_who_asks(self, operations, draft):
        intake = Form.objects.get(slug="mini-intake")
        ServiceFactory(name="GAPS", initial_form=intake)
        ServiceFactory(name="Sleep", initial_form=intake, followup_form=draft.form)

        listed = operations.get(LIST).content.decode()

        assert "first visits: GAPS, Sleep" in listed
        assert "follow-ups: Sleep" in listed
        assert "Draft" in listed

    @pytest.mark.parametrize("role", ["consultant"])
    def test_is_for_those_who_run_the_clinic(self, role, draft):
        client = logged_in(somebody(role))

        assert client.get(LIST).status_code == HTTPStatus.FORBIDDEN
        assert client.get(page("edit", draft)).status_code == HTTPStatus.FORBIDDEN
        assert client.get(page("preview", draft)).status_code == HTTPStatus.FORBIDDEN


class TestName:
    def save(self, client, form, **fields):
        versions = {"versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}
        given = {"name": form.name, "jotform_id": "", "is_active": "on", **versions, **fields}
        client.post(reverse("admin:services_form_change", args=[form.pk]), given)
        form.refresh_from_db()
        return form

    def test_changes_at_once_for_patients(self, operations, draft):
        assert self.save(operations, draft.form, name="How well you sleep").name == "How well you sleep"

    @pytest.mark.parametrize("name", ["Sleep with cannabis", "A specialist asks", "Pay by 4111 1111 1111 1111"])
    def test_takes_no_words_that_the_gate_would_stop(self, operations, draft, name):
        assert self.save(operations, draft.form, name=name).name == "How you sleep"

    def test_belongs_to_a_form_at_jotform_that_is_fetched_and_to_one_alone(self, operations, draft, settings):
        settings.JOTFORM_FORM_IDS = ["240000000000001"]
        Form.objects.filter(slug="mini-intake").update(jotform_id="240000000000001")

        assert self.save(operations, draft.form, jotform_id="666").jotform_id == ""
        assert self.save(operations, draft.form, jotform_id="240000000000001").jotform_id == ""
        Form.objects.filter(slug="mini-intake").update(jotform_id="")
        assert self.save(operations, draft.form, jotform_id="240000000000001").jotform_id == "240000000000001"


class TestBeginDraft:
    def test_copies_what_is_in_use(self, operations):
        intake = Form.objects.get(slug="mini-intake")

        answer = operations.post(verb_of(intake, "begin_draft"))
        again = operations.post(verb_of(intake, "begin_draft"))

        assert told(answer)[0] == "Before your first visit, version 2 is a draft now. Open it below to change it."
        assert "no longer possible" in told(again)[-1]
        assert intake.versions.get(version=2).schema == intake.versions.get(version=1).schema


class TestEdit:
    def test_saves_what_was_opened_as_it_was(self, operations, draft):
        before = draft.schema

        answer = edit(operations, draft, *as_posted(draft))
        draft.refresh_from_db()

        assert answer.status_code == HTTPStatus.FOUND
        assert draft.schema == before

    def test_adds_a_question_and_names_it_by_its_words(self, operations, draft):
        new = {"text": "How old are you?", "kind": "whole", "least": "0", "most": "120", "is_required": "on"}

        edit(operations, draft, *as_posted(draft), new)
        draft.refresh_from_db()

        assert form_schema.read(draft.schema)[-1] == Question(
            name="how_old_are_you", text="How old are you?", kind=Kind.WHOLE, least=0, most=120, is_required=True
        )

    def test_shows_a_further_row_without_saving(self, operations, draft):
        shown = edit(operations, draft, *as_posted(draft), do="add").content.decode()

        assert 'name="text-3"' in shown
        assert len(asked(draft)) == 3

    @pytest.mark.parametrize(
        ("do", "order"),
        [
            ("down-0", ["With what?", "Are you ill?", "How do you sleep?"]),
            ("up-2", ["Are you ill?", "How do you sleep?", "With what?"]),
            ("remove-1", ["Are you ill?", "How do you sleep?"]),
            ("up-0", ["Are you ill?", "With what?", "How do you sleep?"]),
            ("down-99", ["Are you ill?", "With what?", "How do you sleep?"]),
            ("remove-x", ["Are you ill?", "With what?", "How do you sleep?"]),
            ("dance", ["Are you ill?", "With what?", "How do you sleep?"]),
        ],
    )
    def test_moves_rows_about(self, operations, draft, do, order):
        answer = edit(operations, draft, *as_posted(draft), do=do)

        assert [row.text for row in answer.context["rows"]] == order
        assert len(asked(draft)) == 3

    def test_names_each_fault_at_its_row_and_keeps_what_was_typed(self, operations, draft):
        bad = [
            {"text": "", "help": "x", "kind": "text"},
            {"text": "Which?", "kind": "choice", "choices": "One"},
            {"text": "How much?", "kind": "number", "least": "much"},
            {"text": "And?", "kind": "text", "only_if": "ill=perhaps"},
            {"text": "Kind?", "kind": "dance"},
        ]

        answer = edit(operations, draft, *as_posted(draft), *bad)
        shown = answer.content.decode()

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert [list(row.faults) for row in answer.context["rows"][3:]] == [
            ["text"],
            ["choices"],
            ["least"],
            ["only_if"],
            ["kind"],
        ]
        assert 'value="much"' in shown
        assert len(asked(draft)) == 3

    @pytest.mark.parametrize(
        "text", ["Card 4111 1111 1111 1111", "a\0b", "x" * 301, "<script>alert(1)</script>"], ids=lambda text: text[:6]
    )
    def test_takes_hostile_words_as_words_or_not_at_all(self, operations, draft, text):
        answer = edit(operations, draft, {"text": text, "kind": "text"})
        shown = operations.get(page("edit", draft)).content.decode()

        assert answer.status_code in (HTTPStatus.FOUND, HTTPStatus.BAD_REQUEST)
        assert "<script>alert" not in shown

    @pytest.mark.parametrize("count", ["-1", "x", "999999", "", "1000"])
    def test_survives_any_number_of_rows(self, operations, draft, count):
        answer = edit(operations, draft, rows=count)

        assert answer.status_code == HTTPStatus.FOUND

    def test_overwrites_nothing_that_somebody_else_saved(self, operations, draft):
        mark = forms.mark_of(draft)
        edit(operations, draft, {"text": "Theirs?", "kind": "text"})

        answer = edit(operations, draft, {"text": "Mine?", "kind": "text"}, mark=mark)

        assert answer.status_code == HTTPStatus.CONFLICT
        assert "Mine?" in answer.content.decode()
        assert asked(draft) == ["Theirs?"]

    def test_leads_to_the_preview_after_saving(self, operations, draft):
        answer = edit(operations, draft, {"text": "New?", "kind": "text"}, do="preview")

        assert answer["Location"] == page("preview", draft)
        assert asked(draft) == ["New?"]

    def test_changes_nothing_that_is_in_use(self, operations):
        version = FormVersion.objects.in_use().first()

        answer = edit(operations, version, {"text": "New?", "kind": "text"})

        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert "New?" not in asked(version)

    def test_changes_nothing_without_the_right(self, draft):
        answer = edit(logged_in(somebody("clinician")), draft, {"text": "New?", "kind": "text"})

        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert "New?" not in asked(draft)


class TestJson:
    def test_is_another_way_to_write_the_same(self, operations, draft):
        text = operations.get(f"{page('edit', draft)}?as=json").context["json"].replace("Are you ill?", "Are you well?")
        posted = {"mark": forms.mark_of(draft), "intro": "", "json": text, "do": "save"}

        operations.post(f"{page('edit', draft)}?as=json", posted)

        assert asked(draft)[0] == "Are you well?"

    @pytest.mark.parametrize("text", ["{", "[]", '{"type": "object", "properties": {"a": {"$ref": "#"}}}', '"\\ud800"'])
    def test_names_faults_by_their_place(self, operations, draft, text):
        posted = {"mark": forms.mark_of(draft), "intro": "", "json": text, "do": "save"}

        answer = operations.post(f"{page('edit', draft)}?as=json", posted)

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert "<code>" in answer.content.decode()
        assert len(asked(draft)) == 3


class TestPreview:
    def test_shows_what_patients_will_see_and_keeps_nothing(self, operations, draft):
        shown = operations.get(page("preview", draft)).content.decode()

        assert "Only if you answered “Yes” to “Are you ill?”" in shown
        assert 'name="do"' not in shown


class TestCompare:
    def test_says_what_came_went_and_changed(self, operations, draft):
        forms.publish(version_id=draft.pk, by=somebody("operations"), now=draft.created_at)
        second = forms.begin_draft(form_id=draft.form_id, by=None)
        changed = [
            Question(name="sleep", text="How do you sleep now?", kind=Kind.CHOICE, choices=("Well", "Badly")),
            Question(name="ill", text="Are you ill?", kind=Kind.YES_NO, is_required=True, section="You"),
            Question(name="more", text="And more?", kind=Kind.LONG),
        ]
        forms.save_draft(version_id=second.pk, intro="Hello!", schema=form_schema.write(changed), by=None)

        shown = operations.get(page("compare", second)).content.decode()

        for words in ("How do you sleep now?", "New</span>", "Taken out</span>", "another order", "Hello!</ins>"):
            assert words in shown
        assert "Are you ill?" not in shown

    def test_says_when_there_is_nothing_to_compare_with(self, operations, draft):
        assert "No version of this form is in use" in operations.get(page("compare", draft)).content.decode()


class TestPublish:
    def test_lets_patients_fill_it_in(self, operations, draft):
        answer = operations.post(verb_of(draft, "publish"), {"reason": ""})
        draft.refresh_from_db()

        assert told(answer) == ["How you sleep, version 1 is in use now."]
        assert draft.state == FormVersion.State.IN_USE

    def test_says_which_words_need_a_reason(self, operations, draft):
        schema = form_schema.write([Question(name="who", text="Do you see a specialist?", kind=Kind.YES_NO)])
        forms.save_draft(version_id=draft.pk, intro="", schema=schema, by=None)

        asks = operations.get(verb_of(draft, "publish")).content.decode()
        refused = operations.post(verb_of(draft, "publish"), {"reason": ""})
        operations.post(verb_of(draft, "publish"), {"reason": "It asks who treats them."})
        draft.refresh_from_db()

        assert "specialist*" in asks
        assert "Say why these words may stay" in told(refused)[0]
        assert draft.state == FormVersion.State.IN_USE

    @pytest.mark.parametrize("role", ["clinician", "consultant"])
    def test_is_for_those_who_approve_wording(self, draft, role):
        logged_in(somebody(role)).post(verb_of(draft, "publish"), {"reason": ""})
        draft.refresh_from_db()

        assert draft.state == FormVersion.State.DRAFT


class TestRetire:
    def test_asks_the_form_no_more(self, operations):
        version = FormVersion.objects.in_use().first()

        operations.post(verb_of(version, "retire"))
        version.refresh_from_db()

        assert version.state == FormVersion.State.RETIRED
