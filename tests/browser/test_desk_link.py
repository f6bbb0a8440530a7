"""At the call desk: a payment link goes out, and turns paid before one's eyes."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from bookings.models import Checkout
from bookings.money import settlement

pytestmark = pytest.mark.django_db(transaction=True)


class TestPaymentLink:
    @pytest.mark.main_way
    def test_is_sent_and_turns_paid(self, till, desk, session):
        desk.press("Enter")
        desk.hold_soonest()
        desk["[value=link]"].check()
        desk.press("Control+Enter")
        expect(desk["#visit"]).to_contain_text("the payment link is on its way")

        settlement.work_due()
        expect(desk["#visit"]).to_contain_text("payment link open until")
        checkout = Checkout.objects.get()
        till.pay(checkout)
        settlement.look(checkout.pk, timezone.now())

        expect(desk["#visit"]).to_contain_text("$119.00 paid, online")
        expect(desk.page.get_by_text("The visit is paid.")).to_be_attached()
        session.refresh_from_db()
        assert (session.booking.state, session.booking.payment.status) == ("confirmed", "collected")
