"""Money: what came, what went back, and whose it was."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from bookings.models import Booking
from botaniqal.errors import Malformed
from practitioners.models import Practitioner
from services.models import AppointmentType, Service

from ..models import DayOfVisits
from .counting import Numbers, totals
from .period import EVERYTHING, Only, Period
from .shapes import Money

NAMES = ["taken", "given_back", "twice", "lost"]
UNKNOWN = "No booking known"
"""Whose money it is that a bank took back, of a charge that no booking has."""


def revenue(
    period: Period, only: Only = EVERYTHING, by: str = "service", *, now: datetime | None = None
) -> list[Money]:
    """
    Add up a period's money by ``service``, booking ``method`` or ``practitioner``; the sum is all of it.

    :raises Malformed: it cannot be told apart by that.
    """
    if by not in LABELS:
        raise Malformed("Money is told apart by service, booking method or practitioner.", details={"by": ["No."]})
    column, labels_of = LABELS[by]
    added = totals(DayOfVisits, NAMES, period, only=only, by=[column], now=now or timezone.now())
    services = dict(AppointmentType.objects.values_list("pk", "service")) if by == "service" else {}
    lines: dict[Any, Numbers] = defaultdict(lambda: dict.fromkeys(NAMES, 0))
    for (key,), numbers in added.items():
        for name, amount in numbers.items():
            lines[services.get(key, key)][name] += amount
    labels = labels_of()
    known = [Money(label, key, **lines[key]) for key, label in labels.items() if key in lines]
    return known + [Money(UNKNOWN, "", **numbers) for key, numbers in lines.items() if not key]


LABELS: dict[str, tuple[str, Callable[[], dict[Any, str]]]] = {
    "service": ("appointment_type", lambda: dict(Service.objects.values_list("pk", "name"))),
    "method": ("source", lambda: dict(Booking.Source.choices)),
    "practitioner": ("practitioner", lambda: dict(Practitioner.objects.values_list("pk", "name"))),
}
"""By what money is told apart: the column of it, and what each is called, in order."""
