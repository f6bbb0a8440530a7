"""Paying for what was booked online: at Stripe's page, late, and where nobody tells us of it."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from bookings.models import Booking, Checkout, RefundDecision
from bookings.money import settlement
from bookings.self_service import online
from botaniqal.messages.models import Message
from practitioners import availability, diary
from tests.bookings.self_service.booking_online import TEN, begin, let_lapse, page_of
from tests.factories import PractitionerFactory

pytestmark = pytest.mark.django_db(transaction=True)
State = Booking.State


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(gives=[kind], calendar_provider="calendly")


@pytest.fixture
def booking(kind, doctor, till, client):
    """A visit that waits for its payment, and whose patient stands at Stripe's page."""
    booking = begin(kind)
    answer = client.post(page_of(booking, "visit-pay"))
    assert answer.status_code == HTTPStatus.FOUND
    return booking


def checkout():
    return Checkout.objects.latest("created_at")


class TestPay:
    def test_leads_to_stripe_by_the_one_way_that_is_open(self, client, booking, till):
        again = client.post(page_of(booking, "visit-pay"))

        assert again["Location"] == checkout().url
        assert len(till.known("sessions")) == 1

    def test_leads_there_anew_for_who_came_back_without_paying(self, client, booking, till):
        till.pay(checkout(), press="expire")
        client.post(page_of(booking, "visit-paid"))

        assert client.post(page_of(booking, "visit-pay"))["Location"] == checkout().url
        assert len(till.known("sessions")) == 2

    def test_is_possible_once_stripe_answers_again(self, client, kind, doctor, till):
        booking = begin(kind)
        till.sandbox.faults("stripe", "error_before", calls=3)
        assert client.post(page_of(booking, "visit-pay")).status_code == HTTPStatus.SERVICE_UNAVAILABLE
        till.sandbox.clear_faults()

        assert client.post(page_of(booking, "visit-pay")).status_code == HTTPStatus.FOUND
        assert booking.checkouts.count() == 1


class TestPaid:
    def test_asks_stripe_and_makes_the_visit_sure(self, client, booking, till):
        till.pay(checkout())

        answer = client.post(page_of(booking, "visit-paid"))

        assert answer["Location"] == page_of(booking)
        booking.refresh_from_db()
        assert booking.state == State.CONFIRMED
        assert {record.system for record in booking.sync_records.all()} == {"calendly", "medirecords"}
        assert "$119.00, paid" in client.get(page_of(booking)).content.decode()

    def test_says_how_it_stands_where_stripe_gives_no_answer(self, client, booking, till):
        till.sandbox.faults("stripe", "error_before", calls=5)

        assert client.post(page_of(booking, "visit-paid"))["Location"] == page_of(booking)
        assert Booking.objects.get().state == State.PENDING_PAYMENT

    def test_is_harmless_where_nothing_was_paid(self, client, booking):
        client.post(page_of(booking, "visit-paid"))

        assert Booking.objects.get().state == State.PENDING_PAYMENT


class TestLapse:
    def test_asks_stripe_first_so_that_what_was_paid_untold_is_kept(self, booking, till):
        till.pay(checkout())
        let_lapse(booking)

        assert online.lapse_due(now=timezone.now()) == 0

        booking.refresh_from_db()
        assert (booking.state, booking.entry.live_until) == (State.CONFIRMED, None)
        assert [message.kind for message in Message.objects.all()] == [Message.Kind.CONFIRMATION]

    def test_of_what_was_not_paid_lets_nobody_pay_afterwards(self, client, booking):
        let_lapse(booking)

        assert online.lapse_due(now=timezone.now()) == 1
        assert client.post(page_of(booking, "visit-pay")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY

    def test_leaves_money_that_comes_too_late_to_somebodys_decision(self, client, booking, till, kind, doctor):
        let_lapse(booking, ago=online.GRACE + timedelta(seconds=1))
        diary.take(practitioner=doctor, span=availability.occupied_span(kind, TEN), by=None)
        till.pay(checkout())

        online.lapse_due(now=timezone.now())

        booking.refresh_from_db()
        assert booking.state == State.CANCELLED
        decision = RefundDecision.objects.get()
        assert (decision.cause, decision.suggested) == ("late", 119)


class TestCancel:
    def test_while_the_patient_pays_leaves_the_money_to_somebodys_decision(self, client, booking, till):
        till.pay(checkout())

        client.post(page_of(booking, "visit-cancel"), {"percent": "0", "cause": "not_wanted"})
        assert Booking.objects.get().state == State.CANCELLED
        settlement.look(checkout().pk, timezone.now())

        decision = RefundDecision.objects.get()
        assert (decision.cause, decision.suggested) == ("late", 119)
