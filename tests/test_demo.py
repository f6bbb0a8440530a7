"""The demo's data."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
import time_machine
from django.apps import apps
from django.conf import settings as project
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.utils import timezone

from bookings.models import Booking, SyncRecord
from botaniqal.accounts.models import User
from botaniqal.management.demo import clinic
from botaniqal.management.demo.calls import weekday_from
from botaniqal.messages.models import Message
from botaniqal.wording.models import Approval
from practitioners import availability
from practitioners.models import CalendlyEventType, DiaryEntry, Practitioner
from services.models import AppointmentType
from services.prices import clinic_day
from tests.sandbox_server import Sandbox
from triage.models import TriageSession

pytestmark = pytest.mark.django_db

CATALOGUE = Path(project.BASE_DIR) / "services" / "catalogue.json"
MOMENTS = {
    "a working day": datetime(2026, 3, 4, 0, 7, 31, tzinfo=UTC),
    "a Sunday night as daylight saving ends": datetime(2026, 4, 4, 15, 58, tzinfo=UTC),
    "new year": datetime(2026, 12, 31, 13, 1, tzinfo=UTC),
}


@pytest.fixture(autouse=True)
def environment(settings):
    """A demo whose sandbox does not run, and whose environment names two calendars."""
    settings.DEMO = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # others are slow on purpose
    settings.CALENDLY_BASE_URL = "http://127.0.0.1:9/calendly"
    settings.CALENDLY_TRIAGE_CALENDAR_ID = "https://api.calendly.com/event_types/TRIAGE"
    settings.CALENDLY_PRACTITIONER_CALENDAR_IDS = {**settings.CALENDLY_PRACTITIONER_CALENDAR_IDS, "DR_DIA": "DIA"}


@pytest.fixture
def catalogue(db: None) -> None:
    """What the clinic offers."""
    call_command("load_catalogue", CATALOGUE)


@pytest.fixture
def demo(catalogue: None) -> None:
    """The demo as it is now."""
    call_command("demo")


@pytest.fixture(params=MOMENTS)
def demo_at(request, catalogue):
    """The demo as it was set up at some moment; the clock stands still."""
    with time_machine.travel(MOMENTS[request.param], tick=False):
        call_command("demo")
        yield MOMENTS[request.param]


def to_call(login: str) -> list[datetime]:
    """When somebody's open calls are due."""
    return list(
        TriageSession.objects.filter(consultant__user__email=f"{login}@botaniqal.example", state="scheduled")
        .order_by("consultation__starts_at")
        .values_list("consultation__starts_at", flat=True)
    )


class TestDemo:
    def test_refuses_a_real_clinic(self, catalogue, settings):
        settings.DEMO = False

        with pytest.raises(CommandError, match="This is no demo"):
            call_command("demo")

        assert not User.objects.exists()

    def test_asks_for_the_catalogue_first(self):
        with pytest.raises(CommandError, match="load_catalogue"):
            call_command("demo")

        assert not User.objects.exists()

    def test_changes_nothing_the_second_time(self, demo):
        def rows():
            return {model: list(model.objects.order_by("pk").values()) for model in apps.get_models()}

        before = rows()

        call_command("demo")

        assert rows() == before

    def test_offers_everything_but_what_has_no_price(self, demo):
        kept_back = AppointmentType.objects.exclude(pk__in=AppointmentType.objects.offered())

        assert {kind.code: kind.obstacle for kind in kept_back} == {"initial-weight": "It has no price yet."}
        assert Approval.objects.get(subject="service:gaps:name").approved_by.email == "manager@botaniqal.example"

    def test_lets_people_in_by_role(self, demo):
        roles = {}
        for login in clinic.LOGINS:
            user = authenticate(username=f"{login}@botaniqal.example", password="botaniqal-demo")
            roles[login] = (user.groups.get().name, user.is_staff, user.is_superuser)

        assert roles == {
            "sarah": ("consultant", True, False),
            "tom": ("consultant", True, False),
            "ops": ("operations", True, False),
            "manager": ("management", True, False),
            "clinician": ("clinician", True, False),
            "admin": ("administrator", True, True),
        }

    def test_makes_dr_dia_the_clinician(self, demo):
        clinician = User.objects.get(email="clinician@botaniqal.example")

        assert clinician.practitioner.name == "Dr Dia Menon"

    def test_has_calendars_of_both_kinds(self, demo):
        calendars = Practitioner.objects.values_list("name", "calendar_provider", "mailbox")

        assert {row for row in calendars if row[1] != "calendly"} == {
            ("Dr Shivani Rao", "outlook", "shivani@botaniqal.example")
        }
        assert not Practitioner.objects.filter(calendly_user_uri="").exists()

    def test_offers_times_from_nine_to_five_on_every_weekday(self, demo):
        today = clinic_day(timezone.now())
        monday = today + timedelta(days=14 - today.weekday())
        givers = {}

        for slug, kind in [("free-consultation", "consultation"), ("gaps", "initial"), ("weight-loss", "followup")]:
            offers = availability.offers_of(service=slug, kind=kind)
            found = availability.find_slots(offers=offers, first_day=monday, days=7)
            givers[slug] = {slots.practitioner.name for slots in found}
            for slots in found:
                local = [moment.astimezone(availability.CLINIC) for moment in slots.times]
                clocks = {day: [moment.time() for moment in local if moment.weekday() == day] for day in range(7)}
                assert all(clocks[day][0] == time(9) and clocks[day][-1] >= time(16) for day in range(5))
                assert not clocks[5] + clocks[6]

        assert givers == {
            "free-consultation": {"Sarah Whitlock", "Tom Brennan"},
            "gaps": {"Coach Mei Lin"},
            "weight-loss": {"Dr Dia Menon", "Nurse Kim Doyle"},
        }

    def test_offers_alternative_medicine_by_video_and_in_person(self, demo):
        offers = availability.offers_of(service="alternative-medicine")

        assert {(offer.practitioner.name, offer.appointment_type.mode) for offer in offers} == {
            ("Dr Dia Menon", "telehealth"),
            ("Dr Shivani Rao", "in_person"),
        }

    def test_has_calls_to_make_now_and_soon(self, demo_at):
        sarah, tom = to_call("sarah"), to_call("tom")

        assert len(sarah) == 3
        assert demo_at - timedelta(minutes=20) <= sarah[0] <= demo_at - timedelta(minutes=15)
        assert demo_at + timedelta(minutes=35) <= sarah[1] <= demo_at + timedelta(minutes=40)
        assert demo_at + timedelta(minutes=85) <= sarah[2] <= demo_at + timedelta(minutes=90)
        assert len(tom) == 3
        assert all(moment.minute % 5 == moment.second == 0 for moment in sarah + tom)

    def test_has_a_parked_call_and_one_to_try_again(self, demo_at):
        [parked] = TriageSession.objects.filter(state="in_progress", claimed_by=None)
        [tried] = TriageSession.objects.filter(tries=1).select_related("consultation")

        assert [event.get_kind_display() for event in parked.events.all()] == ["Claimed", "Parked"]
        assert demo_at < tried.due_on <= demo_at + timedelta(minutes=55)

    def test_has_two_weeks_of_calls_behind_it(self, demo_at):
        done = TriageSession.objects.filter(state="done")

        assert set(done.values_list("outcome", flat=True)) == {"booked", "referred", "rejected", "no_show"}
        for session in done.select_related("consultation"):
            assert demo_at - timedelta(days=15) < session.consultation.starts_at < session.ended_at < demo_at
            assert session.created_at < session.started_at

    def test_has_visits_behind_it_and_to_come(self, demo):
        now = timezone.now()
        visits = Booking.objects.exclude(appointment_type__kind="consultation")

        assert set(visits.filter(starts_at__lt=now).values_list("state", flat=True)) == {"completed", "no_show"}
        assert set(visits.filter(starts_at__gt=now).values_list("state", flat=True)) == {"confirmed"}
        assert sum(visit.payment.status == "pending" for visit in visits) == 1
        assert all(visit.payment.status in ("collected", "pending") and visit.price for visit in visits)
        assert all(visit.starts_at.astimezone(availability.CLINIC).weekday() < 5 for visit in visits)

    def test_keeps_every_booking_in_the_diary(self, demo):
        bookings = Booking.objects.select_related("entry")

        assert all((each.starts_at, each.ends_at) == (each.entry.starts_at, each.entry.ends_at) for each in bookings)
        assert DiaryEntry.objects.count() == bookings.count()

    def test_owes_vendors_and_patients_only_what_is_to_come(self, demo):
        now = timezone.now()
        past = Booking.objects.filter(starts_at__lte=now)
        ahead = Booking.objects.filter(starts_at__gt=now)

        assert not SyncRecord.objects.open().filter(booking__in=past).exists()
        assert not Message.objects.open().filter(reference__in=past.values("pk")).exists()
        assert {record.booking_id for record in SyncRecord.objects.open()} == {booking.pk for booking in ahead}
        assert {message.reference for message in Message.objects.open()} == {booking.pk for booking in ahead}

    def test_invents_all_patients(self, demo):
        patients = {session.patient for session in TriageSession.objects.select_related("patient")}

        assert all(patient.email.endswith("@example.com") for patient in patients)
        assert all(patient.phone.startswith("+6149157") for patient in patients)
        assert len({patient.phone for patient in patients}) == len(patients)

    def test_takes_event_types_from_the_environment_first(self, demo):
        rows = CalendlyEventType.objects.filter(calendly_id__in=["TRIAGE", "DIA"])

        assert {(row.calendly_id, str(row)) for row in rows} == {
            ("TRIAGE", "Shared: Free consultation"),
            ("DIA", "Dr Dia Menon: Alternative medicine, initial"),
        }

    def test_gives_an_event_type_to_everything_that_somebody_gives(self, demo):
        given = {
            (person.pk, kind.pk) for person in Practitioner.objects.all() for kind in person.appointment_types.all()
        }

        rows = CalendlyEventType.objects.exclude(practitioner=None)

        assert set(rows.values_list("practitioner", "appointment_type")) == given

    def test_says_that_the_sandbox_does_not_run(self, catalogue, capsys):
        call_command("demo")

        assert "The sandbox was not told" in capsys.readouterr().out

    def test_leaves_calendly_itself_alone(self, catalogue, settings, capsys):
        settings.CALENDLY_BASE_URL = "https://api.calendly.com"

        call_command("demo")

        assert "names no sandbox" in capsys.readouterr().out

    def test_tells_the_sandbox_at_the_next_run(self, demo, settings, sandbox: Sandbox):
        settings.CALENDLY_BASE_URL = sandbox.calendly_url

        call_command("demo")

        known = {row["uri"]: row for row in sandbox.state("calendly")["event_types"]}
        assert {row.uri for row in CalendlyEventType.objects.all()} <= known.keys()
        assert known["https://api.calendly.com/event_types/DIA"]["profile"]["name"] == "Dr Dia Menon"
        assert known["https://api.calendly.com/event_types/TRIAGE"]["pooling_type"] == "round_robin"


class TestWeekdayFrom:
    @pytest.mark.parametrize(
        ("day", "weekdays", "found"),
        [
            (date(2026, 3, 6), 1, date(2026, 3, 9)),
            (date(2026, 3, 7), 1, date(2026, 3, 9)),
            (date(2026, 3, 8), -1, date(2026, 3, 6)),
            (date(2026, 3, 9), -1, date(2026, 3, 6)),
            (date(2026, 3, 9), -10, date(2026, 2, 23)),
            (date(2026, 3, 9), 5, date(2026, 3, 16)),
        ],
    )
    def test_skips_the_weekend(self, day, weekdays, found):
        assert weekday_from(day, weekdays) == found
