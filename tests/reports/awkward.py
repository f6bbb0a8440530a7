"""
A small clinic whose days are awkward, for figures that are worked out by hand.

On Sunday 4 October 2026 clocks in Melbourne go from 2 to 3, on Sunday 5 April 2026 they went from 3 back to 2.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction

from bookings.models import Booking, CancelReason, Checkout, Dispute, EarlierTimeRequest, Payment, RefundDecision
from bookings.patients import merging
from botaniqal.reports.figures import EVERYTHING, Period
from botaniqal.reports.figures.counting import totals
from botaniqal.reports.figures.hours import minutes
from botaniqal.reports.figures.sources import COLUMNS, SOURCES
from botaniqal.reports.figures.touched import open_days
from botaniqal.reports.models import Day, DayOfHours, Demand
from practitioners.models import DiaryEntry, TimeOff
from services.models import InterestEntry
from tests.factories import (
    MELBOURNE,
    AppointmentTypeFactory,
    BookingFactory,
    PatientFactory,
    PractitionerFactory,
    ServiceFactory,
    SessionFactory,
)

TODAY = date(2026, 10, 20)
WEEK = Period(date(2026, 10, 1), date(2026, 10, 8))
OCTOBER, APRIL = (2026, 10), (2026, 4)


def at(day: int, clock: str, *, month: tuple[int, int] = OCTOBER, fold: int = 0) -> datetime:
    """A moment by Melbourne's clock; ``fold`` tells the two hours of an autumn night apart."""
    wall = datetime.combine(date(*month, day), time.fromisoformat(clock), MELBOURNE)
    return wall.replace(fold=fold).astimezone(UTC)


NOW = at(20, "12:00")


@dataclass
class Awkward:
    """Everything of the clinic that a test may want to name."""

    people: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, Any] = field(default_factory=dict)
    visits: dict[str, Booking] = field(default_factory=dict)
    calls: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)

    def book(
        self, name: str, patient: str, kind: str, who: str, booked_at: datetime, starts_at: datetime, **fields: Any
    ) -> Booking:
        """Book a visit of a quarter of an hour."""
        booking = BookingFactory(
            patient=self.people[patient],
            appointment_type=self.kinds[kind],
            practitioner=self.people[who],
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=15),
            **{"source": "phone", "state": "confirmed"} | fields,
        )
        Booking.objects.filter(pk=booking.pk).update(created_at=booked_at)
        self.visits[name] = booking
        return booking

    def pay(self, name: str, amount: int, collected_at: datetime | None, **fields: Any) -> Payment:
        """Let money come for a visit, or be waited for."""
        return Payment.objects.create(
            booking=self.visits[name],
            amount=amount,
            collected_at=collected_at,
            **{"method": "cash", "status": "collected" if collected_at else "pending"} | fields,
        )

    def give_back(self, payment: Payment, amount: int, settled_at: datetime, **fields: Any) -> RefundDecision:
        """Let money go back."""
        return RefundDecision.objects.create(
            payment=payment,
            cause="other",
            paid=max(payment.amount, amount),
            suggested=amount,
            amount=amount,
            policy="",
            decided_at=settled_at,
            settled_at=settled_at,
            **{"status": "given_back"} | fields,
        )

    def checkout(self, name: str, amount: int, paid_at: datetime, intent: str) -> Checkout:
        """Let somebody pay for a visit at Stripe."""
        return Checkout.objects.create(
            booking=self.visits[name],
            door="online",
            amount=amount,
            status="paid",
            paid_at=paid_at,
            expires_at=paid_at,
            payment_intent=intent,
            external_id=f"cs_{intent}",
        )

    def call(self, name: str, patient: str, who: str, starts_at: datetime, *, booked: str = "", **fields: Any) -> Any:
        """Plan a consultation with its call; ``booked`` is the visit that it led to."""
        consultation = self.consultation(name, patient, who, starts_at)
        if booked:
            fields = {"state": "done", "outcome": "booked", "booking": self.visits[booked]} | fields
        self.calls[name] = SessionFactory(
            patient=self.people[patient], consultant=self.people[who], consultation=consultation, **fields
        )
        return self.calls[name]

    def consultation(self, name: str, patient: str, who: str, starts_at: datetime, **fields: Any) -> Booking:
        """Plan a consultation without a call."""
        asked_at = starts_at - timedelta(days=2)
        return self.book(name, patient, "free", who, asked_at, starts_at, **{"source": "online", "price": 0} | fields)


def awkward_clinic() -> Awkward:
    """Set the clinic up: see the comments for what is awkward."""
    clinic = Awkward()
    _people(clinic)
    _visits(clinic)
    _calls(clinic)
    _april(clinic)
    _others(clinic)
    return clinic


def _people(clinic: Awkward) -> None:
    herbs = ServiceFactory(slug="alternative-medicine", name="Alternative Medicine", position=1)
    gaps = ServiceFactory(slug="gaps", name="GAPS", position=2)
    free = ServiceFactory(slug="free", name="Free consultation", position=0)
    equine = ServiceFactory(slug="equine", name="Equine", status="coming_soon", has_waitlist=True, position=3)
    clinic.others |= {"herbs": herbs, "gaps": gaps, "free": free, "equine": equine}
    clinic.kinds = {
        "first": AppointmentTypeFactory(service=herbs, code="first"),
        "again": AppointmentTypeFactory(service=herbs, code="again", kind="followup", name="Follow-up", price=79),
        "gaps": AppointmentTypeFactory(service=gaps, code="gaps", price=195),
        "free": AppointmentTypeFactory(service=free, code="initial-consult-free", free=True),
    }
    first, again, gaps_type = (clinic.kinds[name] for name in ("first", "again", "gaps"))
    clinic.people = {
        # Dee works at night, when clocks are changed.
        "Dee": PractitionerFactory(name="Dr Dee", gives=[first, again], hours=(time(0), time(4))),
        "Eve": PractitionerFactory(name="Dr Eve", gives=[first, gaps_type], hours=(time(9), time(12))),
        "Sarah": PractitionerFactory(consultant=True, name="Sarah"),
        "Tom": PractitionerFactory(consultant=True, name="Tom"),
    } | {name: PatientFactory(name=name) for name in ("Ava", "Ava again", "Leo", "Mia", "Noah")}


def _visits(clinic: Awkward) -> None:
    # Over midnight, into the day on which the clocks are changed.
    clinic.book("night", "Ava", "first", "Dee", at(1, "10:00"), at(3, "23:50"), state="completed")
    clinic.pay("night", 119, at(1, "10:00"))
    # The first hour of that day and, on the clock, an hour and a half later; some of it back at a day's first moment.
    clinic.book("missed", "Leo", "first", "Dee", at(4, "01:59"), at(4, "03:30"), state="no_show")
    clinic.give_back(clinic.pay("missed", 119, at(4, "01:59")), 19, at(5, "00:00"))
    # In the day's last second, called off, all of it back.
    off = {"source": "online", "state": "cancelled", "cancel_reason": "Ill", "cancelled_at": at(5, "09:00")}
    clinic.book("off", "Mia", "gaps", "Eve", at(4, "23:59:59"), at(6, "10:00"), price=195, **off)
    clinic.give_back(clinic.pay("off", 195, at(4, "23:59:59"), status="refunded", given_back=195), 195, at(6, "15:00"))
    # Wanted online and never paid: nobody promised it.
    unpaid, _ = CancelReason.objects.get_or_create(code="not_paid", defaults={"label": "Not paid in time"})
    lapsed = {"cancel_cause": unpaid, "cancel_reason": "Not paid", "cancelled_at": at(4, "12:30"), "source": "online"}
    clinic.book(
        "lapsed", "Noah", "first", "Eve", at(4, "12:00"), at(6, "11:30"), state="cancelled",
        pays_until=at(4, "12:30"), **lapsed,
    )  # fmt: skip
    clinic.pay("lapsed", 119, None)
    # Undone a minute later; the money came and went.
    mistake, _ = CancelReason.objects.get_or_create(code="mistake", defaults={"label": "Mistake"})
    undone = {"cancel_cause": mistake, "cancel_reason": "Mistake", "cancelled_at": at(4, "10:01")}
    clinic.book("undone", "Noah", "first", "Dee", at(4, "10:00"), at(7, "01:00"), state="cancelled", **undone)
    clinic.give_back(clinic.pay("undone", 119, at(4, "10:00")), 119, at(4, "10:05"))
    # At a new price, paid twice, and asked back by a bank besides.
    dear = {"source": "online", "state": "completed", "price": 129}
    clinic.book("dear", "Noah", "first", "Eve", at(5, "08:00"), at(6, "11:00"), **dear)
    payment = clinic.pay("dear", 129, at(5, "08:00"), reference="pi_1", method="stripe_link")
    clinic.checkout("dear", 129, at(4, "23:59"), "pi_1")
    second = clinic.checkout("dear", 129, at(5, "12:00"), "pi_2")
    clinic.others["twice"] = clinic.give_back(payment, 129, at(7, "09:00"), checkout=second)
    clinic.others["dispute"] = Dispute.objects.create(
        external_id="dp_1", amount=30, outcome="lost", opened_at=at(5, "10:00"), closed_at=at(7, "10:00")
    )
    # A second visit of Ava's, booked under another record that was merged into hers.
    clinic.book("second", "Ava again", "again", "Dee", at(4, "12:00"), at(8, "02:00"), source="import", price=79)
    clinic.pay("second", 79, None)


def _calls(clinic: Awkward) -> None:
    clinic.call("ava", "Ava", "Sarah", at(1, "09:45"), booked="night")
    clinic.call("leo", "Leo", "Sarah", at(4, "01:45"), booked="missed")
    clinic.call("mia", "Mia", "Tom", at(4, "23:45"), booked="off")
    clinic.call("unanswered", "Noah", "Tom", at(4, "12:00"), state="done", outcome="no_show")
    call = clinic.call("cancelled", "Noah", "Tom", at(4, "13:00"))
    Booking.objects.filter(pk=call.consultation_id).update(
        state="cancelled", cancel_reason="Ill", cancelled_at=at(4, "08:00")
    )
    clinic.call("forgotten", "Noah", "Tom", at(4, "15:00"))
    # Consultations without a call, from before there were any.
    clinic.consultation("imported", "Noah", "Sarah", at(4, "16:30"), state="completed", source="import")
    clinic.consultation("missed import", "Noah", "Sarah", at(4, "17:00"), state="no_show", source="import")
    # To be rung back two days later, which nobody did.
    clinic.call(
        "call back", "Noah", "Tom", at(4, "11:00"), call_back_at=at(6, "10:00"), call_back_revision=0,
        recommended_service=clinic.others["gaps"],
    )  # fmt: skip
    # At a day's first moment, and sent to somebody else.
    referred = {"state": "done", "outcome": "referred", "recommended_service": clinic.others["gaps"]}
    clinic.call("referred", "Noah", "Sarah", at(5, "00:00"), **referred)
    # What it led to was undone, and it goes on.
    clinic.call("goes on", "Noah", "Sarah", at(4, "09:50"), state="in_progress", started_at=at(4, "09:50"))


def _april(clinic: Awkward) -> None:
    # Half past two comes twice in this night.
    for name, fold in (("earlier half past two", 0), ("later half past two", 1)):
        moment = at(5, "02:30", month=APRIL, fold=fold)
        clinic.book(name, "Noah", "first", "Dee", moment - timedelta(days=1), moment, state="completed")
        clinic.pay(name, 100, moment)
    # The last hour of a day with 25 of them.
    clinic.book(
        "late", "Noah", "first", "Dee", at(5, "23:45", month=APRIL), at(6, "23:45", month=APRIL), state="no_show"
    )


def _others(clinic: Awkward) -> None:
    people, kinds = clinic.people, clinic.kinds
    clinic.others["away"] = TimeOff.objects.create(
        practitioner=people["Eve"], starts_at=at(6, "09:00"), ends_at=at(6, "10:00"), reason="Dentist"
    )
    for name, left in (("stays", None), ("leaves", at(5, "09:00"))):
        clinic.others[name] = InterestEntry.objects.create(
            service=clinic.others["equine"],
            name=name,
            email=f"{name}@example.com",
            consent_wording="Yes.",
            consented_at=at(4, "02:30"),  # an hour that no clock showed
            joined_at=at(4, "02:30"),
            left_at=left,
            source="page",
        )
    clinic.others["request"] = EarlierTimeRequest.objects.create(
        patient=people["Leo"],
        appointment_type=kinds["gaps"],
        asked_at=at(4, "12:00"),
        ended_at=at(6, "12:00"),
        state="fulfilled",
    )
    for number, kind in enumerate(["hold", "hold", "booking"]):
        starts_at = at(12, "09:00") + timedelta(hours=number)
        clinic.others[f"held {number}"] = DiaryEntry.objects.create(
            practitioner=people["Eve"],
            appointment_type=kinds["gaps"],
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=15),
            kind=kind,
            held_for=clinic.calls["mia"].pk,
            live_from=at(4, "23:50"),
            live_until=at(4, "23:55") if kind == "hold" else None,
        )
    Demand.objects.create(day=date(2026, 10, 4), appointment_type=kinds["gaps"], searches=5, empty=2)
    Demand.objects.create(day=date(2026, 10, 5), appointment_type=kinds["gaps"], searches=1, empty=0)
    clinic.others["merge"] = merging.merge(
        kept_id=people["Ava"].pk, given_up_id=people["Ava again"].pk, reason="One person", by=None, now=NOW
    )


NUMBERS = {
    model: list(dict.fromkeys(name for source in sources for name in source.counts))
    for model, sources in SOURCES.items()
}


def said() -> dict:
    """All that the figures of the clinic's awkward days are added up from."""
    found = {
        model: totals(model, names, WEEK, only=EVERYTHING, by=["day", *COLUMNS[model]], now=NOW)
        for model, names in NUMBERS.items()
    }
    return found | {DayOfHours: minutes(WEEK, EVERYTHING, by=["day", "practitioner"], now=NOW)}


def anew() -> dict:
    """The same, counted from the rows alone."""
    with transaction.atomic():
        Day.objects.update(closed_at=None)
        found = said()
        transaction.set_rollback(True)
    return found


def still_open() -> list[date]:
    return open_days(WEEK, today=TODAY)
