"""Times of a calendar that was not read for long: hidden from the public, marked and looked at again for staff."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from botaniqal.integrations.graph_shapes import time_of
from practitioners import diary
from practitioners.models import OutsideCalendar
from tests.api.conftest import bearer
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from tests.sandbox_server import ENVIRONMENT

pytestmark = pytest.mark.django_db

TEN = next_morning(10, days=2)
AN_HOUR = timedelta(hours=1)


@pytest.fixture
def outlook(sandbox, settings):
    """Outlook as the sandbox plays it."""
    sandbox.reset()
    for name in ("GRAPH_TENANT", "GRAPH_CLIENT_ID", "GRAPH_CLIENT_SECRET"):
        setattr(settings, name, ENVIRONMENT[name])
    settings.GRAPH_BASE_URL, settings.GRAPH_LOGIN_URL = sandbox.graph_url, sandbox.microsoft_url
    yield sandbox
    sandbox.clear_faults()


@pytest.fixture
def kind():
    return AppointmentTypeFactory(code="initial-alternative-15min", step_minutes=60)


@pytest.fixture
def doctor(kind):
    """Somebody whose Outlook calendar was read an hour ago."""
    doctor = PractitionerFactory(
        name="Dr Shivani", gives=[kind], calendar_provider="outlook", mailbox="shivani@botaniqal.example"
    )
    OutsideCalendar.objects.create(
        practitioner=doctor, provider="outlook", account=doctor.mailbox, read_at=timezone.now() - AN_HOUR, told=1
    )
    return doctor


@pytest.fixture
def sarah():
    return PractitionerFactory(consultant=True, user__is_staff=True)


@pytest.fixture
def session(sarah):
    return SessionFactory(consultant=sarah)


@pytest.fixture
def desk(sarah, session):
    client = Client()
    client.force_login(sarah.user)
    url = reverse("admin:triage_triagesession_desk", args=[session.pk])

    def ask(name, body=None, **query):
        if body is None:
            return client.get(f"{url}{name}/", query)
        return client.post(f"{url}{name}/", body, content_type="application/json")

    return ask


@pytest.fixture
def wanted(doctor, kind):
    return {"practitionerId": f"{doctor.pk}", "type": kind.code, "startsAt": f"{TEN:%Y-%m-%dT%H:%M:%SZ}"}


def make_fresh():
    OutsideCalendar.objects.update(read_at=timezone.now())


def take_in_outlook(sandbox, doctor):
    body = {"mailbox": doctor.mailbox, "start": time_of(TEN), "end": time_of(TEN + AN_HOUR)}
    sandbox.control("POST", "graph/events", json=body)


class TestTimes:
    def test_are_marked_at_the_desk(self, desk, doctor, kind):
        read_at = OutsideCalendar.objects.get().read_at

        [stale] = desk("times", type=kind.code).json()["practitioners"]
        make_fresh()
        [fresh] = desk("times", type=kind.code).json()["practitioners"]

        assert (stale["isStale"], stale["calendarReadAt"]) == (True, f"{read_at:%Y-%m-%dT%H:%M:%SZ}")
        assert fresh["isStale"] is False
        assert stale["times"] == fresh["times"] != {}


class TestHold:
    def test_reads_the_calendar_first(self, desk, doctor, wanted, outlook):
        answer = desk("hold", wanted)

        assert answer.status_code == 200
        assert answer.json()["holds"][0]["isStale"] is False
        assert OutsideCalendar.objects.get().read_at > timezone.now() - AN_HOUR

    def test_finds_what_was_taken_there_meanwhile(self, desk, doctor, wanted, outlook, session):
        take_in_outlook(outlook, doctor)

        answer = desk("hold", wanted)

        assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")
        assert answer.json()["alternatives"]
        assert not diary.living_holds(held_for=session.pk)

    def test_goes_on_and_says_so_when_the_vendor_is_down(self, desk, doctor, wanted, outlook, settings):
        settings.VENDOR_TIMEOUT_SECONDS = 0.5
        outlook.faults("graph", "error_before")
        read_at = OutsideCalendar.objects.get().read_at

        answer = desk("hold", wanted)

        assert answer.status_code == 200
        [hold] = answer.json()["holds"]
        assert (hold["isStale"], hold["calendarReadAt"]) == (True, f"{read_at:%Y-%m-%dT%H:%M:%SZ}")

    def test_asks_nobody_where_the_calendar_is_fresh(self, desk, wanted, outlook):
        make_fresh()

        desk("hold", wanted)

        assert not outlook.calls("graph")

    def test_costs_no_question_more_where_the_calendar_is_fresh(self, desk, wanted, session):
        make_fresh()
        with CaptureQueriesContext(connection) as mirrored:
            desk("hold", wanted)
        diary.release_holds(held_for=session.pk)
        OutsideCalendar.objects.all().delete()

        with CaptureQueriesContext(connection) as not_mirrored:
            desk("hold", wanted)

        assert len(mirrored) == len(not_mirrored)


class TestDoors:
    """The doors beside the desk look first as well, and the public is not shown what nobody knows."""

    def test_a_hold_by_api_finds_what_was_taken_there_meanwhile(self, sarah, session, doctor, wanted, outlook):
        take_in_outlook(outlook, doctor)
        body = {
            "triageSessionId": f"{session.pk}",
            "practitionerId": wanted["practitionerId"],
            "appointmentType": wanted["type"],
            "scheduledTime": wanted["startsAt"],
        }

        answer = bearer(sarah).post("/api/holds", body, format="json")

        assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")

    def test_a_phone_booking_finds_what_was_taken_there_meanwhile(self, sarah, session, doctor, wanted, outlook):
        take_in_outlook(outlook, doctor)
        body = {
            "triageSessionId": f"{session.pk}",
            "practitionerId": wanted["practitionerId"],
            "appointmentType": wanted["type"],
            "scheduledTime": wanted["startsAt"],
        }

        answer = bearer(sarah).post("/api/bookings/phone", body, format="json")

        assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")

    def test_availability_hides_them_from_the_public_and_marks_them_for_consultants(self, sarah, doctor, kind):
        asked = {
            "service": kind.service.slug,
            "appointmentType": kind.code,
            "date": f"{timezone.localtime(TEN):%Y-%m-%d}",
        }
        read_at = OutsideCalendar.objects.get().read_at

        [hidden] = Client().get("/api/practitioners/availability", asked).json()["practitioners"]
        [marked] = bearer(sarah).get("/api/practitioners/availability", asked).json()["practitioners"]
        make_fresh()
        [shown] = Client().get("/api/practitioners/availability", asked).json()["practitioners"]

        assert (hidden["availableSlots"], hidden["nextAvailable"]) == ([], None)
        assert (marked["stale"], marked["calendarReadAt"]) == (True, f"{read_at:%Y-%m-%dT%H:%M:%SZ}")
        assert marked["availableSlots"] == shown["availableSlots"] != []
        assert "stale" not in shown
        assert "calendarReadAt" not in shown

    def test_a_free_consultation_passes_over_who_may_not_be_free(self, sarah):
        free = AppointmentTypeFactory(free=True)
        stale, fresh = (
            PractitionerFactory(consultant=True, gives=[free], calendar_provider="calendly") for _ in range(2)
        )
        for consultant, age in ((stale, AN_HOUR), (fresh, timedelta())):
            OutsideCalendar.objects.create(
                practitioner=consultant, provider="calendly", account="x", read_at=timezone.now() - age
            )
        body = {
            "patientName": "Leo Martin",
            "email": "leo@example.com",
            "phone": "0491 570 156",
            "preferredTimes": [f"{TEN:%Y-%m-%dT%H:%M:%SZ}"],
        }

        first = Client().post("/api/consultations/book", body, content_type="application/json")
        second = Client().post("/api/consultations/book", body, content_type="application/json")

        assert (first.status_code, first.json()["consultantName"]) == (200, fresh.name)
        assert second.status_code == 409
        assert {one["practitionerName"] for one in second.json()["alternatives"]} == {fresh.name}
