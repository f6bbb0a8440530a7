"""The demo's data."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
import time_machine
from django.apps import apps
from django.conf import settings as project
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from bookings.intake import form_filling
from bookings.models import (
    Booking,
    Dispute,
    EarlierTimeOffer,
    FormAnswers,
    FreedTime,
    MoneyDay,
    Patient,
    Payment,
    RefundDecision,
    SyncRecord,
)
from botaniqal.accounts.models import User
from botaniqal.management.demo import clinic
from botaniqal.management.demo.acts import weekday_from
from botaniqal.messages.models import Message
from botaniqal.messages.suppression import is_suppressed
from botaniqal.reports.models import Demand
from botaniqal.wording.models import Approval
from practitioners import availability, publish_check
from practitioners.models import CalendlyEventType, Practitioner
from services.models import AppointmentType, InterestEntry
from services.prices import clinic_day
from tests.sandbox_server import Sandbox
from triage.models import TriageSession

CATALOGUE = Path(project.BASE_DIR) / "services" / "catalogue.json"
NOW = "now"
MOMENTS = {
    NOW: None,
    "a Sunday night as daylight saving ends": datetime(2026, 4, 4, 15, 58, tzinfo=UTC),
    "new year": datetime(2026, 12, 31, 13, 1, tzinfo=UTC),
}


@pytest.fixture(autouse=True, scope="module")
def environment():
    """A demo whose sandbox does not run, and whose environment names two calendars."""
    with override_settings(
        DEMO=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # others are slow on purpose
        CALENDLY_BASE_URL="http://127.0.0.1:9/calendly",
        STRIPE_BASE_URL="http://127.0.0.1:9/stripe",
        CALENDLY_TRIAGE_CALENDAR_ID="https://api.calendly.com/event_types/TRIAGE",
        CALENDLY_PRACTITIONER_CALENDAR_IDS={**project.CALENDLY_PRACTITIONER_CALENDAR_IDS, "DR_DIA": "DIA"},
    ):
        yield


@pytest.fixture
def catalogue(db: None) -> None:
    """What the clinic offers."""
    call_command("load_catalogue", CATALOGUE)


@pytest.fixture(scope="module")
def demo(request, environment, django_db_setup, django_db_blocker):
    """
    The demo as it is set up at some moment, while the clock stands still: once for all tests of that moment.

    It takes seconds, so each test looks at the same rows, and takes back what it writes.
    """
    moment = MOMENTS[request.param] or timezone.now()
    with django_db_blocker.unblock(), transaction.atomic():
        with time_machine.travel(moment, tick=False):
            call_command("load_catalogue", CATALOGUE)
            call_command("demo")
        yield moment
        transaction.set_rollback(True)


def to_call(login: str) -> list[datetime]:
    """When somebody's open calls are due."""
    return list(
        TriageSession.objects.filter(consultant__user__email=f"{login}@botaniqal.example", state="scheduled")
        .order_by("consultation__starts_at")
        .values_list("consultation__starts_at", flat=True)
    )


@pytest.mark.django_db
class TestWhereThereIsNothing:
    def test_refuses_a_real_clinic(self, catalogue, settings):
        settings.DEMO = False

        with pytest.raises(CommandError, match="This is no demo"):
            call_command("demo")

        assert not User.objects.exists()

    def test_asks_for_the_catalogue_first(self):
        with pytest.raises(CommandError, match="load_catalogue"):
            call_command("demo")

        assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("demo", [NOW], indirect=True)
class TestDemo:
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
        monday = today + timedelta(days=42 - today.weekday())
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

    def test_has_visits_behind_it_and_to_come(self, demo):
        visits = Booking.objects.exclude(appointment_type__kind="consultation").exclude(state="cancelled")

        assert set(visits.filter(starts_at__lt=demo).values_list("state", flat=True)) == {"completed", "no_show"}
        assert set(visits.filter(starts_at__gt=demo).values_list("state", flat=True)) == {"confirmed"}
        assert all(visit.starts_at.astimezone(availability.CLINIC).weekday() < 5 for visit in visits)

    def test_takes_money_by_hand_and_gives_some_back(self, demo):
        paid = Payment.objects.exclude(booking__appointment_type__kind="consultation")
        decided = RefundDecision.objects.exclude(decided_at=None)

        assert set(paid.values_list("method", flat=True)) == {"credit_card_phone", "cash", "bank_transfer"}
        assert paid.filter(status="pending").get().booking.checkouts.get().door == "desk"
        assert RefundDecision.objects.filter(status="waiting").exists()
        assert set(decided.values_list("status", flat=True)) == {"given_back", "kept"}

    def test_has_forms_that_were_sent_begun_and_not_begun(self, demo):
        ahead = Booking.objects.upcoming(demo).filter(appointment_type__kind="initial")
        names = {visit.patient.name: form_filling.state_of(visit) for visit in ahead}

        assert names["Oliver Grant"] == "sent"
        assert names["Chloe Wong"] == "draft"
        assert names["Sofia Rossi"] == "to_fill"
        assert set(FormAnswers.objects.sent_in().values_list("form_id", flat=True)) >= {
            "mini-intake",
            "medical-history",
            "nutrition-assessment",
        }

    def test_heard_of_an_address_that_does_not_exist(self, demo):
        [lost] = Message.objects.for_a_person()

        assert lost.delivery == "bounced"
        assert is_suppressed(lost.to)

    def test_keeps_every_booking_in_the_diary(self, demo):
        bookings = Booking.objects.select_related("entry")

        assert all((each.starts_at, each.ends_at) == (each.entry.starts_at, each.entry.ends_at) for each in bookings)

    def test_owes_vendors_and_patients_only_what_is_to_come(self, demo):
        ahead = set(Booking.objects.upcoming(demo).values_list("pk", flat=True))
        offers = set(EarlierTimeOffer.objects.values_list("pk", flat=True))
        bounced = set(Message.objects.for_a_person().values_list("reference", flat=True))

        assert {record.booking_id for record in SyncRecord.objects.open()} == ahead
        assert {message.reference for message in Message.objects.open()} - offers - bounced <= ahead

    def test_invents_all_patients(self, demo):
        patients = set(Patient.objects.all())

        assert all(patient.email.endswith("@example.com") for patient in patients)
        assert all(patient.phone.startswith(("+6149157", "+61370101")) for patient in patients)
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

    def test_says_that_the_sandbox_does_not_run(self, demo, capsys):
        call_command("demo")

        assert "The sandbox was not told" in capsys.readouterr().out

    def test_leaves_calendly_itself_alone(self, demo, settings, capsys):
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

    def test_says_so_where_nobody_can_book_online(self, demo, settings, sandbox: Sandbox, capsys):
        sandbox.reset()
        settings.CALENDLY_BASE_URL, settings.STRIPE_BASE_URL = sandbox.calendly_url, sandbox.stripe_url
        Approval.objects.all().delete()
        publish_check.refresh(day=clinic_day(timezone.now()), now=timezone.now())

        call_command("demo")

        assert "Nobody else booked online. This appointment cannot be booked" in capsys.readouterr().out

    def test_lets_stripe_know_of_what_was_paid_online(self, demo, settings, sandbox: Sandbox):
        sandbox.reset()
        settings.CALENDLY_BASE_URL, settings.STRIPE_BASE_URL = sandbox.calendly_url, sandbox.stripe_url

        call_command("demo")

        online = Booking.objects.filter(source="online").exclude(appointment_type__kind="consultation")
        assert set(online.values_list("state", flat=True)) == set(Booking.State.values)
        assert online.filter(created_at__lt=demo - timedelta(days=30), payment__method="stripe_link").count() > 2
        assert set(RefundDecision.objects.filter(checkout__isnull=False).values_list("status", flat=True)) == {
            "waiting",
            "sending",
        }
        assert Dispute.objects.get().outcome == "open"
        [differs] = MoneyDay.objects.exclude(differences=[])
        assert differs.their_taken - differs.our_taken == 20
        assert differs.explanation
        assert MoneyDay.objects.filter(differences=[], our_taken__gt=0).count() > 3
        assert not SyncRecord.objects.open().filter(booking__starts_at__lt=demo).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "demo", [NOW, *(pytest.param(name, marks=pytest.mark.slow) for name in MOMENTS if name != NOW)], indirect=True
)
class TestAtAnyMoment:
    def test_has_calls_to_make_now_and_soon(self, demo):
        sarah, tom = to_call("sarah"), to_call("tom")

        assert len(sarah) == 3
        assert demo - timedelta(minutes=20) <= sarah[0] <= demo - timedelta(minutes=15)
        assert demo + timedelta(minutes=35) <= sarah[1] <= demo + timedelta(minutes=40)
        assert demo + timedelta(minutes=85) <= sarah[2] <= demo + timedelta(minutes=90)
        assert len(tom) == 3
        assert all(moment.minute % 5 == moment.second == 0 for moment in sarah + tom)

    def test_has_a_parked_call_and_one_to_try_again(self, demo):
        [parked] = TriageSession.objects.filter(state="in_progress", claimed_by=None)
        [tried] = TriageSession.objects.filter(tries=1).select_related("consultation")

        assert [event.get_kind_display() for event in parked.events.all()] == ["Claimed", "Parked"]
        assert demo < tried.due_on <= demo + timedelta(minutes=55)

    def test_has_a_quarter_of_calls_behind_it(self, demo):
        done = TriageSession.objects.filter(state="done").select_related("consultation")

        assert done.count() > 50
        assert set(done.values_list("outcome", flat=True)) == {"booked", "referred", "rejected", "no_show"}
        for session in done:
            assert demo - timedelta(days=95) < session.consultation.starts_at < session.ended_at < demo
            assert session.created_at < session.started_at

    def test_leads_calls_on_to_visits_and_follow_ups(self, demo):
        visits = Booking.objects.filter(source="phone", patient__triage_sessions__outcome="booked")
        came = visits.filter(state="completed", appointment_type__kind="initial")
        again = visits.filter(appointment_type__kind="followup", patient__bookings__in=came)

        assert came.count() > again.distinct().count() > 10
        assert 0 < visits.filter(state="no_show").count() < came.count() / 3

    def test_has_been_searched_for_times_sometimes_in_vain(self, demo):
        found = Demand.objects.all()

        assert found.filter(day__lt=demo - timedelta(days=60)).exists()
        assert not found.filter(day__gte=clinic_day(demo)).exists()
        assert sum(each.searches for each in found) / 3 > sum(each.empty for each in found) > 10

    def test_gives_everything_its_own_moment(self, demo):
        assert not Booking.objects.filter(created_at__gt=demo).exists()
        assert not Booking.objects.filter(created_at__gt=F("starts_at")).exists()
        assert not Message.objects.filter(sent_at__gt=demo).exists()
        assert not Message.objects.filter(created_at__gt=demo).exists()

    def test_tells_of_those_who_wait(self, demo):
        entries = InterestEntry.objects.all()
        freed = FreedTime.objects.exclude(state="gone")
        reasons = [row["reason"] for one in freed for row in one.passed_over]

        assert set(entries.values_list("service__slug", "source")) == {
            (service, source) for service in ("counseling", "equine") for source in ("page", "api", "desk")
        }
        assert entries.exclude(left_at=None).count() > entries.exclude(left_reason="").count() > 0
        assert {one.state for one in freed} >= {"filled", "offered"}
        assert {"accepted", "declined", "open"} <= set(EarlierTimeOffer.objects.values_list("state", flat=True))
        assert "Wants Dr Shivani Rao alone." in reasons


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
