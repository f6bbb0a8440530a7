"""What the desk's page asks about times: with whom and why with them, why not, and beyond a rule."""

import re
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from practitioners import availability, diary
from practitioners.availability import CLINIC
from tests.factories import (
    AppointmentTypeFactory,
    BookingFactory,
    PractitionerFactory,
    SessionFactory,
    UserFactory,
    next_morning,
)
from triage.models import Override

pytestmark = pytest.mark.django_db
TEN, EIGHT = next_morning(10, days=2), next_morning(8, days=2)
DAY = f"{TEN.astimezone(CLINIC):%Y-%m-%d}"
REASON = "They work all day."


def moment(value: datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"


class Desk:
    """The desk in somebody's browser."""

    def __init__(self, user, session):
        self.client = Client()
        self.client.force_login(user)
        self.url = reverse("admin:triage_triagesession_desk", args=[session.pk])

    def get(self, name, **query):
        return self.client.get(f"{self.url}{name}/", query)

    def post(self, name, **body):
        return self.client.post(f"{self.url}{name}/", body, content_type="application/json")


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


@pytest.fixture
def trusted(sarah):
    sarah.may_override = True
    sarah.save()
    return sarah


@pytest.fixture
def tom():
    return PractitionerFactory(consultant=True, name="Tom Baker", user__is_staff=True, may_override=True)


@pytest.fixture
def session(sarah):
    return SessionFactory(consultant=sarah)


@pytest.fixture
def asked(doctor, kind):
    return {"practitionerId": str(doctor.pk), "type": kind.code, "day": DAY, "time": "08:00"}


@pytest.fixture
def beyond(doctor, kind):
    wanted = {"practitionerId": str(doctor.pk), "type": kind.code, "startsAt": moment(EIGHT)}
    return {**wanted, "rules": ["hours"], "reason": REASON}


class TestTimes:
    def test_lists_the_best_practitioner_first_with_the_reasons(self, desk, session, doctor, kind):
        known = PractitionerFactory(name="Dr Zoe", gives=[kind])
        BookingFactory(
            patient=session.patient, practitioner=known, state="completed", starts_at=next_morning(9, days=-30)
        )

        people = desk.get("times", type=kind.code).json()["practitioners"]

        assert [person["name"] for person in people] == ["Dr Zoe", "Dr Dia"]
        assert people[0]["about"] == "Doctor, telehealth"
        assert people[0]["reasons"][0] == "Seen before, 1 visit"

    def test_tells_nobody_else_whom_the_patient_has_seen(self, session, doctor, kind, tom):
        BookingFactory(
            patient=session.patient, practitioner=doctor, state="completed", starts_at=next_morning(9, days=-30)
        )

        [person] = Desk(tom.user, session).get("times", type=kind.code).json()["practitioners"]

        assert not any("Seen" in reason for reason in person["reasons"])

    def test_does_not_count_the_calls_own_hold_towards_the_days_visits(self, desk, session, doctor, kind):
        doctor.daily_cap = 1
        doctor.save()
        span = availability.occupied_span(kind, TEN)
        diary.hold(practitioner=doctor, span=span, held_for=session.pk, by=None)

        own = desk.get("times", type=kind.code, day=DAY).json()["practitioners"][0]["times"]
        others = Desk(session.consultant.user, SessionFactory(consultant=session.consultant)).get(
            "times", type=kind.code, day=DAY
        )

        assert own[DAY]
        assert DAY not in others.json()["practitioners"][0]["times"]

    def test_says_so_when_there_is_no_such_call(self, desk, kind):
        desk.url = reverse("admin:triage_triagesession_desk", args=[uuid4()])

        assert desk.get("times", type=kind.code).status_code == HTTPStatus.NOT_FOUND

    def test_asks_the_same_few_questions_for_many_as_for_one(self, desk, kind):
        def count():
            with CaptureQueriesContext(connection) as queries:
                desk.get("times", type=kind.code, day=DAY)
            return len(queries)

        PractitionerFactory(gives=[kind], daily_cap=5)
        one = count()
        for _ in range(6):
            PractitionerFactory(gives=[kind], daily_cap=5)

        assert count() == one


class TestWhyNot:
    def test_tells_the_rule_and_the_nearest_free_times(self, desk, asked):
        answer = desk.get("why_not", **asked).json()

        assert (answer["rule"], answer["isFree"], answer["startsAt"]) == ("hours", False, moment(EIGHT))
        assert "outside Dr Dia's hours" in answer["words"]
        assert len(answer["nearest"]) == 3

    def test_tells_that_a_time_is_free(self, desk, asked):
        answer = desk.get("why_not", **asked | {"time": "10:00"}).json()

        assert (answer["isFree"], answer["startsAt"], answer["nearest"]) == (True, moment(TEN), [])

    def test_tells_who_may_go_beyond_it(self, desk, asked, sarah):
        before = desk.get("why_not", **asked).json()["mayGoBeyond"]
        sarah.may_override = True
        sarah.save()

        assert (before, desk.get("why_not", **asked).json()["mayGoBeyond"]) == (False, True)

    def test_lets_nobody_go_beyond_a_hard_rule(self, desk, asked, trusted):
        answer = desk.get("why_not", **asked | {"day": "2020-01-01"}).json()

        assert (answer["rule"], answer["mayGoBeyond"], answer["soft"]) == ("past", False, [])

    @pytest.mark.parametrize(
        ("day", "clock", "begins"),
        [
            (date(2026, 10, 4), "02:30", datetime(2026, 10, 3, 16, 0, tzinfo=UTC)),  # never shown: the jump itself
            (date(2027, 4, 4), "02:30", datetime(2027, 4, 3, 15, 30, tzinfo=UTC)),  # shown twice: the first
        ],
    )
    def test_reads_the_time_on_the_clinics_clock_in_both_daylight_saving_weeks(
        self, desk, sarah, asked, day, clock, begins
    ):
        with time_machine.travel(begins - timedelta(days=3), tick=False):
            desk.client.force_login(sarah.user)
            answer = desk.get("why_not", **asked | {"day": f"{day}", "time": clock}).json()

        assert answer["startsAt"] == moment(begins)

    @pytest.mark.parametrize(
        "odd", [{"time": "25:00"}, {"time": ""}, {"day": "2026-02-30"}, {"type": "none"}, {"practitionerId": "x"}]
    )
    def test_refuses_what_it_cannot_read(self, desk, asked, odd):
        answer = desk.get("why_not", **asked | odd)

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.BAD_REQUEST, "invalid")

    @pytest.mark.parametrize("missing", ["practitioner", "call"])
    def test_says_so_when_there_is_no_such_thing(self, desk, asked, missing):
        if missing == "call":
            desk.url = reverse("admin:triage_triagesession_desk", args=[uuid4()])
        else:
            asked["practitionerId"] = str(uuid4())

        assert desk.get("why_not", **asked).status_code == HTTPStatus.NOT_FOUND

    @pytest.mark.parametrize("role", ["clinician", "management"])
    def test_is_not_for_those_who_see_no_calls(self, session, asked, role):
        answer = Desk(UserFactory(is_staff=True, roles=[role]), session).get("why_not", **asked)

        assert answer.status_code == HTTPStatus.FORBIDDEN

    def test_names_no_patient(self, desk, doctor, kind, asked):
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, TEN), by=None)
        BookingFactory(practitioner=doctor, patient__name="Mia Wong", starts_at=TEN)

        text = desk.get("why_not", **asked | {"time": "10:00"}).content.decode()

        assert "has a visit then" in text
        assert not re.search(r"\bMia\b", text)


class TestHoldBeyond:
    def test_holds_the_time_and_keeps_the_reason(self, desk, session, trusted, beyond):
        answer = desk.post("hold_beyond", **beyond)

        assert answer.status_code == HTTPStatus.OK
        assert [hold["startsAt"] for hold in answer.json()["holds"]] == [moment(EIGHT)]
        assert Override.objects.get().reason == REASON
        session.refresh_from_db()
        assert session.recommendation["chosen"] == beyond["practitionerId"]

    def test_can_be_confirmed_like_any_other(self, desk, trusted, beyond):
        desk.post("hold_beyond", **beyond)
        wanted = {name: beyond[name] for name in ("practitionerId", "type", "startsAt")}

        answer = desk.post("confirm", **wanted, payment="later", amount="119.00")

        assert answer.json()["booking"]["startsAt"] == moment(EIGHT)

    def test_is_refused_without_the_right(self, desk, session, beyond):
        answer = desk.post("hold_beyond", **beyond)

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "not_allowed")
        assert diary.living_holds(held_for=session.pk) == []

    def test_is_for_the_calls_owner(self, session, tom, beyond):
        answer = Desk(tom.user, session).post("hold_beyond", **beyond)

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "not_your_session")
        assert not Override.objects.exists()

    @pytest.mark.parametrize(
        "odd",
        [
            {"reason": ""},
            {"reason": "4111 1111 1111 1111"},
            {"reason": "x" * 201},
            {"rules": []},
            {"rules": ["taken"]},
            {"rules": ["hours"] * 5},
            {"startsAt": "08:00"},
        ],
    )
    def test_refuses_what_it_cannot_read(self, desk, trusted, beyond, odd):
        answer = desk.post("hold_beyond", **beyond | odd)

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert not Override.objects.exists()

    def test_keeps_nothing_when_somebody_was_quicker(self, desk, session, trusted, doctor, kind, beyond):
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, EIGHT), by=None)

        answer = desk.post("hold_beyond", **beyond)

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "slot_taken")
        assert answer.json()["alternatives"]
        assert not Override.objects.exists()
        session.refresh_from_db()
        assert session.recommendation == {}

    def test_changes_nothing_on_get_and_needs_the_csrf_token(self, desk, session, trusted, beyond):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(trusted.user)

        assert desk.get("hold_beyond").status_code == HTTPStatus.METHOD_NOT_ALLOWED
        answer = strict.post(f"{desk.url}hold_beyond/", beyond, content_type="application/json")
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert not Override.objects.exists()


class TestRecommendation:
    def test_stands_on_the_calls_own_page_with_the_choice(self, desk, session, trusted, beyond):
        desk.post("hold_beyond", **beyond)

        page = desk.client.get(reverse("admin:triage_triagesession_change", args=[session.pk])).content.decode()

        assert "<li>Dr Dia (chosen): Gives Initial, telehealth · Soonest · No visits" in page
