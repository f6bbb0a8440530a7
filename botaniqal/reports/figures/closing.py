"""Closing days: what a day came to is counted once it is over, and again when something in it has changed."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection, transaction

from botaniqal import locks
from practitioners.availability import CLINIC
from services.prices import clinic_day

from ..models import Day, DayOfHours, Fact
from .counting import count
from .hours import count_hours
from .period import DAY, EVERYTHING, LONGEST_DAYS
from .sources import COLUMNS, OVERDUE
from .touched import FIRST_DAY, reopen

PORTION = 31
"""So many days are closed in one transaction; of years of history nothing is lost that was done."""

# Days older than any report are counted when somebody asks for them: a slip of the pen may have made them.
DUE = f"""
    SELECT asked::date AS day
    FROM generate_series(
        greatest(%(oldest)s, {FIRST_DAY})::timestamp, %(last)s::timestamp, interval '1 day'
    ) asked
    LEFT JOIN reports_day ON reports_day.day = asked::date
    WHERE reports_day.closed_at IS NULL
  UNION
    SELECT day FROM reports_day WHERE closed_at IS NULL AND day <= %(last)s
    ORDER BY day DESC
    LIMIT %(at_most)s
"""  # noqa: S608 - our own words


def close_due(*, now: datetime) -> int:
    """Close the days that are over, the latest first, and count them; somebody else who is at it goes on alone."""
    closed = 0
    while portion := close_some(now=now):
        closed += portion
    return closed


@transaction.atomic
def close_some(*, now: datetime, at_most: int = PORTION) -> int:
    """Close the latest of the days that are over and count them; none while somebody else is at it."""
    # One at a time: whoever took away what was touched before a day was closed has to know that it was.
    if not locks.try_for("closing of days"):
        return 0
    reopen(today=clinic_day(now))
    days = _due(now, at_most)
    if days:
        _close(days, now)
    return len(days)


def _due(now: datetime, at_most: int) -> list[date]:
    # By then every call of the day was made or was not.
    last = clinic_day(now - OVERDUE) - DAY
    wanted = {"oldest": last - LONGEST_DAYS * DAY, "last": last, "zone": f"{CLINIC}", "at_most": at_most}
    with connection.cursor() as cursor:
        cursor.execute(DUE, wanted)
        return [day for (day,) in cursor.fetchall()]


def _close(days: Sequence[date], now: datetime) -> None:
    for model in COLUMNS:
        rows = _rows(model, days, now)
        model.objects.filter(day__in=days).delete()
        model.objects.bulk_create(rows, batch_size=1000)
    hours = count_hours(days)
    DayOfHours.objects.filter(day__in=days).delete()
    DayOfHours.objects.bulk_create(hours, batch_size=1000)
    closed = [Day(day=day, closed_at=now) for day in days]
    Day.objects.bulk_create(closed, update_conflicts=True, update_fields=["closed_at"], unique_fields=["day"])


def _rows(model: type[Fact], days: Sequence[date], now: datetime) -> list[Fact]:
    attnames = ["day", *(model._meta.get_field(column).attname for column in COLUMNS[model])]
    counted = count(model, days, now=now, only=EVERYTHING)
    return [
        model(**dict(zip(attnames, key, strict=True)), **numbers)
        for key, numbers in counted.items()
        if any(numbers.values())
    ]
