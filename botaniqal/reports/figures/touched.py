"""On which days something has changed, by what the database wrote down of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, timedelta

from django.conf import settings
from django.db import connection

from .period import LONGEST_DAYS, Period

TAKEN = "DELETE FROM reports_touch RETURNING since, until, booking, patient"
LOOKED_AT = "SELECT since, until, booking, patient FROM reports_touch"

# A booking's practitioner, type and source tell apart also its money, its call and the call that led to it; and what a
# patient books counts with the calls that led to earlier visits. They are looked up here and not by the triggers: what
# two transactions write at once, each without seeing the other, is seen by now.
DAYS = """
    touched AS ({touched}),
    visit AS (
        SELECT booking.* FROM bookings_booking booking
        WHERE id IN (SELECT booking FROM touched)
    ),
    moment (since, until) AS (
        SELECT since, until FROM touched
      UNION ALL
        SELECT at, at FROM visit, LATERAL (VALUES (starts_at), (created_at), (cancelled_at)) v (at)
      UNION ALL
        SELECT collected_at, collected_at FROM visit JOIN bookings_payment ON booking_id = visit.id
      UNION ALL
        SELECT settled_at, settled_at
        FROM visit JOIN bookings_payment payment ON booking_id = visit.id
        JOIN bookings_refunddecision ON payment_id = payment.id
      UNION ALL
        SELECT at, at
        FROM visit JOIN bookings_checkout checkout ON booking_id = visit.id
        LEFT JOIN bookings_dispute ON checkout_id = checkout.id,
        LATERAL (VALUES (paid_at), (closed_at)) v (at)
      UNION ALL
        SELECT call_back_at, call_back_at FROM visit JOIN triage_triagesession ON consultation_id = visit.id
      UNION ALL
        SELECT consultation.starts_at, consultation.starts_at
        FROM (
            SELECT id FROM visit
          UNION
            SELECT id FROM bookings_booking WHERE patient_id IN (SELECT patient FROM touched)
        ) led_to
        JOIN triage_triagesession session ON session.booking_id = led_to.id
        JOIN bookings_booking consultation ON consultation.id = session.consultation_id
    ),
    touched_day (day) AS (
        SELECT DISTINCT (
            generate_series(
                greatest((since AT TIME ZONE %(zone)s)::date, %(first)s)::timestamp,
                least((until AT TIME ZONE %(zone)s)::date, %(last)s)::timestamp,
                interval '1 day'
            )
        )::date
        FROM moment WHERE since IS NOT NULL
    )
"""
# Before it nothing counts anywhere, and no roster offered anything. Days that were closed stay, whatever became of what
# was first in them.
FIRST_DAY = """
    least((SELECT min(day) FROM reports_day), (least(
        (SELECT min(created_at) FROM bookings_booking),
        (SELECT min(starts_at) FROM bookings_booking),
        (SELECT min(collected_at) FROM bookings_payment),
        (SELECT min(live_from) FROM practitioners_diaryentry WHERE held_for IS NOT NULL),
        (SELECT min(joined_at) FROM services_interestentry),
        (SELECT min(asked_at) FROM bookings_earliertimerequest),
        now()
    ) AT TIME ZONE %(zone)s)::date)
"""
REOPENED = f"""
    WITH {DAYS.format(touched=TAKEN)}
    UPDATE reports_day SET closed_at = NULL FROM touched_day WHERE reports_day.day = touched_day.day
"""  # noqa: S608 - our own words
OPEN = f"""
    WITH {DAYS.format(touched=LOOKED_AT)}
    SELECT asked::date AS day
    FROM generate_series(
        greatest(%(first)s, {FIRST_DAY})::timestamp, %(last)s::timestamp, interval '1 day'
    ) asked
    LEFT JOIN reports_day ON reports_day.day = asked::date
    LEFT JOIN touched_day ON touched_day.day = asked::date
    WHERE reports_day.closed_at IS NULL OR touched_day.day IS NOT NULL
    ORDER BY day
"""  # noqa: S608 - our own words


def reopen(*, today: date) -> None:
    """Open the closed days again on which something has changed, and take away what said so."""
    _ask(REOPENED, first=today - timedelta(days=2 * LONGEST_DAYS), last=today)


_looked_at: ContextVar[dict[tuple[date, date], list[date]] | None] = ContextVar("looked_at", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Let all figures of a page be of the same days that are open, which are asked for once."""
    token = _looked_at.set({})
    try:
        yield
    finally:
        _looked_at.reset(token)


def open_days(period: Period, *, today: date) -> list[date]:
    """List the days of a period up to today that have to be counted: they were not closed, or something has changed."""
    first, last = period.first, min(period.last, today)
    known = _looked_at.get()
    days = (known or {}).get((first, last))
    if days is None:
        days = [day for (day,) in _ask(OPEN, first=first, last=last)] if first <= last else []
        if known is not None:
            known[first, last] = days
    return days


def _ask(query: str, **values: date) -> Iterable[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"zone": settings.CLINIC_TIME_ZONE, **values})
        return cursor.fetchall() if cursor.description else []
