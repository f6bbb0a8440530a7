"""Who would come earlier in the demo, and what became of the times that others gave up today."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from bookings import lifecycle, reasons
from bookings.models import Booking, EarlierTimeOffer, EarlierTimeRequest, Patient, RefundDecision
from bookings.money import payments
from bookings.waiting import earlier, earlier_answers, earlier_offers
from botaniqal.accounts.models import User
from practitioners import availability, timegrid
from practitioners.models import Practitioner
from services import prices
from services.models import AppointmentType

from . import acts, crowd

Urgency, Daypart = EarlierTimeRequest.Urgency, EarlierTimeRequest.Daypart


@dataclass(frozen=True, kw_only=True)
class Asks:
    """Somebody who asked so many days ago, and the visit that they have: weekdays on, and the clock."""

    name: str
    days_ago: int
    urgency: Urgency
    visit: tuple[int, time] | None = None
    who: str = ""
    code: str = crowd.VISIT
    dayparts: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    gives_up: bool = False


ASKS = (
    Asks(name="Nora Finch", days_ago=6, urgency=Urgency.URGENT, visit=(9, time(10, 30))),
    Asks(name="Ida Grove", days_ago=5, urgency=Urgency.URGENT, visit=(8, time(14, 30))),
    Asks(name="Bram Ott", days_ago=9, urgency=Urgency.SOON, visit=(10, time(11, 30)), dayparts=(Daypart.MORNING,)),
    Asks(name="Lydia Penn", days_ago=4, urgency=Urgency.SOON, dayparts=(Daypart.AFTERNOON,)),
    Asks(name="Oscar Reid", days_ago=8, urgency=Urgency.WHENEVER, who="shivani", code=crowd.IN_PERSON),
    Asks(name="Tilda Moore", days_ago=7, urgency=Urgency.WHENEVER, visit=(12, time(15, 30)), weekdays=(0,)),
    Asks(name="Uma Kent", days_ago=3, urgency=Urgency.SOON, gives_up=True),
)


def fill(*, people: dict[str, Practitioner], now: datetime) -> None:
    """Let people ask, others cancel, and the times that became free be offered."""
    clinic = _Clinic(people, now)
    requests = {one.name: clinic.ask(one) for one in ASKS}
    clinic.call_off("Rupert Vale", "dia", crowd.VISIT, (3, time(11, 30)), at=now - timedelta(hours=5))
    earlier_answers.accept(offer_id=_offered_to(requests["Nora Finch"]), now=now - timedelta(hours=5, minutes=-20))
    clinic.call_off("Victor Hale", "mei", crowd.GAPS, (2, time(12, 30)), at=now - timedelta(hours=2))
    clinic.call_off("Stella Marsh", "dia", crowd.VISIT, (4, time(15, 30)), at=now - timedelta(minutes=50))
    earlier_answers.decline(offer_id=_offered_to(requests["Ida Grove"]), now=now - timedelta(minutes=10))
    earlier_offers.offer_due(now=now)


class _Clinic:
    """Who is there, and when it is."""

    def __init__(self, people: dict[str, Practitioner], now: datetime) -> None:
        self.people, self.now, self.count = people, now, 800
        self.ops = User.objects.get(groups__name="operations")

    def ask(self, one: Asks) -> EarlierTimeRequest:
        """Let somebody book a visit, and ask for an earlier time."""
        asked_at = self.now - timedelta(days=one.days_ago)
        booking = self.book(one.name, "dia", one.code, one.visit, asked_at) if one.visit else None
        request = earlier.ask(
            patient=booking.patient if booking else self.somebody(one.name),
            appointment_type=AppointmentType.objects.get(code=one.code),
            booking=booking,
            practitioner=self.people[one.who] if one.who else None,
            urgency=one.urgency,
            dayparts=one.dayparts,
            weekdays=one.weekdays,
            by=self.people["sarah"].user,
            now=asked_at,
        )
        if one.gives_up:
            earlier.withdraw(request_id=request.pk, by=self.ops, now=asked_at + timedelta(days=2))
        return request

    def call_off(self, name: str, who: str, code: str, when: tuple[int, time], *, at: datetime) -> None:
        """Let somebody give up a visit, and the time be offered."""
        booking = self.book(name, who, code, when, at - timedelta(days=4))
        cause = reasons.for_patients().get(code="time_does_not_suit")
        terms = {"cause": cause, "refund_cause": RefundDecision.Cause.PATIENT, "by": self.ops}
        lifecycle.cancel(booking_id=booking.pk, now=at, **terms)
        earlier_offers.offer_due(now=at)

    def book(self, name: str, who: str, code: str, when: tuple[int, time], booked_at: datetime) -> Booking:
        """Book a visit that is to come, paid on the terminal."""
        weekdays, clock = when
        day = acts.weekday_from(prices.clinic_day(self.now), weekdays)
        taken = payments.Taken(is_collected=True, reference=f"T-{self.count}")
        return acts.book(
            patient=self.somebody(name),
            giver=self.people[who],
            kind=AppointmentType.objects.get(code=code),
            starts_at=timegrid.wall_time(day, clock, availability.CLINIC),
            taken=taken,
            by=self.people["sarah"].user,
            now=booked_at,
        )

    def somebody(self, name: str) -> Patient:
        """Make somebody known by the next number that is kept for fiction."""
        self.count += 1
        return acts.come(name=name, phone=crowd.phone(self.count))


def _offered_to(request: EarlierTimeRequest) -> UUID:
    return EarlierTimeOffer.objects.get(request=request, state=EarlierTimeOffer.State.OPEN).pk
