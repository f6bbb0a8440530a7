"""The commands that load and write the catalogue."""

import json

import pytest
from django.core.management import CommandError, call_command

from botaniqal.wording.models import Approval
from services.models import Service
from tests.factories import ServiceFactory, UserFactory

from .conftest import FILE

pytestmark = pytest.mark.django_db


class TestLoadCatalogue:
    def test_says_what_changed(self, capsys):
        call_command("load_catalogue", FILE)

        said = capsys.readouterr().out
        assert "New appointment type initial-gaps-60min\n" in said
        assert said.endswith("25 changes made.\n")

    def test_has_somebody_answer_for_the_words(self, manager, capsys):
        call_command("load_catalogue", FILE, "--approve-as", "Manager@clinic.example")

        row = Approval.objects.get(subject="type:initial-gaps-60min:name")
        assert (row.text, row.approved_by) == ("GAPS, initial", manager)
        assert "Approved GAPS: description\n" in capsys.readouterr().out
        assert all(row.accepted == [] for row in Approval.objects.all())

        call_command("load_catalogue", FILE, "--approve-as", "manager@clinic.example")

        assert capsys.readouterr().out == "Nothing to change.\n"

    @pytest.mark.parametrize(("email", "said"), [("nobody@clinic.example", "Nobody"), ("sarah@x.example", "may not")])
    def test_changes_nothing_when_that_person_may_not(self, email, said):
        UserFactory(email="sarah@x.example", roles=["consultant"])

        with pytest.raises(CommandError, match=said):
            call_command("load_catalogue", FILE, "--approve-as", email)

        assert not Service.objects.exists()

    def test_changes_nothing_when_a_word_cannot_be_published(self, manager, tmp_path, document):
        document["services"][1]["description"] = "Medicinal cannabis by post"
        path = tmp_path / "catalogue.json"
        path.write_text(json.dumps(document))

        with pytest.raises(CommandError, match="service:alternative-medicine:description: “cannabis”"):
            call_command("load_catalogue", path, "--approve-as", manager.email)

        assert not Service.objects.exists()

    def test_approves_the_services_of_the_file_alone(self, manager, tmp_path, document):
        ServiceFactory(slug="other", name="Other")

        call_command("load_catalogue", FILE, "--approve-as", manager.email)

        assert not Approval.objects.filter(subject__startswith="service:other").exists()

    def test_says_when_there_is_nothing_to_change(self, loaded, capsys):
        call_command("load_catalogue", FILE)

        assert capsys.readouterr().out == "Nothing to change.\n"

    def test_changes_nothing_in_a_dry_run(self, capsys):
        call_command("load_catalogue", FILE, "--dry-run")

        assert capsys.readouterr().out.endswith("Dry run: 25 changes, none made.\n")
        assert not Service.objects.exists()

    def test_names_each_fault_by_its_place(self, tmp_path, document):
        document["services"][0]["status"] = "open"
        document["services"][2]["appointment_types"][0]["minutes"] = 17
        path = tmp_path / "bad.json"
        path.write_text(json.dumps(document))

        with pytest.raises(CommandError) as refusal:
            call_command("load_catalogue", path)

        assert str(refusal.value).splitlines() == [
            "The catalogue was not loaded: it has faults.",
            "services[0].status: “open” is none of: active, coming_soon, paused, retired.",
            "services[2].appointment_types[0].minutes: Must be a multiple of 5.",
        ]

    def test_reads_what_a_windows_editor_saved(self, tmp_path):
        path = tmp_path / "catalogue.json"
        path.write_text(FILE.read_text(), encoding="utf-8-sig")

        call_command("load_catalogue", path)

        assert Service.objects.count() == 6

    def test_refuses_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("load_catalogue", tmp_path / "none.json")

    def test_refuses_a_file_that_is_not_text(self, tmp_path):
        path = tmp_path / "picture.json"
        path.write_bytes(b"\xff\xd8\xff")

        with pytest.raises(CommandError, match="cannot be read"):
            call_command("load_catalogue", path)


class TestDumpCatalogue:
    def test_writes_to_the_screen(self, loaded, capsys):
        call_command("dump_catalogue")

        assert capsys.readouterr().out == FILE.read_text()

    def test_writes_a_file(self, loaded, tmp_path):
        call_command("dump_catalogue", tmp_path / "out.json")

        assert (tmp_path / "out.json").read_text() == FILE.read_text()

    def test_refuses_a_folder_that_is_not_there(self, loaded, tmp_path):
        with pytest.raises(CommandError, match="cannot be written"):
            call_command("dump_catalogue", tmp_path / "none" / "out.json")
