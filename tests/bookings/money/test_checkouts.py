"""Ways to pay, as rows: asked for, sent, taken back."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Checkout, Payment
from bookings.money import checkouts, payments
from botaniqal.errors import Missing
from tests.factories import BookingFactory
from tests.paying import asked, kept_visit, sure_visit

pytestmark = pytest.mark.django_db
Status = Checkout.Status


def send_link(booking):
    return checkouts.send_link(booking_id=booking.pk, by=None, now=timezone.now())


class TestAsk:
    def test_is_for_what_is_due_until_its_time_is_over(self, settings):
        settings.CHECKOUT_MINUTES = 40
        now = timezone.now()

        checkout = asked(kept_visit(), now=now)

        assert (checkout.amount, checkout.status, checkout.sends_link) == (119, Status.NEW, False)
        assert checkout.expires_at == now + timedelta(minutes=40)
        assert not Checkout.objects.due(now + timedelta(minutes=39)).exists()

    def test_gives_the_one_that_is_open_when_asked_twice(self):
        booking = kept_visit()

        assert asked(booking) == asked(booking, door=Checkout.Door.PATIENT)

    def test_makes_another_one_where_the_first_is_over_or_a_link_is_wanted(self):
        booking = sure_visit()
        first = asked(booking, now=timezone.now() - timedelta(hours=1))
        second = asked(booking)
        third = asked(booking, sends_link=True)

        assert len({first, second, third}) == 3
        assert [row.status for row in booking.checkouts.order_by("created_at")] == [Status.VOID, Status.VOID, "new"]

    @pytest.mark.parametrize("status", sorted(set(Payment.Status.values) - {"pending"}))
    def test_refuses_where_nothing_is_due(self, status):
        booking = sure_visit()
        Payment.objects.update(status=status, collected_at=timezone.now())

        with pytest.raises(checkouts.NothingToPay):
            asked(booking)

    def test_refuses_what_is_cancelled_or_has_no_payment(self):
        booking = sure_visit()
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())

        for each in (booking, BookingFactory()):
            with pytest.raises(checkouts.NothingToPay):
                asked(each)

    def test_sends_no_link_to_nobody(self):
        booking = sure_visit()
        booking.patient.email = ""
        booking.patient.save()

        with pytest.raises(checkouts.NoAddress):
            asked(booking, sends_link=True)

        assert not Checkout.objects.exists()


class TestSendLink:
    def test_takes_the_place_of_the_one_before(self, settings):
        settings.PAYMENT_LINK_HOURS = 24
        booking = sure_visit()
        first = send_link(booking)

        second = send_link(booking)

        first.refresh_from_db()
        assert (first.status, second.status, second.sends_link, second.door) == ("void", "new", True, "desk")
        assert timedelta(hours=23) < second.expires_at - timezone.now() <= timedelta(hours=24)
        assert Checkout.objects.due(timezone.now()).count() == 2

    def test_needs_a_booking(self):
        with pytest.raises(Missing):
            checkouts.send_link(booking_id=uuid4(), by=None, now=timezone.now())


class TestWithdraw:
    def test_leaves_what_is_due(self):
        booking = sure_visit()
        send_link(booking)

        checkouts.withdraw(booking_id=booking.pk, by=None, now=timezone.now())

        assert booking.checkouts.get().status == Status.VOID
        assert Payment.objects.get().status == Payment.Status.PENDING

    def test_says_so_where_none_is_open(self):
        with pytest.raises(checkouts.NothingToPay, match="No payment link"):
            checkouts.withdraw(booking_id=sure_visit().pk, by=None, now=timezone.now())


class TestTakeBack:
    def test_comes_with_a_cancellation(self):
        checkout = asked(booking := sure_visit())

        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())

        checkout.refresh_from_db()
        assert (checkout.status, checkout.state) == (Status.VOID, "pending")

    def test_comes_with_a_payment_on_the_terminal(self):
        checkout = asked(booking := sure_visit())

        payments.mark_collected(
            booking_id=booking.pk, method="cash", reference="R-1", amount=booking.price, by=None, now=timezone.now()
        )

        checkout.refresh_from_db()
        assert checkout.status == Status.VOID
