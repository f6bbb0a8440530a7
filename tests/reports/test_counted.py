"""What is counted where it happens: once it is sure, and once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from botaniqal.integrations import inbox, owed
from botaniqal.integrations.http import VendorUnavailable
from botaniqal.integrations.models import InboundEvent
from practitioners import public_times
from practitioners.availability import Offer
from services.prices import clinic_day
from tests.counting import Counts
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory, SessionFactory, next_morning
from tests.visits import booked_visit
from triage import sessions
from triage.desk import times_state

pytestmark = pytest.mark.django_db

TEN = next_morning(10, days=2)


class TestVisits:
    @pytest.mark.parametrize(("source", "number"), [("phone", 1), ("online", 0), ("import", 0)])
    def test_of_the_phone_count(
        self, source: str, number: int, counted: Counts, django_capture_on_commit_callbacks: Callable
    ):
        doctor = PractitionerFactory(gives=[AppointmentTypeFactory(code="initial-gaps-60min")])

        with django_capture_on_commit_callbacks(execute=True):
            booked_visit(doctor, TEN, source=source)

        assert sum(counted("phone_bookings_created").values()) == number

    def test_that_were_taken_back_do_not(self, counted: Counts, django_capture_on_commit_callbacks: Callable):
        doctor = PractitionerFactory(gives=[AppointmentTypeFactory()])

        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            booked_visit(doctor, TEN)
            transaction.set_rollback(True)

        assert counted("phone_bookings_created") == {}


class TestCalls:
    def test_count_by_how_they_were_booked_and_are_no_visits(
        self, counted: Counts, django_capture_on_commit_callbacks: Callable
    ):
        with django_capture_on_commit_callbacks(execute=True):
            sessions.open_session(
                patient=PatientFactory(),
                consultant=PractitionerFactory(consultant=True),
                appointment_type=AppointmentTypeFactory(free=True),
                starts_at=TEN,
                ends_at=TEN + timedelta(minutes=15),
                entry=None,
                source="phone",
                by=None,
                now=timezone.now(),
            )

        assert counted("triage_sessions_created") == {("phone",): 1}
        assert counted("phone_bookings_created") == {}


class TestInbox:
    @pytest.mark.parametrize(
        ("error", "outcome"),
        [
            (None, "ok"),
            (owed.WaitFor("It waits.", seconds=60), "waits"),
            (owed.NotYet("It failed"), "waits"),
            (VendorUnavailable("Stripe GET /x: 500"), "waits"),
            (owed.NeedsPerson("Somebody looks."), "refused"),
            (ZeroDivisionError(), "failed"),
        ],
    )
    def test_tells_what_came_of_a_message(self, error: Exception | None, outcome: str, counted: Counts):
        def handle(event: InboundEvent) -> str:
            if error:
                raise error
            return "Done."

        inbox.keep(vendor="stripe", key="one", kind="charge.refunded", payload={})

        inbox.work_due({("stripe", "charge.refunded"): handle})

        assert counted("webhook_processing_time_seconds") == {("stripe", "worked", outcome): 1}


class TestSearches:
    """Each door at which somebody looks for a time counts it."""

    def test_at_the_api(self, client: Client, counted: Counts):
        kind = AppointmentTypeFactory()
        PractitionerFactory(gives=[kind])
        day = clinic_day(timezone.now()) + timedelta(days=3)

        for days in (1, 2):
            query = {"service": kind.service.slug, "date": f"{day}", "days": days}
            assert client.get("/api/practitioners/availability", query).status_code == 200

        assert counted("availability_searches") == {(kind.code, "times"): 2}

    def test_on_the_publics_pages(self, counted: Counts):
        kind = AppointmentTypeFactory()
        nobody = PractitionerFactory(gives=[kind], hours=False)

        public_times.week(offers=[Offer(nobody, kind)], zone=public_times.CLINIC, first_day=None, now=timezone.now())

        assert counted("availability_searches") == {(kind.code, "nothing"): 1}

    def test_at_the_desk(self, counted: Counts):
        kind = AppointmentTypeFactory()
        PractitionerFactory(gives=[kind])

        times_state.times_of(kind, session=SessionFactory(), is_shown=True, first_day=None, now=timezone.now())

        assert counted("availability_searches") == {(kind.code, "times"): 1}
