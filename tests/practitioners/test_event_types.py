"""Which Calendly event type stands for whose appointments."""

import pytest
from django.core.management import call_command

from practitioners import event_types
from practitioners.models import CalendlyEventType
from services.models import AppointmentType
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def environment(settings):
    """An environment that names no event type."""
    settings.CALENDLY_TRIAGE_CALENDAR_ID = ""
    settings.CALENDLY_PRACTITIONER_CALENDAR_IDS = dict.fromkeys(event_types.OWNERS, "")


@pytest.fixture
def free_consultation() -> AppointmentType:
    """What every consultant gives."""
    return AppointmentTypeFactory(free=True, code=AppointmentType.FREE_CONSULTATION)


def rows() -> set[tuple]:
    """All event types: id, practitioner, appointment type."""
    return set(CalendlyEventType.objects.values_list("calendly_id", "practitioner", "appointment_type"))


class TestFind:
    @pytest.mark.parametrize(
        "name",
        ["ABC-1", "https://api.calendly.com/event_types/ABC-1", "https://api.calendly.com/event_types/ABC-1/"],
    )
    def test_takes_an_id_or_an_address(self, name):
        row = CalendlyEventTypeFactory(calendly_id="ABC-1")

        assert event_types.find(name) == row

    @pytest.mark.parametrize("name", ["", "/", "ABC-2", "https://api.calendly.com/event_types/"])
    def test_finds_nothing_for_a_stranger(self, name):
        CalendlyEventTypeFactory(calendly_id="ABC-1")

        assert event_types.find(name) is None

    def test_brings_practitioner_and_service_along(self, django_assert_num_queries):
        CalendlyEventTypeFactory(calendly_id="ABC-1", practitioner=PractitionerFactory(name="Dr Dia"))

        with django_assert_num_queries(1):
            row = event_types.find("ABC-1")
            named = f"{row.practitioner}, {row.appointment_type.service}"

        assert named == "Dr Dia, Alternative Medicine"


class TestSeedFromSettings:
    def test_shares_the_triage_calendar(self, settings, free_consultation):
        settings.CALENDLY_TRIAGE_CALENDAR_ID = "TRIAGE"

        event_types.seed_from_settings()

        assert rows() == {("TRIAGE", None, free_consultation.pk)}

    @pytest.mark.parametrize(
        ("variable", "person"),
        [
            ("DR_DIA", {"type": "doctor", "name": "Dr Dia Menon"}),
            ("DR_SHIVANI", {"type": "doctor", "name": "Dr. SHIVANI Rao"}),
            ("NURSE", {"type": "nurse", "name": "Kim"}),
            ("GAPS_COACH", {"type": "coach", "name": "Mei"}),
            ("CONSULTANT", {"type": "consultant", "name": "Sarah"}),
        ],
    )
    def test_gives_a_practitioner_the_first_type_in_the_catalogues_order(self, settings, variable, person):
        settings.CALENDLY_PRACTITIONER_CALENDAR_IDS[variable] = "https://api.calendly.com/event_types/THEIRS"
        first = AppointmentTypeFactory(position=2)
        in_person = AppointmentTypeFactory(service=first.service, position=1, in_person=True)
        PractitionerFactory(type="doctor", name="Dr Diana Shivanika")
        owner = PractitionerFactory(gives=[in_person, first], **person)

        event_types.seed_from_settings()

        assert rows() == {("THEIRS", owner.pk, first.pk)}

    def test_gives_a_shared_role_to_who_came_first(self, settings):
        settings.CALENDLY_PRACTITIONER_CALENDAR_IDS["NURSE"] = "NURSES"
        kind = AppointmentTypeFactory()
        PractitionerFactory(type="nurse", name="Zoe", gives=[kind], is_active=False)
        first = PractitionerFactory(type="nurse", name="Yan", gives=[kind])
        PractitionerFactory(type="nurse", name="Ann", gives=[kind])

        event_types.seed_from_settings()

        assert rows() == {("NURSES", first.pk, kind.pk)}

    def test_changes_nothing_the_second_time(self, settings, free_consultation):
        settings.CALENDLY_TRIAGE_CALENDAR_ID = "TRIAGE"
        settings.CALENDLY_PRACTITIONER_CALENDAR_IDS["CONSULTANT"] = "SARAH"
        PractitionerFactory(consultant=True, gives=[free_consultation])

        first, second = event_types.seed_from_settings(), event_types.seed_from_settings()

        assert (len(first), len(second)) == (2, 0)

    def test_leaves_what_staff_entered(self, settings, free_consultation):
        settings.CALENDLY_TRIAGE_CALENDAR_ID = "TRIAGE"
        settings.CALENDLY_PRACTITIONER_CALENDAR_IDS["CONSULTANT"] = "SARAH"
        CalendlyEventTypeFactory(calendly_id="OTHER", appointment_type=free_consultation)
        kind = AppointmentTypeFactory()
        CalendlyEventTypeFactory(calendly_id="SARAH", appointment_type=kind)
        PractitionerFactory(consultant=True, gives=[free_consultation])

        made = event_types.seed_from_settings()

        assert made == []
        assert rows() == {("OTHER", None, free_consultation.pk), ("SARAH", None, kind.pk)}

    def test_makes_nothing_while_nobody_is_there(self, settings):
        settings.CALENDLY_TRIAGE_CALENDAR_ID = "TRIAGE"
        settings.CALENDLY_PRACTITIONER_CALENDAR_IDS = dict.fromkeys(event_types.OWNERS, "SOMEBODY")
        PractitionerFactory(type="nurse")

        made = event_types.seed_from_settings()

        assert made == []


class TestSeedEventTypesCommand:
    def test_says_what_is_new_once(self, settings, free_consultation, capsys):
        settings.CALENDLY_TRIAGE_CALENDAR_ID = "TRIAGE"

        call_command("seed_event_types")
        call_command("seed_event_types")

        assert capsys.readouterr().out == "New event type Shared: Free consultation\nNothing to change.\n"
