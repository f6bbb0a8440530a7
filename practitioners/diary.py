"""
The one place where a practitioner's time is taken.

The exclusion constraint has the last word. Taking is one ``INSERT … ON CONFLICT DO NOTHING``: the loser of a race gets
no row, so there is no broken transaction and no dead-lock, which two plain inserts in conflict would run into.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef
from django.db.models.functions import Greatest

from botaniqal.accounts.models import User
from botaniqal.errors import Conflict
from services.models import AppointmentType

from .models import ClockTimestamp, DiaryEntry, Practitioner, Room


class SlotTaken(Conflict):
    """Another entry takes part of the span."""

    code = "slot_taken"
    message = "Time slot no longer available"


class HoldLapsed(Conflict):
    """The hold ran out, or was let go."""

    code = "hold_lapsed"
    message = "The hold on that time ran out. Nothing was booked. Choose the time again."


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of time, its end not included; both moments aware."""

    starts_at: datetime
    ends_at: datetime


# Time that an outside calendar takes is looked at in the same statement; it stands outside the constraint, because an
# imported copy of our own booking must never be refused. The vendor's id tells such a copy.
INSERT = """
    INSERT INTO practitioners_diaryentry
        (id, practitioner_id, room_id, starts_at, ends_at, kind, appointment_type_id, held_for, live_from, live_until,
         external_id, created_by_id)
    SELECT %(id)s, %(practitioner)s, %(room)s, %(starts_at)s, %(ends_at)s, %(kind)s, %(appointment_type)s, %(held_for)s,
           clock.now, clock.now + %(seconds)s * interval '1 second', '', %(by)s
    FROM (SELECT clock_timestamp() AS now) clock
    WHERE NOT EXISTS (
        SELECT 1 FROM practitioners_busyperiod
        WHERE practitioner_id = %(practitioner)s AND starts_at < %(ends_at)s AND ends_at > %(starts_at)s
    )
    ON CONFLICT DO NOTHING
    RETURNING id
"""


def hold(
    *,
    practitioner: Practitioner,
    span: Span,
    held_for: UUID,
    by: User | None,
    room: Room | None = None,
    appointment_type: AppointmentType | None = None,
    seconds: float | None = None,
) -> DiaryEntry:
    """
    Keep a practitioner's time for ``seconds``, or for ``HOLD_SECONDS``; ``appointment_type`` is what it is for.

    :raises SlotTaken: another entry, or the outside calendar, takes part of the span.
    """
    kind = DiaryEntry.Kind.HOLD
    return _insert(practitioner, span, kind, held_for, room, by, seconds or settings.HOLD_SECONDS, appointment_type)


def renew(*, entry_id: UUID, held_for: UUID) -> DiaryEntry:
    """
    Keep a hold for another ``HOLD_SECONDS`` from now.

    :raises HoldLapsed: it ran out before, was let go, or belongs to somebody else.
    """
    _alter_hold(DiaryEntry.objects.filter(pk=entry_id, held_for=held_for), live_until=_seconds_from_now())
    return DiaryEntry.objects.get(pk=entry_id)


def hold_instead(*, entry: DiaryEntry, appointment_type: AppointmentType, room: Room | None) -> DiaryEntry:
    """
    Keep a hold of the same length for another appointment, for another ``HOLD_SECONDS``.

    :raises HoldLapsed: it ran out before, or was let go.
    """
    holds = DiaryEntry.objects.filter(pk=entry.pk)
    changes = {"appointment_type": appointment_type, "room": _room_of(entry, room)}
    _alter_hold(holds, live_until=_seconds_from_now(), **changes)
    return DiaryEntry.objects.get(pk=entry.pk)


def take(
    *,
    practitioner: Practitioner,
    span: Span,
    by: User | None,
    held_for: UUID | None = None,
    room: Room | None = None,
) -> DiaryEntry:
    """
    Take a practitioner's time for a booking: ``held_for``'s own hold on that span becomes it, where there is one.

    Where there is none, what else it keeps of that time gives way.

    :raises SlotTaken: another entry, or the outside calendar, takes part of the span.
    :raises HoldLapsed: the hold ran out at this very moment.
    """
    if held_for:
        own = DiaryEntry.objects.filter(
            practitioner=practitioner, starts_at=span.starts_at, ends_at=span.ends_at, held_for=held_for
        )
        if held := own.filter(kind=DiaryEntry.Kind.HOLD, live_until__gt=ClockTimestamp()).first():
            kind = DiaryEntry.Kind.BOOKING
            _alter_hold(own.filter(pk=held.pk), kind=kind, live_until=None, room=_room_of(held, room))
            return DiaryEntry.objects.get(pk=held.pk)
        release_overlapping(held_for=held_for, practitioner=practitioner, span=span)
    return _insert(practitioner, span, DiaryEntry.Kind.BOOKING, None, room, by, None)


def release(*, entry: DiaryEntry) -> None:
    """Give time back; the entry stays as history."""
    _end_life(DiaryEntry.objects.filter(pk=entry.pk))


def release_holds(*, held_for: UUID) -> int:
    """Give back all time that is still kept for something, and say how many holds that were."""
    return _end_life(DiaryEntry.objects.filter(held_for=held_for, kind=DiaryEntry.Kind.HOLD))


def release_overlapping(*, held_for: UUID, practitioner: Practitioner, span: Span) -> int:
    """Give back what is kept for something of a practitioner's time and overlaps a span, but for that span itself."""
    own = DiaryEntry.objects.filter(held_for=held_for, kind=DiaryEntry.Kind.HOLD, practitioner=practitioner)
    overlapping = own.filter(starts_at__lt=span.ends_at, ends_at__gt=span.starts_at)
    return _end_life(overlapping.exclude(starts_at=span.starts_at, ends_at=span.ends_at))


def living_holds(*, held_for: UUID) -> list[DiaryEntry]:
    """List what is kept for something now, the soonest first."""
    return list(
        DiaryEntry.objects.filter(held_for=held_for, kind=DiaryEntry.Kind.HOLD, live_until__gt=ClockTimestamp())
        .select_related("practitioner", "room", "appointment_type")
        .order_by("starts_at")
    )


def lapsed_holds(*, held_for: UUID) -> list[DiaryEntry]:
    """List what was kept for something and ran out since anything was kept for it last, of times to come."""
    own, now = DiaryEntry.objects.filter(held_for=held_for), ClockTimestamp()
    ended = own.filter(kind=DiaryEntry.Kind.HOLD, is_given_back=False, live_until__lte=now, starts_at__gt=now)
    later = own.filter(live_from__gte=OuterRef("live_until")).exclude(pk=OuterRef("pk"))
    return list(
        ended.exclude(Exists(later)).select_related("practitioner", "room", "appointment_type").order_by("starts_at")
    )


def _insert(practitioner, span, kind, held_for, room, by, seconds, appointment_type=None) -> DiaryEntry:
    values = {
        "id": uuid4(),
        "practitioner": practitioner.pk,
        "room": room and room.pk,
        "starts_at": span.starts_at,
        "ends_at": span.ends_at,
        "kind": kind,
        "appointment_type": appointment_type and appointment_type.pk,
        "held_for": held_for,
        "seconds": seconds,
        "by": by and by.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, values)
        if cursor.fetchone() is None:
            raise SlotTaken
    return DiaryEntry.objects.get(pk=values["id"])


def _room_of(hold: DiaryEntry, room: Room | None) -> int | None:
    """Its room stays; but what it is for now may need one where it had none, or the other way round."""
    return (hold.room_id or room.pk) if room else None


def _alter_hold(holds, **changes) -> None:
    living = holds.filter(kind=DiaryEntry.Kind.HOLD, live_until__gt=ClockTimestamp())
    try:
        with transaction.atomic():
            changed = living.update(**changes)
    except IntegrityError as error:  # it lapsed between the two looks, and somebody else took the time
        raise HoldLapsed from error
    if not changed:
        raise HoldLapsed


def _end_life(entries) -> int:
    living = entries.exclude(live_until__lte=ClockTimestamp())
    return living.update(live_until=Greatest(F("live_from"), ClockTimestamp()), is_given_back=True)


def _seconds_from_now():
    return ExpressionWrapper(ClockTimestamp() + timedelta(seconds=settings.HOLD_SECONDS), output_field=DateTimeField())
