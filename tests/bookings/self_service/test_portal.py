"""The booking portal: a link for whom we know, the same answer for everybody."""

import re
from datetime import timedelta
from html import unescape
from http import HTTPStatus

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from bookings.models import Booking, Patient, PortalRequest
from bookings.self_service import links, portal
from botaniqal.messages.models import Message
from tests.factories import BookingFactory, PatientFactory, next_morning

pytestmark = pytest.mark.django_db
ADDRESS = "leo.martin@example.com"


@pytest.fixture
def booking():
    return BookingFactory()


def ask(client, email=ADDRESS, **more):
    return client.post("/my-bookings", {"email": email, **more})


def send():
    return portal.send_due(now=timezone.now())


def link_in(message):
    [line] = [line for line in message.text.splitlines() if "/my-bookings/" in line]
    return line.removeprefix(django_settings.PUBLIC_BASE_URL)


class TestAsk:
    def test_says_the_same_to_everybody_by_the_same_queries(self, client, booking, django_assert_num_queries):
        client.get("/my-bookings")
        answers = []
        for email in (ADDRESS, "nobody@example.com"):
            with django_assert_num_queries(1):
                answer = ask(client, email)
            answers.append((answer.status_code, answer["Location"], client.get(answer["Location"]).content))

        assert answers[0][:2] == answers[1][:2] == (HTTPStatus.FOUND, "/my-bookings?asked")
        assert answers[0][2] == answers[1][2]
        assert not Message.objects.exists()

    @pytest.mark.parametrize("email", ["", "x", "a@b", "x" * 5000 + "@example.com", "<script>alert(1)</script>@x.com"])
    def test_takes_nothing_but_an_address(self, client, email):
        answer = ask(client, email)

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert b"<script>alert" not in answer.content
        assert not PortalRequest.objects.exists()

    def test_does_nothing_for_robots_and_does_not_tell_them(self, client):
        assert ask(client, website="x").status_code == HTTPStatus.FOUND
        assert not PortalRequest.objects.exists()

    def test_is_throttled_by_address_and_caller(self, client, monkeypatch):
        monkeypatch.setitem(django_settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "public-email", "2/h")
        address = f"{timezone.now().timestamp()}@example.com"

        assert [ask(client, address).status_code for _ in range(3)] == [302, 302, 429]


class TestSendDue:
    def test_mails_a_link_to_whom_we_know(self, client, booking):
        ask(client, ADDRESS.upper())

        assert send() == 1

        message = Message.objects.get()
        assert (message.kind, message.to) == (Message.Kind.PORTAL_LINK, ADDRESS)
        assert client.get(link_in(message)).status_code == HTTPStatus.OK
        assert not PortalRequest.objects.exists()

    def test_mails_nothing_to_whom_we_do_not_know(self, client, booking):
        PatientFactory(email="never.booked@example.com")
        ask(client, "nobody@example.com")
        ask(client, "never.booked@example.com")

        assert send() == 2
        assert not Message.objects.exists()

    def test_mails_one_link_however_often_it_is_asked_for(self, client, booking):
        for _ in range(5):
            ask(client)
        send()

        assert Message.objects.count() == 1
        assert client.get(link_in(Message.objects.get())).status_code == HTTPStatus.OK

    def test_makes_the_former_link_void(self, client, booking):
        now = timezone.now()
        portal.ask(email=ADDRESS, now=now)
        portal.send_due(now=now)
        later = now + timedelta(seconds=portal.EVERY_SECONDS)
        portal.ask(email=ADDRESS, now=later)
        portal.send_due(now=later)

        newer, former = Message.objects.order_by("-created_at")
        assert client.get(link_in(former)).status_code == HTTPStatus.GONE
        assert client.get(link_in(newer)).status_code == HTTPStatus.OK


class TestBookings:
    def page(self, client, patient):
        address = links.to_portal(patient, now=timezone.now()).removeprefix(django_settings.PUBLIC_BASE_URL)
        return client.get(address)

    def test_tells_a_family_apart_by_first_names_and_says_nothing_else(self, client, booking):
        mia = BookingFactory(patient=PatientFactory(name="Mia Martin"), starts_at=next_morning(11))
        past = BookingFactory(patient=booking.patient, starts_at=next_morning(9, days=-3))
        old = BookingFactory(patient=booking.patient, starts_at=next_morning(9, days=-30))
        stranger = BookingFactory(patient=PatientFactory(name="Zoe", email="zoe@example.com"))

        page = unescape(self.page(client, booking.patient).content.decode())

        assert page.count("<strong>Leo</strong>") == 3
        assert page.count("<strong>Mia</strong>") == 1
        assert not re.search(r"\bZoe\b", page)
        for each in (booking, mia, past):
            assert links.token_of(each) in page
        for each in (old, stranger):
            assert links.token_of(each) not in page
        for private in ("Martin", ADDRESS, "570156", "Alternative", "Initial", "Dr "):
            assert private not in page

    def test_leaves_out_what_was_cancelled_or_never_paid(self, client, booking):
        now = timezone.now()
        Booking.objects.update(state="cancelled", cancel_reason="x", cancelled_at=now, pays_until=now)

        assert b"Nothing is booked" in self.page(client, booking.patient).content

    def test_is_over_after_a_day(self, booking):
        now = timezone.now()
        token = links.to_portal(booking.patient, now=now).rpartition("/")[2]

        assert links.portal_of(token, now=now + timedelta(hours=23)) == booking.patient
        with pytest.raises(links.LinkOver):
            links.portal_of(token, now=now + timedelta(hours=25))

    def test_is_over_once_the_patient_has_another_address(self, client, booking):
        address = links.to_portal(booking.patient, now=timezone.now()).removeprefix(django_settings.PUBLIC_BASE_URL)
        Patient.objects.update(email="another@example.com")

        assert client.get(address).status_code == HTTPStatus.GONE

    def test_believes_no_link_that_was_not_written_here(self, client, booking):
        token = links.to_portal(booking.patient, now=timezone.now()).rpartition("/")[2]
        visit = links.token_of(booking)

        for forged in (token[:-1], f"x{token}", visit, "x", "%00", "a-b-c-d:e"):
            assert client.get(f"/my-bookings/{forged}").status_code == HTTPStatus.NOT_FOUND

    def test_costs_as_many_queries_for_any_number_of_visits(self, client, booking, django_assert_num_queries):
        for n in range(5):
            BookingFactory(patient=PatientFactory(name=f"Child {n}"))

        with django_assert_num_queries(3):
            self.page(client, booking.patient)
