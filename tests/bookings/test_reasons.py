import pytest
from django.utils import timezone

from bookings import lifecycle, reasons
from bookings.models import Booking, CancelReason
from botaniqal.errors import Malformed
from tests.factories import BookingFactory

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
