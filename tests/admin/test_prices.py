"""Prices in the admin: history stands, the future can be written."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from services.models import Price
from tests.factories import AppointmentTypeFactory

pytestmark = pytest.mark.django_db


def form_of(kind, rows: list[dict], **changes) -> dict:
    """What the page of an appointment type sends."""
    fields = ["service", "name", "kind", "mode", "practitioner_types", "position", "minutes", "buffer_before_minutes"]
    fields += ["buffer_after_minutes", "step_minutes", "min_notice_minutes", "horizon_days"]
    sent = {field: getattr(kind, field) for field in fields}
    sent["service"] = kind.service_id
    sent |= {"is_active": "on", "medirecords_type": kind.medirecords_type, "billing_code": ""}
    sent |= {"prices-TOTAL_FORMS": len(rows), "prices-INITIAL_FORMS": 0}
    for n, row in enumerate(rows):
        sent |= {f"prices-{n}-{name}": value for name, value in row.items()}
    return sent | {"prices-2-TOTAL_FORMS": 0, "prices-2-INITIAL_FORMS": 0} | changes


class TestPrices:
    def test_can_be_entered_today_for_a_later_day(self, operations):
        kind = AppointmentTypeFactory()
        later = timezone.localdate() + timedelta(days=30)
        address = reverse("admin:services_appointmenttype_change", args=(kind.pk,))

        operations.post(address, form_of(kind, [{"starts_on": later.isoformat(), "amount": "129.00"}]))

        price = kind.prices.get(starts_on=later)
        assert price.amount == Decimal("129.00")
        assert price.created_by is not None

    def test_cannot_be_entered_for_the_past(self, operations):
        kind = AppointmentTypeFactory()
        yesterday = timezone.localdate() - timedelta(days=1)
        address = reverse("admin:services_appointmenttype_change", args=(kind.pk,))

        answer = operations.post(address, form_of(kind, [{"starts_on": yesterday.isoformat(), "amount": "129.00"}]))

        assert "The past cannot be priced anew." in answer.content.decode()
        assert Price.objects.count() == 1

    @pytest.mark.parametrize("days", [0, 30])
    def test_cannot_be_two_of_one_day(self, operations, days):
        kind = AppointmentTypeFactory(price="none")
        day = timezone.localdate() + timedelta(days=days)
        Price.objects.create(appointment_type=kind, amount=129, starts_on=day)
        address = reverse("admin:services_appointmenttype_change", args=(kind.pk,))

        answer = operations.post(address, form_of(kind, [{"starts_on": day.isoformat(), "amount": "139.00"}]))

        assert "There is a price from that day already." in answer.content.decode()
        assert kind.prices.get().amount == Decimal("129.00")

    def test_cannot_be_typed_twice_for_one_day(self, operations):
        kind = AppointmentTypeFactory()
        row = {"starts_on": (timezone.localdate() + timedelta(days=30)).isoformat(), "amount": "129.00"}
        address = reverse("admin:services_appointmenttype_change", args=(kind.pk,))

        answer = operations.post(address, form_of(kind, [row, row]))

        assert "Two prices begin on the same day." in answer.content.decode()

    def test_cannot_be_changed_once_they_hold(self, operations):
        kind = AppointmentTypeFactory()
        held = kind.prices.get()
        address = reverse("admin:services_appointmenttype_change", args=(kind.pk,))
        row = {"id": held.pk, "appointment_type": kind.pk, "starts_on": held.starts_on.isoformat(), "amount": "1.00"}

        operations.post(
            address,
            form_of(kind, [], **{f"prices-2-0-{name}": value for name, value in row.items()})
            | {"prices-2-TOTAL_FORMS": 1, "prices-2-INITIAL_FORMS": 1},
        )
        held.refresh_from_db()

        assert (held.amount, held.starts_on) == (Decimal("119.00"), date(2024, 1, 1))

    def test_of_today_stand_in_the_list(self, operations):
        kind = AppointmentTypeFactory(name="Initial", price=Decimal("119.00"))
        Price.objects.create(appointment_type=kind, amount=129, starts_on=timezone.localdate() + timedelta(days=1))
        AppointmentTypeFactory(name="Not priced", price="none")

        page = operations.get(reverse("admin:services_appointmenttype_changelist")).content.decode()

        assert "$119.00" in page
        assert "$129.00" not in page
        assert "No price" in page
