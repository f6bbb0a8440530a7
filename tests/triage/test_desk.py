"""The call desk's page and what it asks the portal for."""

from datetime import datetime, time, timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from practitioners.availability import CLINIC
from services.models import Service
from tests.factories import (
    AppointmentTypeFactory,
    PractitionerFactory,
    ServiceFactory,
    UserFactory,
)
from tests.offering import check_again
from triage.models import TriageSession

from .conftest import TEN, Desk, moment

pytestmark = pytest.mark.django_db
State = TriageSession.State


class TestPage:
    def test_shows_the_patient_and_changes_nothing(self, desk, session):
        answer = desk.page()

        assert answer.status_code == HTTPStatus.OK
        assert "leo.martin@example.com" in answer.content.decode()
        session.refresh_from_db()
        assert (session.state, session.version) == (State.SCHEDULED, 1)

    def test_shows_the_first_name_alone_of_another_consultants_call(self, session, tom):
        page = Desk(tom.user, session).page().content.decode()

        assert "Leo" in page
        assert "Martin" not in page
        assert "leo.martin@example.com" not in page
        assert "Poor sleep" not in page

    def test_shows_everything_to_operations(self, session):
        page = Desk(UserFactory(is_staff=True, roles=["operations"]), session).page().content.decode()

        assert "leo.martin@example.com" in page

    def test_is_not_for_a_clinician(self, session):
        answer = Desk(UserFactory(is_staff=True, roles=["clinician"]), session).page()

        assert answer.status_code == HTTPStatus.FORBIDDEN

    def test_sends_whoever_is_not_logged_in_to_the_login(self, session):
        answer = Client().get(reverse("admin:triage_triagesession_desk", args=[session.pk]))

        assert answer.status_code == HTTPStatus.FOUND

    def test_says_so_when_there_is_no_such_call(self, desk, session):
        answer = desk.client.get(reverse("admin:triage_triagesession_desk", args=[uuid4()]))

        assert answer.status_code == HTTPStatus.NOT_FOUND

    @pytest.mark.parametrize(
        ("status", "price", "reason"),
        [("active", "none", "It has no price yet."), ("paused", None, None), ("coming_soon", None, "coming soon")],
    )
    def test_says_why_something_cannot_be_booked(self, desk, status, price, reason):
        PractitionerFactory(gives=[AppointmentTypeFactory(service__status=status, price=price, code="off")])
        check_again()

        page = desk.page().content.decode()

        assert (f'<em title="{reason}">{reason}</em>' in page) if reason else 'value="off"' not in page

    def test_says_when_nobody_gives_it(self, desk):
        AppointmentTypeFactory()
        check_again()

        reason = "Nobody active gives it."
        assert f'<em title="{reason}">{reason}</em>' in desk.page().content.decode()

    def test_asks_the_same_few_questions_however_much_is_offered(self, desk, django_assert_max_num_queries):
        PractitionerFactory(gives=[AppointmentTypeFactory()])
        with CaptureQueriesContext(connection) as for_one:
            desk.page()
        as_many = len(for_one)
        for _ in range(5):
            PractitionerFactory(gives=[AppointmentTypeFactory()])

        with django_assert_max_num_queries(as_many):
            desk.page()
        assert as_many <= 30


class TestState:
    def test_tells_what_is_held_and_what_it_can_be_booked_as(self, desk, session, doctor, kind, wanted):
        desk.post("hold", **wanted)

        answer = desk.get("state").json()

        [held] = answer["holds"]
        assert (held["practitioner"], held["type"], held["startsAt"]) == ("Dr Dia", kind.code, moment(TEN))

    def test_knows_what_a_time_is_held_for_though_others_are_as_long(self, desk, doctor, wanted):
        other = AppointmentTypeFactory(buffer_before_minutes=5, minutes=10)
        doctor.appointment_types.add(other)

        [held] = desk.post("hold", **wanted | {"type": other.code}).json()["holds"]

        assert (held["type"], held["startsAt"]) == (other.code, moment(TEN))

    def test_asks_no_more_for_two_holds_than_for_one(self, desk, session, wanted, django_assert_num_queries):
        desk.post("hold", **wanted)
        with CaptureQueriesContext(connection) as for_one:
            desk.get("state")
        as_many = len(for_one)
        desk.post("hold", **wanted | {"startsAt": moment(TEN + timedelta(hours=1))})

        with django_assert_num_queries(as_many):
            desk.get("state")

    def test_hides_another_consultants_call(self, session, tom):
        answer = Desk(tom.user, session).get("state").json()

        assert (answer["owner"], answer["isOwn"], answer["canClaim"]) == ("Sarah Chen", False, True)
        assert (answer["written"], answer["holds"], answer["booking"]) == (None, [], None)

    def test_is_not_for_a_clinician(self, session):
        answer = Desk(UserFactory(is_staff=True, roles=["clinician"]), session).get("state")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "not_allowed")

    def test_is_for_those_who_are_logged_in(self, desk):
        desk.client.logout()

        answer = desk.get("state")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "not_authenticated")


class TestTimes:
    @pytest.mark.parametrize("odd", ["\0", "", "x" * 9_999])
    def test_refuses_what_is_no_code(self, desk, odd):
        assert desk.get("times", type=odd).status_code == 400

    def test_gives_the_times_by_the_clinics_day(self, desk, doctor, kind):
        monday = (TEN.astimezone(CLINIC) + timedelta(days=7)).date()
        monday -= timedelta(days=monday.weekday())

        answer = desk.get("times", type=kind.code, day=f"{monday}").json()

        first = datetime.combine(monday, time(9), CLINIC)
        assert answer["days"][0] == f"{monday}"
        assert answer["practitioners"][0]["times"][f"{monday}"][0] == moment(first.astimezone(TEN.tzinfo))

    def test_goes_to_the_first_week_with_a_free_time(self, desk, kind):
        far = PractitionerFactory(gives=[kind], hours=False)
        starts_on = TEN.astimezone(CLINIC).date() + timedelta(days=30)
        far.working_hours.create(
            weekday=starts_on.weekday(), starts=time(9), ends=time(10), valid_from=starts_on, valid_until=starts_on
        )

        answer = desk.get("times", type=kind.code).json()

        assert answer["firstFreeOn"] == f"{starts_on}"
        assert f"{starts_on}" in answer["days"]

    def test_stays_in_an_empty_week_that_was_asked_for(self, desk, kind):
        PractitionerFactory(gives=[kind], hours=False)

        answer = desk.get("times", type=kind.code, day="2040-01-04").json()

        assert (answer["days"][0], answer["firstFreeOn"]) == ("2040-01-02", None)

    def test_refuses_what_is_not_offered(self, desk):
        answer = desk.get("times", type="nothing")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.BAD_REQUEST, "invalid")


class TestVerbs:
    @pytest.mark.parametrize("verb", ["start", "write", "hold", "keep", "let_go", "confirm", "wrap_up"])
    def test_are_for_the_calls_owner(self, session, tom, wanted, verb):
        body = {
            **wanted,
            "version": 1,
            "payment": "later",
            "amount": "119.00",
            "outcome": "no_show",
            "hold": f"{uuid4()}",
        }

        answer = Desk(tom.user, session).post(verb, **body)

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "not_your_session")

    def test_are_not_for_those_who_only_look(self, session):
        answer = Desk(UserFactory(is_staff=True, roles=["management"]), session).post("start")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "not_allowed")

    def test_need_the_csrf_token(self, session):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(session.consultant.user)

        answer = strict.post(f"{reverse('admin:triage_triagesession_desk', args=[session.pk])}start/")

        assert answer.status_code == HTTPStatus.FORBIDDEN
        session.refresh_from_db()
        assert session.state == State.SCHEDULED

    def test_change_nothing_on_get(self, desk):
        assert desk.get("start").status_code == HTTPStatus.METHOD_NOT_ALLOWED

    def test_renew_what_the_call_keeps(self, desk, wanted):
        before = desk.post("hold", **wanted).json()["holds"][0]["lapsesAt"]

        after = desk.post("write", version=1, notes="Slept badly.").json()["holds"][0]["lapsesAt"]

        assert after > before


class TestStart:
    def test_begins_the_call(self, desk):
        answer = desk.post("start").json()

        assert answer["state"] == State.IN_PROGRESS
        assert answer["startedAt"]


class TestTakeOver:
    def test_makes_the_call_ones_own(self, session, tom):
        answer = Desk(tom.user, session).post("take_over").json()

        assert (answer["isOwn"], answer["owner"]) == (True, "Tom Baker")


class TestWrite:
    def test_saves_what_was_typed(self, desk, session):
        service = ServiceFactory(slug="gaps")

        desk.post("write", version=1, notes="Slept badly. ", primaryConcern="Sleep ", recommendedService="gaps")

        session.refresh_from_db()
        assert (session.notes, session.primary_concern) == ("Slept badly. ", "Sleep ")
        assert session.recommended_service == service

    def test_takes_a_recommendation_back(self, desk, session):
        TriageSession.objects.update(recommended_service=Service.objects.first())

        answer = desk.post("write", version=1, recommendedService=None).json()

        assert answer["written"]["recommendedService"] == ""

    def test_gives_the_others_text_when_somebody_wrote_meanwhile(self, desk):
        desk.post("write", version=1, notes="Theirs")

        answer = desk.post("write", version=1, notes="Mine")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "stale_version")
        assert (answer.json()["written"]["notes"], answer.json()["written"]["version"]) == ("Theirs", 2)

    def test_refuses_a_card_number(self, desk):
        answer = desk.post("write", version=1, notes="4111 1111 1111 1111")

        assert answer.status_code == HTTPStatus.BAD_REQUEST


class TestWrapUp:
    def test_closes_a_call_without_a_booking(self, desk, session):
        desk.post("start")

        answer = desk.post("wrap_up", outcome="rejected", disposition="price").json()

        assert (answer["state"], answer["outcome"]) == (State.DONE, "Not booked")

    def test_refuses_a_reason_that_does_not_belong(self, desk):
        answer = desk.post("wrap_up", outcome="no_show", disposition="price")

        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
