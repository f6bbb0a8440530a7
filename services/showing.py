"""What visitors see of the catalogue today: approved words, prices, what can be booked and why something cannot."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Prefetch

from . import catalogue_words
from .catalogue_words import ShownService
from .models import AppointmentType, Service, ServiceQuerySet
from .prices import clinic_day, prices_as_of


@dataclass(frozen=True, slots=True)
class Offer:
    """An appointment type: what it costs today, and why it cannot be booked, if it cannot."""

    row: AppointmentType
    name: str
    price: Decimal | None

    @property
    def why_not(self) -> str:
        """Why it cannot be booked; empty when it can."""
        return self.row.public_obstacle or (AppointmentType.NO_PRICE if self.price is None else "")


@dataclass(frozen=True, slots=True)
class Shown:
    """A service: ``launch`` says when one that is coming begins, ``launches_on`` only a day that has not passed."""

    row: Service
    name: str
    description: str
    launch: str
    launches_on: date | None
    offers: list[Offer]

    @property
    def is_coming(self) -> bool:
        """True when nothing of it can be booked yet."""
        return self.row.status == Service.Status.COMING_SOON

    @property
    def has_list(self) -> bool:
        """True when people can wait for it."""
        return self.is_coming and self.row.has_waitlist

    @property
    def prices(self) -> list[Decimal]:
        """What can be booked of it costs so much today, the lowest price first, each once."""
        return sorted({offer.price for offer in self.offers if not offer.why_not})


def shown(services: ServiceQuerySet, *, now: datetime) -> list[Shown]:
    """List services as visitors see them, in four queries; what nobody approved is left out."""
    today = clinic_day(now)
    prices = prices_as_of(today)
    types = Prefetch("appointment_types", AppointmentType.objects.on_show().in_catalogue_order())
    rows = services.prefetch_related(types)
    words = catalogue_words.shown(rows)
    return [_service(row, words[row.slug], prices, today) for row in rows if row.slug in words]


def _service(row: Service, words: ShownService, prices: dict[int, Decimal], today: date) -> Shown:
    has_day = row.status == Service.Status.COMING_SOON and row.launches_on and row.launches_on >= today
    return Shown(
        row=row,
        name=words.name,
        description=words.description,
        launch=row.launch_words(today),
        launches_on=row.launches_on if has_day else None,
        offers=[
            Offer(each, words.types[each.code], prices.get(each.pk))
            for each in row.appointment_types.all()
            if each.code in words.types
        ],
    )
