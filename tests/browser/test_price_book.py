"""Operations change prices in a real browser, by keyboard alone, and see what the publish check says of them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from services.models import Price
from tests.factories import AppointmentTypeFactory, BookingFactory, UserFactory, next_morning

from .looks import faults

pytestmark = pytest.mark.slow


@pytest.fixture
def operations(transactional_db):
    return UserFactory(is_staff=True, roles=["operations"])


@pytest.fixture
def sleep(transactional_db):
    return AppointmentTypeFactory(name="Sleep, initial", price=Decimal("119.00"))


class TestPriceBook:
    def test_changes_prices_after_showing_what_changes(self, open_as, operations, sleep):
        unpriced = AppointmentTypeFactory(name="Rest, initial", price="none")
        booking = BookingFactory(appointment_type=sleep, starts_at=next_morning(10, days=40))
        first_day = timezone.localdate() + timedelta(days=30)
        page = open_as(operations)
        page.goto(reverse("admin:price_book"))

        page.get_by_label("New price of Sleep, initial").fill("129.50")
        page.get_by_label("New price of Rest, initial").fill("89")
        page.get_by_label("From", exact=True).fill(f"{first_day}")
        page.get_by_label("Why").fill("The rent went up.")
        page.keyboard.press("Enter")
        row = page.get_by_role("row", name="Sleep, initial")
        expect(row).to_contain_text("$119.00")
        expect(row).to_contain_text("$129.50")
        row.get_by_text("1 visit").click()
        expect(row).to_contain_text(booking.number)
        assert not Price.objects.filter(starts_on=first_day).exists()
        page.get_by_role("button", name="Set these prices").press("Enter")

        expect(page.get_by_text("2 new prices from")).to_be_visible()
        expect(page.get_by_role("row", name="Sleep, initial")).to_contain_text("$129.50")
        assert dict(Price.objects.filter(starts_on=first_day).values_list("appointment_type", "amount")) == {
            sleep.pk: Decimal("129.50"),
            unpriced.pk: Decimal("89.00"),
        }

    def test_marks_what_is_wrong_and_keeps_what_was_typed(self, open_as, operations, sleep):
        page = open_as(operations)
        page.goto(reverse("admin:price_book"))

        page.get_by_label("New price of Sleep, initial").fill("-5")
        page.get_by_label("Why").fill("A slip")
        page.get_by_role("button", name="Show what changes").click()

        expect(page.get_by_role("alert")).to_contain_text("No price was set.")
        expect(page.get_by_label("New price of Sleep, initial")).to_have_value("-5")
        expect(page.get_by_label("Why")).to_have_value("A slip")


class TestPages:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1366, 320])
    @pytest.mark.parametrize("name", ["price_book", "publish_check", "services_service_changelist"])
    def test_are_usable_by_everybody(self, open_as, operations, sleep, axe, name, width, scheme):
        AppointmentTypeFactory(name="Rest, initial", price="none", service=sleep.service)
        page = open_as(operations, width=width, color_scheme=scheme)
        page.goto(reverse(f"admin:{name}"))

        found = faults(axe, page)
        overhang = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

        assert found == []
        assert overhang <= 0
