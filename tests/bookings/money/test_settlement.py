"""What Stripe and the portal know of a payment, brought together."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from bookings import lifecycle, reasons
from bookings.models import Booking, Checkout, Payment
from bookings.money import checkouts, payments, settlement
from bookings.self_service import online
from botaniqal.errors import Missing
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.owed import NeedsPerson
from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.models import DiaryEntry
from tests.factories import PatientFactory
from tests.paying import asked, decisions, kept_visit, looked, opened, standing, sure_visit

pytestmark = pytest.mark.django_db(transaction=True)
Status = Checkout.Status


def soon(rows=None):
    """Have what is owed due now."""
    (rows or Checkout.objects.all()).update(next_try_at=timezone.now())


def work():
    """Let a worker do what is due now, as often as there is something."""
    soon(Checkout.objects.filter(status__in=[Status.NEW, Status.OPEN, Status.VOID]))
    return settlement.work_due()


def somebody_takes(booking):
    """Take the time of a booking for somebody else, once its hold has lapsed."""
    span = diary.Span(booking.starts_at, booking.ends_at)
    return diary.take(practitioner=booking.practitioner, span=span, by=None)


def let_go(booking):
    """Let the time that is held for a booking lapse."""
    DiaryEntry.objects.filter(booking=booking).update(live_until=F("live_from"))


def in_a_thread(work, *arguments):
    """Do something on a connection of its own."""
    try:
        return work(*arguments)
    finally:
        connection.close()


class TestOpenNow:
    def test_opens_once_and_says_where_to_pay(self, till):
        checkout = asked(booking := kept_visit())

        url = settlement.open_now(checkout.pk)

        assert settlement.open_now(checkout.pk) == url
        session = till.session(checkout)
        assert (session["url"], session["amount_total"], session["currency"]) == (url, 11_900, "aud")
        assert session["client_reference_id"] == f"{checkout.pk}"
        assert session["metadata"] == {"checkout": f"{checkout.pk}", "booking": f"{booking.pk}"}
        assert session["success_url"].startswith("http")
        assert len(till.known("sessions")) == 1
        assert (checkout.status, checkout.door) == (Status.OPEN, "online")

    def test_tells_stripe_nothing_about_anybodys_health(self, till):
        booking = kept_visit()
        booking.notes = "Trouble sleeping"
        booking.save()

        checkout = opened(booking)

        kind = booking.appointment_type
        said = str({name: value for name, value in till.session(checkout).items() if name != "success_url"})
        for word in ("sleeping", kind.name, kind.service.name, booking.practitioner.name, booking.patient.name):
            assert word not in said

    def test_finds_the_session_whose_answer_was_lost(self, till):
        checkout = asked(kept_visit())
        till.sandbox.faults("stripe", "error_after", operation="sessions.write", calls=2)
        with pytest.raises(VendorUnavailable):
            settlement.open_now(checkout.pk)

        settlement.open_now(checkout.pk)

        assert len(till.known("sessions")) == 1

    def test_opens_another_one_where_the_end_is_too_near_by_now(self, till, settings):
        checkout = asked(kept_visit())
        till.sandbox.faults("stripe", "error_after", operation="sessions.write", calls=2)
        with pytest.raises(VendorUnavailable):
            settlement.open_now(checkout.pk)
        Checkout.objects.update(expires_at=timezone.now() + timedelta(minutes=3))

        settlement.open_now(checkout.pk)

        checkout.refresh_from_db()
        assert checkout.expires_at > timezone.now() + timedelta(minutes=29)
        assert len(till.known("sessions")) == 2

    def test_keeps_to_what_stripe_allows_at_most(self, till, settings):
        settings.CHECKOUT_MINUTES = 60 * 48

        checkout = opened(kept_visit())

        assert checkout.expires_at < timezone.now() + timedelta(hours=24)

    @pytest.mark.parametrize("status", ["void", "expired", "paid"])
    def test_opens_nothing_that_is_over(self, till, status):
        checkout = asked(kept_visit())
        Checkout.objects.update(status=status, paid_at=timezone.now())

        with pytest.raises(settlement.CheckoutOver):
            settlement.open_now(checkout.pk)

        assert till.known("sessions") == []

    def test_knows_no_other(self, till):
        with pytest.raises(Missing):
            settlement.open_now(uuid4())

    def test_says_that_stripe_said_no(self, till, settings):
        settings.STRIPE_SECRET_KEY = "sk_test_wrong"
        checkout = asked(kept_visit())

        with pytest.raises(VendorRefused):
            settlement.open_now(checkout.pk)

        checkout.refresh_from_db()
        assert checkout.status == Status.NEW


class TestLookAtWhatWasPaid:
    def test_makes_a_visit_sure_that_waited_for_it(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)

        checkout = looked(checkout)

        payment = Payment.objects.get()
        assert standing(booking) == ("confirmed", "collected")
        assert (payment.method, payment.reference) == ("stripe_link", checkout.payment_intent)
        assert (checkout.status, checkout.state) == (Status.PAID, "synced")
        assert Message.objects.get(kind="confirmation").text.count("(paid)") == 1
        assert Booking.objects.get().entry.kind == DiaryEntry.Kind.BOOKING
        assert decisions(booking) == []

    def test_changes_nothing_when_it_is_looked_at_again(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)
        first = looked(checkout)

        again = looked(checkout)

        assert again.paid_at == first.paid_at
        assert Message.objects.filter(kind="confirmation").count() == 1
        assert decisions(booking) == []

    def test_pays_for_a_visit_that_was_sure_already(self, till):
        checkout = opened(booking := sure_visit(), sends_link=True)
        till.pay(checkout)

        looked(checkout)

        assert standing(booking) == ("confirmed", "collected")

    def test_counts_for_who_sent_the_link(self, till, django_user_model):
        sender = django_user_model.objects.create(email="sender@botaniqal.example")
        checkout = opened(sure_visit(), sends_link=True, by=sender)
        till.pay(checkout)

        looked(checkout)

        assert Payment.objects.get().collected_by == sender

    def test_takes_the_time_again_where_the_hold_had_lapsed(self, till):
        checkout = opened(booking := kept_visit())
        let_go(booking)
        till.pay(checkout)

        looked(checkout)

        assert standing(booking) == ("confirmed", "collected")

    def test_takes_the_time_again_where_the_booking_had_lapsed(self, till):
        checkout = opened(booking := kept_visit(seconds=0.01))
        till.sandbox.faults("stripe", "error_before", operation="sessions.read")
        assert online.lapse(booking_id=booking.pk, by=None, now=timezone.now())
        till.sandbox.clear_faults()
        till.pay(checkout)

        looked(checkout)

        booking.refresh_from_db()
        assert standing(booking) == ("confirmed", "collected")
        assert (booking.cancel_reason, booking.cancelled_at, decisions(booking)) == ("", None, [])

    @pytest.mark.parametrize("lapses", [False, True])
    def test_waits_for_a_decision_where_the_time_is_gone(self, till, lapses):
        checkout = opened(booking := kept_visit(seconds=0.01))
        if lapses:
            online.lapse(booking_id=booking.pk, by=None, now=timezone.now())
        somebody_takes(booking)
        till.pay(checkout)

        looked(checkout)

        assert standing(booking) == ("cancelled", "refund_due")
        assert decisions(booking) == [("late", "waiting", 119)]
        assert Message.objects.filter(kind="confirmation").count() == 0

    def test_waits_for_a_decision_where_the_visit_would_have_begun(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)
        begun = timezone.now() - timedelta(minutes=1)
        Booking.objects.update(starts_at=begun, ends_at=begun + timedelta(minutes=15))

        looked(checkout)

        assert standing(booking) == ("cancelled", "refund_due")

    def test_waits_for_a_decision_where_somebody_had_cancelled(self, till):
        checkout = opened(booking := kept_visit())
        cause = reasons.offered().get(code="not_wanted")
        till.pay(checkout)
        lifecycle.cancel(booking_id=booking.pk, cause=cause, by=None, now=timezone.now())

        looked(checkout)

        assert standing(booking) == ("cancelled", "refund_due")
        assert decisions(booking) == [("late", "waiting", 119)]

    def test_waits_for_a_decision_where_it_was_paid_on_the_terminal_meanwhile(self, till):
        checkout = opened(booking := sure_visit())
        till.pay(checkout)
        payments.mark_collected(
            booking_id=booking.pk, method="cash", reference="R-1", amount=booking.price, by=None, now=timezone.now()
        )

        looked(checkout)

        assert standing(booking) == ("confirmed", "collected")
        assert Payment.objects.get().reference == "R-1"
        assert decisions(booking) == [("twice", "waiting", 119)]

    def test_waits_for_a_decision_where_two_links_were_paid(self, till):
        first = opened(booking := sure_visit(), sends_link=True)
        till.pay(first)
        second = checkouts.send_link(booking_id=booking.pk, by=None, now=timezone.now())
        settlement.open_now(second.pk)
        till.pay(second)

        for each in (second, first):
            looked(each)

        assert standing(booking) == ("confirmed", "collected")
        assert decisions(booking) == [("twice", "waiting", 119)]


class TestLookAtWhatWasNot:
    def test_leaves_one_that_is_open(self, till):
        checkout = looked(opened(kept_visit()))

        assert (checkout.status, checkout.state) == (Status.OPEN, "pending")
        assert checkout.checked_at is not None

    def test_leaves_one_whose_card_was_declined(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout, "decline")

        assert looked(checkout).status == Status.OPEN
        assert standing(booking) == ("pending_payment", "pending")

    def test_notes_that_it_lapsed(self, till):
        checkout = opened(booking := sure_visit())
        till.pay(checkout, "expire")

        assert looked(checkout).status == Status.EXPIRED
        assert standing(booking) == ("confirmed", "pending")

    @pytest.mark.parametrize("what", [{"amount": 120}, {"id": uuid4()}])
    def test_gives_what_differs_to_a_person_and_settles_nothing(self, till, what):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)
        if "id" in what:
            Checkout.objects.update(**what)
            checkout = Checkout.objects.get()
        else:
            Checkout.objects.update(**what)

        with pytest.raises(NeedsPerson, match="not what was asked for"):
            looked(checkout)
        work()

        booking.refresh_from_db()
        checkout.refresh_from_db()
        assert standing(booking) == ("pending_payment", "pending")
        assert booking.attention == checkouts.DIFFERS
        assert (checkout.status, checkout.needs_person) == (Status.OPEN, True)

    def test_leaves_one_that_was_never_opened(self, till):
        assert looked(asked(kept_visit())).status == Status.NEW


class TestDebit:
    def test_waits_until_the_money_comes(self, till):
        checkout = opened(booking := sure_visit())
        till.pay(checkout, "debit")
        assert looked(checkout).status == Status.OPEN

        till.press(f"payments/{checkout.external_id}/arrive")

        assert looked(checkout).status == Status.PAID
        assert standing(booking) == ("confirmed", "collected")

    def test_is_over_when_the_bank_refuses(self, till):
        checkout = opened(booking := sure_visit())
        till.pay(checkout, "debit")
        till.press(f"payments/{checkout.external_id}/bounce")

        assert looked(checkout).status == Status.EXPIRED
        assert standing(booking) == ("confirmed", "pending")


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
