"""What is looked for: searches for free times, counted in Redis by day of the clinic until reports write them down."""

from collections.abc import Sequence
from datetime import date, datetime

from botaniqal import counters
from services.models import AppointmentType
from services.prices import clinic_day

from .availability import Slots

SEARCHES, EMPTY = "searches", "empty"


def note(found: Sequence[Slots], *, now: datetime) -> None:
    """Count a search for each appointment type that was looked for, by whether anybody had a time on those days."""
    is_free: dict[AppointmentType, bool] = {}
    for slots in found:
        is_free[slots.appointment_type] = is_free.get(slots.appointment_type, False) or slots.starts != 0
    book = _book(clinic_day(now))
    for kind, has_times in is_free.items():
        counters.count("availability_searches", appointment_type=kind.code, found="times" if has_times else "nothing")
        counters.write(book, f"{kind.pk}:{SEARCHES}")  # first of the two: never are more empty than there were
        if not has_times:
            counters.write(book, f"{kind.pk}:{EMPTY}")


def noted(day: date) -> tuple[str, dict[int, dict[str, int]]]:
    """
    Read what was looked for on a day: the name of the book in which it stands, and the counts by appointment type.

    :raises redis.RedisError: Redis does not answer.
    """
    name, fields = counters.read_book(_book(day))
    counts: dict[int, dict[str, int]] = {}
    for field, number in fields.items():
        kind, _, what = field.partition(":")
        counts.setdefault(int(kind), {SEARCHES: 0, EMPTY: 0})[what] = number
    return name, counts


def _book(day: date) -> str:
    return f"searches:{day}"
