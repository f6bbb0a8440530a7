"""What is offered and cannot be had: appointments for which nobody has a free time."""

from datetime import datetime, timedelta
from itertools import pairwise

from django.db.models import Prefetch

from services.models import AppointmentType

from . import availability
from .availability import Offer
from .models import Practitioner

AHEAD_DAYS = 14
SOON_DAYS = 2  # nearly all have a time by then, and are not looked at further


def types_without_times(*, now: datetime) -> list[AppointmentType]:
    """
    List the appointments on offer for which nobody has a free time in the next 14 days.

    Where one may be booked less far ahead, its horizon counts. Times that a stale calendar may have taken count as
    free: that it is stale is another trouble.
    """
    givers = Prefetch("practitioners", queryset=Practitioner.objects.active(), to_attr="givers")
    on_offer = AppointmentType.objects.offered().select_related("service").prefetch_related(givers)
    wanting = list(on_offer.in_catalogue_order())
    days = [now, now + timedelta(days=SOON_DAYS), now + timedelta(days=AHEAD_DAYS)]
    for starts_at, ends_at in pairwise(days):
        offers = [Offer(person, kind) for kind in wanting for person in kind.givers]
        free = availability.have_times(offers=offers, starts_at=starts_at, ends_at=ends_at)
        found = {offer.appointment_type.pk for offer, is_free in zip(offers, free, strict=True) if is_free}
        wanting = [kind for kind in wanting if kind.pk not in found]
    return wanting
