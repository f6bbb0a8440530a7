"""What Stripe and the portal know of a payment, brought together."""

from datetime import timedelta
from uuid import uuid4

import pytest
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
from tests.paying import asked, decisions, kept_visit, looked, opened, standing, sure_visit, work

pytestmark = pytest.mark.django_db(transaction=True)

Status = Checkout.Status


def somebody_takes(booking):
    """Take the time of a booking for somebody else, once its hold has lapsed."""
    span = diary.Span(booking.starts_at, booking.ends_at)
    return diary.take(practitioner=booking.practitioner, span=span, by=None)


def let_go(booking):
    """Let the time that is held for a booking lapse."""
    DiaryEntry.objects.filter(booking=booking).update(live_until=F("live_from"))


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


class TestCollect:
    def collect(self, booking, **change):
        paid = {"method": "credit_card_phone", "reference": "T-1", "amount": booking.price}
        return settlement.collect(booking_id=booking.pk, by=None, now=timezone.now(), **paid | change)

    def test_makes_a_visit_sure_that_waited_for_its_payment(self, till):
        booking = kept_visit()

        payment = self.collect(booking)

        assert standing(booking) == ("confirmed", "collected")
        assert (payment.method, payment.reference) == ("credit_card_phone", "T-1")
        assert Message.objects.get(kind="confirmation").reference == booking.pk

    def test_changes_nothing_else_of_one_that_is_sure(self, till):
        booking = sure_visit()

        self.collect(booking)
        self.collect(booking)

        assert standing(booking) == ("confirmed", "collected")
        assert Message.objects.filter(kind="confirmation").count() == 1

    def test_takes_stripes_way_to_pay_back(self, till):
        checkout = opened(booking := kept_visit())

        self.collect(booking)
        work()

        assert till.session(checkout)["status"] == "expired"

    def test_leaves_what_is_paid_there_all_the_same_to_a_decision(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)
        self.collect(booking)

        looked(checkout)

        assert standing(booking) == ("confirmed", "collected")
        assert decisions(booking) == [("twice", "waiting", 119)]

    def test_notes_nothing_where_the_time_went_to_somebody_else(self, till):
        booking = kept_visit()
        let_go(booking)
        somebody_takes(booking)

        with pytest.raises(settlement.TimeGone):
            self.collect(booking)

        assert standing(booking) == ("pending_payment", "pending")
        assert not Message.objects.exists()

    def test_notes_nothing_of_another_amount(self, till):
        booking = kept_visit()

        with pytest.raises(payments.WrongAmount):
            self.collect(booking, amount=booking.price - 1)

        assert standing(booking) == ("pending_payment", "pending")


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
