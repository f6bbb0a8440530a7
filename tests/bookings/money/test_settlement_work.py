"""What workers do with ways to pay: open, send, look, close."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Checkout
from bookings.money import settlement
from botaniqal.messages.models import Message
from tests.factories import PatientFactory
from tests.paying import asked, decisions, kept_visit, opened, soon, standing, sure_visit, work

pytestmark = pytest.mark.django_db(transaction=True)

Status = Checkout.Status


def in_a_thread(work, *arguments):
    """Do something on a connection of its own."""
    try:
        return work(*arguments)
    finally:
        connection.close()


class TestWorkDue:
    def test_opens_a_link_and_sends_it_once(self, till):
        checkout = asked(booking := sure_visit(), sends_link=True)

        work()
        work()

        checkout.refresh_from_db()
        message = Message.objects.get(kind="payment_link")
        assert (checkout.status, checkout.state, checkout.problem) == (Status.OPEN, "pending", settlement.WAITS)
        assert checkout.url in message.text
        assert (message.to, message.reference) == (booking.patient.email, booking.pk)
        assert "$119.00" in message.subject

    def test_finds_what_nobody_told_us_of(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)

        work()

        assert standing(booking) == ("confirmed", "collected")

    def test_closes_at_stripe_what_was_taken_back(self, till):
        checkout = opened(booking := sure_visit())
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())

        work()

        checkout.refresh_from_db()
        assert till.session(checkout)["status"] == "expired"
        assert (checkout.status, checkout.state) == (Status.VOID, "synced")

    def test_takes_money_that_came_before_it_could_be_closed(self, till):
        checkout = opened(booking := sure_visit())
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
        till.pay(checkout)

        work()

        checkout.refresh_from_db()
        assert checkout.status == Status.PAID
        assert decisions(booking) == [("late", "waiting", 119)]

    def test_closes_what_was_taken_back_while_it_was_opened(self, till):
        checkout = asked(booking := sure_visit(), sends_link=True)
        till.sandbox.faults("stripe", "latency", operation="sessions.write", milliseconds=600, calls=1)

        with ThreadPoolExecutor(1) as browser:
            answer = browser.submit(in_a_thread, settlement.open_now, checkout.pk)
            while not till.sandbox.calls("stripe"):
                time.sleep(0.01)
            lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
            with pytest.raises(settlement.CheckoutOver):
                answer.result()
        assert till.session(checkout)["status"] == "open"
        work()

        checkout.refresh_from_db()
        assert till.session(checkout)["status"] == "expired"
        assert (checkout.status, checkout.state) == (Status.VOID, "synced")
        assert not Message.objects.filter(kind="payment_link").exists()

    def test_lets_go_of_what_nobody_opened(self, till):
        checkout = asked(kept_visit())
        soon()

        settlement.work_due()

        checkout.refresh_from_db()
        assert (checkout.status, checkout.state) == (Status.EXPIRED, "synced")
        assert till.known("sessions") == []

    def test_tries_again_while_stripe_gives_no_answer(self, till):
        checkout = asked(sure_visit(), sends_link=True)
        till.sandbox.faults("stripe", "error_before", calls=2)

        settlement.work_due()

        checkout.refresh_from_db()
        assert checkout.status == Status.OPEN

    def test_asks_a_person_where_stripe_says_no(self, till, settings):
        settings.STRIPE_SECRET_KEY = "sk_test_wrong"
        checkout = asked(sure_visit(), sends_link=True)

        settlement.work_due()

        checkout.refresh_from_db()
        assert checkout.needs_person
        assert "401" in checkout.problem

    def test_says_when_the_link_ends_by_the_patients_clock(self, till):
        booking = sure_visit()
        booking.patient = PatientFactory(time_zone="Australia/Perth")
        booking.save()
        checkout = opened(booking, sends_link=True)

        until = checkout.expires_at.astimezone(booking.patient.zone)
        assert f"{until:%A %-d %B, %-I:%M}" in Message.objects.get(kind="payment_link").text
