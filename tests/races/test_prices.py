"""Prices that two people set at once: one of them, and a sentence for the other."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from botaniqal.errors import DomainError
from services import price_book
from services.models import Price
from services.prices import clinic_day
from tests.factories import AppointmentTypeFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6


def set_at_once(amounts: list[Decimal]) -> list[str]:
    """Let each amount be set at the same moment, for two types in another order each; tell what came of it."""
    first, second = AppointmentTypeFactory(), AppointmentTypeFactory()
    by, now = UserFactory(roles=["operations"]), timezone.now()
    starts_on = clinic_day(now) + timedelta(days=10)
    gate, outcomes = threading.Barrier(len(amounts)), []

    def work(place: int, amount: Decimal) -> None:
        keys = [first.pk, second.pk] if place % 2 else [second.pk, first.pk]
        try:
            gate.wait()
            wanted = dict.fromkeys(keys, amount)
            price_book.set_prices(wanted=wanted, starts_on=starts_on, reason="Review", by=by, now=now)
            outcomes.append("set")
        except DomainError as refusal:
            outcomes.append(refusal.code)
        except Exception as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[place, amount]) for place, amount in enumerate(amounts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


class TestSetPrices:
    def test_sets_one_of_many_and_tells_the_others(self):
        outcomes = set_at_once([Decimal(130 + n) for n in range(AT_ONCE)])

        assert outcomes == ["bad_prices"] * (AT_ONCE - 1) + ["set"]
        assert Price.objects.exclude(reason="").values("amount").distinct().count() == 1
