"""A practitioner's own day: own visits, the card from the call, and how they ended."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking
from tests.factories import BookingFactory, PatientFactory, PractitionerFactory, SessionFactory, UserFactory
from triage.models import HandOver

from .conftest import logged_in, somebody

pytestmark = pytest.mark.django_db
MY_DAY = reverse("admin:my_day")


@pytest.fixture
def dia():
    user = UserFactory(is_staff=True, first_name="Dia", roles=["clinician"])
    return PractitionerFactory(name="Dr Dia", user=user)


@pytest.fixture
def clinician(dia):
    return logged_in(dia.user)


@pytest.fixture
def begun(dia):
    """A visit that began a few minutes ago; its day is asked for by its date."""
    return BookingFactory(practitioner=dia, starts_at=timezone.now() - timedelta(minutes=5))


@pytest.fixture
def card(begun):
    return HandOver.objects.create(booking=begun, lines=[["Medicines", "None"]], made_at=timezone.now())


def day_of(booking) -> dict:
    return {"date": timezone.localtime(booking.starts_at).date().isoformat()}


def end(client, booking, how):
    return client.post(reverse("admin:my_day_end", args=[booking.pk, how]))


class TestView:
    def test_shows_own_visits_of_the_day_and_nobody_elses(self, clinician, begun):
        BookingFactory(starts_at=begun.starts_at, patient=PatientFactory(name="Zoe Papas"))
        BookingFactory(
            practitioner=begun.practitioner,
            starts_at=begun.starts_at + timedelta(days=1),
            patient=PatientFactory(name="Max Young"),
        )

        page = clinician.get(MY_DAY, day_of(begun)).content.decode()

        assert "Leo Martin" in page
        assert "Zoe Papas" not in page
        assert "Max Young" not in page

    def test_shows_each_with_its_card(self, clinician, begun, card):
        page = clinician.get(MY_DAY, day_of(begun)).content.decode()

        assert "Medicines" in page
        assert "Mark as read" in page

    def test_leaves_cancelled_visits_out(self, clinician, begun):
        Booking.objects.update(state="cancelled", cancel_reason="Ill", cancelled_at=timezone.now())

        assert "Leo Martin" not in clinician.get(MY_DAY, day_of(begun)).content.decode()

    def test_leads_a_consultant_to_the_calls(self, consultant, sarah):
        session = SessionFactory(consultant=sarah, consultation__practitioner=sarah)

        page = consultant.get(MY_DAY, day_of(session.consultation)).content.decode()

        assert reverse("admin:triage_triagesession_desk", args=[session.pk]) in page
        assert "Took place" not in page

    @pytest.mark.parametrize("typed", ["x", "2026-02-30", "9999-12-31", "0001-01-01"])
    def test_is_today_for_what_is_no_day(self, clinician, typed):
        answer = clinician.get(MY_DAY, {"date": typed})

        assert answer.context["day"] == answer.context["today"]

    def test_shows_the_red_flags_that_wait_for_a_clinician(self, clinician, sarah):
        session = SessionFactory(consultant=sarah, patient=PatientFactory(name="Mia Santos"))
        now = timezone.now()
        session.red_flags.create(words="Chest pain", raised_at=now, escalated_at=now)

        page = clinician.get(MY_DAY).content.decode()

        assert "Red flag" in page
        assert "Mia" in page
        assert "Chest pain" not in page

    def test_refuses_another_persons_day(self, clinician, dia, sarah):
        assert clinician.get(MY_DAY, {"who": str(sarah.pk)}).status_code == HTTPStatus.FORBIDDEN
        assert clinician.get(MY_DAY, {"who": str(dia.pk)}).status_code == HTTPStatus.OK

    def test_tells_those_who_give_no_care_where_to_look(self, operations):
        answer = operations.get(MY_DAY)

        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert "The calendar has everybody" in answer.content.decode()

    def test_asks_the_database_as_often_for_many_visits_as_for_one(self, clinician, begun, card):
        def queries() -> int:
            with CaptureQueriesContext(connection) as asked:
                clinician.get(MY_DAY, day_of(begun))
            return len(asked)

        one = queries()
        for n in range(5):
            BookingFactory(practitioner=begun.practitioner, starts_at=begun.starts_at + timedelta(seconds=n))

        assert queries() == one <= 12


class TestMarkRead:
    def test_notes_who_read_the_card(self, clinician, dia, begun, card):
        answer = clinician.post(reverse("admin:my_day_read", args=[begun.pk]))

        card.refresh_from_db()
        assert card.read_by == dia.user
        assert card.read_at is not None
        assert answer.url == f"{MY_DAY}?date={day_of(begun)['date']}"

    def test_refuses_others_visits(self, begun, card):
        somebody_else = PractitionerFactory(user=UserFactory(is_staff=True, roles=["clinician"]))

        answer = logged_in(somebody_else.user).post(reverse("admin:my_day_read", args=[begun.pk]))

        card.refresh_from_db()
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert card.read_at is None

    def test_refuses_those_who_may_not_write_on_cards(self, consultant, sarah, begun, card):
        Booking.objects.update(practitioner=sarah)

        answer = consultant.post(reverse("admin:my_day_read", args=[begun.pk]))

        card.refresh_from_db()
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert card.read_at is None

    def test_changes_nothing_by_looking(self, clinician, begun, card):
        answer = clinician.get(reverse("admin:my_day_read", args=[begun.pk]))

        card.refresh_from_db()
        assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        assert card.read_at is None


class TestEnd:
    @pytest.mark.parametrize(("how", "state"), [("completed", "completed"), ("no-show", "no_show")])
    def test_says_how_an_own_visit_ended(self, clinician, begun, how, state):
        end(clinician, begun, how)

        begun.refresh_from_db()
        assert begun.state == state

    def test_refuses_others_visits(self, begun):
        somebody_else = PractitionerFactory(user=UserFactory(is_staff=True, roles=["clinician"]))

        answer = end(logged_in(somebody_else.user), begun, "completed")

        begun.refresh_from_db()
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert begun.state == "confirmed"

    def test_refuses_operations_who_have_the_bookings_page(self, operations, begun):
        assert end(operations, begun, "completed").status_code == HTTPStatus.FORBIDDEN

    def test_waits_until_the_visit_has_begun(self, clinician, dia):
        ahead = BookingFactory(practitioner=dia, starts_at=timezone.now() + timedelta(hours=1))

        end(clinician, ahead, "completed")

        ahead.refresh_from_db()
        assert ahead.state == "confirmed"

    def test_knows_no_other_ending(self, clinician, begun):
        assert end(clinician, begun, "cancel").status_code == HTTPStatus.FORBIDDEN

    def test_changes_nothing_by_looking(self, clinician, begun):
        address = reverse("admin:my_day_end", args=[begun.pk, "completed"])

        assert clinician.get(address).status_code == HTTPStatus.METHOD_NOT_ALLOWED


class TestMenu:
    def test_shows_it_to_practitioners_alone(self, clinician):
        assert MY_DAY in clinician.get(reverse("admin:index")).content.decode()
        assert MY_DAY not in logged_in(somebody("operations")).get(reverse("admin:index")).content.decode()
