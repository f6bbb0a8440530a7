"""The appointment types and prices that the clinic's own documents name are all in the initial catalogue."""

from decimal import Decimal

import pytest

from services.models import AppointmentType, Service

from .conftest import TODAY

pytestmark = pytest.mark.usefixtures("loaded")

# Service, then code: minutes and price, None where the documents say that it is still to be set.
SEEDS = {
    "free-consultation": {"initial-consult-free": (15, 0)},
    "alternative-medicine": {
        "initial-alternative-15min": (15, 119),
        "followup-alternative-10min": (10, 79),
        "initial-inperson-20min": (20, 119),
        "followup-inperson-15min": (15, 79),
        "followup-alternative-30min": (30, 69),
    },
    "gaps": {"initial-gaps-60min": (60, 195), "followup-gaps-15min": (15, 79)},
    "weight-loss": {"initial-weight": (45, None), "followup-weight-45min": (45, 89)},
    "counseling": {},
    "equine": {},
}


class TestInitialCatalogue:
    def test_has_what_the_documents_name(self):
        found = {slug: {} for slug in Service.objects.values_list("slug", flat=True)}
        for kind in AppointmentType.objects.select_related("service"):
            amount = kind.prices.as_of(TODAY).values_list("amount", flat=True).first()
            found[kind.service.slug][kind.code] = (kind.minutes, amount)

        assert found == SEEDS

    def test_tells_medirecords_how_to_bill_and_report_every_visit(self):
        rows = AppointmentType.objects.exclude(kind="consultation")

        assert not rows.filter(billing_code="").exists()
        assert set(rows.values_list("service__slug", "reporting_category")) == {
            ("alternative-medicine", "Alternative Medicine"),
            ("gaps", "GAPS"),
            ("weight-loss", "Weight Loss"),
        }
        codes = rows.values_list("billing_code", flat=True)
        assert len(set(codes)) == len(codes)

    def test_asks_no_payment_for_the_free_consultation(self):
        free = AppointmentType.objects.get(code=AppointmentType.FREE_CONSULTATION)

        assert (free.is_payment_required, free.prices.get().amount) == (False, Decimal(0))


class TestWeightLossInitial:
    def test_cannot_be_booked_and_says_why(self, client, offered):
        types = client.get("/api/services/weight-loss").json()["appointmentTypes"]

        assert {each["code"]: (each["bookable"], each["reason"]) for each in types} == {
            "initial-weight": (False, "There is no price for it yet."),
            "followup-weight-45min": (True, None),
        }
