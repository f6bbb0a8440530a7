"""Recording on a booking's page what was paid for it later."""

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Payment
from bookings.money import payments
from botaniqal.accounts.models import User
from tests.admin.conftest import logged_in, somebody
from tests.admin.test_verbs import told, verb_of
from tests.factories import BookingFactory, PractitionerFactory
from tests.paying import kept_visit

pytestmark = pytest.mark.django_db
PAID = {"method": "bank_transfer", "amount": "119.00", "reference": "B-7"}


@pytest.fixture
def booking():
    """A booking that is still to be paid."""
    booking = BookingFactory()
    payments.record(booking=booking, taken=payments.Taken(), by=None, now=timezone.now())
    return booking


def page_of(booking):
    return reverse("admin:bookings_booking_change", args=[booking.pk])


class TestRecordPayment:
    def test_notes_what_was_paid_and_says_so(self, operations, booking):
        answer = operations.post(verb_of(booking, "record_payment"), PAID)

        payment = Payment.objects.get(booking=booking)
        assert told(answer) == [f"{booking} is paid: $119.00."]
        assert (payment.status, payment.method, payment.reference) == ("collected", "bank_transfer", "B-7")
        assert payment.collected_by == User.objects.get(groups__name="operations")

    def test_makes_sure_what_waited_for_it_and_says_so(self, operations):
        waiting = kept_visit()

        answer = operations.post(verb_of(waiting, "record_payment"), PAID)

        words = f"{waiting} is paid: $119.00. It is sure now, and the patient gets the confirmation."
        assert told(answer) == [words]
        assert Booking.objects.get().state == Booking.State.CONFIRMED

    def test_offers_the_amount_that_is_due_and_changes_nothing_by_looking(self, operations, booking):
        page = operations.get(verb_of(booking, "record_payment")).content.decode()

        assert 'value="119.00"' in page
        assert Payment.objects.get().status == Payment.Status.PENDING

    def test_is_offered_as_long_as_a_payment_is_due(self, operations, booking):
        cancelled, free = BookingFactory(), BookingFactory(price=0)
        for each in (cancelled, free):
            payments.record(booking=each, taken=payments.Taken(), by=None, now=timezone.now())
        lifecycle.cancel(booking_id=cancelled.pk, reason="Ill", by=None, now=timezone.now())

        offered = [
            "Record payment" in operations.get(page_of(each)).content.decode()
            for each in (booking, cancelled, free, BookingFactory())
        ]

        assert offered == [True, False, False, False]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"amount": "100.00"}, "$119.00 is due"),
            ({"reference": "4111 1111 1111 1111"}, "card number"),
        ],
    )
    def test_says_why_something_cannot_be_recorded(self, operations, booking, change, words):
        answer = operations.post(verb_of(booking, "record_payment"), PAID | change, follow=True)

        assert words in answer.content.decode()
        assert Payment.objects.get().status == Payment.Status.PENDING

    def test_offers_no_way_to_pay_that_brings_no_money(self, operations, booking):
        operations.post(verb_of(booking, "record_payment"), PAID | {"method": "none"})

        assert Payment.objects.get().status == Payment.Status.PENDING

    def test_is_for_those_who_may_change_bookings(self, booking):
        doctor = somebody("clinician")
        Booking.objects.update(practitioner=PractitionerFactory(user=doctor))

        answer = logged_in(doctor).post(verb_of(booking, "record_payment"), PAID)

        assert answer.status_code == 403
        assert Payment.objects.get().status == Payment.Status.PENDING

    def test_leaves_bookings_of_others_patients_alone(self, consultant, booking):
        answer = consultant.post(verb_of(booking, "record_payment"), PAID)

        assert answer.status_code == 404
        assert Payment.objects.get().status == Payment.Status.PENDING


class TestToBePaid:
    def test_lists_what_is_due_and_nothing_else(self, operations, booking):
        free, cancelled, bare = BookingFactory(price=0), BookingFactory(), BookingFactory()
        for each in (free, cancelled):
            payments.record(booking=each, taken=payments.Taken(), by=None, now=timezone.now())
        lifecycle.cancel(booking_id=cancelled.pk, reason="Ill", by=None, now=timezone.now())

        page = operations.get(reverse("admin:bookings_booking_changelist"), {"view": "unpaid"}).content.decode()

        assert [each.number in page for each in (booking, free, cancelled, bare)] == [True, False, False, False]
