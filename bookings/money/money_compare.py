"""
A day's money at Stripe beside ours: what came, what went back, and what one side knows and the other does not.

Stripe's moment is when it happened, ours when we heard of it; the same money may lie on two days, so both are matched
by Stripe's names for them, and each counts on Stripe's day.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Malformed, Missing, RuleBroken
from botaniqal.integrations import owed, stripe_client
from botaniqal.integrations.stripe_client import Stripe, dollars
from practitioners import timegrid
from practitioners.availability import CLINIC
from services.prices import clinic_day

from ..models import Checkout, MoneyDay, RefundDecision
from .payments import refuse_card_number

DAY = timedelta(days=1)
AT_NIGHT = 3
"""The hour from which the day before is compared."""
MADE_UP_FOR = 14
"""So many days that nobody compared are compared later."""


class NothingDiffers(RuleBroken):
    """There is nothing to explain."""

    code = "nothing_differs"

    def __init__(self) -> None:
        super().__init__("differences", "Nothing differs on this day any more.")


@dataclass(frozen=True, kw_only=True)
class Money:
    """One amount on one side: by Stripe's name for it, when it was, and the booking that it is of."""

    reference: str
    amount: Decimal
    at: datetime
    booking: str = ""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What one side knows and the other does not, or otherwise; without anybody's name."""

    what: str
    booking: str
    reference: str
    ours: str
    theirs: str


@transaction.atomic
def ask(*, day: date, by: User | None, now: datetime) -> MoneyDay:
    """
    Have a worker compare a day, anew where it was compared before.

    :raises Malformed: the day is still to come.
    """
    if day > clinic_day(now):
        raise Malformed("That day is still to come.", details={"day": ["Choose today or a day before."]})
    row, is_new = MoneyDay.objects.get_or_create(day=day)
    if not is_new:
        owed.want_again(MoneyDay.objects.filter(pk=row.pk), now=now)
    transaction.on_commit(partial(ring, "compare_money"))
    return row


@transaction.atomic
def explain(*, money_day_id: int, words: str, by: User, now: datetime) -> MoneyDay:
    """
    Write down what somebody found out of a day's differences; it holds until others are found.

    :raises Missing: there is no such day.
    :raises NothingDiffers: there is nothing to explain.
    :raises Malformed: nothing is said, or a card number.
    """
    words = words.strip()
    if not words:
        raise Malformed("Say what it was.", details={"words": ["Required."]})
    refuse_card_number(words, "words")
    row = MoneyDay.objects.select_for_update().filter(pk=money_day_id).first()
    if row is None:
        raise Missing("There is no such day.")
    if row.agrees:
        raise NothingDiffers
    row.explanation, row.explained_by = words[:200], by
    row.save(update_fields=["explanation", "explained_by"])
    return row


def work_due(*, now: datetime) -> int:
    """Compare the days that are due, last night's and those that were missed among them, and count them."""
    if not settings.STRIPE_SECRET_KEY:
        return 0
    MoneyDay.objects.bulk_create([MoneyDay(day=day) for day in _missed(now)], ignore_conflicts=True)
    stripe = stripe_client.client()
    return owed.work(MoneyDay.objects.all(), lambda row: _compare(row, stripe))


def _missed(now: datetime) -> list[date]:
    last = clinic_day(now) - (DAY if timezone.localtime(now, CLINIC).hour >= AT_NIGHT else 2 * DAY)
    known = MoneyDay.objects.order_by("-day").values_list("day", flat=True).first()
    since = max(known + DAY, last - (MADE_UP_FOR - 1) * DAY) if known else last
    return [since + n * DAY for n in range((last - since).days + 1)]


def _compare(row: MoneyDay, stripe: Stripe) -> dict[str, Any]:
    since, until = timegrid.day_edges(row.day, CLINIC)
    span = {"since": since - DAY, "until": until + DAY}
    came = [
        Money(reference=charge.payment_intent or charge.id, amount=dollars(charge.amount), at=charge.created_at)
        for charge in stripe.charges(**span)
    ]
    went = [
        Money(reference=refund.id, amount=dollars(refund.amount), at=refund.created_at)
        for refund in stripe.refunds(**span)
        if refund.status == "succeeded"
    ]
    taken = _Sides("Taken", came, _ours_taken(span, came), since, until)
    given_back = _Sides("Given back", went, _ours_given_back(span, went), since, until)
    differences = [asdict(each) for sides in (taken, given_back) for each in sides.differences()]
    is_known = differences == row.differences
    return {
        "our_taken": taken.ours,
        "their_taken": taken.theirs,
        "our_given_back": given_back.ours,
        "their_given_back": given_back.theirs,
        "differences": differences,
        "compared_at": timezone.now(),
        "explanation": row.explanation if is_known else "",
        "explained_by": row.explained_by if is_known else None,
    }


class _Sides:
    """One kind of money of a day on both sides; each side may hold some of the days around it."""

    def __init__(
        self, what: str, theirs: list[Money], ours: dict[str, Money], since: datetime, until: datetime
    ) -> None:
        self._what = what
        self._all_theirs = {money.reference for money in theirs}
        self._theirs = [money for money in theirs if since <= money.at < until]
        self._ours = ours
        self._alone = [
            money
            for reference, money in ours.items()
            if reference not in self._all_theirs and since <= money.at < until
        ]

    @property
    def theirs(self) -> Decimal:
        """What Stripe says of the day."""
        return sum((money.amount for money in self._theirs), Decimal(0))

    @property
    def ours(self) -> Decimal:
        """What we say of the same money, and of what Stripe does not know."""
        matched = (self._ours[money.reference] for money in self._theirs if money.reference in self._ours)
        return sum((money.amount for money in (*matched, *self._alone)), Decimal(0))

    def differences(self) -> Iterator[Difference]:
        """List what differs."""
        for money in self._theirs:
            ours = self._ours.get(money.reference)
            if ours is None or ours.amount != money.amount:
                yield self._row(ours, money)
        for money in self._alone:
            yield self._row(money, None)

    def _row(self, ours: Money | None, theirs: Money | None) -> Difference:
        known = ours or theirs
        return Difference(
            what=self._what,
            booking=ours.booking if ours else "",
            reference=known.reference,
            ours=f"{ours.amount:.2f}" if ours else "",
            theirs=f"{theirs.amount:.2f}" if theirs else "",
        )


def _ours_taken(span: dict[str, datetime], theirs: list[Money]) -> dict[str, Money]:
    rows = Checkout.objects.filter(status=Checkout.Status.PAID)
    around = rows.filter(paid_at__gte=span["since"], paid_at__lt=span["until"])
    named = rows.filter(payment_intent__in=[money.reference for money in theirs])
    found = Checkout.objects.filter(pk__in=_keys(around) | _keys(named)).select_related("booking")
    return {
        row.payment_intent: Money(
            reference=row.payment_intent, amount=row.amount, at=row.paid_at, booking=row.booking.number
        )
        for row in found
    }


def _ours_given_back(span: dict[str, datetime], theirs: list[Money]) -> dict[str, Money]:
    rows = RefundDecision.objects.filter(status=RefundDecision.Status.GIVEN_BACK, external_id__isnull=False)
    around = rows.filter(settled_at__gte=span["since"], settled_at__lt=span["until"])
    named = rows.filter(external_id__in=[money.reference for money in theirs])
    found = RefundDecision.objects.filter(pk__in=_keys(around) | _keys(named)).select_related("payment__booking")
    return {
        row.external_id: Money(
            reference=row.external_id, amount=row.amount, at=row.settled_at, booking=row.payment.booking.number
        )
        for row in found
    }


def _keys(rows: Any) -> set[UUID]:
    return set(rows.values_list("pk", flat=True))
