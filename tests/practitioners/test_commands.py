"""The commands about practitioners, their calendars and what they can offer."""

from datetime import date

import pytest
from django.core.management import CommandError, call_command

from practitioners.models import CalendlyEventType, Practitioner, Room
from services.models import AppointmentType, Price, Service
from tests.factories import AppointmentTypeFactory, PractitionerFactory
from tests.offering import approve_words, give_forms

pytestmark = pytest.mark.django_db

HEAD = "name,type,email,phone,gives,hours,specialisations,calendar_provider,medirecords_provider_id\n"
DIA = "Dr Dia,doctor,dia@clinic.example,0491 570 006,initial-gaps,Mon-Fri 9:00-17:00; Sat 10:00-12:30,Sleep; Skin,,\n"


@pytest.fixture
def gaps():
    kind = AppointmentTypeFactory(
        code="initial-gaps",
        minutes=60,
        medirecords_type="CONSULT_GAPS_60",
        billing_code="G60",
        reporting_category="GAPS",
        price="none",
    )
    give_forms(kind.service)
    approve_words(kind.service)
    return kind


@pytest.fixture
def load(tmp_path):
    def load(text: str, *options: str) -> None:
        path = tmp_path / "people.csv"
        path.write_text(text)
        call_command("import_practitioners", path, *options)

    return load


class TestImportPractitioners:
    def test_enters_a_person_with_everything(self, load, gaps, capsys):
        load(HEAD + DIA)

        person = Practitioner.objects.get(email="dia@clinic.example")
        assert (person.name, person.phone, person.specialisations) == ("Dr Dia", "+61491570006", ["Sleep", "Skin"])
        assert list(person.appointment_types.all()) == [gaps]
        assert [str(hours) for hours in person.working_hours.filter(weekday__gte=4)] == [
            "Friday 09:00–17:00",
            "Saturday 10:00–12:30",
        ]
        assert person.working_hours.count() == 6
        assert capsys.readouterr().out == "1 new.\n"

    def test_changes_nothing_the_second_time(self, load, gaps, capsys):
        load(HEAD + DIA)
        hours = set(Practitioner.objects.get().working_hours.values_list("pk", flat=True))

        load(HEAD + DIA)

        assert capsys.readouterr().out.endswith("1 unchanged.\n")
        assert set(Practitioner.objects.get().working_hours.values_list("pk", flat=True)) == hours

    def test_knows_a_person_by_e_mail_however_it_is_written(self, load, gaps, capsys):
        load(HEAD + DIA)

        load("name,type,email\nDr Dia Menon,doctor,DIA@clinic.example\n")

        assert Practitioner.objects.get().name == "Dr Dia Menon"
        assert capsys.readouterr().out.endswith("1 changed.\n")

    def test_leaves_what_a_cell_does_not_say(self, load, gaps):
        load(HEAD + DIA)

        load(HEAD + "Dr Dia,doctor,dia@clinic.example,,,,,,\n")

        person = Practitioner.objects.get()
        assert person.phone == "+61491570006"
        assert person.working_hours.count() == 6

    def test_enters_nobody_in_a_dry_run(self, load, gaps, capsys):
        load(HEAD + DIA, "--dry-run")

        assert not Practitioner.objects.exists()
        assert capsys.readouterr().out == "Dry run: 1 new. Nothing was changed.\n"

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            (",doctor,a@b.example,,,,,,", "name must not be empty"),
            ("A,wizard,a@b.example,,,,,,", "type: Value 'wizard' is not a valid choice"),
            ("A,doctor,nowhere,,,,,,", "email: Enter a valid email address"),
            ("A,doctor,a@b.example,12,,,,,", "phone is no phone number"),
            ("A,doctor,a@b.example,,none-such,,,,", "no appointment type none-such"),
            ("A,doctor,a@b.example,,,Mon 9-5,,,", "hours must look like"),
            ("A,doctor,a@b.example,,,Fri-Mon 09:00-17:00,,,", "hours must look like"),
            ("A,doctor,a@b.example,,,Mon 17:00-09:00,,,", "hours must end after"),
            ("A,doctor,a@b.example,,,Mon 29:00-33:00,,,", "hours must end after"),
            ("A,doctor,a@b.example,,,,,google,", "calendar_provider: Value 'google' is not a valid choice"),
            ("A,doctor,a@b.example,,,,,,12", "medirecords_provider_id must be an id"),
            ("A,doctor,DIA@clinic.example,,,,,,", "stands in line 2 already"),
        ],
        ids=["name", "type", "email", "phone", "gives", "hours", "days", "order", "clock", "provider", "id", "twice"],
    )
    def test_takes_nobody_when_a_row_is_at_fault(self, load, gaps, row, said):
        with pytest.raises(CommandError) as refusal:
            load(HEAD + DIA + row + "\n")

        assert f"Line 3: {said}" in str(refusal.value) or said in str(refusal.value)
        assert "Line 3" in str(refusal.value)
        assert not Practitioner.objects.exists()


class TestCheckCatalogue:
    def test_finds_nothing_wrong_with_a_whole_offer(self, gaps, capsys):
        Price.objects.create(appointment_type=gaps, amount=195, starts_on=date(2026, 1, 1))
        person = PractitionerFactory(gives=[gaps], calendar_provider="calendly")
        CalendlyEventType.objects.create(calendly_id="g", practitioner=person, appointment_type=gaps)

        call_command("check_catalogue")

        assert capsys.readouterr().out.endswith("1 green.\n")

    def test_offers_what_it_finds_well_unless_it_is_a_dry_run(self, gaps):
        Price.objects.create(appointment_type=gaps, amount=195, starts_on=date(2026, 1, 1))
        PractitionerFactory(gives=[gaps], calendar_provider="outlook", mailbox="dia@clinic.example")
        AppointmentType.objects.update(verdict="red")

        call_command("check_catalogue", "--dry-run")
        dry = AppointmentType.objects.get().verdict
        call_command("check_catalogue")

        assert (dry, AppointmentType.objects.get().verdict) == ("red", "green")

    def test_names_what_is_red_and_leaves_with_1(self, gaps, capsys):
        with pytest.raises(CommandError) as left:
            call_command("check_catalogue")

        said = capsys.readouterr().out
        assert left.value.returncode == 1
        assert "! initial-gaps: It has no price yet." in said
        assert "! initial-gaps: Nobody active gives it." in said

    def test_tells_of_another_length_in_amber(self, gaps, capsys):
        gaps.minutes = 15
        gaps.save()

        with pytest.raises(CommandError):
            call_command("check_catalogue")

        assert "the true one, 15 minutes, is sent" in capsys.readouterr().out

    def test_names_who_has_no_calendar(self, gaps, capsys):
        Price.objects.create(appointment_type=gaps, amount=195, starts_on=date(2026, 1, 1))
        PractitionerFactory(name="Dr Dia", gives=[gaps], calendar_provider="outlook", mailbox="dia@clinic.example")
        PractitionerFactory(name="Dr Shivani", gives=[gaps], calendar_provider="none")

        call_command("check_catalogue")

        assert "Dr Shivani has no calendar for it." in capsys.readouterr().out

    def test_asks_for_a_room_where_visits_are_in_person(self, gaps, capsys):
        gaps.mode = "in_person"
        gaps.save()

        with pytest.raises(CommandError):
            call_command("check_catalogue")
        without = capsys.readouterr().out
        Room.objects.create(name="Room 1")
        with pytest.raises(CommandError):
            call_command("check_catalogue")

        assert "There is no room" in without
        assert "There is no room" not in capsys.readouterr().out

    def test_leaves_out_what_is_retired(self, gaps, capsys):
        Service.objects.update(status=Service.Status.RETIRED)

        call_command("check_catalogue")

        assert capsys.readouterr().out.endswith("Nothing to do.\n")
