"""The call desk's page and what it asks the portal for."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookings import payments
from bookings.models import Booking
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


class TestHold:
    def test_keeps_two_times_and_no_third(self, desk, session, wanted):
        times = [TEN + timedelta(hours=n) for n in range(3)]

        answers = [desk.post("hold", **wanted | {"startsAt": moment(starts_at)}) for starts_at in times]

        assert [answer.status_code for answer in answers] == [200, 200, 422]
        assert answers[2].json()["code"] == "too_many_holds"
        assert [held.starts_at for held in diary.living_holds(held_for=session.pk)] == times[:2]

    def test_takes_the_place_of_a_time_that_it_overlaps(self, desk, session, doctor, wanted):
        longer = AppointmentTypeFactory(minutes=30)
        doctor.appointment_types.add(longer)
        desk.post("hold", **wanted)

        answer = desk.post("hold", **wanted | {"type": longer.code})

        assert answer.status_code == HTTPStatus.OK
        [held] = diary.living_holds(held_for=session.pk)
        assert (held.ends_at, held.appointment_type) == (TEN + timedelta(minutes=30), longer)

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

    def test_is_lost_by_an_idle_desk_and_then_blocks_nobody(self, desk, tom, wanted, settings):
        settings.HOLD_SECONDS = 0
        desk.post("hold", **wanted)

        others = Desk(tom.user, SessionFactory(consultant=tom)).post("hold", **wanted)

        assert desk.get("state").json()["holds"] == []
        assert others.status_code == HTTPStatus.OK

    def test_is_not_renewed_by_looking(self, desk, session, wanted):
        desk.post("hold", **wanted)
        [before] = diary.living_holds(held_for=session.pk)

        desk.get("state")

        assert diary.living_holds(held_for=session.pk)[0].live_until == before.live_until


@pytest.fixture
def held(desk, wanted):
    """What the desk shows of a time that it holds."""
    return desk.post("hold", **wanted).json()["holds"][0]


class TestKeep:
    def test_says_when_that_time_is_not_kept_any_more(self, desk, wanted, held):
        desk.post("let_go", hold=held["id"])
        desk.post("hold", **wanted | {"startsAt": moment(TEN + timedelta(hours=1))})

        answer = desk.post("keep", hold=held["id"])

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "hold_lapsed")

    def test_keeps_the_time_for_longer(self, desk, held):
        assert desk.post("keep", hold=held["id"]).json()["holds"][0]["lapsesAt"] > held["lapsesAt"]

    def test_needs_to_know_which(self, desk):
        assert desk.post("keep").status_code == HTTPStatus.BAD_REQUEST


class TestLetGo:
    def test_gives_that_time_back_and_keeps_the_other(self, desk, session, wanted, held):
        other = TEN + timedelta(hours=1)
        desk.post("hold", **wanted | {"startsAt": moment(other)})

        answer = desk.post("let_go", hold=held["id"]).json()

        assert [each["startsAt"] for each in answer["holds"]] == [moment(other)]
        assert [each.starts_at for each in diary.living_holds(held_for=session.pk)] == [other]

    def test_does_not_mind_a_time_that_is_gone(self, desk, held):
        answers = [desk.post("let_go", hold=held["id"]).status_code for _ in range(2)]

        assert answers == [HTTPStatus.OK, HTTPStatus.OK]

    def test_leaves_the_times_of_others(self, desk, doctor):
        span = diary.Span(TEN, TEN + timedelta(minutes=15))
        theirs = diary.hold(practitioner=doctor, span=span, held_for=SessionFactory().pk, by=None)

        answer = desk.post("let_go", hold=f"{theirs.pk}")

        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert diary.living_holds(held_for=theirs.held_for)


class TestConfirm:
    def confirm(self, desk, wanted, **money):
        return desk.post("confirm", **wanted, **{"payment": "later", "amount": "119.00"} | money)

    def test_books_and_leaves_the_call_to_be_wrapped_up(self, desk, session, wanted, held):
        answer = self.confirm(desk, wanted, payment="card", reference="T-1029").json()

        assert answer["state"] == State.WRAP_UP
        assert answer["booking"]["payment"] == "$119.00 paid, card on the terminal"
        assert answer["booking"]["isPaymentDue"] is False
        assert {system["system"] for system in answer["booking"]["systems"]} >= {"medirecords", "email"}
        session.refresh_from_db()
        assert session.booking.payment.reference == "T-1029"
        assert [event.words for event in session.events.filter(kind="booked")] == [f"{session.booking} with Dr Dia"]
        assert Message.objects.filter(kind=Message.Kind.CONFIRMATION).count() == 1

    def test_gives_the_other_time_back(self, desk, session, wanted, held):
        desk.post("hold", **wanted | {"startsAt": moment(TEN + timedelta(hours=1))})

        answer = self.confirm(desk, wanted).json()

        assert answer["holds"] == diary.living_holds(held_for=session.pk) == []

    def test_notes_what_is_still_to_be_paid(self, desk, wanted):
        booking = self.confirm(desk, wanted).json()["booking"]

        assert (booking["payment"], booking["isPaymentDue"]) == ("$119.00 to be paid", True)

    def test_shows_when_it_turned_paid(self, desk, session, wanted):
        self.confirm(desk, wanted)
        session.refresh_from_db()
        payments.mark_collected(
            booking_id=session.booking_id,
            method="bank_transfer",
            reference="B-7",
            amount=Decimal(119),
            by=None,
            now=timezone.now(),
        )

        booking = desk.get("state").json()["booking"]

        assert (booking["payment"], booking["isPaymentDue"]) == ("$119.00 paid, bank transfer", False)

    @pytest.mark.parametrize("reference", ["", "  "])
    def test_needs_the_terminals_receipt(self, desk, session, wanted, held, reference):
        answer = self.confirm(desk, wanted, payment="card", reference=reference)

        assert (answer.status_code, answer.json()["code"]) == (422, "reference_needed")
        session.refresh_from_db()
        assert session.booking is None
        assert diary.living_holds(held_for=session.pk)

    def test_refuses_a_link_while_nothing_makes_links(self, desk, wanted):
        answer = self.confirm(desk, wanted, payment="link")

        assert (answer.status_code, list(answer.json()["details"])) == (HTTPStatus.BAD_REQUEST, ["payment"])

    def test_refuses_a_price_that_no_longer_holds(self, desk, session, wanted):
        answer = self.confirm(desk, wanted, amount="99.00")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "wrong_amount")
        assert answer.json()["expectedAmount"] == 119
        session.refresh_from_db()
        assert session.booking is None

    @pytest.mark.parametrize(
        ("has_right", "reason", "status"), [(0, "Half price", 422), (1, "", 422), (1, "Half", 200)]
    )
    def test_takes_another_price_by_right_and_with_a_reason(self, desk, session, wanted, has_right, reason, status):
        if has_right:
            right = Permission.objects.get(codename="charge_other_price")
            session.consultant.user.user_permissions.add(right)

        answer = self.confirm(desk, wanted, amount="59.50", amountReason=reason)

        assert answer.status_code == status
        session.refresh_from_db()
        booked = session.booking and (session.booking.price, session.booking.price_reason)
        assert booked == ((Decimal("59.50"), "Half") if status == HTTPStatus.OK else None)

    def test_refuses_a_card_number_as_the_reason_of_a_price(self, desk, wanted):
        answer = self.confirm(desk, wanted, amountReason="4111 1111 1111 1111")

        assert list(answer.json()["details"]) == ["amountReason"]

    def test_shows_the_booking_when_the_same_is_confirmed_again(self, desk, session, wanted):
        first = self.confirm(desk, wanted).json()["booking"]

        again = self.confirm(desk, wanted, payment="card", reference="T-1029")

        assert again.status_code == HTTPStatus.OK
        assert (again.json()["booking"]["number"], again.json()["booking"]["payment"]) == (
            first["number"],
            first["payment"],
        )
        assert Booking.objects.filter(source="phone", patient=session.patient).exclude(price=0).count() == 1

    def test_refuses_another_visit_once_the_call_is_booked(self, desk, wanted):
        self.confirm(desk, wanted)

        answer = self.confirm(desk, wanted | {"startsAt": moment(TEN + timedelta(hours=1))})

        assert (answer.status_code, answer.json()["code"]) == (422, "session_closed")

    def test_shows_no_booking_to_whom_the_call_is_not(self, desk, session, tom, wanted):
        self.confirm(desk, wanted)

        answer = self.confirm(Desk(tom.user, session), wanted)

        assert answer.status_code == HTTPStatus.FORBIDDEN


class TestWrapUp:
    def test_closes_a_call_without_a_booking(self, desk, session):
        desk.post("start")

        answer = desk.post("wrap_up", outcome="rejected", disposition="price").json()

        assert (answer["state"], answer["outcome"]) == (State.DONE, "Not booked")

    def test_refuses_a_reason_that_does_not_belong(self, desk):
        answer = desk.post("wrap_up", outcome="no_show", disposition="price")

        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
