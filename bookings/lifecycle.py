"""What can happen to a booking; every door calls these verbs."""

from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

from django.db import connection, transaction

from botaniqal import counters
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, RuleBroken
from practitioners import availability, diary, limits
from practitioners.models import BusyPeriod, DiaryEntry, Practitioner
from services.models import AppointmentType
from services.prices import clinic_day

from . import notices, reasons
from .locking import locked
from .models import Booking, CancelReason, Patient, RefundDecision
from .money import checkouts, payments, refunds
from .vendors import sync
from .waiting import freed

State = Booking.State

ALLOWED = {
    State.PENDING_PAYMENT: {State.CONFIRMED, State.CANCELLED},
    State.CONFIRMED: {State.COMPLETED, State.NO_SHOW, State.CANCELLED},
    State.COMPLETED: set(),
    State.NO_SHOW: set(),
    State.CANCELLED: set(),
}
"""From each state, the states that a booking may move to."""

CORRECTABLE = {
    State.COMPLETED: {State.CONFIRMED, State.NO_SHOW, State.CANCELLED},
    State.NO_SHOW: {State.CONFIRMED, State.COMPLETED, State.CANCELLED},
}
"""From each state in which a visit ended, the states that it may have ended in instead."""


class WrongMove(RuleBroken):
    """The booking's state does not allow this."""

    code = "wrong_state"

    def __init__(self, booking: Booking, verb: str) -> None:
        super().__init__("state", f"A booking that is {booking.get_state_display().lower()} cannot be {verb}.")


@transaction.atomic
def book(
    *,
    patient: Patient,
    practitioner: Practitioner,
    appointment_type: AppointmentType,
    starts_at: datetime,
    ends_at: datetime,
    entry: DiaryEntry | None,
    price: Decimal,
    source: Booking.Source,
    by: User | None,
    now: datetime,
    price_reason: str = "",
    notes: str = "",
    join_link: str = "",
    attention: str = "",
    id: UUID | None = None,
    is_numbered: bool = True,
    pays_until: datetime | None = None,
) -> Booking:
    """
    Promise a visit for which the time is taken, and owe it to the vendors.

    With ``pays_until`` it waits for its payment until then: the time is only held, and nobody is told before
    ``confirm``.

    Numbers are given out one after the other, and everybody who books waits for whoever got the last one. Who has much
    to do before the commit books without one, and calls ``give_number`` when that is done.
    """
    id = id or uuid4()
    booking = Booking.objects.create(
        id=id,
        number=_next_number(now) if is_numbered else f"new {id.hex[:16]}",
        patient=patient,
        practitioner=practitioner,
        appointment_type=appointment_type,
        entry=entry,
        starts_at=starts_at,
        ends_at=ends_at,
        price=price,
        price_reason=price_reason,
        state=State.PENDING_PAYMENT if pays_until else State.CONFIRMED,
        pays_until=pays_until,
        source=source,
        created_by=by,
        notes=notes,
        join_link=join_link or notices.meeting_link(practitioner, appointment_type),
        attention=attention,
    )
    sync.owe(booking=booking, now=now)
    if source == Booking.Source.PHONE and not appointment_type.is_free_consultation:
        transaction.on_commit(partial(counters.count, "phone_bookings_created", appointment_type=appointment_type.code))
    return booking


@transaction.atomic
def confirm(*, booking_id: UUID, by: User | None, now: datetime) -> Booking:
    """
    Make a booking sure that waited for its payment, and tell vendors and patient.

    The time that was held for it becomes its own; where the hold has lapsed, even at this very moment, or the booking
    with it, the time is taken if it is still free.

    :raises WrongMove: it is sure already, or cancelled for another reason than that it was not paid.
    :raises SlotTaken: the time went to somebody else after the hold had lapsed.
    """
    booking = locked(booking_id)
    if booking.state != State.PENDING_PAYMENT and not has_lapsed(booking):
        raise WrongMove(booking, "confirmed")
    held = booking.entry
    wanted = {"practitioner": booking.practitioner, "span": diary.Span(held.starts_at, held.ends_at), "room": held.room}
    try:
        booking.entry = diary.take(**wanted, held_for=booking.pk, by=by)
    except diary.HoldLapsed:  # between two looks; looked at once more, the time is free or somebody else's
        booking.entry = diary.take(**wanted, by=by)
    booking.state, booking.pays_until = State.CONFIRMED, None
    booking.cancel_cause, booking.cancel_reason, booking.cancelled_at = None, "", None
    booking.save(update_fields=["entry", "state", "pays_until", "cancel_cause", "cancel_reason", "cancelled_at"])
    sync.owe(booking=booking, now=now)
    notices.forget_unsent(booking=booking)  # that it lapsed, where nobody has read it yet
    notices.send_confirmation(booking=booking, now=now)
    return booking


def has_lapsed(booking: Booking) -> bool:
    """Tell of a booking whether it was given up for no other reason than that it was not paid in time."""
    is_over = booking.state == State.CANCELLED and not booking.is_promised
    return is_over and booking.cancel_cause is not None and booking.cancel_cause.code == reasons.NOT_PAID


def give_number(*, booking: Booking, now: datetime) -> None:
    """Number a booking that was made without one, in the same transaction."""
    booking.number = _next_number(now)
    booking.save(update_fields=["number"])


@transaction.atomic
def cancel(
    *,
    booking_id: UUID,
    cause: CancelReason | None = None,
    reason: str = "",
    by: User | None,
    now: datetime,
    tell_patient: bool = True,
    is_heard: bool = False,
    refund_cause: RefundDecision.Cause = RefundDecision.Cause.CLINIC,
) -> Booking:
    """
    Call a visit off, give its time back, and tell vendors and patient; ``is_heard`` when a vendor said so.

    Of what was paid for it, somebody has to decide what is given back; ``refund_cause`` is who called it off.

    ``cause`` is one of the reasons that operations manage, and ``reason`` then what is added to it.

    :raises WrongMove: it is over, or cancelled already.
    :raises Malformed: no reason is given, or a card number in it.
    """
    words = reasons.in_words(cause=cause, detail=reason)
    payments.refuse_card_number(reason, "reason")
    booking = _move_to(
        State.CANCELLED,
        booking_id,
        "cancelled",
        cancel_cause=cause,
        cancel_reason=words,
        cancelled_at=now,
        is_end_heard=is_heard,
        attention="",  # what it was about is over
    )
    if booking.is_promised:  # a time that was only held while somebody paid was nobody's to give up
        freed.note(booking=booking, now=now)
    give_back(booking)
    checkouts.take_back(booking=booking, now=now)
    refunds.consider(booking=booking, cause=refund_cause, now=now)
    sync.owe(booking=booking, now=now)
    notices.forget_unsent(booking=booking)
    if tell_patient:
        notices.send_cancelled(booking=booking, now=now)
    return booking


@transaction.atomic
def complete(*, booking_id: UUID, by: User | None, now: datetime) -> Booking:
    """
    Note that a visit took place.

    :raises WrongMove: it is not confirmed.
    """
    booking = _move_to(State.COMPLETED, booking_id, "completed", is_end_heard=False)
    _owe_end(booking, now)
    return booking


@transaction.atomic
def mark_no_show(*, booking_id: UUID, by: User | None, now: datetime, is_heard: bool = False) -> Booking:
    """
    Note that the patient did not come; ``is_heard`` when a vendor said so.

    :raises WrongMove: it is not confirmed.
    """
    booking = _move_to(State.NO_SHOW, booking_id, "marked as no-show", is_end_heard=is_heard)
    _owe_end(booking, now)
    return booking


@transaction.atomic
def correct(
    *, booking_id: UUID, state: State, reason: str, by: User | None, now: datetime, is_heard: bool = False
) -> Booking:
    """
    Write down that a visit ended otherwise than was noted, or has not ended; ``is_heard`` when a vendor said so.

    :raises WrongMove: it has not ended, or cannot have ended like that.
    :raises Malformed: no reason is given, or a card number in it.
    """
    if not reason.strip():
        raise Malformed("Say why this is corrected.", details={"reason": ["Required."]})
    payments.refuse_card_number(reason, "reason")
    booking, reason = locked(booking_id), reason.strip()[:200]
    if state not in CORRECTABLE.get(booking.state, ()):
        raise WrongMove(booking, f"corrected to “{State(state).label.lower()}”")
    booking.state, booking.correction, booking.is_end_heard = state, reason, is_heard
    if state == State.CANCELLED:
        booking.cancel_reason, booking.cancelled_at = reason, now
        give_back(booking)
    booking.save(update_fields=["state", "correction", "is_end_heard", "cancel_reason", "cancelled_at"])
    if state == State.CANCELLED:
        checkouts.take_back(booking=booking, now=now)
        refunds.consider(booking=booking, cause=RefundDecision.Cause.OTHER, now=now)
        sync.owe(booking=booking, now=now)
    else:
        _owe_end(booking, now)
    return booking


@transaction.atomic
def move(
    *,
    booking_id: UUID,
    starts_at: datetime,
    by: User | None,
    now: datetime,
    practitioner: Practitioner | None = None,
    held_for: UUID | None = None,
    by_patient: bool = False,
) -> Booking:
    """
    Give a visit another time, or another practitioner as well, and tell vendors and patient; its price stays.

    Time that is held for ``held_for`` becomes its own. What comes back of the money later goes by the notice that a
    patient gives when they move it themselves.

    :raises WrongMove: it is over or cancelled.
    :raises RuleBroken: nothing new, past, notice, horizon, step, hours, time off, or somebody who does not give it.
    :raises SlotTaken: the new time is taken; the old one is kept.
    """
    booking = locked(booking_id)
    if booking.state != State.CONFIRMED:  # what waits for its payment is held, and vendors know nothing of it
        raise WrongMove(booking, "moved")
    kind, practitioner = booking.appointment_type, practitioner or booking.practitioner
    is_same_person = practitioner == booking.practitioner
    if kind.is_free_consultation and not is_same_person:
        raise RuleBroken("consultation", "A call goes to another consultant by being taken over at the call desk.")
    if booking.entry and is_same_person and starts_at == booking.starts_at:
        raise RuleBroken("unchanged", f"{booking} is at that time with {practitioner} already.")
    if booking.entry is None:
        booking.attention = ""  # it was about the time that is now given up
    freed.note(booking=booking, now=now)
    give_back(booking)
    room = availability.check(practitioner=practitioner, appointment_type=kind, starts_at=starts_at, held_for=held_for)
    limits.keep_cap(practitioner=practitioner, moment=starts_at, held_for=held_for, beyond=())
    # A visit that was made in Calendly may last longer than its type says.
    ends_at = starts_at + (booking.ends_at - booking.starts_at)
    span = availability.occupied_span(kind, starts_at)
    span = diary.Span(span.starts_at, max(span.ends_at, ends_at))
    booking.entry = diary.take(practitioner=practitioner, span=span, held_for=held_for, room=room, by=by)
    return note_move(
        booking=booking,
        starts_at=starts_at,
        ends_at=ends_at,
        now=now,
        practitioner=practitioner,
        by_patient=by_patient,
    )


def give_back(booking: Booking) -> None:
    """Give back the time of a locked booking: its entry in the diary, or where it has none, what is shown as busy."""
    if booking.entry:
        diary.release(entry=booking.entry)
    events = booking.sync_records.exclude(external_id="").values("external_id")
    BusyPeriod.objects.filter(practitioner=booking.practitioner, external_id__in=events).delete()


def note_move(
    *,
    booking: Booking,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    practitioner: Practitioner | None = None,
    by_patient: bool = False,
) -> Booking:
    """Write down what is new, for which the diary's entry is set already, and owe it to vendors and patient."""
    booking.notice_given = refunds.notice_of(booking, now=now) if by_patient else None
    booking.starts_at, booking.ends_at, booking.moved_at = starts_at, ends_at, now
    booking.revision += 1
    changed = ["entry", "starts_at", "ends_at", "moved_at", "revision", "attention", "notice_given"]
    tell_patient = notices.send_moved
    if practitioner and practitioner != booking.practitioner:
        booking.practitioner = practitioner
        booking.join_link = notices.meeting_link(practitioner, booking.appointment_type)
        changed += ["practitioner", "join_link"]
        tell_patient = notices.send_other_practitioner
    booking.save(update_fields=changed)
    sync.owe(booking=booking, now=now)
    tell_patient(booking=booking, now=now)
    return booking


def _move_to(state: State, booking_id: UUID, verb: str, **changes) -> Booking:
    booking = locked(booking_id)
    if state not in ALLOWED[booking.state]:
        raise WrongMove(booking, verb)
    booking.state = state
    for field, value in changes.items():
        setattr(booking, field, value)
    booking.save(update_fields=["state", *changes])
    return booking


def _owe_end(booking: Booking, now: datetime) -> None:
    # A consultation stands in the calendar alone, and a calendar does not know how a visit ended.
    if not booking.appointment_type.is_free_consultation:
        sync.owe(booking=booking, now=now)


def _next_number(now: datetime) -> str:
    """Count the year's bookings; the row stays locked until commit, so two never get the same."""
    year = clinic_day(now).year
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO bookings_numbercounter (year, last) VALUES (%s, 1)
            ON CONFLICT (year) DO UPDATE SET last = bookings_numbercounter.last + 1 RETURNING last
            """,
            [year],
        )
        return f"BOT-{year}-{cursor.fetchone()[0]:04}"
