"""What is noted of a time that became free, so that those who would come earlier are asked."""

from datetime import datetime
from functools import partial

from django.db import transaction

from botaniqal.celery import ring

from ..models import Booking, FreedTime

NOBODYS = ("practitioner_away", "mistake")
"""Reasons for which a time is not offered: nobody will be there, or it goes to somebody else a moment later."""


def note(*, booking: Booking, now: datetime) -> FreedTime | None:
    """Note the time that a locked booking is about to give up, in its transaction; None where nobody could use it."""
    if booking.entry is None or booking.appointment_type.is_free_consultation or booking.starts_at <= now:
        return None
    if booking.cancel_cause and booking.cancel_cause.code in NOBODYS:
        return None
    transaction.on_commit(partial(ring, "offer_freed_times"))
    return FreedTime.objects.create(
        practitioner=booking.practitioner,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        freed_by=booking,
        freed_at=now,
        next_look_at=now,
    )
