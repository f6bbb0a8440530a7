"""Calls and visits as the story tells them, through the clinic's own verbs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bookings import lifecycle
from bookings.models import Booking
from bookings.money import checkouts, payments
from practitioners import availability, timegrid
from practitioners.models import Practitioner
from services import prices
from services.models import AppointmentType
from triage import claims, no_answer, sessions
from triage.models import TriageSession

from . import acts, script
from .answers import ANSWERS
from .story import CALLS, Call, Visit, When

ASKED_BEFORE = timedelta(hours=20)


def make_calls(*, people: dict[str, Practitioner], now: datetime) -> None:
    """Plan, make and end the demo's calls through the clinic's own verbs, as if at their time."""
    for call in CALLS:
        _Scene(people=people, now=now).make(call)


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """Who is there, and when it is."""

    people: dict[str, Practitioner]
    now: datetime

    def make(self, call: Call) -> None:
        """Plan a call, and make it if it has been made."""
        consultant, starts_at = self.people[call.who], self.moment(call.when)
        session = acts.plan(
            patient=acts.come(name=call.patient, phone=call.phone, time_zone=call.time_zone),
            consultant=consultant,
            starts_at=starts_at,
            concern=call.concern,
            now=min(self.now, starts_at) - ASKED_BEFORE,
        )
        if call.rings_again:
            self.ring_in_vain(session, starts_at, self.moment(call.rings_again))
        if not call.outcome and not call.is_parked:
            return
        who = {"consultant": consultant, "by": consultant.user}
        ends_at = starts_at + acts.CALL_LASTS
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

    def book(self, visit: Visit, session: TriageSession, booked_at: datetime) -> Booking:
        """Book what was agreed."""
        kind, by = AppointmentType.objects.get(code=visit.code), session.consultant.user
        receipt = f"T-{session.consultation.number[-4:]}" if visit.is_paid else ""
        booking = acts.book(
            patient=session.patient,
            giver=self.people[visit.who],
            kind=kind,
            starts_at=self.moment(visit.when),
            taken=payments.Taken(is_collected=visit.is_paid, reference=receipt),
            by=by,
            now=booked_at,
        )
        if not visit.is_paid:
            checkouts.send_link(booking_id=booking.pk, by=by, now=self.now)
        if visit.form:
            acts.fill_form(
                booking, ANSWERS["mini-intake"][0], is_sent=visit.form == "sent", now=self.now - ASKED_BEFORE
            )
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
        return timegrid.wall_time(acts.weekday_from(prices.clinic_day(self.now), weekdays), clock, availability.CLINIC)
