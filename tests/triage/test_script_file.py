"""The script that comes with the portal, and others that are loaded from a file."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from botaniqal.errors import Malformed, RuleBroken
from tests.factories import ServiceFactory, UserFactory
from triage import script_file, scripts, wording
from triage.models import Script

pytestmark = pytest.mark.django_db
PATH = Path(__file__).resolve().parents[2] / "triage" / "script.json"
DOCUMENT = json.loads(PATH.read_text())


@pytest.fixture(autouse=True)
def _catalogue():
    for slug in ("alternative-medicine", "gaps", "weight-loss"):
        ServiceFactory(slug=slug)


class TestScriptThatComesWithThePortal:
    def test_leads_nobody_and_names_whom_to_ring(self):
        assert [one["text"] for one in DOCUMENT["questions"] if wording.warnings(one["text"])] == []
        for number in ("000", "13 11 14", "13 11 26"):
            assert number in DOCUMENT["emergency_card"]

    def test_can_be_approved_as_it_is(self):
        draft = script_file.load(document=DOCUMENT)

        used = scripts.approve(script_id=draft.pk, by=UserFactory(roles=["clinician"]), now=draft.created_at)

        assert used.state == Script.State.IN_USE


class TestLoad:
    def test_makes_a_draft_of_all_its_questions_in_their_order(self):
        draft = script_file.load(document=DOCUMENT)

        codes = list(draft.questions.values_list("code", flat=True))
        assert draft.state == Script.State.DRAFT
        assert codes == [one["code"] for one in DOCUMENT["questions"]]

    def test_changes_nothing_when_it_is_known(self):
        script_file.load(document=DOCUMENT)

        assert script_file.load(document=DOCUMENT) is None
        assert Script.objects.count() == 1

    def test_refuses_a_second_draft(self):
        script_file.load(document=DOCUMENT)

        with pytest.raises(RuleBroken):
            script_file.load(document=DOCUMENT | {"opening": "Hello."})

    @pytest.mark.parametrize(
        "changes",
        [
            {"service": "surgery"},
            {"kind": "shout"},
            {"code": "Not a code"},
            {"code": "gp"},
            {"colour": "red"},
            {"flags_on": ["perhaps"]},
        ],
    )
    def test_names_the_place_of_a_fault_and_keeps_nothing(self, changes):
        document = deepcopy(DOCUMENT)
        document["questions"][-1] |= changes

        with pytest.raises(Malformed) as refusal:
            script_file.load(document=document)

        assert list(refusal.value.details) == [f"questions[{len(document['questions']) - 1}]"]
        assert not Script.objects.exists()

    @pytest.mark.parametrize("document", [None, [], {}, {"questions": "none"}, {"questions": [1]}])
    def test_refuses_what_is_no_script(self, document):
        with pytest.raises(Malformed):
            script_file.load(document=document)


class TestCommand:
    def test_is_safe_to_run_twice(self, capsys):
        call_command("load_script", PATH)
        call_command("load_script", PATH)

        assert capsys.readouterr().out.splitlines() == ["20 questions in a new draft.", "Nothing to do."]

    def test_changes_nothing_in_a_dry_run(self, capsys):
        call_command("load_script", PATH, dry_run=True)

        assert not Script.objects.exists()
        assert "Nothing was changed." in capsys.readouterr().out

    def test_says_what_is_wrong_with_a_file(self, tmp_path):
        path = tmp_path / "script.json"
        path.write_text("{")

        with pytest.raises(CommandError, match="cannot be read"):
            call_command("load_script", path)
