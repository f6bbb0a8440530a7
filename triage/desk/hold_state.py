"""What the desk shows of the times that a call keeps, and of the money for a visit."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import prefetch_related_objects

from bookings.models import Checkout, Payment
from bookings.money import checkouts
from botaniqal.api.fields import in_utc
from practitioners import availability, diary
from practitioners.models import DiaryEntry

from ..models import TriageSession
from ..sessions import OPEN


def holds_of(session: TriageSession, now: datetime) -> list[dict[str, Any]]:
    """List the times that the call keeps, the soonest first, each with what it is for and how long it is kept."""
    return _all_shown(diary.living_holds(held_for=session.pk), now)


def ran_out_of(session: TriageSession, now: datetime) -> list[dict[str, Any]]:
    """List the times that ran out while nobody did anything at the desk, and can be held again."""
    if session.status not in OPEN:
        return []
    return _all_shown(diary.lapsed_holds(held_for=session.pk), now)


def paid_words(payment: Payment) -> str:
    """Say whether a visit is paid and how, or how the link stands by which it is to be paid."""
    if payment.status != Payment.Status.PENDING:
        return f"{payment}, {payment.get_method_display().lower()}"
    checkout = Checkout.objects.filter(booking=payment.booking_id).first() if payment.is_asked_for_online else None
    return f"{payment}: {checkouts.in_words(checkout)}" if checkout else str(payment)


def _all_shown(holds: list[DiaryEntry], now: datetime) -> list[dict[str, Any]]:
    prefetch_related_objects(holds, "practitioner__calendars")
    return [_shown(hold, now) for hold in holds]


def _shown(hold: DiaryEntry, now: datetime) -> dict[str, Any]:
    person = hold.practitioner
    own = (each for each in person.calendars.all() if each.provider == person.calendar_provider)
    calendar = next(own, None)
    return {
        "id": f"{hold.pk}",
        "practitionerId": f"{person.pk}",
        "practitioner": person.name,
        "room": hold.room.name if hold.room else "",
        "type": hold.appointment_type.code if hold.appointment_type else "",
        "startsAt": in_utc(_begins(hold)),
        "heldAt": hold.live_from.isoformat(),
        "lapsesAt": hold.live_until.isoformat(),
        "isStale": calendar is not None and calendar.is_stale(now),
        "calendarReadAt": calendar and calendar.read_at and in_utc(calendar.read_at),
    }


def _begins(hold: DiaryEntry) -> datetime:
    """Find when the visit itself begins: after the break before it, where the hold has one."""
    kind = hold.appointment_type
    if kind is None or hold.ends_at - hold.starts_at < timedelta(minutes=availability.occupied_minutes(kind)):
        return hold.starts_at
    return hold.starts_at + timedelta(minutes=kind.buffer_before_minutes)
