"""Prices as of a day."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from services.models import AppointmentType
from services.prices import clinic_day, price_of, prices_as_of


@pytest.fixture
def gaps(loaded) -> AppointmentType:
    """An appointment type that costs 195 now and 205 from July 2026."""
    gaps = AppointmentType.objects.get(code="initial-gaps-60min")
    gaps.prices.create(amount=Decimal("205.00"), starts_on=date(2026, 7, 1))
    return gaps


class TestClinicDay:
    @pytest.mark.parametrize(
        ("moment", "day"),
        [
            (datetime(2026, 6, 30, 13, 59, tzinfo=UTC), date(2026, 6, 30)),
            (datetime(2026, 6, 30, 14, 0, tzinfo=UTC), date(2026, 7, 1)),
            (datetime(2026, 12, 31, 13, 0, tzinfo=UTC), date(2027, 1, 1)),
        ],
    )
    def test_begins_at_midnight_in_melbourne(self, moment, day):
        assert clinic_day(moment) == day


class TestPriceOf:
    @pytest.mark.parametrize(
        ("day", "amount"),
        [
            (date(2023, 12, 31), None),
            (date(2024, 1, 1), Decimal(195)),
            (date(2026, 6, 30), Decimal(195)),
            (date(2026, 7, 1), Decimal(205)),
            (date(2030, 1, 1), Decimal(205)),
        ],
    )
    def test_is_the_latest_that_has_begun(self, gaps, day, amount, django_assert_num_queries):
        with django_assert_num_queries(1):
            price = price_of(gaps, day)

        assert price == amount


class TestPricesAsOf:
    def test_holds_the_one_price_of_each_type(self, gaps, django_assert_num_queries):
        with django_assert_num_queries(1):
            prices = prices_as_of(date(2026, 7, 1))

        assert prices[gaps.pk] == Decimal(205)
        assert len(prices) == 9

    def test_leaves_out_a_type_without_price(self, loaded):
        prices = prices_as_of(date(2026, 7, 1))

        assert AppointmentType.objects.get(code="initial-weight").pk not in prices
