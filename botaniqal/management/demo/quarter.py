"""
The quarter before the story's two weeks: a clinic that finds its feet, by lot, but each time the same.

What happens stands on an agenda by its moment and is done in that order, so that numbers, e-mails and money come one
after the other as they would have.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from uuid import UUID

from bookings import lifecycle, reasons, reminders
from bookings.intake import form_asking, form_filling
from bookings.models import Booking, Consent, Patient, Payment, RefundDecision
from bookings.money import payments, refunds, settlement
from bookings.patients import consents
from botaniqal.accounts.models import User
from botaniqal.messages import tracking
from botaniqal.messages.models import Message
from botaniqal.reports.models import Demand
from practitioners import availability, timegrid
from practitioners.diary import SlotTaken
from practitioners.models import Practitioner
from services import interest, nurture, prices
from services.models import AppointmentType, InterestEntry, Service
from triage import sessions
from triage.models import TriageSession

from . import acts, crowd
from .answers import ANSWERS

FIRST_DAY, LAST_DAY = -62, -11
"""The weekdays of its calls, counted from today; the story has those after."""
FIRST_BELL = -6
"""From that weekday on, what is written by itself is written: of all before, nobody looks at the reminders."""

Outcome, State, Method = TriageSession.Outcome, Booking.State, Payment.Method
ENDINGS = {
    Outcome.BOOKED: (58, ("",)),
    Outcome.REFERRED: (12, ("gp", "other_service")),
    Outcome.REJECTED: (16, ("price", "declined", "no_suitable_time")),
    Outcome.NO_SHOW: (14, ("no_answer", "voicemail")),
}
"""How calls end: how often of a hundred, and by which finer words."""
CLOCKS = (time(9, 30), time(11, 30), time(13, 30), time(15, 30), time(16, 30), time(12, 30), time(10, 30))
MORNING = time(9, 5)

Act = Callable[..., None]


def live_through(*, people: dict[str, Practitioner], now: datetime) -> None:
    """Let the clinic have lived through the quarter, to this moment."""
    quarter = _Quarter(people, now)
    quarter.begin()
    quarter.live()
    acts.forget_what_is_past(Booking.objects.all(), now)
    acts.let_have_gone_out(Message.objects.filter(kind__in=interest.OF_THE_LIST), now)
    quarter.hear_of_mail()
    quarter.write_searches()


class _Quarter:
    """What is still to happen, and whose lot it is."""

    def __init__(self, people: dict[str, Practitioner], now: datetime) -> None:
        self.people, self.now = people, now
        self.lot = Random("a quarter")  # noqa: S311 - no secret
        self.agenda: list[tuple[datetime, int, Act]] = []
        self.counted, self.names = count(), crowd.names()
        self.kinds = {kind.code: kind for kind in AppointmentType.objects.select_related("service")}
        self.ops = User.objects.get(groups__name="operations")

    def begin(self) -> None:
        """Put on the agenda whoever comes by themselves, and the bell of each morning."""
        for day in range(FIRST_BELL, 0):
            self.at(self.moment(day, MORNING), self.ring_bells)
        for place, name in enumerate(crowd.REGULARS):
            self.at(self.moment(-58 + 9 * place, time(10)), partial(self.come_back, name))
        for one in crowd.WAITING:
            self.at(self.now - timedelta(days=one.days_ago, minutes=self.lot.randint(0, 600)), partial(self.wait, one))
        for day in range(FIRST_DAY, LAST_DAY + 1):
            age = day - FIRST_DAY
            for who, often in (("sarah", 50 + age), ("tom", age)):
                if self.lot.randrange(100) < often:
                    starts_at = self.moment(day, time(self.lot.randint(9, 15), self.lot.choice([0, 30])))
                    asked_at = starts_at - timedelta(hours=self.lot.randint(4, 70))
                    self.at(asked_at, partial(self.ask, self.people[who], starts_at))

    def live(self) -> None:
        """Do what is on the agenda, one after the other; what has not come yet stays undone."""
        while self.agenda:
            moment, _, act = heappop(self.agenda)
            act(now=moment)

    def write_searches(self) -> None:
        """Write down how often times were looked for: more each week, and in person there are too few."""
        found = []
        for day in range(FIRST_DAY, 0):
            for code in (*crowd.FOLLOW_UPS, *crowd.FOLLOW_UPS.values()):
                searches = self.lot.randint(0, 4 + (day - FIRST_DAY) // 12)
                is_scarce = code in (crowd.IN_PERSON, crowd.FOLLOW_UPS[crowd.IN_PERSON])
                empty = sum(self.lot.randrange(100) < (30 if is_scarce else 4) for _ in range(searches))
                on = prices.clinic_day(self.moment(day, MORNING))
                found.append(Demand(day=on, appointment_type=self.kinds[code], searches=searches, empty=empty))
        Demand.objects.bulk_create(each for each in found if each.searches)

    def at(self, moment: datetime, act: Act) -> None:
        """Put something on the agenda."""
        if moment < self.now:
            heappush(self.agenda, (moment, next(self.counted), act))

    def moment(self, weekdays: int, clock: time) -> datetime:
        """Find a moment of a weekday, counted from today."""
        return self.moment_after(self.now, weekdays, clock)

    def moment_after(self, since: datetime, weekdays: int, clock: time) -> datetime:
        """Find a moment so many weekdays after another."""
        day = acts.weekday_from(prices.clinic_day(since), weekdays)
        return timegrid.wall_time(day, clock, availability.CLINIC)

    def ring_bells(self, *, now: datetime) -> None:
        """Write what is written by itself."""
        form_asking.ask_due(now=now)
        reminders.remind_due(now=now)
        nurture.send_due(now=now)

    # --- Calls, and what comes of them --------------------------------------------------------------------------------

    def ask(self, consultant: Practitioner, starts_at: datetime, *, now: datetime) -> None:
        """Ask for a call on the website."""
        code = self.lot.choice(crowd.CODES)
        session = acts.plan(
            patient=self.somebody(next(self.names)),
            consultant=consultant,
            starts_at=starts_at,
            concern=self.lot.choice(crowd.CONCERNS[code]),
            now=now,
        )
        self.at(starts_at, partial(self.call, session, code))

    def call(self, session: TriageSession, code: str, *, now: datetime) -> None:
        """Ring them, and book what is agreed."""
        who = {"session_id": session.pk, "consultant": session.consultant, "by": session.consultant.user}
        sessions.start(now=now, **who)
        [outcome] = self.lot.choices(list(ENDINGS), [often for often, _ in ENDINGS.values()])
        ended_at = now + (timedelta(minutes=2) if outcome == Outcome.NO_SHOW else acts.CALL_LASTS)
        if outcome == Outcome.BOOKED:
            for wording in consents.current():
                said = {"is_given": wording.is_required or self.lot.random() < 0.7, "how": Consent.How.PHONE}
                said |= {"by": who["by"], "session_id": session.pk}
                consents.record(patient_id=session.patient_id, wording_id=wording.pk, now=now, **said)
            giver, service = self.people[crowd.GIVERS[code]], self.kinds[code].service
            changes = {"recommended_service": service, "recommended_practitioners": [giver.pk]}
            sessions.write(version=session.version, changes=changes, **who)
            session = sessions.locked(session.pk)
            soon = self.lot.randint(2, 7)
            session.booking = self.book(session.patient, code, by=who["by"], in_days=soon, now=ended_at)
            sessions.await_wrap_up(session=session, by=who["by"], now=ended_at)
        sessions.wrap_up(outcome=outcome, disposition=self.lot.choice(ENDINGS[outcome][1]), now=ended_at, **who)

    def book(
        self, patient: Patient, code: str, *, by: User, in_days: int, now: datetime, source: str = Booking.Source.PHONE
    ) -> Booking:
        """Book the first time that is free after so many weekdays, and put on the agenda what becomes of the visit."""
        kind = self.kinds[code]
        methods = [Method.CREDIT_CARD_PHONE, Method.CREDIT_CARD_PHONE, Method.BANK_TRANSFER]
        method = self.lot.choice([Method.CASH, *methods[:2]] if kind.is_in_person else methods)
        is_there = method != Method.BANK_TRANSFER
        reference = f"T-{self.lot.randint(1000, 9999)}" if is_there else ""
        booking = self.first_free(
            patient=patient,
            giver=self.people[crowd.GIVERS[code]],
            kind=kind,
            taken=payments.Taken(is_collected=is_there, method=method, reference=reference),
            by=by,
            now=now,
            source=source,
            in_days=in_days,
        )
        if not is_there:
            self.at(now + timedelta(days=self.lot.randint(1, 3)), partial(self.transfer, booking.pk))
        self.at(max(now, booking.starts_at - timedelta(hours=26)), partial(self.fill_form, booking.pk))
        if self.lot.random() < 0.1:
            off_at = booking.starts_at - timedelta(hours=self.lot.choice([1, 5, 40]))
            self.at(max(now, off_at), partial(self.call_off, booking.pk))
        else:
            self.at(booking.ends_at, partial(self.end, booking, code))
        return booking

    def first_free(self, *, in_days: int, now: datetime, **terms: object) -> Booking:
        """Book the first time that is free, so many weekdays on or later."""
        for day in count(in_days):
            for clock in CLOCKS:
                try:
                    return acts.book(starts_at=self.moment_after(now, day, clock), now=now, **terms)
                except SlotTaken:
                    continue
        raise AssertionError  # the diary has no end

    def transfer(self, booking_id: UUID, *, now: datetime) -> None:
        """Let the money of a transfer come."""
        booking = Booking.objects.get(pk=booking_id)
        terms = {"method": Method.BANK_TRANSFER, "reference": f"Transfer {booking.number}", "amount": booking.price}
        settlement.collect(booking_id=booking_id, by=self.ops, now=now, **terms)

    def fill_form(self, booking_id: UUID, *, now: datetime) -> None:
        """Let somebody fill in their form, or begin to, or forget it."""
        booking = Booking.objects.select_related("appointment_type__service").get(pk=booking_id)
        version, luck = form_filling.wanted_of(booking), self.lot.random()
        if version is None or luck > 0.85:
            return
        acts.fill_form(booking, self.lot.choice(ANSWERS[version.form.slug]), is_sent=luck < 0.72, now=now)

    def call_off(self, booking_id: UUID, *, now: datetime) -> None:
        """Let a patient cancel, and have it decided a day later what is given back."""
        terms = {"cause": self.lot.choice(list(reasons.for_patients()[:3])), "by": self.ops}
        lifecycle.cancel(booking_id=booking_id, refund_cause=RefundDecision.Cause.PATIENT, now=now, **terms)
        for decision in RefundDecision.objects.filter(payment__booking=booking_id, status="waiting"):
            RefundDecision.objects.filter(pk=decision.pk).update(created_at=now)
            self.at(now + timedelta(days=1), partial(self.decide, decision.pk))

    def decide(self, decision_id: UUID, *, now: datetime) -> None:
        """Decide as the rules suggest; money that came by hand goes back by hand."""
        amount = RefundDecision.objects.get(pk=decision_id).suggested
        reference = f"R-{self.lot.randint(1000, 9999)}" if amount else ""
        refunds.decide(decision_id=decision_id, amount=amount, reason="", reference=reference, by=self.ops, now=now)

    def end(self, booking: Booking, code: str, *, now: datetime) -> None:
        """Let a visit take place or not, and often lead to another one."""
        by = booking.practitioner.user or self.ops
        if self.lot.random() < 0.1:
            lifecycle.mark_no_show(booking_id=booking.pk, by=by, now=now)
            return
        lifecycle.complete(booking_id=booking.pk, by=by, now=now)
        if code in crowd.FOLLOW_UPS and self.lot.random() < 0.75:
            self.at(now + timedelta(hours=self.lot.randint(1, 90)), partial(self.follow_up, booking.patient, code))

    def follow_up(self, patient: Patient, code: str, *, now: datetime) -> None:
        """Ring for the next visit, some weeks on."""
        by = self.people[self.lot.choice(["sarah", "tom"])].user
        self.book(patient, crowd.FOLLOW_UPS[code], by=by, in_days=self.lot.randint(8, 20), now=now)

    def come_back(self, name: str, *, now: datetime) -> None:
        """Take over a visit that was agreed before there was a portal."""
        terms = {"by": self.ops, "in_days": 3, "source": Booking.Source.IMPORT}
        self.book(self.somebody(name), crowd.WEIGHT, now=now, **terms)

    def somebody(self, name: str) -> Patient:
        """Make somebody known by the next number that is kept for fiction."""
        return acts.come(name=name, phone=crowd.phone(next(self.counted)))

    # --- The interest lists -------------------------------------------------------------------------------------------

    def wait(self, one: crowd.Waiting, *, now: datetime) -> None:
        """Let somebody join an interest list, and leave it again."""
        service = Service.objects.get(slug=one.service)
        entry = interest.join(
            service=service,
            name=one.name,
            email=f"{one.name.lower().replace(' ', '.')}@example.com",
            phone=crowd.phone(next(self.counted)) if one.source == InterestEntry.Source.DESK else "",
            source=one.source,
            wording=interest.wording_for(service),
            now=now,
        )
        if one.left_after:
            self.at(now + timedelta(days=one.left_after), partial(self.leave, entry.pk, one.told_staff))

    def leave(self, entry_id: UUID, told_staff: str, *, now: datetime) -> None:
        """Let them leave by their link, or have staff take them off."""
        if told_staff:
            interest.take_off(entry_id=entry_id, reason=told_staff, by=self.ops, now=now)
        else:
            interest.leave(entry_id=entry_id, now=now)

    # --- The post -----------------------------------------------------------------------------------------------------

    def hear_of_mail(self) -> None:
        """Let one address turn out not to exist, and one who was written to complain."""
        complains = next(f"{one.name.lower().replace(' ', '.')}@example.com" for one in crowd.WAITING if one.complained)
        gone_out = Message.objects.exclude(sent_at=None)
        told = {
            Message.Delivery.COMPLAINED: gone_out.filter(to=complains).latest("created_at"),
            Message.Delivery.BOUNCED: gone_out.filter(kind=Message.Kind.NO_ANSWER).first()
            or gone_out.filter(kind=Message.Kind.PREPARATION).latest("created_at"),
        }
        for kind, message in told.items():
            at = message.sent_at + timedelta(minutes=1)
            name = f"demo-{kind}"
            report = tracking.Report(event_id=name, message_id=message.pk, kind=kind, is_lasting=True, at=at)
            tracking.note(report=report, now=at)
