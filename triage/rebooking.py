"""Another time for a call, chosen by the patient: the link to it, the free times, the choice."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from bookings import lifecycle, locking
from bookings.models import Booking
from botaniqal.errors import Conflict, RuleBroken
from botaniqal.public import LinkOver
from botaniqal.signed import pieces_of
from practitioners import availability, diary, public_times
from practitioners.models import Practitioner
from services.models import AppointmentType

from . import sessions
from .models import CallEvent, TriageSession

LINK_DAYS = 14

signer = signing.Signer(salt="another time for a call")


class TimeGone(Conflict):
    """Nobody is free at the chosen time any more."""

    code = "slot_taken"
    message = "That time was taken a moment ago. Please choose another one."


def link_to(session: TriageSession, *, now: datetime) -> str:
    """Write the address at which the patient of a call chooses another time, for two weeks."""
    until = int((now + timedelta(days=LINK_DAYS)).timestamp())
    token = signer.sign(f"{session.pk.hex}-{until}")
    return settings.PUBLIC_BASE_URL + reverse("another-time", args=[token])


def call_of(token: str, *, now: datetime) -> TriageSession:
    """
    Find the call that a link is for.

    :raises Missing: nobody here wrote that link.
    :raises LinkOver: it is old, or there is no time to choose any more.
    """
    pk, until = pieces_of(token, signer=signer, count=2)
    if now.timestamp() > int(until):
        raise LinkOver("This link is too old. Reply to the e-mail, and we find a time together.")
    related = ("patient", "consultation__appointment_type", "consultant")
    session = TriageSession.objects.select_related(*related).filter(pk=UUID(pk)).first()
    if session is None:
        raise LinkOver("This call is no longer planned. Reply to the e-mail if you would like to talk to us.")
    require_waiting(session)
    return session


def require_waiting(session: TriageSession) -> None:
    """
    Make sure that a call has still to be made.

    :raises LinkOver: it is going on, it is over, or it was cancelled.
    """
    if session.consultation.state == Booking.State.CANCELLED:
        raise LinkOver("This call was cancelled. Reply to the e-mail if you would like another one.")
    if session.state == TriageSession.State.IN_PROGRESS:
        raise LinkOver("Your call is going on, or we are ringing you just now.")
    if session.state != TriageSession.State.SCHEDULED:
        raise LinkOver("This call is over. Reply to the e-mail if you would like to talk to us again.")


def free_times(session: TriageSession, *, now: datetime) -> list[datetime]:
    """List when some consultant is free in the coming week, by the patient's days, or in the first that has a time."""
    kind = session.consultation.appointment_type
    offers = [availability.Offer(person, kind) for person in consultants(kind, now)]
    return public_times.week(offers=offers, zone=session.patient.zone, first_day=None, now=now).times


@transaction.atomic
def choose(*, session_id: UUID, starts_at: datetime, now: datetime) -> TriageSession:
    """
    Move a call to the time that its patient chose: with the same consultant, or whoever else is free.

    Choosing the same time again changes nothing.

    :raises LinkOver: there is no time to choose any more.
    :raises TimeGone: nobody is free then.
    """
    session = sessions.locked(session_id)
    require_waiting(session)
    if session.consultation.starts_at == starts_at and not session.calls_back:
        return session
    people = consultants(session.consultation.appointment_type, now)
    others = sessions.by_load([person for person in people if person != session.consultant], starts_at)
    consultant = _moved(
        session, [*(person for person in people if person == session.consultant), *others], starts_at, now
    )
    session.version += consultant != session.consultant
    session.consultant = consultant
    session.claimed_by = session.claimed_at = None
    session.save(update_fields=["version", "consultant", "claimed_by", "claimed_at"])
    local = timezone.localtime(starts_at)
    words = f"The patient chose {local:%a %-d %b %H:%M}, {consultant}"
    session.events.create(kind=CallEvent.Kind.CALL_BACK, at=now, by=None, words=words)
    return session


def consultants(kind: AppointmentType, now: datetime) -> list[Practitioner]:
    """Who makes such calls, and whose outside calendar is known well enough to be shown to the public."""
    return list(Practitioner.objects.consulting().fresh(now).filter(appointment_types=kind).order_by("name"))


def _moved(session: TriageSession, people: Iterable[Practitioner], starts_at: datetime, now: datetime) -> Practitioner:
    """Move a locked session's consultation to the first of these people who is free."""
    for person in people:
        booking = locking.locked(session.consultation_id)
        try:
            if person == booking.practitioner:
                lifecycle.move(booking_id=booking.pk, starts_at=starts_at, by=None, now=now)
            else:
                _give_to(booking, person, starts_at, now)
        except (diary.SlotTaken, RuleBroken):
            continue
        return person
    raise TimeGone


@transaction.atomic
def _give_to(booking: Booking, person: Practitioner, starts_at: datetime, now: datetime) -> None:
    kind = booking.appointment_type
    if booking.entry is None:
        booking.attention = ""  # it was about the time that is now given up
    lifecycle.give_back(booking)
    availability.check(practitioner=person, appointment_type=kind, starts_at=starts_at)
    booking.entry = diary.take(practitioner=person, span=availability.occupied_span(kind, starts_at), by=None)
    ends_at = starts_at + timedelta(minutes=kind.minutes)
    lifecycle.note_move(booking=booking, starts_at=starts_at, ends_at=ends_at, now=now, practitioner=person)
