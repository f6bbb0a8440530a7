"""When nobody answers: each try is written down, the next one suggested for another part of the day."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from bookings import notices
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed
from practitioners import availability, timegrid
from practitioners.models import Practitioner
from services.prices import clinic_day

from . import claims, rebooking, sessions
from .models import CallEvent, Disposition, TriageSession

SOONEST = timedelta(hours=1)
LOOKED_AHEAD_DAYS = 7
WAKING_HOURS = range(8, 20)
"""When people are rung, by their own clock."""


class Daypart(StrEnum):
    """A part of the patient's day."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


USUAL = {Daypart.MORNING: time(9, 30), Daypart.AFTERNOON: time(14), Daypart.EVENING: time(17, 30)}


@dataclass(frozen=True, slots=True)
class NextTry:
    """A time to ring again, and whether that part of the day has been tried."""

    daypart: Daypart
    at: datetime
    is_tried: bool


@transaction.atomic
def note_try(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    number: int,
    at: datetime | None = None,
    by: User | None,
    now: datetime,
) -> TriageSession:
    """
    Write down that nobody answered; ``at`` is when to try again, unless this was the last try, which ends the call.

    ``number`` says which try it was, counted from 1: the same one noted again changes nothing. After the first the
    patient gets a link to choose another time themselves.

    :raises NotYourSession: another consultant has it.
    :raises SessionClosed: it is over or cancelled.
    :raises Malformed: no time for the next try is given.
    :raises RuleBroken: that time has passed, or is too far ahead.
    """
    session = sessions.locked(session_id)
    sessions.require_own(session, consultant)
    if number <= session.tries:
        return session
    sessions.require_open(session)
    session.tries += 1
    session.save(update_fields=["tries"])
    words = f"Try {session.tries} of {settings.NO_ANSWER_TRIES}"
    session.events.create(kind=CallEvent.Kind.TRIED, at=now, by=by, words=words)
    if is_last(session.tries):
        finer = Disposition.objects.filter(code="no_answer", is_active=True).first()
        sessions.close(session=session, outcome=sessions.Outcome.NO_SHOW, disposition=finer, by=by, now=now)
        return session
    if at is None:
        raise Malformed("Choose when to try again.", details={"at": ["Required."]})
    claims.wait_until(session=session, at=at, now=now)
    if session.tries == 1:
        notices.send_no_answer(booking=session.consultation, link=rebooking.link_to(session, now=now), now=now)
    return session


def is_last(tries: int) -> bool:
    """Tell whether a call ends with so many unanswered tries."""
    return tries >= settings.NO_ANSWER_TRIES


def next_tries(*, session: TriageSession, now: datetime) -> list[NextTry]:
    """
    Suggest when to ring again: the consultant's first free time in each part of the patient's day, the untried first.

    A consultant without any free time rings outside of it: tomorrow, at the usual hours.
    """
    zone = session.patient.zone
    tried_at = session.events.filter(kind=CallEvent.Kind.TRIED).values_list("at", flat=True)
    tried = {daypart_of(moment, zone) for moment in [*tried_at, now]}
    found = _free_by_daypart(session, zone, now)
    if not found:
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        found = {part: timegrid.wall_time(tomorrow, clock, zone) for part, clock in USUAL.items()}
    return sorted(
        (NextTry(part, at, part in tried) for part, at in found.items()), key=lambda one: (one.is_tried, one.at)
    )


def usual_call_backs(*, zone: ZoneInfo, now: datetime) -> list[tuple[str, datetime]]:
    """Suggest when to ring back: in an hour, this evening and tomorrow morning, by the patient's clock."""
    today = now.astimezone(zone).date()
    in_an_hour = now + SOONEST
    grid = timegrid.EPOCH + -((timegrid.EPOCH - in_an_hour) // timegrid.CELL) * timegrid.CELL
    evening = timegrid.wall_time(today, USUAL[Daypart.EVENING], zone)
    morning = timegrid.wall_time(today + timedelta(days=1), USUAL[Daypart.MORNING], zone)
    usual = [("In 1 hour", grid), ("This evening", evening), ("Tomorrow morning", morning)]
    return [(label, at) for label, at in usual if at >= in_an_hour]


def daypart_of(moment: datetime, zone: ZoneInfo) -> Daypart:
    """Name the part of the day in which a moment lies."""
    hour = moment.astimezone(zone).hour
    if hour < 12:
        return Daypart.MORNING
    return Daypart.AFTERNOON if hour < 17 else Daypart.EVENING


def _free_by_daypart(session: TriageSession, zone: ZoneInfo, now: datetime) -> dict[Daypart, datetime]:
    offer = availability.Offer(session.consultant, session.consultation.appointment_type)
    [slots] = availability.find_slots(offers=[offer], first_day=clinic_day(now), days=LOOKED_AHEAD_DAYS)
    found: dict[Daypart, datetime] = {}
    for moment in slots.times:
        if moment >= now + SOONEST and moment.astimezone(zone).hour in WAKING_HOURS:
            found.setdefault(daypart_of(moment, zone), moment)
    return found
