"""What can happen to a triage session; every door calls these verbs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Count

from bookings import lifecycle, notices
from bookings.models import Booking, Patient
from bookings.money.payments import refuse_card_number
from botaniqal import counters
from botaniqal.accounts.models import User
from botaniqal.errors import Conflict, Malformed, Missing, NotAllowed, RuleBroken
from practitioners import availability, diary, limits, timegrid
from practitioners.models import DiaryEntry, Practitioner
from services.models import AppointmentType
from services.offering import NotOffered, require_offered
from services.prices import clinic_day

from . import hand_over
from .models import CallEvent, Disposition, Script, TriageSession

State = TriageSession.State
Outcome = TriageSession.Outcome

OPEN = (State.SCHEDULED, State.IN_PROGRESS)
"""The states in which a session can still lead to a booking."""


class NoConsultantFree(Conflict):
    """Nobody can ring at any of the wanted times."""

    code = "slot_taken"
    message = "None of these times is free. Choose one of the nearest."


class TimesPassed(RuleBroken):
    """Nobody can ring in the past."""

    def __init__(self) -> None:
        super().__init__("past", "These times have passed. Choose times to come.")


class NotYourSession(NotAllowed):
    """Another consultant has the call."""

    code = "not_your_session"
    message = "This call belongs to another consultant. Take it over first."


class SessionClosed(RuleBroken):
    """The call is over, booked, or its consultation was cancelled."""

    code = "session_closed"

    def __init__(self, message: str = "This call is closed.") -> None:
        super().__init__("session", message)


class StaleVersion(Conflict):
    """Somebody else wrote meanwhile; their text stands in the session that comes with it."""

    code = "stale_version"
    message = "Somebody else changed this call meanwhile."

    def __init__(self, session: TriageSession) -> None:
        self.session = session
        super().__init__()


def free_consultation() -> AppointmentType:
    """
    Find the appointment type of the free consultation.

    :raises NotOffered: the catalogue has none that is offered.
    """
    kinds = list(
        AppointmentType.objects.on_show()
        .filter(kind=AppointmentType.Kind.CONSULTATION)
        .in_catalogue_order()
        .select_related("service")
    )
    if not kinds:
        raise NotOffered("Free consultations are not offered at the moment.")
    kind = next((each for each in kinds if not each.obstacle), kinds[0])
    require_offered(kind, is_public=True)
    return kind


@transaction.atomic
def open_session(
    *,
    patient: Patient,
    consultant: Practitioner,
    appointment_type: AppointmentType,
    starts_at: datetime,
    ends_at: datetime,
    entry: DiaryEntry | None,
    source: Booking.Source,
    by: User | None,
    now: datetime,
    concern: str = "",
    join_link: str = "",
    attention: str = "",
    session_id: UUID | None = None,
) -> TriageSession:
    """Plan a call for which the time is taken, and send the patient what to prepare."""
    consultation = lifecycle.book(
        patient=patient,
        practitioner=consultant,
        appointment_type=appointment_type,
        starts_at=starts_at,
        ends_at=ends_at,
        entry=entry,
        price=0,
        source=source,
        by=by,
        now=now,
        join_link=join_link or consultant.meeting_link,
        attention=attention,
    )
    session = TriageSession.objects.create(
        pk=session_id or uuid4(),
        patient=patient,
        consultation=consultation,
        consultant=consultant,
        primary_concern=concern,
    )
    transaction.on_commit(partial(counters.count, "triage_sessions_created", source=source))
    notices.send_preparation(booking=consultation, now=now)
    return session


def book_consultation(
    *,
    name: str,
    email: str,
    phone: str,
    preferred_times: list[datetime],
    concern: str,
    zone: str,
    by: User | None,
    now: datetime,
    session_id: UUID | None = None,
) -> TriageSession:
    """
    Plan a call at the first of the wanted times at which a consultant is free: the one with the fewest calls that day.

    Who cannot be said to be free, because their outside calendar is stale, is passed over.

    :raises NoConsultantFree: none of the times is free; the nearest free ones come with it.
    :raises TimesPassed: every wanted time has passed.
    """
    kind = free_consultation()
    consultants = list(Practitioner.objects.consulting().fresh(now).filter(appointment_types=kind))
    for starts_at in preferred_times:
        for consultant in by_load(consultants, starts_at):
            try:
                availability.check(practitioner=consultant, appointment_type=kind, starts_at=starts_at)
                with transaction.atomic():
                    limits.keep_cap(practitioner=consultant, moment=starts_at, held_for=None, beyond=())
                    entry = diary.take(practitioner=consultant, span=availability.occupied_span(kind, starts_at), by=by)
                    patient = Patient.objects.create(name=name, email=email, phone=phone, time_zone=zone)
                    return open_session(
                        patient=patient,
                        consultant=consultant,
                        appointment_type=kind,
                        starts_at=starts_at,
                        ends_at=starts_at + timedelta(minutes=kind.minutes),
                        entry=entry,
                        source=Booking.Source.ONLINE,
                        by=by,
                        now=now,
                        concern=concern,
                        session_id=session_id,
                    )
            except (diary.SlotTaken, RuleBroken):
                continue
    if all(moment < now for moment in preferred_times):
        raise TimesPassed
    near = min(moment for moment in preferred_times if moment >= now)
    nearest = availability.alternatives(appointment_type=kind, near=near, hides_stale=True)
    raise NoConsultantFree(extra={"alternatives": [one.as_json() for one in nearest]})


def by_load(consultants: list[Practitioner], moment: datetime) -> list[Practitioner]:
    """Order consultants by how many calls they have on the clinic's day of a moment, the fewest first."""
    begins, ends = timegrid.day_edges(clinic_day(moment), availability.CLINIC)
    counts = dict(
        # By moments, not by the day of them: the index knows no days.
        TriageSession.objects.filter(consultation__starts_at__gte=begins, consultation__starts_at__lt=ends)
        .exclude(consultation__state=Booking.State.CANCELLED)
        .values_list("consultant")
        .annotate(Count("pk"))
        .order_by()
    )
    return sorted(consultants, key=lambda person: (counts.get(person.pk, 0), person.name))


@transaction.atomic
def start(*, session_id: UUID, consultant: Practitioner | None, by: User | None, now: datetime) -> TriageSession:
    """
    Begin the call, or go on with it: whoever does has it from then on.

    :raises NotYourSession: another consultant has it.
    :raises SessionClosed: it is over or cancelled.
    """
    session = locked(session_id)
    require_own(session, consultant)
    require_open(session)
    is_parked = session.state == State.IN_PROGRESS and session.claimed_by_id is None
    if session.claimed_by_id is None:
        session.claimed_by, session.claimed_at = consultant, now
        kind = CallEvent.Kind.RESUMED if is_parked else CallEvent.Kind.CLAIMED
        session.events.create(kind=kind, at=now, by=by, words=f"{consultant}")
    if session.state == State.SCHEDULED:
        session.state, session.started_at = State.IN_PROGRESS, now
    if session.script is None:
        session.script = Script.objects.in_use().first()
    session.save(update_fields=["state", "started_at", "claimed_by", "claimed_at", "script"])
    return session


@transaction.atomic
def write(
    *, session_id: UUID, consultant: Practitioner | None, version: int, changes: Mapping[str, Any], by: User | None
) -> TriageSession:
    """
    Write down what was said: ``primary_concern``, ``notes``, ``recommended_service``, ``recommended_practitioners``.

    :raises NotYourSession: another consultant has it.
    :raises StaleVersion: somebody wrote since ``version``.
    :raises Malformed: a card number stands in the text.
    """
    session = locked(session_id)
    require_own(session, consultant)
    if session.version != version:
        raise StaleVersion(session)
    for field in ("primary_concern", "notes"):
        refuse_card_number(changes.get(field, ""), field)
    for field, value in changes.items():
        setattr(session, field, value)
    session.version += 1
    session.save(update_fields=["version", *changes])
    return session


@transaction.atomic
def wrap_up(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    outcome: str,
    disposition: str = "",
    by: User | None,
    now: datetime,
) -> TriageSession:
    """
    Close the call with what came of it; the consultation took place, unless nobody answered.

    :raises NotYourSession: another consultant has it.
    :raises SessionClosed: it is closed already, or cancelled.
    :raises RuleBroken: the outcome does not fit what happened, or the disposition the outcome.
    """
    session = locked(session_id)
    require_own(session, consultant)
    if session.state == State.DONE or session.consultation.state == Booking.State.CANCELLED:
        raise SessionClosed
    if outcome not in Outcome.values:
        raise Malformed("Choose how the call ended.", details={"outcome": ["Not one of the outcomes."]})
    if (outcome == Outcome.BOOKED) != (session.booking_id is not None):
        raise RuleBroken(
            "outcome",
            "The call led to a booking, so its outcome is “booked”."
            if session.booking_id
            else "Nothing was booked in this call, so its outcome cannot be “booked”.",
        )
    finer = Disposition.objects.filter(code=disposition, outcome=outcome, is_active=True).first()
    if disposition and finer is None:
        raise RuleBroken("disposition", "That reason does not belong to this outcome.")
    close(session=session, outcome=outcome, disposition=finer, by=by, now=now)
    return session


def close(
    *,
    session: TriageSession,
    outcome: str,
    disposition: Disposition | None = None,
    by: User | None,
    now: datetime,
    is_heard: bool = False,
) -> None:
    """
    Write down the end of a locked session's call, and give back the time it still keeps.

    ``is_heard`` when a vendor said that nobody answered.
    """
    session.state, session.outcome, session.disposition = State.DONE, outcome, disposition
    session.started_at = session.started_at or now
    session.ended_at = now
    session.save(update_fields=["state", "outcome", "disposition", "started_at", "ended_at", "booking"])
    word = disposition.label if disposition else session.get_outcome_display()
    session.events.create(kind=CallEvent.Kind.ENDED, at=now, by=by, words=word)
    diary.release_holds(held_for=session.pk)
    hand_over.bring_up_to_date(session=session, by=by, now=now)
    if session.consultation.state == Booking.State.CONFIRMED:
        if outcome == Outcome.NO_SHOW:
            lifecycle.mark_no_show(booking_id=session.consultation_id, by=by, now=now, is_heard=is_heard)
        else:
            lifecycle.complete(booking_id=session.consultation_id, by=by, now=now)


def reopen(*, session: TriageSession, reason: str, by: User | None, now: datetime) -> None:
    """
    Plan a locked session's call again that was closed because nobody answered.

    :raises SessionClosed: it ended otherwise.
    """
    if session.outcome != Outcome.NO_SHOW:
        raise SessionClosed
    session.state, session.outcome, session.disposition = State.SCHEDULED, "", None
    session.started_at = session.ended_at = session.claimed_by = session.claimed_at = session.call_back_at = None
    session.tries = 0
    ended = ["state", "outcome", "disposition", "ended_at", "tries"]
    session.save(update_fields=[*ended, "started_at", "claimed_by", "claimed_at", "call_back_at"])
    session.events.create(kind=CallEvent.Kind.REOPENED, at=now, by=by)
    state = Booking.State.CONFIRMED
    lifecycle.correct(booking_id=session.consultation_id, state=state, reason=reason, by=by, now=now)


def await_wrap_up(*, session: TriageSession, by: User | None = None, now: datetime) -> None:
    """Write down that a locked session's call led to a booking and only has to be closed."""
    session.state, session.outcome = State.WRAP_UP, Outcome.BOOKED
    session.started_at = session.started_at or now
    session.save(update_fields=["state", "outcome", "started_at", "booking"])
    diary.release_holds(held_for=session.pk)
    hand_over.bring_up_to_date(session=session, by=by, now=now)


def locked(session_id: UUID) -> TriageSession:
    """
    Read a session for a change, so that nobody else changes it meanwhile.

    :raises Missing: there is no such session.
    """
    # First the row alone, then what it points at: in one query, a row that changed while it was waited for would be
    # held against what it pointed at before, and not be found.
    if not TriageSession.objects.select_for_update().filter(pk=session_id).values_list("pk", flat=True).first():
        raise Missing("There is no such triage session.")
    related = ("consultation", "patient", "consultant", "recommended_service")
    return TriageSession.objects.select_related(*related).get(pk=session_id)


def require_own(session: TriageSession, consultant: Practitioner | None) -> None:
    """
    Make sure that the call is this consultant's.

    :raises NotYourSession: it is another's.
    """
    if consultant is None or session.consultant_id != consultant.pk:
        raise NotYourSession


def require_writable(session: TriageSession) -> None:
    """
    Make sure that what was said can still be written down.

    :raises SessionClosed: the call is over or cancelled.
    """
    if session.consultation.state == Booking.State.CANCELLED:
        raise SessionClosed("This consultation was cancelled.")
    if session.state == State.DONE:
        raise SessionClosed


def require_open(session: TriageSession) -> None:
    """
    Make sure that the call can still lead to a booking.

    :raises SessionClosed: it cannot.
    """
    if session.consultation.state == Booking.State.CANCELLED:
        raise SessionClosed("This consultation was cancelled.")
    if session.state not in OPEN or session.booking_id:
        raise SessionClosed
