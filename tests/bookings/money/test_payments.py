"""Money for a booking."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Payment
from bookings.money import payments
from bookings.money.payments import Taken
from botaniqal.errors import Malformed, Missing, RuleBroken
from tests.factories import AppointmentTypeFactory, BookingFactory, UserFactory


class TestRefuseCardNumber:
    @pytest.mark.parametrize(
        "text",
        [
            "4111111111111111",
            "Visa 4111 1111 1111 1111, thanks",
            "4111-1111-1111-1111",
            "Amex 3782 822463 10005",
            "mastercard:5555555555554444.",
            "first line\n4000 0025 0000 3155",
        ],
    )
    def test_finds_the_ways_in_which_cards_are_written(self, text):
        with pytest.raises(Malformed, match="card number"):
            payments.refuse_card_number(text, "notes")

    @pytest.mark.parametrize(
        "text",
        ["", "0412 345 678", "0412345678 0413456789", "4111 1111 1111 1112", "Receipt 000123456789", "BOT-2026-0021"],
    )
    def test_leaves_other_numbers_alone(self, text):
        payments.refuse_card_number(text, "notes")


@pytest.mark.django_db
class TestAmountDue:
    def due(self, kind, taken, by=None):
        return payments.amount_due(appointment_type=kind, taken=taken, by=by, now=timezone.now())

    def test_is_the_price_books_price(self):
        assert self.due(AppointmentTypeFactory(), Taken()) == self.due(
            AppointmentTypeFactory(), Taken(amount=Decimal(119))
        )

    def test_asks_for_a_price(self):
        with pytest.raises(RuleBroken, match="no price yet"):
            self.due(AppointmentTypeFactory(price="none"), Taken())

    @pytest.mark.parametrize("reason", ["", "Friend of the house"])
    def test_refuses_another_amount_without_the_right_and_names_the_price(self, reason):
        with pytest.raises(payments.WrongAmount) as refused:
            self.due(AppointmentTypeFactory(), Taken(amount=Decimal(1), amount_reason=reason), by=UserFactory())

        assert refused.value.extra == {"expectedAmount": 119.0}

    def test_refuses_another_amount_without_a_reason(self):
        with pytest.raises(payments.WrongAmount):
            self.due(AppointmentTypeFactory(), Taken(amount=Decimal(1)), by=UserFactory(is_superuser=True))


@pytest.mark.django_db
class TestRecord:
    def test_needs_nothing_for_what_is_free(self):
        booking = BookingFactory(price=0)

        made = payments.record(booking=booking, taken=Taken(is_collected=True), by=None, now=timezone.now())

        assert (made.status, made.method, made.collected_at) == (
            Payment.Status.NOT_NEEDED,
            Payment.Method.NONE,
            None,
        )

    def test_refuses_a_card_number_as_reference(self):
        with pytest.raises(Malformed):
            payments.record(
                booking=BookingFactory(), taken=Taken(reference="4111111111111111"), by=None, now=timezone.now()
            )


class TestRequireReference:
    @pytest.mark.parametrize(
        "taken",
        [
            Taken(is_collected=True, reference="T-1"),
            Taken(is_collected=False),
            Taken(is_collected=True, method=Payment.Method.CASH),
        ],
        ids=["receipt", "paid later", "cash"],
    )
    def test_is_content(self, taken):
        payments.require_reference(taken=taken, amount=Decimal(119))

    def test_is_content_where_nothing_is_to_be_paid(self):
        payments.require_reference(taken=Taken(is_collected=True), amount=Decimal(0))

    def test_refuses_a_payment_on_the_terminal_without_its_receipt(self):
        with pytest.raises(payments.ReferenceNeeded):
            payments.require_reference(taken=Taken(is_collected=True, reference=" "), amount=Decimal(119))


@pytest.fixture
def due():
    """What is still to be paid for a booking."""
    return payments.record(booking=BookingFactory(), taken=Taken(), by=None, now=timezone.now())


def collect(due, **change):
    told = {
        "booking_id": due.booking_id,
        "method": "bank_transfer",
        "reference": "B-7",
        "amount": Decimal(119),
        "by": None,
        "now": timezone.now(),
    }
    return payments.mark_collected(**told | change)


@pytest.mark.django_db
class TestMarkCollected:
    def test_notes_how_and_when_and_by_whom(self, due):
        somebody, now = UserFactory(), timezone.now()

        paid = collect(due, by=somebody, now=now, reference=" B-7 ")

        paid.refresh_from_db()
        assert (paid.status, paid.method, paid.reference) == ("collected", "bank_transfer", "B-7")
        assert (paid.collected_by, paid.collected_at) == (somebody, now)

    def test_changes_nothing_when_the_same_receipt_is_told_again(self, due):
        first = collect(due)

        again = collect(due, now=first.collected_at + timedelta(hours=1), by=UserFactory())

        assert (again.collected_at, again.collected_by) == (first.collected_at, None)

    @pytest.mark.parametrize("change", [{"reference": "B-8"}, {"amount": Decimal(100)}])
    def test_refuses_another_receipt_once_it_is_paid(self, due, change):
        collect(due)

        with pytest.raises(payments.NothingDue, match="paid"):
            collect(due, **change)

    def test_refuses_another_amount_and_names_what_is_due(self, due):
        with pytest.raises(payments.WrongAmount, match=r"\$119.00 is due") as refused:
            collect(due, amount=Decimal(100))

        assert refused.value.extra == {"expectedAmount": 119.0}

    @pytest.mark.parametrize("status", sorted(set(Payment.Status.values) - {"pending", "collected"}))
    def test_refuses_where_nothing_is_waited_for(self, due, status):
        Payment.objects.update(status=status)

        with pytest.raises(payments.NothingDue):
            collect(due)

    def test_refuses_a_booking_that_is_cancelled(self, due):
        lifecycle.cancel(booking_id=due.booking_id, reason="Ill", by=None, now=timezone.now())

        with pytest.raises(payments.NothingDue, match="cancelled"):
            collect(due)

    @pytest.mark.parametrize(
        "change", [{"reference": " "}, {"reference": "4111 1111 1111 1111"}, {"method": "none"}, {"method": "shells"}]
    )
    def test_refuses_what_is_no_receipt_or_no_way_to_pay(self, due, change):
        with pytest.raises(Malformed):
            collect(due, **change)

        due.refresh_from_db()
        assert due.status == Payment.Status.PENDING

    def test_refuses_a_booking_that_there_is_not_or_that_has_no_payment(self, due):
        with pytest.raises(Missing):
            collect(due, booking_id=uuid4())
        with pytest.raises(Missing):
            collect(Payment(booking=BookingFactory()))
