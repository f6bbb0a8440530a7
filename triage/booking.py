"""From the call to the booking: holds, and the phone booking itself."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from bookings import lifecycle, notices
from bookings.models import Booking, Checkout
from bookings.money import checkouts, payments
from bookings.patients import consents
from botaniqal.accounts.models import User
from botaniqal.errors import Missing, RuleBroken
from practitioners import availability, calendars, diary, limits
from practitioners.models import DiaryEntry, Practitioner, Room
from services import offering
from services.models import AppointmentType, Service

from . import overrides, red_flags, sessions
from .models import CallEvent, TriageSession

HOLDS_AT_ONCE = 2


class TooManyHolds(RuleBroken):
    """The call keeps as many times as it may already."""

    code = "too_many_holds"

    def __init__(self) -> None:
        super().__init__("holds", f"A call can keep {HOLDS_AT_ONCE} times at once. Let one go first.")


def practitioner_named(practitioner_id: UUID) -> Practitioner:
    """
    Find a practitioner, with the word whether their outside calendar is stale.

    :raises Missing: there is no such practitioner.
    """
    try:
        return Practitioner.objects.with_freshness(timezone.now()).get(pk=practitioner_id)
    except Practitioner.DoesNotExist as error:
        raise Missing("There is no such practitioner.") from error


def freshen(practitioner: Practitioner) -> None:
    """
    Read a practitioner's calendar again if it is stale, before time in it is claimed.

    Where it cannot be read the time can be claimed all the same, and stays doubtful. To be called outside any
    transaction.
    """
    if practitioner.has_stale_calendar:
        calendars.read_now(practitioner=practitioner)


def type_wanted(
    *, practitioner: Practitioner, kind: str = AppointmentType.Kind.INITIAL, service: Service | None = None
) -> AppointmentType:
    """
    Find which appointment a practitioner is wanted for.

    ``kind`` is an appointment type's code, or a kind: then the first of that kind which the practitioner gives in the
    catalogue's order, telehealth before in person; without a service, of whichever comes first.

    :raises RuleBroken: the practitioner gives no such appointment.
    :raises NotOffered: they give one that cannot be booked now.
    """
    # A call leads to a visit, never to another call: that one would have no session.
    visits = AppointmentType.objects.on_show().exclude(kind=AppointmentType.Kind.CONSULTATION)
    gives = visits.filter(practitioners=practitioner).select_related("service")
    if service:
        gives = gives.filter(service=service)
    named = gives.filter(kind=kind) if kind in AppointmentType.Kind.values else gives.filter(code=kind)
    kinds = list(named.in_catalogue_order())
    if not kinds:
        raise RuleBroken("does_not_give", f"{practitioner} gives no such appointment at the moment.")
    first = next((each for each in kinds if not each.obstacle), kinds[0])
    offering.require_offered(first)
    return first


def hold_slot(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    practitioner: Practitioner,
    appointment_type: AppointmentType,
    starts_at: datetime,
    by: User | None,
) -> DiaryEntry:
    """
    Keep a time for the call; holding the same time again keeps it longer, for the appointment that is wanted now.

    Two can be kept at once. A time that overlaps one which the call keeps with the same practitioner takes its place.

    :raises NotYourSession: another consultant has the call.
    :raises SessionClosed: the call is over.
    :raises RedFlagUp: a red flag is up.
    :raises TooManyHolds: two times are kept already.
    :raises NotOffered: the appointment cannot be booked now.
    :raises RuleBroken: the time cannot be offered.
    :raises SlotTaken: somebody else has it.
    """
    room, beyond = _checked(session_id, practitioner, appointment_type, starts_at)
    span = availability.occupied_span(appointment_type, starts_at, beyond)
    with transaction.atomic():
        session = sessions.locked(session_id)
        sessions.require_own(session, consultant)
        sessions.require_open(session)
        red_flags.require_none(session)
        for held in diary.living_holds(held_for=session_id):
            if (held.practitioner_id, held.starts_at, held.ends_at) == (practitioner.pk, span.starts_at, span.ends_at):
                return diary.hold_instead(entry=held, appointment_type=appointment_type, room=room)
        diary.release_overlapping(held_for=session_id, practitioner=practitioner, span=span)
        if len(diary.living_holds(held_for=session_id)) >= HOLDS_AT_ONCE:
            raise TooManyHolds
        limits.keep_cap(practitioner=practitioner, moment=starts_at, held_for=session_id, beyond=beyond)
        return diary.hold(
            practitioner=practitioner,
            span=span,
            held_for=session_id,
            room=room,
            by=by,
            appointment_type=appointment_type,
        )


@transaction.atomic
def let_go(*, entry_id: UUID, consultant: Practitioner | None) -> None:
    """
    Give back a time that a call keeps; one that is not kept any more stays as it is.

    :raises NotYourSession: another consultant's call keeps it.
    """
    kept = DiaryEntry.objects.filter(pk=entry_id, kind=DiaryEntry.Kind.HOLD)
    held_for = kept.values_list("held_for", flat=True).first()
    if held_for is None:
        return
    session = TriageSession.objects.select_for_update().filter(pk=held_for).first()
    if session is None:  # kept for something else than a call
        raise sessions.NotYourSession
    sessions.require_own(session, consultant)
    # Read again under the session's lock, under which alone a hold becomes a booking.
    if hold := kept.first():
        diary.release(entry=hold)


def is_booked(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    practitioner_id: UUID,
    appointment_type: AppointmentType,
    starts_at: datetime,
) -> bool:
    """Tell whether a consultant's own call has led to this very visit already, so that a repeat is no fault."""
    visit = {"practitioner": practitioner_id, "appointment_type": appointment_type, "starts_at": starts_at}
    made = {f"booking__{name}": value for name, value in visit.items()}
    own = TriageSession.objects.filter(pk=session_id, consultant=consultant).exclude(consultant=None)
    return own.filter(booking__state=Booking.State.CONFIRMED, **made).exists()


def book_by_phone(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    practitioner: Practitioner,
    appointment_type: AppointmentType,
    starts_at: datetime,
    taken: payments.Taken,
    by: User | None,
    now: datetime,
    notes: str = "",
    ends_call: bool = True,
) -> Booking:
    """
    Book the visit that was agreed on the phone: time, price, payment, the call's outcome, vendors and patient, at once.

    ``ends_call`` closes the call; at the desk it goes to wrap-up instead.

    :raises Missing: no such session.
    :raises NotYourSession: another consultant has the call.
    :raises NotOffered: the appointment cannot be booked now.
    :raises RuleBroken: the time cannot be offered, or there is no price.
    :raises SlotTaken: somebody else has the time.
    :raises ConsentRefused: the patient refused something that a booking needs.
    :raises WrongAmount: the amount is not the price book's.
    :raises NoAddress: a payment link is to be sent, and the patient has no e-mail address.
    :raises SessionClosed: the call is over, or booked already.
    :raises RedFlagUp: a red flag is up.
    """
    owner = TriageSession.objects.filter(pk=session_id).select_related("consultation").first()
    if owner is None:
        raise Missing("There is no such triage session.")
    sessions.require_own(owner, consultant)
    payments.refuse_card_number(notes, "notes")
    payments.refuse_card_number(taken.amount_reason, "amountReason")

    room, beyond = _checked(session_id, practitioner, appointment_type, starts_at)
    price = payments.amount_due(appointment_type=appointment_type, taken=taken, by=by, now=now)
    try:
        with transaction.atomic():
            session = sessions.locked(session_id)
            sessions.require_own(session, consultant)
            sessions.require_open(session)
            red_flags.require_none(session)
            consents.require_none_refused(patient_id=session.patient_id)
            span = availability.occupied_span(appointment_type, starts_at, beyond)
            limits.keep_cap(practitioner=practitioner, moment=starts_at, held_for=session_id, beyond=beyond)
            entry = diary.take(practitioner=practitioner, span=span, held_for=session_id, room=room, by=by)
            booking = lifecycle.book(
                patient=session.patient,
                practitioner=practitioner,
                appointment_type=appointment_type,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=appointment_type.minutes),
                entry=entry,
                price=price,
                price_reason=taken.amount_reason,
                source=Booking.Source.PHONE,
                by=by,
                now=now,
                notes=notes,
                is_numbered=False,
            )
            payment = payments.record(booking=booking, taken=taken, by=by, now=now)
            if payment.is_asked_for_online:
                checkouts.ask(booking=booking, door=Checkout.Door.DESK, by=by, now=now, sends_link=True)
            session.booking = booking
            if ends_call:
                sessions.close(session=session, outcome=TriageSession.Outcome.BOOKED, by=by, now=now)
            else:
                sessions.await_wrap_up(session=session, by=by, now=now)
            # As late as can be: from here until the commit everybody else's booking waits. Only what names it follows.
            lifecycle.give_number(booking=booking, now=now)
            session.events.create(kind=CallEvent.Kind.BOOKED, at=now, by=by, words=f"{booking} with {practitioner}")
            notices.send_confirmation(booking=booking, now=now)
            return booking
    except sessions.SessionClosed:
        # A repeat is told first that the time is gone: it was this very call that took it.
        availability.check(
            practitioner=practitioner, appointment_type=appointment_type, starts_at=starts_at, held_for=session_id
        )
        raise


def _checked(
    session_id: UUID, practitioner: Practitioner, appointment_type: AppointmentType, starts_at: datetime
) -> tuple[Room | None, frozenset[str]]:
    """Make sure that a call may have an appointment at a time; say in which room, and beyond which rules."""
    offering.require_offered(appointment_type)
    wanted = {"practitioner": practitioner, "appointment_type": appointment_type, "starts_at": starts_at}
    beyond = overrides.granted(session_id=session_id, **wanted)
    return availability.check(held_for=session_id, beyond=beyond, **wanted), beyond
