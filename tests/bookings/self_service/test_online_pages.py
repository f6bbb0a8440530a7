"""The public pages of online booking."""

import re
from datetime import timedelta
from html import unescape
from http import HTTPStatus

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from bookings.models import Booking, Patient
from bookings.patients import consents
from bookings.self_service import links
from botaniqal.wording import gate
from services import catalogue_words
from services.models import AppointmentType, Price, Service
from tests.bookings.self_service.booking_online import TEN, begin, online_type, page_of
from tests.factories import PractitionerFactory, UserFactory

pytestmark = pytest.mark.django_db
AT_TEN = f"{TEN:%Y-%m-%dT%H:%M:%SZ}"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def kind():
    return online_type(name="Alternative medicine, initial")


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(name="Dr Dia", gives=[kind])


@pytest.fixture
def free(doctor):
    """What costs nothing, so that it is booked without Stripe."""
    free = online_type(price=0)
    doctor.appointment_types.add(free)
    return free


class Visitor:
    """Somebody who goes through the pages as a browser without JavaScript does."""

    def __init__(self, client, kind):
        self.client, self.url = client, f"/book/{kind.code}"

    def details(self, **change):
        agreements = {f"agrees_{wording.pk}": "on" for wording in consents.current()}
        typed = {
            "time": AT_TEN,
            "who": "",
            "zone": "Australia/Melbourne",
            "name": "Leo Martin",
            "email": "leo.martin@example.com",
            "phone": "0491 570 156",
            "date_of_birth": "1990-12-31",
            **agreements,
            **change,
        }
        return {name: value for name, value in typed.items() if value is not None}

    def look(self, **change):
        """Send the details; answers the summary, or what is wrong."""
        return self.client.post(self.url, {**self.details(**change), "step": "look"})

    def book(self, summary=None, **change):
        """Press the button of the summary."""
        summary = summary or self.look()
        sent = {**fields_of(summary), "step": "book", **change}
        return self.client.post(self.url, sent)


def fields_of(answer):
    """What the fields of a page's forms send."""
    page = answer.content.decode()
    return {
        unescape(name): unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
        if name != "csrfmiddlewaretoken"
    }


@pytest.fixture
def visitor(client, kind, doctor):
    return Visitor(client, kind)


def text_of(answer):
    return unescape(answer.content.decode())


def manager():
    return UserFactory(roles=["management"])


class TestTimes:
    def test_shows_free_times_by_both_clocks_and_the_price(self, client, kind, doctor):
        page = text_of(client.get(f"/book/{kind.code}?zone=Australia/Perth"))

        assert "Alternative medicine, initial" in page
        assert "$119" in page
        assert f'value="{AT_TEN}"' in page
        assert "Perth" in page

    def test_shows_the_times_of_one_alone(self, client, kind, doctor):
        other = PractitionerFactory(name="Dr Shivani", gives=[kind])
        begin(kind, practitioner_id=other.pk)

        of_all = text_of(client.get(f"/book/{kind.code}"))
        of_one = text_of(client.get(f"/book/{kind.code}?who={other.pk}"))

        assert f'value="{AT_TEN}"' in of_all
        assert f'value="{AT_TEN}"' not in of_one

    def test_goes_on_to_later_days(self, client, kind, doctor):
        later = (TEN + timedelta(days=14)).date()

        page = text_of(client.get(f"/book/{kind.code}?day={later}"))

        assert f'value="{TEN + timedelta(days=14):%Y-%m-%dT%H:%M:%SZ}"' in page
        assert f'value="{AT_TEN}"' not in page

    @pytest.mark.parametrize(
        "query",
        [
            "day=x", "day=9999-99-99", "day=0001-01-01", "zone=Mars/Olympus", "who=x", "time=x", "time=2026-13-45",
            "who=00000000-0000-4000-8000-000000000000", f"who={'9' * 5000}", "pick=@", "pick=x@y", "key=%00",
            "time=%00",
        ],
    )  # fmt: skip
    def test_survives_whatever_stands_in_its_address(self, client, kind, doctor, query):
        assert client.get(f"/book/{kind.code}?{query}").status_code in (200, 400, 404)

    def test_costs_as_many_queries_for_any_number_of_people(self, client, kind, doctor, django_assert_num_queries):
        client.get(f"/book/{kind.code}")
        for _ in range(20):
            PractitionerFactory(gives=[kind])

        with django_assert_num_queries(7):
            client.get(f"/book/{kind.code}")

    def test_offers_nothing_of_calendars_that_nobody_has_read(self, client, kind, doctor):
        doctor.calendar_provider = "calendly"
        doctor.save()
        doctor.calendars.create(provider="calendly", read_at=timezone.now() - timedelta(days=1))

        assert "No time is free" in text_of(client.get(f"/book/{kind.code}"))


class TestElsewhere:
    def test_leads_from_what_is_coming_to_its_list(self, client, kind):
        Service.objects.update(status=Service.Status.COMING_SOON, has_waitlist=True)

        answer = client.get(f"/book/{kind.code}")

        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert f"/interest/{kind.service.slug}" in text_of(answer)

    def test_leads_from_what_is_booked_on_the_phone_to_the_free_consultation(self, client, kind):
        AppointmentType.objects.update(is_bookable_online=False)

        assert "/free-consultation" in text_of(client.get(f"/book/{kind.code}"))

    def test_is_the_consultations_own_page_for_it(self, client, kind):
        AppointmentType.objects.update(kind="consultation")

        assert client.get(f"/book/{kind.code}")["Location"] == "/free-consultation"

    @pytest.mark.parametrize("status", ["coming_soon", "paused"])
    def test_says_no_name_that_nobody_approved(self, client, kind, status):
        Service.objects.update(status=status, name="Wonder cure")
        AppointmentType.objects.update(name="Wonder cure, initial")

        assert "Wonder cure" not in text_of(client.get(f"/book/{kind.code}"))

    def test_says_the_name_that_was_approved_last(self, client, kind, doctor):
        gate.approve(texts=catalogue_words.texts_of(kind.service, [kind]), reason="", by=manager(), now=timezone.now())
        AppointmentType.objects.update(name="Wonder cure")

        page = text_of(client.get(f"/book/{kind.code}"))

        assert "Alternative medicine, initial" in page
        assert "Wonder cure" not in page

    def test_is_no_page_for_what_there_is_not(self, client):
        assert client.get("/book/nothing").status_code == HTTPStatus.NOT_FOUND


class TestDetails:
    def test_ask_for_what_is_needed_and_show_the_words_of_the_agreements(self, client, kind, doctor):
        page = text_of(client.get(f"/book/{kind.code}?time={AT_TEN}"))

        assert all(wording.text in page for wording in consents.current())
        assert 'autocomplete="bday"' in page

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"name": ""}, "Tell us your name"),
            ({"name": "see www.example.com"}, "without addresses"),
            ({"name": "4111 1111 1111 1111"}, "card number"),
            ({"email": "leo"}, "whole address"),
            ({"email": "leo@example.com\nBcc: x@example.com"}, "whole address"),
            ({"phone": "12"}, "Write the number"),
            ({"date_of_birth": "1890-01-01"}, "between 1900"),
            ({"date_of_birth": "31.12.1990"}, "like 1990"),
            ({"name": "x" * 300}, "at most"),
        ],
    )
    def test_say_what_is_wrong_and_keep_what_was_typed(self, visitor, change, words):
        answer = visitor.look(**change)

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert words in text_of(answer)
        assert not Patient.objects.exists()

    def test_need_the_agreements_that_a_booking_needs(self, visitor):
        needed = next(wording for wording in consents.current() if wording.is_required)

        answer = visitor.look(**{f"agrees_{needed.pk}": None})

        assert "Privacy: we can book only with your agreement" in text_of(answer)

    def test_write_no_script_that_was_typed(self, visitor):
        answer = visitor.look(name=SCRIPT, email=SCRIPT, phone=SCRIPT, date_of_birth=SCRIPT, zone=SCRIPT, key=SCRIPT)

        assert SCRIPT not in answer.content.decode()


class TestSummary:
    def test_says_the_price_the_time_and_what_comes_back(self, visitor):
        page = text_of(visitor.look())

        assert "Book and pay $119" in page
        assert "10:00 am" in page
        assert "comes back" in page
        assert "Leo Martin" in page

    def test_lets_a_form_end_at_stripe_alone(self, visitor, settings):
        policy = visitor.look()["Content-Security-Policy"]

        assert f"form-action 'self' {settings.STRIPE_CHECKOUT_URL}" in policy

    def test_goes_back_to_the_details_with_all_that_was_typed(self, visitor):
        summary = visitor.look()

        page = text_of(visitor.client.post(visitor.url, {**fields_of(summary), "step": "change"}))

        assert 'value="Leo Martin"' in page
        assert page.count("checked") == len(consents.current())


class TestBook:
    def test_leads_to_the_visits_page_where_nothing_has_to_be_paid(self, client, free):
        visitor = Visitor(client, free)

        answer = visitor.book()

        booking = Booking.objects.get()
        assert (answer.status_code, answer["Location"]) == (HTTPStatus.FOUND, page_of(booking))
        assert (booking.patient.phone, f"{booking.patient.date_of_birth}") == ("+61491570156", "1990-12-31")
        assert "Confirmed" in text_of(client.get(answer["Location"]))

    def test_keeps_the_time_and_lets_one_try_again_while_stripe_is_down(self, visitor, settings):
        settings.STRIPE_BASE_URL = "http://127.0.0.1:9"

        answer = visitor.book()

        booking = Booking.objects.get()
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert booking.state == Booking.State.PENDING_PAYMENT
        assert page_of(booking, "visit-pay") in text_of(answer)
        assert "Nothing was charged" in text_of(answer)

    def test_books_once_however_often_it_is_pressed(self, client, free):
        visitor = Visitor(client, free)
        summary = visitor.look()

        answers = [visitor.book(summary)["Location"] for _ in range(3)]

        assert len(set(answers)) == 1
        assert Booking.objects.count() == Patient.objects.count() == 1

    def test_gives_no_way_around_links_that_were_made_void(self, client, free):
        visitor = Visitor(client, free)
        summary = visitor.look()
        visitor.book(summary)
        links.make_void(booking=Booking.objects.get())

        assert visitor.book(summary).status_code == HTTPStatus.GONE

    @pytest.mark.parametrize("key", ["", "x", "00000000000040008000000000000000:1abc:forged"])
    def test_takes_no_key_that_was_not_made_here(self, visitor, key):
        answer = visitor.book(key=key)

        assert "open for too long" in text_of(answer)
        assert not Booking.objects.exists()

    def test_is_not_led_to_the_booking_of_others_by_its_key(self, visitor, kind):
        other = begin(kind)

        visitor.book(key=other.pk.hex)

        assert Booking.objects.count() == 1

    def test_offers_three_times_with_all_that_was_typed_where_somebody_was_quicker(self, client, free):
        visitor = Visitor(client, free)
        summary = visitor.look()
        begin(free, price=0)

        answer = visitor.book(summary)

        picks = re.findall(r'name="pick" value="([^"]+)"', text_of(answer))
        assert (answer.status_code, len(picks)) == (HTTPStatus.CONFLICT, 3)
        again = client.post(visitor.url, {**fields_of(answer), "pick": picks[0], "step": "look"})
        assert visitor.book(again).status_code == HTTPStatus.FOUND
        assert Booking.objects.count() == 2

    def test_asks_again_where_the_price_has_changed(self, visitor, kind):
        summary = visitor.look()
        Price.objects.create(appointment_type=kind, amount=129, starts_on=timezone.localdate())

        answer = visitor.book(summary)

        assert answer.status_code == HTTPStatus.CONFLICT
        assert "Book and pay $129" in text_of(answer)
        assert not Booking.objects.exists()

    def test_asks_again_where_the_wording_has_changed(self, visitor):
        summary = visitor.look()
        consents.publish(kind="recording", text="May we record?", is_required=False, by=None, now=timezone.now())

        assert "Look at it once more" in text_of(visitor.look())
        assert visitor.book(summary).status_code in (HTTPStatus.FOUND, HTTPStatus.SERVICE_UNAVAILABLE)

    def test_does_nothing_for_robots_and_does_not_tell_them(self, visitor):
        answer = visitor.book(website="https://spam.example")

        assert answer.status_code == HTTPStatus.CONFLICT
        assert not Booking.objects.exists()

    def test_is_throttled_by_caller(self, visitor, free, client, monkeypatch):
        monkeypatch.setitem(django_settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "public-book", "1/h")
        with_free = Visitor(client, free)
        times = [AT_TEN, f"{TEN + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"]

        answers = [
            with_free.book(with_free.look(time=time, email=f"{n}@example.com")).status_code
            for n, time in enumerate(times)
        ]

        assert answers[1] == HTTPStatus.TOO_MANY_REQUESTS
        assert Booking.objects.count() <= 1

    @pytest.mark.parametrize("price", ["", "x", "NaN", "-1", "1e999", "0"])
    def test_charges_no_price_that_somebody_made_up(self, visitor, price):
        answer = visitor.book(price=price)

        assert answer.status_code == HTTPStatus.CONFLICT
        assert not Booking.objects.exists()
