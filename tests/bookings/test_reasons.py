import pytest
from django.utils import timezone

from bookings import lifecycle, reasons
from bookings.models import Booking, CancelReason, Payment
from bookings.refunds import NothingToGiveBack, mark_given_back
from botaniqal.errors import Malformed, Missing
from tests.factories import BookingFactory, UserFactory

pytestmark = pytest.mark.django_db


def reason(code: str) -> CancelReason:
    return CancelReason.objects.get(code=code)


def cancel(booking: Booking, **fields) -> Booking:
    return lifecycle.cancel(booking_id=booking.pk, by=None, now=timezone.now(), **fields)


class TestOffered:
    def test_keeps_the_order_and_leaves_out_what_is_off(self):
        CancelReason.objects.filter(code="price").update(is_active=False)
        CancelReason.objects.filter(code="other").update(position=0, label="A first one")

        labels = [str(each) for each in reasons.offered()]

        assert labels[0] == "A first one"
        assert "Price" not in labels


class TestCancel:
    def test_keeps_the_reason_with_its_words(self):
        booking = cancel(BookingFactory(), cause=reason("price"))

        assert (booking.cancel_cause.code, booking.cancel_reason) == ("price", "Price")

    def test_adds_what_was_said(self):
        assert cancel(BookingFactory(), cause=reason("other"), reason=" Moved to Perth ").cancel_reason == (
            "Other: Moved to Perth"
        )

    def test_asks_for_words_where_the_reason_says_too_little(self):
        with pytest.raises(Malformed, match="asks for a few words more"):
            cancel(BookingFactory(), cause=reason("other"))

    def test_keeps_its_words_when_the_reason_is_renamed(self):
        booking = cancel(BookingFactory(), cause=reason("price"))

        CancelReason.objects.filter(code="price").update(label="Too dear")

        booking.refresh_from_db()
        assert booking.cancel_reason == "Price"


class TestMarkGivenBack:
    @pytest.fixture
    def booking(self):
        booking = BookingFactory(attention="Give it back.")
        now = timezone.now()
        fields = {"status": "refund_due", "collected_at": now, "reference": "R-1"}
        Payment.objects.create(booking=booking, amount=119, method="credit_card_phone", **fields)
        return booking

    def give_back(self, booking, reference="T-2"):
        return mark_given_back(booking_id=booking.pk, reference=reference, by=UserFactory(), now=timezone.now())

    def test_notes_by_which_slip_and_who(self, booking):
        payment = self.give_back(booking)

        booking.refresh_from_db()
        assert (payment.status, payment.reference, payment.refund_reference) == ("refunded", "R-1", "T-2")
        assert payment.refunded_by is not None
        assert booking.attention == ""

    @pytest.mark.parametrize("status", ["pending", "collected", "not_needed", "refunded"])
    def test_has_nothing_to_do_otherwise(self, booking, status):
        Payment.objects.update(status=status)

        with pytest.raises(NothingToGiveBack):
            self.give_back(booking)

    def test_has_nothing_to_do_without_a_payment(self):
        with pytest.raises(NothingToGiveBack):
            self.give_back(BookingFactory())

    def test_needs_a_booking(self):
        with pytest.raises(Missing):
            self.give_back(UserFactory.build(pk="00000000-0000-4000-8000-000000000000"))

    @pytest.mark.parametrize("reference", ["", " ", "4111 1111 1111 1111"])
    def test_asks_for_the_slip_and_for_no_card_number(self, booking, reference):
        with pytest.raises(Malformed):
            self.give_back(booking, reference)
