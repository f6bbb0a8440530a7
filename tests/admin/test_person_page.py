"""A practitioner's own page."""

import re
from datetime import timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from practitioners.models import OutsideCalendar, TimeOff, WorkingHours
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory, next_morning

from .conftest import logged_in, somebody

pytestmark = pytest.mark.django_db


@pytest.fixture
def kind():
    return AppointmentTypeFactory(name="Alternative medicine, initial")


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind])


def page(client, person) -> str:
    answer = client.get(reverse("admin:practitioners_practitioner_view", args=[person.pk]))
    assert answer.status_code == HTTPStatus.OK
    return answer.content.decode()


class TestView:
    def test_shows_the_hours_that_hold_or_will_hold(self, operations, doctor):
        today = timezone.localdate()
        WorkingHours.objects.filter(practitioner=doctor, weekday=0).update(valid_until=today - timedelta(days=1))
        WorkingHours.objects.filter(practitioner=doctor, weekday=1).update(valid_from=today + timedelta(days=9))

        week = operations.get(reverse("admin:practitioners_practitioner_view", args=[doctor.pk])).context["week"]

        assert week[0] == ("Monday", [])
        assert week[1][1][0].startswith("09:00–17:00, from ")
        assert week[2] == ("Wednesday", ["09:00–17:00"])

    def test_tells_when_each_type_can_be_had_next(self, operations, doctor, kind):
        other = AppointmentTypeFactory(name="Closed", is_active=False)
        doctor.appointment_types.add(other)
        WorkingHours.objects.all().delete()
        ten = next_morning(10, days=3)
        local = timezone.localtime(ten)
        WorkingHours.objects.create(practitioner=doctor, weekday=local.weekday(), starts=local.time(), ends="12:00")

        given = operations.get(reverse("admin:practitioners_practitioner_view", args=[doctor.pk])).context["given"]

        assert {each.appointment_type.name: each.next_at for each in given} == {
            "Alternative medicine, initial": f"{local:%a %-d %b %H:%M}",
            "Closed": "Not offered",
        }

    def test_shows_time_off_to_come(self, operations, doctor):
        now = timezone.now()
        for days, reason in ((-9, "Flu"), (9, "Conference")):
            starts_at = now + timedelta(days=days)
            TimeOff.objects.create(
                practitioner=doctor, starts_at=starts_at, ends_at=starts_at + timedelta(days=1), reason=reason
            )

        shown = page(operations, doctor)

        assert "Conference" in shown
        assert not re.search(r"\bFlu\b", shown)

    def test_shows_how_fresh_the_calendar_is_and_offers_to_read_it(self, operations, doctor):
        OutsideCalendar.objects.create(
            practitioner=doctor, provider="outlook", account="dia@example.com", read_at=timezone.now()
        )

        shown = page(operations, doctor)

        assert "Fresh, read just now" in shown
        assert reverse("admin:practitioners_practitioner_verb", args=[doctor.pk, "read_calendar"]) in shown

    @pytest.mark.parametrize(
        ("days", "words"), [(-1, "Lapsed on"), (0, "Expires today"), (30, "Expires in 30 days"), (90, "Until ")]
    )
    def test_warns_before_the_registration_ends(self, operations, doctor, days, words):
        doctor.registration_expires_on = timezone.localdate() + timedelta(days=days)
        doctor.save()

        assert words in page(operations, doctor)

    def test_shows_todays_visits_as_far_as_the_person_may_read_names(self, operations, consultant, doctor):
        BookingFactory(practitioner=doctor, starts_at=timezone.now())

        assert "Leo Martin" in page(operations, doctor)
        assert "Leo" in page(consultant, doctor)
        assert "Martin" not in page(consultant, doctor)
        assert not re.search(r"\bLeo\b", page(logged_in(somebody("management")), doctor))

    def test_offers_no_verb_to_those_who_change_nobody(self, consultant, doctor):
        OutsideCalendar.objects.create(practitioner=doctor, provider="outlook", account="dia@example.com")

        assert "/do/" not in page(consultant, doctor)

    def test_knows_nobody_else(self, operations):
        answer = operations.get(reverse("admin:practitioners_practitioner_view", args=[uuid4()]))

        assert answer.status_code == HTTPStatus.NOT_FOUND

    def test_refuses_those_who_may_not_see_practitioners(self, doctor):
        nobody = somebody("management")
        nobody.groups.clear()

        answer = logged_in(nobody).get(reverse("admin:practitioners_practitioner_view", args=[doctor.pk]))

        assert answer.status_code == HTTPStatus.FORBIDDEN


class TestPeople:
    def test_lead_to_their_pages(self, operations, doctor):
        people = operations.get(reverse("admin:practitioners_practitioner_changelist")).content.decode()

        assert reverse("admin:practitioners_practitioner_view", args=[doctor.pk]) in people
