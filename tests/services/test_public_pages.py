"""The public's pages of the catalogue."""

import re
from datetime import date, timedelta
from decimal import Decimal
from http import HTTPStatus

import pytest
from django.utils import timezone

from botaniqal.wording.models import Approval
from practitioners import publish_check
from services.models import AppointmentType, Price, Service
from services.prices import clinic_day

pytestmark = pytest.mark.usefixtures("offered")


def page(client, address):
    answer = client.get(address)
    assert answer.status_code == HTTPStatus.OK
    return answer.content.decode()


def offer(html, name):
    """Cut an appointment type out of a service's page."""
    [found] = [part for part in html.split('<li class="public-offer">') if f"<h3>{name}</h3>" in part]
    return found.partition("</li>")[0]


def check_anew():
    publish_check.refresh(day=clinic_day(timezone.now()), now=timezone.now())


class TestGrid:
    def test_shows_all_services_with_their_lowest_price_of_today(self, client):
        html = page(client, "/services")

        cards = dict(re.findall(r'href="/services/([\w-]+)">.*?</h2>(.*?)</li>', html, re.DOTALL))
        assert list(cards) == [
            "free-consultation",
            "alternative-medicine",
            "gaps",
            "weight-loss",
            "counseling",
            "equine",
        ]
        prices = {slug: re.findall(r'public-price">(.*?)<', card) for slug, card in cards.items()}
        assert prices == {
            "free-consultation": ["Free"],
            "alternative-medicine": ["From $69"],
            "gaps": ["From $79"],
            "weight-loss": ["$89"],
            "counseling": [],
            "equine": [],
        }

    def test_says_soon_once_the_launch_date_has_passed(self, client):
        Service.objects.filter(slug="equine").update(launches_on=clinic_day(timezone.now()) + timedelta(days=400))

        html = page(client, "/services")

        assert html.count("Starts soon") == 1  # counseling was announced for 2024
        assert "2024" not in html
        assert re.search(r"Starts on \d+ \w+ 20\d\d", html)

    @pytest.mark.parametrize("status", [Service.Status.PAUSED, Service.Status.RETIRED])
    def test_leaves_out_what_is_not_offered(self, client, status):
        Service.objects.filter(slug="gaps").update(status=status)

        assert "/services/gaps" not in page(client, "/services")

    def test_says_when_nothing_is_offered(self, client):
        Service.objects.update(status=Service.Status.RETIRED)

        assert "Nothing is offered online" in page(client, "/services")

    def test_shows_words_as_they_were_approved(self, client):
        Service.objects.filter(slug="gaps").update(name="GAPS, now with <b>cures</b>")

        html = page(client, "/services")

        assert "cures" not in html
        assert ">GAPS</a>" in html

    def test_may_be_kept_for_a_minute_and_asked_for_again_by_its_tag(self, client):
        first = client.get("/services")
        again = client.get("/services", headers={"If-None-Match": first["ETag"]})
        Service.objects.filter(slug="gaps").update(status=Service.Status.PAUSED)
        changed = client.get("/services", headers={"If-None-Match": first["ETag"]})

        assert "max-age=60" in first["Cache-Control"]
        assert not first.cookies
        assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")
        assert changed.status_code == HTTPStatus.OK

    def test_asks_four_questions_however_large_the_catalogue(self, client, django_assert_num_queries):
        with django_assert_num_queries(4):
            client.get("/services")

    def test_changes_nothing(self, client):
        assert client.post("/services").status_code == HTTPStatus.METHOD_NOT_ALLOWED


class TestFunnel:
    def test_shows_types_with_minutes_mode_and_todays_price(self, client):
        html = page(client, "/services/alternative-medicine")

        names = re.findall(r"<h3>(.*?)</h3>", html)
        assert names == [
            "Alternative medicine, initial",
            "Alternative medicine, follow-up",
            "Alternative medicine, long follow-up",
            "Alternative medicine, initial in person",
            "Alternative medicine, follow-up in person",
        ]
        in_person = offer(html, "Alternative medicine, initial in person")
        assert all(words in in_person for words in ("20 minutes", "In person", "<strong>$119</strong>"))

    def test_never_rounds_a_price(self, client):
        kind = AppointmentType.objects.get(code="followup-gaps-15min")
        Price.objects.create(appointment_type=kind, amount=Decimal("79.50"), starts_on=clinic_day(timezone.now()))
        Price.objects.create(appointment_type=kind, amount=Decimal(99), starts_on=date(2999, 1, 1))

        assert "<strong>$79.50</strong>" in offer(page(client, "/services/gaps"), "GAPS, follow-up")

    @pytest.mark.parametrize("slug", ["alternative-medicine", "alternative_medicine"])
    def test_reads_hyphens_and_underscores(self, client, slug):
        assert "<h1>Alternative Medicine</h1>" in page(client, f"/services/{slug}")

    def test_leads_to_the_free_consultation_where_nothing_can_be_booked_online(self, client):
        shown = offer(page(client, "/services/gaps"), "GAPS, initial")

        assert 'href="/free-consultation"' in shown
        assert "Book by free consultation" in shown

    def test_leads_to_the_booking_page_of_what_can_be_booked_online(self, client):
        AppointmentType.objects.filter(code="initial-gaps-60min").update(is_bookable_online=True)

        shown = offer(page(client, "/services/gaps"), "GAPS, initial")

        assert 'href="/book/initial-gaps-60min"' in shown
        assert "Book online" in shown

    def test_lets_a_free_consultation_be_planned(self, client):
        shown = offer(page(client, "/services/free-consultation"), "Free consultation")

        assert "<strong>Free</strong>" in shown
        assert "Choose a time" in shown

    def test_says_why_something_cannot_be_booked(self, client):
        AppointmentType.objects.filter(code="initial-weight").update(is_bookable_online=True)

        shown = offer(page(client, "/services/weight-loss"), "Weight loss, initial")

        assert "There is no price for it yet." in shown
        assert "href" not in shown
        assert "$" not in shown

    def test_offers_nothing_that_the_publish_check_forbids(self, client):
        AppointmentType.objects.filter(code="initial-gaps-60min").update(medirecords_type="", is_bookable_online=True)
        check_anew()

        shown = offer(page(client, "/services/gaps"), "GAPS, initial")

        assert "It cannot be booked at the moment." in shown
        assert "MediRecords" not in shown
        assert "href" not in shown

    def test_leads_to_the_interest_list_of_what_is_coming(self, client):
        html = page(client, "/services/equine")

        assert "It starts soon." in html
        assert 'href="/interest/equine"' in html
        assert "What you can book" not in html

    def test_leads_to_no_list_where_there_is_none(self, client):
        Service.objects.filter(slug="equine").update(has_waitlist=False)

        assert "/interest/" not in page(client, "/services/equine")

    @pytest.mark.parametrize("slug", ["nothing", "free", "x" * 500])
    def test_says_so_where_there_is_no_such_service(self, client, slug):
        answer = client.get(f"/services/{slug}")

        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert "There is no such service" in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]

    @pytest.mark.parametrize("status", [Service.Status.PAUSED, Service.Status.RETIRED])
    def test_hides_what_is_not_offered(self, client, status):
        Service.objects.filter(slug="gaps").update(status=status)

        assert client.get("/services/gaps").status_code == HTTPStatus.NOT_FOUND

    def test_hides_what_was_never_approved(self, client):
        Approval.objects.filter(subject="service:gaps:name").delete()

        assert client.get("/services/gaps").status_code == HTTPStatus.NOT_FOUND

    @pytest.mark.parametrize("slug", ["free-consultation", "alternative-medicine", "equine"])
    def test_asks_four_questions(self, client, django_assert_num_queries, slug):
        with django_assert_num_queries(4):
            client.get(f"/services/{slug}")
