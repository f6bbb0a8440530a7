"""Searches for free times, written down by day from where they are counted."""

from datetime import datetime, timedelta

from practitioners import demand
from services.models import AppointmentType
from services.prices import clinic_day

from .models import Demand

DAYS = 30
"""For so long a book is kept in Redis, and the worker may have been away."""


def write_down(*, now: datetime) -> int:
    """
    Write down what was looked for, and count the rows that are new or have changed.

    A book holds the whole of its day, and its row becomes what stands in it: written down twice, or begun and cut off,
    it comes to the same. A book that Redis forgot and began anew has another name and so a row beside the first one.

    :raises redis.RedisError: Redis does not answer.
    """
    today, kinds = clinic_day(now), set(AppointmentType.objects.values_list("pk", flat=True))
    days = [today - timedelta(days=n) for n in range(DAYS)]
    read = {day: demand.noted(day) for day in days}
    rows = {
        (day, kind, book): (counts[demand.SEARCHES], counts[demand.EMPTY])
        for day, (book, found) in read.items()
        for kind, counts in found.items()
        if kind in kinds
    }
    known = {
        (row.day, row.appointment_type_id, row.book): (row.searches, row.empty)
        for row in Demand.objects.filter(day__gte=days[-1])
    }
    changed = [
        Demand(day=day, appointment_type_id=kind, book=book, searches=searches, empty=empty)
        for (day, kind, book), (searches, empty) in rows.items()
        if known.get((day, kind, book)) != (searches, empty)
    ]
    Demand.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["day", "appointment_type", "book"],
        update_fields=["searches", "empty"],
    )
    return len(changed)
