"""Money for a booking."""

from decimal import Decimal

import pytest
from django.utils import timezone

from bookings import payments
from bookings.models import Payment
from bookings.payments import Taken
from botaniqal.errors import Malformed, RuleBroken
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
