from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.models import Service
from tests.factories import (
    AppointmentTypeFactory,
    BookingFactory,
    PractitionerFactory,
    ServiceFactory,
    UserFactory,
    next_morning,
)

pytestmark = pytest.mark.django_db

DOOR = "/api/practitioners/availability"


@pytest.fixture
def service():
    return ServiceFactory(slug="alternative-medicine")


@pytest.fixture
def initial(service):
    return AppointmentTypeFactory(service=service, code="initial-alternative-15min", step_minutes=60)


@pytest.fixture
def doctor(initial):
    return PractitionerFactory(name="Dr. Dia", gives=[initial])


@pytest.fixture
def tomorrow():
    return f"{next_morning(9).astimezone():%Y-%m-%d}"


def ask(api, **query):
    return api.get(DOOR, query)


class TestAvailability:
    def test_answers_as_the_seed_says(self, api, doctor, tomorrow):
        answer = ask(api, service="alternative_medicine", date=tomorrow)

        assert answer.status_code == 200
        [found] = answer.json()["practitioners"]
        first = f"{next_morning(9):%Y-%m-%dT%H:%M:%SZ}"
        assert {name: found[name] for name in ("name", "type", "location", "nextAvailable")} == {
            "name": "Dr. Dia",
            "type": "doctor",
            "location": "telehealth",
            "nextAvailable": first,
        }
        assert UUID(found["id"]) == doctor.pk
        assert found["appointmentType"] == "initial-alternative-15min"
        assert found["availableSlots"][0] == {"time": first, "duration": 15}
        assert len(found["availableSlots"]) == 8

    @pytest.mark.parametrize("slug", ["alternative-medicine", "alternative_medicine"])
    def test_knows_a_service_by_either_spelling(self, api, doctor, tomorrow, slug):
        answer = ask(api, service=slug, date=tomorrow)

        assert len(answer.json()["practitioners"]) == 1

    def test_says_the_next_time_after_a_day_without_any(self, api, doctor):
        today = f"{next_morning(9, days=0).astimezone():%Y-%m-%d}"
        doctor.working_hours.filter(weekday=next_morning(9, days=0).astimezone().weekday()).delete()

        answer = ask(api, service="alternative_medicine", date=today)

        [found] = answer.json()["practitioners"]
        assert found["availableSlots"] == []
        assert found["nextAvailable"] == f"{next_morning(9):%Y-%m-%dT%H:%M:%SZ}"

    def test_lists_several_days(self, api, doctor, tomorrow):
        answer = ask(api, service="alternative_medicine", date=tomorrow, days=3)

        assert len(answer.json()["practitioners"][0]["availableSlots"]) == 24

    def test_offers_another_kind_when_asked(self, api, service, doctor, tomorrow):
        followup = AppointmentTypeFactory(service=service, kind="followup", code="followup-10min", minutes=10)
        doctor.appointment_types.add(followup)

        by_kind = ask(api, service="alternative_medicine", date=tomorrow, appointmentType="followup")
        by_code = ask(api, service="alternative_medicine", date=tomorrow, appointmentType="followup-10min")

        assert by_kind.json() == by_code.json()
        assert by_kind.json()["practitioners"][0]["appointmentType"] == "followup-10min"

    def test_takes_the_day_of_another_zone(self, api, doctor, tomorrow):
        answer = ask(api, service="alternative_medicine", date=tomorrow, timezone="America/New_York")

        slots = answer.json()["practitioners"][0]["availableSlots"]
        midnight = datetime.fromisoformat(f"{tomorrow}T00:00-05:00")
        times = [datetime.fromisoformat(slot["time"]) for slot in slots]
        assert all(timedelta(hours=-1) <= time - midnight <= timedelta(hours=24) for time in times)
        assert times[0] != next_morning(9)

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({}, "service"),
            ({"service": "x"}, "date"),
            ({"service": "x", "date": "tomorrow"}, "date"),
            ({"service": "x", "date": "2026-2-1"}, "date"),
            ({"service": "x", "date": "2026-02-30"}, "date"),
            ({"service": "x", "date": "9999-12-31"}, "date"),
            ({"service": "x", "date": "2026-12-01", "days": "0"}, "days"),
            ({"service": "x", "date": "2026-12-01", "days": "32"}, "days"),
            ({"service": "x", "date": "2026-12-01", "days": "1e9"}, "days"),
            ({"service": "x", "date": "2026-12-01", "days": "9" * 5000}, "days"),
            ({"service": "x\x00", "date": "2026-12-01"}, "service"),
            ({"service": "x" * 101, "date": "2026-12-01"}, "service"),
            ({"service": "x", "date": "2026-12-01", "timezone": "Mars/Base"}, "timezone"),
            ({"service": "x", "date": "2026-12-01", "timezone": "../../etc/passwd"}, "timezone"),
            ({"service": "x", "date": "2026-12-01", "appointmentType": ""}, "appointmentType"),
        ],
    )
    def test_names_the_field_at_fault(self, api, query, field):
        answer = ask(api, **query)

        assert answer.status_code == 400
        assert field in answer.json()["details"]

    def test_knows_no_other_service(self, api, doctor, tomorrow):
        answer = ask(api, service="surgery", date=tomorrow)

        assert answer.status_code == 404

    def test_knows_no_other_appointment_type(self, api, doctor, tomorrow):
        answer = ask(api, service="alternative_medicine", date=tomorrow, appointmentType="initial-other")

        assert answer.status_code == 404

    @pytest.mark.parametrize(("status", "expected"), [("coming_soon", 422), ("paused", 422), ("retired", 404)])
    def test_offers_nothing_of_a_service_that_is_not_active(self, api, service, doctor, tomorrow, status, expected):
        Service.objects.update(status=status)

        answer = ask(api, service="alternative_medicine", date=tomorrow)

        assert answer.status_code == expected
        if expected == 422:
            assert answer.json()["details"] == {"rule": ["not_offered"]}

    def test_offers_nothing_in_the_past(self, api, doctor):
        answer = ask(api, service="alternative_medicine", date="2000-01-01", days=31)

        assert answer.status_code == 200
        assert answer.json()["practitioners"][0]["availableSlots"] == []

    @pytest.mark.parametrize("people", [1, 6])
    def test_asks_the_database_four_questions_at_most_however_many_give_it(
        self, api, initial, tomorrow, people, django_assert_max_num_queries
    ):
        for person in PractitionerFactory.create_batch(people, gives=[initial]):
            BookingFactory(practitioner=person, appointment_type=initial)

        with django_assert_max_num_queries(4):
            ask(api, service="alternative_medicine", date=tomorrow)

    def test_does_not_search_year_by_year_from_long_ago(self, api, doctor, django_assert_max_num_queries):
        with django_assert_max_num_queries(10):
            answer = ask(api, service="alternative_medicine", date="2000-01-01")

        first = datetime.fromisoformat(answer.json()["practitioners"][0]["nextAvailable"])
        assert next_morning(9, days=0) <= first <= next_morning(9)

    def test_lets_strangers_ask_only_so_often(self, api, doctor, tomorrow, rate):
        rate("public-read", "2/d")

        statuses = [ask(api, service="alternative_medicine", date=tomorrow).status_code for _ in range(3)]

        assert statuses == [200, 200, 429]

    def test_lets_staff_ask_as_often_as_they_like(self, api, doctor, tomorrow, rate):
        rate("public-read", "1/d")
        api.force_login(UserFactory(roles=["operations"]))

        statuses = [ask(api, service="alternative_medicine", date=tomorrow).status_code for _ in range(3)]

        assert statuses == [200, 200, 200]

    def test_goes_on_without_redis(self, api, doctor, tomorrow, settings):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"  # where nothing listens

        answer = ask(api, service="alternative_medicine", date=tomorrow)

        assert answer.status_code == 200
