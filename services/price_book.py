"""The price book: what everything costs on a day, and new prices for many appointment types at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial, reduce
from itertools import groupby
from operator import or_
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q, Window
from django.db.models.functions import RowNumber

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Conflict, Malformed, NotAllowed

from .models import AppointmentType, Price, Service
from .prices import clinic_day

RIGHT = "services.add_price"
CENT = Decimal("0.01")
FURTHEST = timedelta(days=3 * 366)
SHOWN_BOOKINGS = 20
KEEPING = ("pending_payment", "confirmed")
"""The states of a booking whose visit still lies ahead."""


class BadPrices(Malformed):
    """The prices cannot be set so; ``details`` names what is wrong by field, a type's by ``amount_<key>``."""

    code = "bad_prices"
    message = "No price was set. Mend what is marked."


class PricesMoved(Conflict):
    """Somebody else set prices since these were looked at."""

    code = "prices_moved"
    message = "Somebody set prices meanwhile. Look at them again, then set yours."


@dataclass(frozen=True, slots=True)
class Line:
    """A type in the book: what holds on the day, what comes next, and all that was."""

    kind: AppointmentType
    price: Price | None
    next: Price | None
    history: list[Price]


@dataclass(frozen=True, slots=True)
class KeptBooking:
    """A visit to come that keeps the price at which it was booked."""

    number: str
    starts_at: datetime
    price: Decimal


@dataclass(frozen=True, slots=True)
class Change:
    """A new price beside the one that would hold on its first day; ``until`` is when one that is set already begins."""

    kind: AppointmentType
    old: Decimal | None
    new: Decimal
    until: date | None = None
    kept: list[KeptBooking] = field(default_factory=list)
    kept_count: int = 0


def book(day: date) -> list[tuple[Service, list[Line]]]:
    """List what everything costs on a day, by service, in the catalogue's order."""
    types = AppointmentType.objects.exclude(service__status=Service.Status.RETIRED)
    kinds = list(types.select_related("service").in_catalogue_order())
    history = _history(kinds)
    lines = [
        Line(kind=kind, price=_holding(known, day), next=_next(known, day), history=known)
        for kind, known in ((kind, history[kind.pk]) for kind in kinds)
    ]
    return [(service, list(of_it)) for service, of_it in groupby(lines, key=lambda line: line.kind.service)]


def moved(price: Decimal, *, percent: Decimal | None = None, amount: Decimal | None = None, step: Decimal) -> Decimal:
    """Raise or lower a price by a percentage or an amount, and round it to a multiple of ``step``, halves upwards."""
    exact = price * (1 + percent / 100) if percent is not None else price + (amount or 0)
    return ((exact / step).quantize(Decimal(1), ROUND_HALF_UP) * step).quantize(CENT)


def prices_on(day: date, kinds: Sequence[AppointmentType]) -> dict[int, Decimal]:
    """Give what types will cost on a day as the book stands now, by their keys."""
    known = Price.objects.as_of(day).filter(appointment_type__in=kinds)
    return dict(known.values_list("appointment_type_id", "amount"))


def plan(*, wanted: Mapping[int, Decimal], starts_on: date, now: datetime) -> list[Change]:
    """
    Show what new prices from a day on would change, without changing anything; those that stay are left out.

    :raises BadPrices: the day has passed or is too far, a price cannot be one, or begins on a day that has one.
    """
    kinds = list(AppointmentType.objects.filter(pk__in=wanted).select_related("service").in_catalogue_order())
    changes = _changes(kinds, wanted, starts_on, clinic_day(now))
    kept = _kept({change.kind.pk: change.new for change in changes}, starts_on)
    nothing: tuple[int, list[KeptBooking]] = (0, [])
    return [
        replace(each, kept=bookings, kept_count=count)
        for each, (count, bookings) in ((each, kept.get(each.kind.pk, nothing)) for each in changes)
    ]


@transaction.atomic
def set_prices(
    *,
    wanted: Mapping[int, Decimal],
    starts_on: date,
    reason: str,
    by: User,
    now: datetime,
    seen: Mapping[int, Decimal | None] | None = None,
) -> list[Price]:
    """
    Set new prices from a day on, all or none; ``seen`` is what the types cost when the plan was looked at.

    :raises NotAllowed: the person may not set prices.
    :raises BadPrices: the reason is missing, or as in ``plan``.
    :raises PricesMoved: one of them costs something else on that day by now.
    """
    if not by.has_perm(RIGHT):
        raise NotAllowed("You may not set prices.")
    reason = require_reason(reason)
    locked = AppointmentType.objects.select_for_update(of=["self"]).filter(pk__in=wanted).order_by("pk")
    kinds = list(locked.select_related("service"))
    if seen is not None:
        on_that_day = prices_on(starts_on, kinds)
        if any(on_that_day.get(kind.pk) != seen.get(kind.pk) for kind in kinds):
            raise PricesMoved
    changes = _changes(kinds, wanted, starts_on, clinic_day(now))
    rows = [
        Price.objects.create(
            appointment_type=change.kind, amount=change.new, starts_on=starts_on, reason=reason, created_by=by
        )
        for change in changes
    ]
    transaction.on_commit(partial(ring, "check_catalogue"))
    return rows


def require_reason(reason: str) -> str:
    """
    Make sure that a change of prices says why.

    :raises BadPrices: it does not, or at too great length.
    :raises Malformed: there is a card number in it.
    """
    reason, longest = reason.strip(), Price._meta.get_field("reason").max_length
    if not reason:
        raise BadPrices(details={"reason": ["Say why prices change, for those who look back."]})
    if len(reason) > longest or "\0" in reason:
        raise BadPrices(details={"reason": [f"Say it in {longest} characters at most."]})
    cards.refuse(reason, "reason")
    return reason


def _changes(
    kinds: Sequence[AppointmentType], wanted: Mapping[int, Decimal], starts_on: date, today: date
) -> list[Change]:
    faults: dict[str, list[str]] = defaultdict(list)
    if starts_on < today:
        faults["starts_on"].append("The past cannot be priced anew. Choose today or a later day.")
    elif starts_on > today + FURTHEST:
        faults["starts_on"].append("That is too far ahead. Choose a day within three years.")
    if len(kinds) < len(wanted):
        faults["amounts"].append("One of the appointment types is not there any more. Open the price book again.")
    history = _history(kinds)
    changes = []
    for kind in kinds:
        new, known = wanted[kind.pk], history[kind.pk]
        faults[f"amount_{kind.pk}"] += _amount_faults(new)
        if there := next((price for price in known if price.starts_on == starts_on), None):
            faults[f"amount_{kind.pk}"].append(
                f"From that day it costs ${there.amount} already. Change that on its own page, or choose another day."
            )
        holding, following = _holding(known, starts_on), _next(known, starts_on)
        if holding is None or holding.amount != new:
            changes.append(Change(kind, holding and holding.amount, new, following and following.starts_on))
    if not changes and not any(faults.values()):
        faults["amounts"].append("Nothing would change. Type a new price, or tick appointments and say by how much.")
    if found := {place: told for place, told in faults.items() if told}:
        raise BadPrices(details=found)
    return changes


def _amount_faults(amount: Decimal) -> list[str]:
    try:
        Price._meta.get_field("amount").clean(amount, None)
    except ValidationError as error:
        return error.messages
    return []


def _history(kinds: Sequence[AppointmentType]) -> dict[int, list[Price]]:
    """Read all prices of types, the newest first."""
    found: dict[int, list[Price]] = defaultdict(list)
    rows = Price.objects.filter(appointment_type__in=kinds).select_related("created_by").order_by("-starts_on")
    for price in rows:
        found[price.appointment_type_id].append(price)
    return found


def _holding(history: Sequence[Price], day: date) -> Price | None:
    return next((price for price in history if price.starts_on <= day), None)


def _next(history: Sequence[Price], day: date) -> Price | None:
    return next((price for price in reversed(history) if price.starts_on > day), None)


def _kept(new: Mapping[int, Decimal], starts_on: date) -> dict[int, tuple[int, list[KeptBooking]]]:
    """
    Count by type the visits from a day on that were booked at another price, with the first of them.

    Bookings lie above, so they are found by their name.
    """
    if not new:
        return {}
    first = datetime.combine(starts_on, time.min, ZoneInfo(settings.CLINIC_TIME_ZONE))
    is_another = (
        Q(pk=key) & (Q(bookings__price__lt=amount) | Q(bookings__price__gt=amount)) for key, amount in new.items()
    )
    visits = AppointmentType.objects.filter(
        reduce(or_, is_another), bookings__starts_at__gte=first, bookings__state__in=KEEPING
    )
    rows = (
        visits.annotate(
            place=Window(RowNumber(), partition_by="pk", order_by="bookings__starts_at"),
            count=Window(Count("bookings__pk"), partition_by="pk"),
        )
        .filter(place__lte=SHOWN_BOOKINGS)
        .order_by("pk", "place")
        .values_list("pk", "count", "bookings__number", "bookings__starts_at", "bookings__price")
    )
    found: dict[int, tuple[int, list[KeptBooking]]] = {}
    for key, count, *booking in rows:
        found.setdefault(key, (count, []))[1].append(KeptBooking(*booking))
    return found
