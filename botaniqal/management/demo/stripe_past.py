"""What the demo's patients paid online before today: at the sandbox's Stripe too, so that both sides know of it."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.db import transaction

from bookings import lifecycle, reasons
from bookings.models import Booking, Checkout, MoneyDay, Payment, RefundDecision
from bookings.money import checkouts, disputes, money_compare, payments, refunds, settlement
from botaniqal.accounts.models import User
from botaniqal.integrations import stripe_client
from botaniqal.integrations.http import Wire
from practitioners import availability, diary, timegrid
from practitioners.models import Practitioner
from services import prices
from services.models import AppointmentType

from . import acts, clinic, crowd

PAYS_WITHIN = timedelta(minutes=6)
VOUCHER_DAYS_AGO = 3


@dataclass(frozen=True, kw_only=True)
class Paid:
    """Somebody who booked and paid online so many days ago, and the weekday of the visit, counted from today."""

    name: str
    days_ago: int
    visit: int
    code: str = crowd.VISIT
    comes: bool = True
    cancels: bool = False
    is_disputed: bool = False


PAID = (
    Paid(name="Amos Tully", days_ago=69, visit=-46),
    Paid(name="Bella Crewe", days_ago=52, visit=-34, code=crowd.GAPS),
    Paid(name="Colin Marr", days_ago=40, visit=-25),
    Paid(name="Dora Linton", days_ago=33, visit=-20, comes=False),
    Paid(name="Ewan Pratt", days_ago=25, visit=-14, is_disputed=True),
    Paid(name="Flora Hyde", days_ago=17, visit=-8, code=crowd.GAPS),
    Paid(name="Gavin Rusk", days_ago=8, visit=-3),
    Paid(name="Hattie Nunn", days_ago=3, visit=5),
    Paid(name="Isaac Boone", days_ago=1, visit=6),
    Paid(name="Jenny Frayne", days_ago=1, visit=7, cancels=True),
)


def sandbox(path: str, **body: object) -> dict[str, object]:
    """
    Do something at the sandbox's Stripe behind the portal's back.

    :raises VendorUnavailable: it does not answer.
    :raises VendorRefused: it does not understand.
    """
    wire = Wire(
        vendor="Sandbox",
        base_url=settings.STRIPE_BASE_URL.removesuffix("/stripe"),
        token="",
        timeout=settings.VENDOR_TIMEOUT_SECONDS,
    )
    return wire.post(f"/_control/stripe/{path}", json=body, read=dict)


def pay(*, now: datetime) -> int:
    """
    Let everybody have paid who did, each once, compare some days with Stripe, and say how many paid now.

    :raises VendorUnavailable: the sandbox does not answer.
    :raises VendorRefused: it does not understand.
    """
    ops = User.objects.get(email=clinic.address("ops"))
    done = sum(_Payer(one, ops, now).go(count) for count, one in enumerate(PAID, start=900))
    if not MoneyDay.objects.exists():
        _compare(ops, now)
    return done


class _Payer:
    """One of them, on their way."""

    def __init__(self, one: Paid, ops: User, now: datetime) -> None:
        self.one, self.ops, self.now = one, ops, now
        self.booked_at = now - timedelta(days=one.days_ago)
        self.key = uuid5(NAMESPACE_URL, f"demo/{one.name}")

    def go(self, number: int) -> bool:
        """Book, pay, and come to the visit; False where that was done at a start before this one."""
        known = Booking.objects.filter(pk=self.key).first()
        if known and known.state != Booking.State.PENDING_PAYMENT:
            return False
        booking = known or self.book(number)
        checkout = booking.checkouts.get()
        settlement.open_now(checkout.pk)
        checkout.refresh_from_db()
        paid_at = self.booked_at + PAYS_WITHIN
        sandbox("payments", session=checkout.external_id, at=int(paid_at.timestamp()))
        settlement.look(checkout.pk, paid_at)
        self.live_on(booking)
        acts.forget_what_is_past(Booking.objects.filter(pk=self.key), self.now)
        return True

    @transaction.atomic
    def book(self, number: int) -> Booking:
        """Book a time that is kept until it is paid."""
        kind = AppointmentType.objects.select_related("service").get(code=self.one.code)
        giver = Practitioner.objects.get(email=clinic.address(crowd.GIVERS[self.one.code]))
        day = acts.weekday_from(prices.clinic_day(self.now), self.one.visit)
        starts_at = timegrid.wall_time(day, time(14), availability.CLINIC)
        price, span = (
            prices.price_of(kind, prices.clinic_day(self.booked_at)),
            availability.occupied_span(kind, starts_at),
        )
        booking = lifecycle.book(
            id=self.key,
            patient=acts.come(name=self.one.name, phone=crowd.phone(number)),
            practitioner=giver,
            appointment_type=kind,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=kind.minutes),
            entry=diary.hold(practitioner=giver, span=span, held_for=self.key, by=None, appointment_type=kind),
            price=price,
            source=Booking.Source.ONLINE,
            by=None,
            now=self.booked_at,
            pays_until=self.booked_at + timedelta(minutes=settings.CHECKOUT_MINUTES),
        )
        payments.record(
            booking=booking, taken=payments.Taken(method=Payment.Method.STRIPE_LINK), by=None, now=self.booked_at
        )
        asked = checkouts.ask(booking=booking, door=Checkout.Door.ONLINE, by=None, now=self.booked_at)
        Checkout.objects.filter(pk=asked.pk).update(created_at=self.booked_at)
        acts.date_back(booking, self.booked_at)
        return booking

    def live_on(self, booking: Booking) -> None:
        """Let the visit take place, or not; let one bank ask its money back."""
        if self.one.cancels:
            cause = reasons.for_patients().get(code="not_wanted")
            terms = {"cause": cause, "refund_cause": RefundDecision.Cause.PATIENT, "by": None}
            lifecycle.cancel(booking_id=booking.pk, now=self.now - timedelta(hours=6), **terms)
            decision = RefundDecision.objects.get(payment__booking=booking)
            refunds.decide(decision_id=decision.pk, amount=decision.suggested, reason="", by=self.ops, now=self.now)
        elif booking.ends_at < self.now:
            end = lifecycle.complete if self.one.comes else lifecycle.mark_no_show
            end(booking_id=booking.pk, by=self.ops, now=booking.ends_at)
        if self.one.is_disputed:
            told = sandbox("disputes", payment_intent=Payment.objects.get(booking=booking).reference)
            disputes.look(dispute_id=str(told["id"]), now=self.now)


def _compare(ops: User, now: datetime) -> None:
    """Compare some days with Stripe; on one of them somebody sold a voucher there by hand."""
    sold_at = now - timedelta(days=VOUCHER_DAYS_AGO)
    session = stripe_client.client().open_session(
        key="demo-voucher",
        reference="voucher",
        booking="voucher",
        name="Gift voucher",
        amount=2_000,
        email="voucher@example.com",
        expires_at=now + timedelta(hours=1),
        return_url=settings.PUBLIC_BASE_URL,
    )
    sandbox("payments", session=session.id, at=int(sold_at.timestamp()))
    days = {prices.clinic_day(now - timedelta(days=one.days_ago) + PAYS_WITHIN) for one in PAID}
    for day in sorted(days):
        money_compare.ask(day=day, by=ops, now=now)
    money_compare.work_due(now=now)
    for row in MoneyDay.objects.to_explain():
        money_compare.explain(money_day_id=row.pk, words="A gift voucher, sold at Stripe by hand.", by=ops, now=now)
