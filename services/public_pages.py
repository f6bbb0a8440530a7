"""The public's pages of the catalogue: the grid of services, and the page of one with what can be booked."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from botaniqal.errors import Missing
from botaniqal.public import shared_page

from .models import AppointmentType, Service, ServiceQuerySet
from .prices import clinic_day, prices_as_of

NO_PRICE = "There is no price for it yet, so it cannot be booked."


@dataclass(frozen=True, slots=True)
class Offer:
    """An appointment type as visitors see it: what it costs today, how it is booked, or why it cannot be."""

    code: str
    name: str
    mode: str
    minutes: int
    price: Decimal | None
    is_call: bool
    is_online: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A service as visitors see it."""

    slug: str
    name: str
    description: str
    is_coming: bool
    launches_on: date | None
    has_waitlist: bool
    offers: list[Offer]

    @property
    def lowest_price(self) -> Decimal | None:
        """What the cheapest of it costs today."""
        return min((offer.price for offer in self.offers if offer.price is not None), default=None)


@shared_page
def grid(request: HttpRequest) -> HttpResponse:
    """Show all services."""
    return render(request, "public/services.html", {"services": _shown(Service.objects.public())})


@shared_page
def funnel(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one service with what can be booked; its slug may be written with hyphens or underscores."""
    found = _shown(Service.objects.public().named(slug))
    if not found:
        raise Missing("There is no such service, or it is not offered any more.")
    return render(request, "public/service.html", {"service": found[0]})


def _shown(services: ServiceQuerySet) -> list[Shown]:
    today = clinic_day(timezone.now())
    prices = prices_as_of(today)
    types = Prefetch("appointment_types", AppointmentType.objects.offered().in_catalogue_order())
    return [
        Shown(
            slug=service.slug,
            name=service.name,
            description=service.description,
            is_coming=service.status == Service.Status.COMING_SOON,
            launches_on=service.launches_on if service.launches_on and service.launches_on > today else None,
            has_waitlist=service.has_waitlist,
            offers=[_offer(each, prices.get(each.pk)) for each in service.appointment_types.all()],
        )
        for service in services.prefetch_related(types)
    ]


def _offer(row: AppointmentType, price: Decimal | None) -> Offer:
    return Offer(
        code=row.code,
        name=row.name,
        mode=row.get_mode_display(),
        minutes=row.minutes,
        price=price,
        is_call=row.is_free_consultation,
        is_online=row.is_bookable_online,
        why_not=NO_PRICE if price is None else "",
    )
