"""The reports in a browser: without faults in every look, and from a figure to its rows by keyboard."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from bookings.models import Booking, Payment
from botaniqal.reports.report_pages import REPORTS
from tests.factories import AppointmentTypeFactory, BookingFactory, UserFactory

from .looks import Looks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def booked(transactional_db) -> Booking:
    """A visit of yesterday, paid, and one of five weeks ago to compare it with."""
    kind, now = AppointmentTypeFactory(), timezone.now()
    for days in (1, 35):
        moment = now - timedelta(days=days)
        visit = BookingFactory(appointment_type=kind, starts_at=moment, state=Booking.State.COMPLETED)
        Booking.objects.filter(pk=visit.pk).update(created_at=moment)
        Payment.objects.create(booking=visit, amount=119, method="cash", status="collected", collected_at=moment)
    return visit


@pytest.fixture
def page(open_as, booked):
    return open_as(UserFactory(is_staff=True, first_name="Martin", roles=["management"]))


class TestReports:
    def test_have_no_faults(self, axe, page):
        looks = Looks(axe)

        for address in [
            reverse("admin:index"),
            *(reverse(f"admin:report_{report.slug}") for report in REPORTS),
            reverse("admin:report_rows", args=["taken"]),
            reverse("admin:report_revenue") + "?first=2020-01-01&last=2020-01-02",
            reverse("admin:report_revenue") + "?first=x",
        ]:
            page.goto(address)
            for summary in page.locator("main summary").all():
                summary.click()
            looks.at(page, address)

        assert looks.wrong == []

    @pytest.mark.main_way
    def test_lead_from_a_figure_to_its_rows(self, page):
        page.goto(reverse("admin:report_revenue"))
        page.get_by_label("From").fill(f"{timezone.localdate() - timedelta(days=2)}")
        page.get_by_role("button", name="Show").press("Enter")

        page.get_by_role("link", name="$119.00").first.press("Enter")

        expect(page.get_by_role("heading", name="$119.00 · 1 row")).to_be_visible()
        expect(page.locator("main")).not_to_contain_text("Leo Martin")
