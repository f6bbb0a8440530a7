"""
Reminders of visits, a day and a few hours before: found from what stands now, never queued ahead.

Hours are hours that pass, not the clock's: on the days when clocks change, a reminder comes an hour earlier or later by
the wall, and two hours stay two hours. The message names day and hour, so nothing in it depends on when it comes.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, Exists, F, Func, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat, Greatest

from botaniqal.messages.models import Message

from . import notices
from .intake import form_filling
from .models import Booking

KINDS = (Message.Kind.REMINDER_DAY, Message.Kind.REMINDER_SOON)
RELATED = (
    "patient",
    "practitioner",
    "payment",
    "appointment_type__service__initial_form",
    "appointment_type__service__followup_form",
)


def remind_due(*, now: datetime) -> int:
    """Write the reminders that are due, each once, and count them."""
    return sum(
        _remind(booking_id=pk, visits=visits, kind=kind, now=now)
        for kind, visits in _due(now)
        for pk in visits.order_by("starts_at").values_list("pk", flat=True)
    )


def key_of(kind: Message.Kind, booking: Booking) -> str:
    """Name the reminder of one time of a visit: moved to another time, it is another reminder."""
    return f"{_prefix(kind)}{booking.pk}:{int(booking.starts_at.timestamp())}"


def _due(now: datetime) -> Iterator[tuple[Message.Kind, QuerySet[Booking]]]:
    """Give each kind with the visits that it is due for; near the visit, the later reminder alone."""
    long, short = (timedelta(hours=hours) for hours in settings.REMINDER_HOURS)
    for kind, before, until in zip(KINDS, (long, short), (short, timedelta()), strict=True):
        coming = Booking.objects.filter(
            state=Booking.State.CONFIRMED, starts_at__gt=now + until, starts_at__lte=now + before
        )
        # Who was told of this time so shortly before needs no reminder of it.
        told_before = coming.exclude(patient__email="").filter(
            starts_at__gte=Greatest("created_at", "moved_at") + before
        )
        written = Message.objects.filter(key=OuterRef("reminder_key"))
        yield kind, told_before.alias(reminder_key=_key_in_database(kind)).filter(~Exists(written))


@transaction.atomic
def _remind(*, booking_id: UUID, visits: QuerySet[Booking], kind: Message.Kind, now: datetime) -> bool:
    # Whoever changes the visit just now comes first; it is looked at again within a minute.
    locked = visits.select_for_update(of=("self",), skip_locked=True).select_related(*RELATED)
    booking = locked.filter(pk=booking_id).first()
    if booking is None:
        return False
    has_form = form_filling.wanted_of(booking) is not None
    return notices.send_reminder(kind=kind, booking=booking, key=key_of(kind, booking), has_form=has_form, now=now)


def _prefix(kind: Message.Kind) -> str:
    return f"reminder:{kind}:"


def _key_in_database(kind: Message.Kind) -> Concat:
    epoch = Func(F("starts_at"), template="extract(epoch from %(expressions)s)::bigint", output_field=BigIntegerField())
    pieces = (Value(_prefix(kind)), Cast("pk", TextField()), Value(":"), Cast(epoch, TextField()))
    return Concat(*pieces, output_field=TextField())
