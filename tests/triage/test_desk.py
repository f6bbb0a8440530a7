"""The call desk's page and what it asks the portal for."""

from datetime import datetime, time, timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.availability import CLINIC
from services.models import Service
from tests.factories import (
    AppointmentTypeFactory,
    PractitionerFactory,
    ServiceFactory,
    SessionFactory,
    UserFactory,
    next_morning,
)
from triage.models import TriageSession

pytestmark = pytest.mark.django_db
State = TriageSession.State
TEN = next_morning(10, days=2)


def moment(value: datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def kind():
    return AppointmentTypeFactory(name="Alternative medicine, initial")


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind])


@pytest.fixture
def sarah():
    return PractitionerFactory(consultant=True, name="Sarah Chen", user__is_staff=True)


@pytest.fixture
def tom():
    return PractitionerFactory(consultant=True, name="Tom Baker", user__is_staff=True)


@pytest.fixture
def session(sarah):
    return SessionFactory(consultant=sarah, primary_concern="Poor sleep")


class Desk:
    """The desk in somebody's browser."""

    def __init__(self, user, session):
        self.client = Client()
        self.client.force_login(user)
        self.url = reverse("admin:triage_triagesession_desk", args=[session.pk])

    def page(self):
        return self.client.get(self.url)

    def get(self, name, **query):
        return self.client.get(f"{self.url}{name}/", query)

    def post(self, name, **body):
        return self.client.post(f"{self.url}{name}/", body, content_type="application/json")


@pytest.fixture
def desk(session):
    return Desk(session.consultant.user, session)


@pytest.fixture
def wanted(doctor, kind):
    return {"practitionerId": str(doctor.pk), "type": kind.code, "startsAt": moment(TEN)}


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
        [("active", "none", "price not set"), ("paused", None, None), ("coming_soon", None, "coming soon")],
    )
    def test_says_why_something_cannot_be_booked(self, desk, status, price, reason):
        PractitionerFactory(gives=[AppointmentTypeFactory(service__status=status, price=price, code="off")])

        page = desk.page().content.decode()

        assert (f"<em>{reason}</em>" in page) if reason else 'value="off"' not in page

    def test_says_when_nobody_gives_it(self, desk):
        AppointmentTypeFactory()

        assert "<em>nobody gives it</em>" in desk.page().content.decode()

    def test_asks_the_same_few_questions_however_much_is_offered(self, desk, django_assert_max_num_queries):
        for _ in range(5):
            PractitionerFactory(gives=[AppointmentTypeFactory()])

        with django_assert_max_num_queries(20):
            desk.page()


class TestState:
    def test_tells_what_is_held_and_what_it_can_be_booked_as(self, desk, session, doctor, kind, wanted):
        desk.post("hold", **wanted)

        answer = desk.get("state").json()

        assert answer["hold"]["practitioner"] == "Dr Dia"
        assert answer["hold"]["fits"] == [{"type": kind.code, "startsAt": moment(TEN)}]

    def test_hides_another_consultants_call(self, session, tom):
        answer = Desk(tom.user, session).get("state").json()

        assert (answer["owner"], answer["isOwn"], answer["canTakeOver"]) == ("Sarah Chen", False, True)
        assert (answer["written"], answer["hold"], answer["booking"]) == (None, None, None)

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
        body = {**wanted, "version": 1, "payment": "later", "amount": "119.00", "outcome": "no_show"}

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
        before = desk.post("hold", **wanted).json()["hold"]["lapsesAt"]

        after = desk.post("write", version=1, notes="Slept badly.").json()["hold"]["lapsesAt"]

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


class TestHold:
    def test_lets_the_former_time_go(self, desk, session, wanted):
        desk.post("hold", **wanted)

        desk.post("hold", **wanted | {"startsAt": moment(TEN + timedelta(minutes=15))})

        [held] = diary.living_holds(held_for=session.pk)
        assert held.starts_at == TEN + timedelta(minutes=15)

    def test_may_overlap_the_former_time(self, desk, session, doctor, wanted):
        longer = AppointmentTypeFactory(minutes=30)
        doctor.appointment_types.add(longer)
        desk.post("hold", **wanted)

        answer = desk.post("hold", **wanted | {"type": longer.code})

        assert answer.status_code == HTTPStatus.OK
        [held] = diary.living_holds(held_for=session.pk)
        assert held.ends_at == TEN + timedelta(minutes=30)

    def test_keeps_the_former_time_and_offers_others_when_the_new_one_is_taken(self, desk, session, doctor, wanted):
        desk.post("hold", **wanted)
        taken = TEN + timedelta(minutes=15)
        diary.hold(
            practitioner=doctor, span=diary.Span(taken, taken + timedelta(minutes=15)), held_for=uuid4(), by=None
        )

        answer = desk.post("hold", **wanted | {"startsAt": moment(taken)})

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "slot_taken")
        assert len(answer.json()["alternatives"]) == 3
        [held] = diary.living_holds(held_for=session.pk)
        assert held.starts_at == TEN


class TestKeep:
    def test_says_when_there_is_nothing_to_keep(self, desk):
        answer = desk.post("keep")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "hold_lapsed")

    def test_keeps_the_time_for_longer(self, desk, wanted):
        before = desk.post("hold", **wanted).json()["hold"]["lapsesAt"]

        assert desk.post("keep").json()["hold"]["lapsesAt"] > before


class TestLetGo:
    def test_gives_the_time_back(self, desk, session, wanted):
        desk.post("hold", **wanted)

        answer = desk.post("let_go").json()

        assert answer["hold"] is None
        assert diary.living_holds(held_for=session.pk) == []


class TestConfirm:
    def test_books_and_leaves_the_call_to_be_wrapped_up(self, desk, session, wanted):
        desk.post("hold", **wanted)

        answer = desk.post("confirm", **wanted, payment="card", amount="119.00", reference="T-1029").json()

        assert answer["state"] == State.WRAP_UP
        assert answer["booking"]["payment"] == "$119.00 paid, card on the terminal"
        assert {system["system"] for system in answer["booking"]["systems"]} >= {"medirecords", "email"}
        session.refresh_from_db()
        assert session.booking.payment.reference == "T-1029"
        assert Message.objects.filter(kind=Message.Kind.CONFIRMATION).count() == 1

    def test_notes_what_is_still_to_be_paid(self, desk, wanted):
        answer = desk.post("confirm", **wanted, payment="later", amount="119.00").json()

        assert answer["booking"]["payment"].startswith("$119.00 to be paid")

    def test_refuses_a_price_that_no_longer_holds(self, desk, session, wanted):
        answer = desk.post("confirm", **wanted, payment="later", amount="99.00")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "wrong_amount")
        assert answer.json()["expectedAmount"] == 119
        session.refresh_from_db()
        assert session.booking is None

    def test_books_nothing_twice(self, desk, wanted):
        desk.post("confirm", **wanted, payment="later", amount="119.00")

        answer = desk.post("confirm", **wanted, payment="later", amount="119.00")

        assert answer.status_code == HTTPStatus.CONFLICT


class TestWrapUp:
    def test_closes_a_call_without_a_booking(self, desk, session):
        desk.post("start")

        answer = desk.post("wrap_up", outcome="rejected", disposition="price").json()

        assert (answer["state"], answer["outcome"]) == (State.DONE, "Not booked")

    def test_refuses_a_reason_that_does_not_belong(self, desk):
        answer = desk.post("wrap_up", outcome="no_show", disposition="price")

        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
