"""What figures are handed over as."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from practitioners.models import Practitioner
from services.models import AppointmentType, Service

NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole."""

    part: int
    whole: int

    @property
    def percent(self) -> int | None:
        """The share in per cent; None of nothing."""
        return round(100 * self.part / self.whole) if self.whole else None


@dataclass(frozen=True, slots=True)
class Step:
    """How many got as far as this, of those who came as far as the step before."""

    name: str
    label: str
    count: int
    share: Share


@dataclass(frozen=True, slots=True)
class Funnel:
    """The way of a period's consultations: each step counts some of the step before."""

    consultations: int
    calls: int
    bookings: int
    visits: int
    follow_ups: int

    @property
    def steps(self) -> list[Step]:
        """The steps in order, each with its share of the one before; the first is the whole of itself."""
        counts = [getattr(self, name) for name in STEPS]
        before = [counts[0], *counts]
        return [
            Step(name, label, count, Share(count, of))
            for (name, label), count, of in zip(STEPS.items(), counts, before, strict=False)
        ]

    @property
    def conversion(self) -> Share:
        """Consultations that led to a booking, of all of them."""
        return Share(self.bookings, self.consultations)


STEPS = {
    "consultations": "Consultations",
    "calls": "Calls that took place",
    "bookings": "Visits booked",
    "visits": "Visits that took place",
    "follow_ups": "Booked again",
}


@dataclass(frozen=True, slots=True)
class Money:
    """What came and what went, in AUD, of a service, a booking method or a practitioner; ``key`` asks for its rows."""

    label: str
    key: Any
    taken: Decimal = NOTHING
    given_back: Decimal = NOTHING
    twice: Decimal = NOTHING
    lost: Decimal = NOTHING

    @property
    def net(self) -> Decimal:
        """What is left of it."""
        return self.taken + self.twice - self.given_back - self.lost


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of something that has a name; ``key`` asks for its rows."""

    label: str
    key: Any
    share: Share


@dataclass(frozen=True, slots=True)
class Growth:
    """How a service's waitlist grew: ``list`` is ``interest`` or ``earlier``, ``waiting`` who is on it at the end."""

    service: Service
    list: str
    joined: int
    left: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Unmet:
    """How often times of an appointment type were looked for, and how often none was free."""

    appointment_type: AppointmentType
    searches: int
    empty: int

    @property
    def share(self) -> Share:
        """Searches that found nothing, of all of them."""
        return Share(self.empty, self.searches)


@dataclass(frozen=True, slots=True)
class Slots:
    """How many free times a practitioner has."""

    practitioner: Practitioner
    count: int


@dataclass(frozen=True, slots=True)
class Point:
    """
    A figure of a day, a week or a month, by its first day; None where there is nothing to take a share of.

    A week or a month is a part where days of it lie beyond the period, or are not over.
    """

    day: date
    value: int | Decimal | None
    is_part: bool = False
