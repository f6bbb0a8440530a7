"""The public catalogue."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from practitioners import publish_check
from services.models import AppointmentType, Service
from services.prices import clinic_day

from .conftest import NOW, TODAY

pytestmark = pytest.mark.usefixtures("offered")


class TestServices:
    def test_shows_the_service_grid(self, client):
        answer = client.get("/api/services")

        page = answer.json()
        assert answer.status_code == 200
        assert page["next"] is None
        assert [(service["slug"], service["status"]) for service in page["results"]] == [
            ("free-consultation", "active"),
            ("alternative-medicine", "active"),
            ("gaps", "active"),
            ("weight-loss", "active"),
            ("counseling", "coming_soon"),
            ("equine", "coming_soon"),
        ]

    def test_shows_a_coming_soon_service_with_its_launch_and_waitlist(self, client):
        services = {service["slug"]: service for service in client.get("/api/services").json()["results"]}

        assert services["counseling"]["waitlist"] is True
        assert "when Counseling Services begins" in services["counseling"]["waitlistWording"]
        assert services["counseling"]["appointmentTypes"] == []
        assert services["equine"]["launchDate"] is None
        assert services["equine"]["launch"] == "soon"

    def test_says_soon_once_the_launch_date_has_passed(self, client):
        def launch() -> tuple[str | None, str]:
            [service] = [one for one in client.get("/api/services").json()["results"] if one["slug"] == "counseling"]
            return service["launchDate"], service["launch"]

        with time_machine.travel("2024-06-01T13:59:00Z"):  # still the day in Melbourne
            before = launch()
        with time_machine.travel("2024-06-01T14:00:00Z"):
            after = launch()

        assert before == ("2024-06-01", "1 June 2024")
        assert after == (None, "soon")

    def test_shows_what_was_approved_and_nothing_newer(self, client):
        Service.objects.filter(slug="gaps").update(name="Brand new", description="Unread by anybody")
        AppointmentType.objects.filter(code="initial-gaps-60min").update(name="Brand new, initial")

        service = client.get("/api/services/gaps").json()

        assert (service["name"], service["appointmentTypes"][0]["name"]) == ("GAPS", "GAPS, initial")
        assert "GAPS coach" in service["description"]

    def test_hides_a_service_and_a_type_that_nobody_approved(self, client):
        new = Service.objects.create(slug="sleep", name="Sleep")
        AppointmentType.objects.filter(code="initial-gaps-60min").update(code="renamed")

        shown = {one["slug"]: one for one in client.get("/api/services").json()["results"]}

        assert new.slug not in shown
        assert client.get("/api/services/sleep").status_code == 404
        assert [each["code"] for each in shown["gaps"]["appointmentTypes"]] == ["followup-gaps-15min"]

    def test_says_no_more_than_that_to_the_public_when_something_inside_is_wrong(self, client):
        AppointmentType.objects.filter(code="initial-gaps-60min").update(medirecords_type="")
        publish_check.refresh(day=TODAY, now=NOW)

        first = client.get("/api/services/gaps").json()["appointmentTypes"][0]

        assert (first["bookable"], first["reason"]) == (False, "It cannot be booked at the moment.")

    @pytest.mark.parametrize("status", [Service.Status.PAUSED, Service.Status.RETIRED])
    def test_hides_what_is_not_offered(self, client, status):
        Service.objects.filter(slug="gaps").update(status=status)

        page = client.get("/api/services").json()

        assert "gaps" not in [service["slug"] for service in page["results"]]

    def test_costs_four_queries(self, client, django_assert_max_num_queries):
        with django_assert_max_num_queries(4):
            client.get("/api/services")


class TestService:
    def test_shows_types_in_the_catalogues_order_with_todays_prices(self, client):
        answer = client.get("/api/services/alternative-medicine")

        assert [(each["code"], each["mode"], each["price"]) for each in answer.json()["appointmentTypes"]] == [
            ("initial-alternative-15min", "telehealth", 119),
            ("followup-alternative-10min", "telehealth", 79),
            ("followup-alternative-30min", "telehealth", 69),
            ("initial-inperson-20min", "in_person", 119),
            ("followup-inperson-15min", "in_person", 79),
        ]

    def test_has_exactly_the_documented_members(self, client):
        service = client.get("/api/services/gaps").json()

        assert service == {
            "slug": "gaps",
            "name": "GAPS",
            "description": "Nutrition coaching by video with our GAPS coach.",
            "status": "active",
            "launchDate": None,
            "launch": None,
            "waitlist": False,
            "waitlistWording": None,
            "colour": "#b3591b",
            "appointmentTypes": [
                {
                    "code": "initial-gaps-60min",
                    "name": "GAPS, initial",
                    "kind": "initial",
                    "mode": "telehealth",
                    "minutes": 60,
                    "price": 195.0,
                    "bookable": True,
                    "reason": None,
                },
                {
                    "code": "followup-gaps-15min",
                    "name": "GAPS, follow-up",
                    "kind": "followup",
                    "mode": "telehealth",
                    "minutes": 15,
                    "price": 79.0,
                    "bookable": True,
                    "reason": None,
                },
            ],
        }

    def test_never_rounds_a_price(self, client):
        AppointmentType.objects.get(code="initial-weight").prices.create(
            amount=Decimal("999999.99"), starts_on=date(2024, 1, 1)
        )

        answer = client.get("/api/services/weight-loss")

        prices = [each["price"] for each in json.loads(answer.content, parse_float=Decimal)["appointmentTypes"]]
        assert prices == [Decimal("999999.99"), Decimal("89.00")]

    def test_says_that_a_type_without_price_cannot_be_booked(self, client):
        service = client.get("/api/services/weight-loss").json()

        initial = service["appointmentTypes"][0]
        assert (initial["code"], initial["price"], initial["bookable"]) == ("initial-weight", None, False)
        assert initial["reason"] == "There is no price for it yet."

    def test_does_not_know_tomorrows_price_today(self, client):
        tomorrow = clinic_day(timezone.now()) + timedelta(days=1)
        AppointmentType.objects.get(code="initial-gaps-60min").prices.create(amount=205, starts_on=tomorrow)

        service = client.get("/api/services/gaps").json()

        assert service["appointmentTypes"][0]["price"] == 195

    def test_hides_a_type_that_is_switched_off(self, client):
        AppointmentType.objects.filter(code="followup-gaps-15min").update(is_active=False)

        service = client.get("/api/services/gaps").json()

        assert [each["code"] for each in service["appointmentTypes"]] == ["initial-gaps-60min"]

    @pytest.mark.parametrize("slug", ["alternative-medicine", "alternative_medicine"])
    def test_takes_hyphens_and_underscores(self, client, slug):
        service = client.get(f"/api/services/{slug}").json()

        assert service["slug"] == "alternative-medicine"

    @pytest.mark.parametrize("slug", ["massage", "gaps%00", "GAPS", "weight loss"])
    def test_says_that_there_is_none_of_that_name(self, client, slug):
        answer = client.get(f"/api/services/{slug}")

        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"

    @pytest.mark.parametrize("status", [Service.Status.PAUSED, Service.Status.RETIRED])
    def test_hides_a_service_that_is_not_offered(self, client, status):
        Service.objects.filter(slug="gaps").update(status=status)

        answer = client.get("/api/services/gaps")

        assert answer.status_code == 404
        assert answer.json() == {"error": "There is no such service.", "code": "not_found", "details": {}}

    def test_costs_four_queries(self, client, django_assert_max_num_queries):
        with django_assert_max_num_queries(4):
            client.get("/api/services/alternative-medicine")

    def test_asks_nobody_for_a_login(self, client):
        answer = client.get("/api/services/gaps", headers={"Authorization": "Bearer nonsense"})

        assert answer.status_code == 200
