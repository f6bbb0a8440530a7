"""Calls and visits as the story tells them, through the clinic's own verbs."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import F

from bookings import lifecycle, notices
from bookings.models import Booking, Patient, SyncRecord
from bookings.money import payments
from botaniqal.messages.models import Message
from practitioners import availability, diary, timegrid
from practitioners.models import Practitioner, Room
from services import prices
from services.models import AppointmentType
from triage import claims, no_answer, sessions
from triage.models import TriageSession

from . import script
from .story import CALLS, Call, Visit, When

ASKED_BEFORE = timedelta(hours=20)
CALL_LASTS = timedelta(minutes=11)


def make_calls(*, people: dict[str, Practitioner], now: datetime) -> None:
    """Plan, make and end the demo's calls through the clinic's own verbs, as if at their time."""
    for call in CALLS:
        _Scene(people=people, now=now).make(call)
    _forget_what_is_past(now)


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """Who is there, and when it is."""

    people: dict[str, Practitioner]
    now: datetime

    def make(self, call: Call) -> None:
        """Plan a call, and make it if it has been made."""
        consultant, starts_at = self.people[call.who], self.moment(call.when)
        session = self.plan(call, consultant, starts_at)
        if call.rings_again:
            self.ring_in_vain(session, starts_at, self.moment(call.rings_again))
        if not call.outcome and not call.is_parked:
            return
        who = {"consultant": consultant, "by": consultant.user}
        ends_at = starts_at + CALL_LASTS
        sessions.start(session_id=session.pk, now=starts_at, **who)
        changes = {"notes": call.notes}
        if call.visit:
            giver = self.people[call.visit.who]
            service = AppointmentType.objects.get(code=call.visit.code).service
            changes |= {"recommended_service": service, "recommended_practitioners": [giver.pk]}
        script.answer(session=session, answers=call.answers, now=starts_at)
        sessions.write(session_id=session.pk, version=session.version, changes=changes, **who)
        if call.visit:
            session = sessions.locked(session.pk)
            session.booking = self.book(call.visit, session, ends_at)
            sessions.await_wrap_up(session=session, now=ends_at)
        if call.is_parked:
            claims.park(session_id=session.pk, now=ends_at, **who)
            return
        sessions.wrap_up(session_id=session.pk, outcome=call.outcome, disposition=call.disposition, now=ends_at, **who)
        if call.visit:
            self.end(call.visit, session.booking)

    def ring_in_vain(self, session: TriageSession, starts_at: datetime, again_at: datetime) -> None:
        """Ring somebody who does not answer, and plan to try again."""
        who = {"session_id": session.pk, "consultant": session.consultant, "by": session.consultant.user}
        sessions.start(now=starts_at, **who)
        no_answer.note_try(number=1, at=again_at, now=starts_at + timedelta(minutes=2), **who)

    def plan(self, call: Call, consultant: Practitioner, starts_at: datetime) -> TriageSession:
        """Plan a call that its patient asked for the day before."""
        kind = sessions.free_consultation()
        asked_at = min(self.now, starts_at) - ASKED_BEFORE
        session = sessions.open_session(
            patient=Patient.objects.create(
                name=call.patient,
                email=f"{call.patient.lower().replace(' ', '.')}@example.com",
                phone=call.phone,
                time_zone=call.time_zone,
            ),
            consultant=consultant,
            appointment_type=kind,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=kind.minutes),
            entry=diary.take(practitioner=consultant, span=availability.occupied_span(kind, starts_at), by=None),
            source=Booking.Source.ONLINE,
            by=None,
            now=asked_at,
            concern=call.concern,
        )
        TriageSession.objects.filter(pk=session.pk).update(created_at=asked_at)
        _date_back(session.consultation, asked_at)
        return session

    def book(self, visit: Visit, session: TriageSession, booked_at: datetime) -> Booking:
        """Book what was agreed: the phone-booking verb rightly refuses visits in the past."""
        kind, giver = AppointmentType.objects.get(code=visit.code), self.people[visit.who]
        starts_at, by = self.moment(visit.when), session.consultant.user
        room = Room.objects.first() if kind.is_in_person else None
        booking = lifecycle.book(
            patient=session.patient,
            practitioner=giver,
            appointment_type=kind,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=kind.minutes),
            entry=diary.take(practitioner=giver, span=availability.occupied_span(kind, starts_at), room=room, by=by),
            price=prices.price_of(kind, prices.clinic_day(booked_at)),
            source=Booking.Source.PHONE,
            by=by,
            now=booked_at,
        )
        receipt = f"T-{booking.number[-4:]}" if visit.is_paid else ""
        taken = payments.Taken(is_collected=visit.is_paid, reference=receipt)
        payments.record(booking=booking, taken=taken, by=by, now=booked_at)
        notices.send_confirmation(booking=booking, now=booked_at)
        _date_back(booking, booked_at)
        return booking

    def end(self, visit: Visit, booking: Booking) -> None:
        """Note how a visit ended."""
        if visit.ending == Booking.State.COMPLETED:
            lifecycle.complete(booking_id=booking.pk, by=booking.practitioner.user, now=booking.ends_at)
        if visit.ending == Booking.State.NO_SHOW:
            lifecycle.mark_no_show(booking_id=booking.pk, by=booking.practitioner.user, now=booking.ends_at)

    def moment(self, when: When) -> datetime:
        """Find the moment, on the five-minute grid."""
        if isinstance(when, int):
            grid = timegrid.EPOCH + (self.now - timegrid.EPOCH) // timegrid.CELL * timegrid.CELL
            return grid + timedelta(minutes=when)
        weekdays, clock = when
        return timegrid.wall_time(weekday_from(prices.clinic_day(self.now), weekdays), clock, availability.CLINIC)


def weekday_from(day: date, weekdays: int) -> date:
    """Count so many weekdays on from a day, or back."""
    step = timedelta(days=1 if weekdays > 0 else -1)
    while weekdays:
        day += step
        if day.weekday() < 5:
            weekdays -= step.days
    return day


def _date_back(booking: Booking, moment: datetime) -> None:
    Booking.objects.filter(pk=booking.pk).update(created_at=moment)
    Message.objects.filter(reference=booking.pk).update(created_at=moment)


def _forget_what_is_past(now: datetime) -> None:
    """Owe the vendors nothing for what is over: they were never there."""
    over = Booking.objects.filter(starts_at__lte=now)
    SyncRecord.objects.filter(booking__in=over).update(told=F("wanted"))
    Message.objects.filter(reference__in=over.values("pk")).update(told=F("wanted"), sent_at=F("created_at"))
