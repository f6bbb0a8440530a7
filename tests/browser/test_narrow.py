"""Where there is little room: the keys in the desk's bar, the bar above on a phone, and lists."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from bookings import lifecycle
from bookings.waiting import earlier, earlier_offers
from tests.bookings.waiting.offers import LATE, SOON
from tests.factories import UserFactory
from tests.visits import booked_visit

pytestmark = pytest.mark.django_db(transaction=True)
CUT = """box => {
    const edge = box.getBoundingClientRect();
    const isCut = ({ left, top }) => top < edge.bottom && left < edge.left;
    return [...box.children].map((keys) => keys.getBoundingClientRect()).filter(isCut).length;
}"""
SIGN = "badge => getComputedStyle(badge, '::before').content"


class TestKeysAtTheDesk:
    def test_are_shown_whole_or_not_at_all(self, desk):
        desk["#start"].click()
        expect(desk["#end"]).to_be_visible()

        for width in range(1100, 1400, 30):
            desk.page.set_viewport_size({"width": width, "height": 768})
            assert desk["span.desk-hint"].evaluate(CUT) == 0, f"cut at {width} pixels"


class TestOnAPhone:
    @pytest.fixture
    def phone(self, open_as, doctor):
        """Operations with a phone, while a time is offered to somebody."""
        now = timezone.now()
        own = booked_visit(doctor, LATE)
        earlier.ask(patient=own.patient, appointment_type=own.appointment_type, booking=own, by=None, now=now)
        freed = booked_visit(doctor, SOON)
        lifecycle.cancel(booking_id=freed.pk, reason="Ill", by=None, now=now + timedelta(seconds=1))
        earlier_offers.offer_due(now=timezone.now() + timedelta(seconds=2))
        return open_as(UserFactory(is_staff=True, roles=["operations"]), width=360, height=640)

    def test_a_row_of_a_list_is_no_higher_than_two_lines(self, phone):
        phone.goto(reverse("admin:bookings_earliertimeoffer_changelist"))

        row = phone.locator("#result_list tbody tr").first.bounding_box()
        assert row["height"] < 70

    def test_each_state_has_its_sign(self, phone):
        phone.goto(reverse("admin:bookings_earliertimerequest_changelist"))
        badge = phone.locator("#result_list .badge")
        expect(badge).to_have_text("Has an offer")

        assert badge.evaluate(SIGN) not in ("none", "normal")

    def test_the_bar_above_makes_room_for_what_is_read(self, phone):
        phone.goto(reverse("admin:bookings_earliertimeoffer_changelist"))
        phone.evaluate("document.body.style.minHeight = '3000px'; scrollTo(0, 1000)")

        assert phone.locator(".topbar").evaluate("bar => bar.getBoundingClientRect().bottom") < 0
