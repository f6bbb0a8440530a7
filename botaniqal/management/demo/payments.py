"""The demo's visits that were booked and paid online, at the sandbox's Stripe, as visitors would."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings

from bookings import reasons
from bookings.models import Booking
from bookings.money import checkouts, settlement
from bookings.patients import consents
from bookings.self_service import own_visit
from bookings.self_service.online import Person, begin, lapse, online
from practitioners import availability
from services.models import AppointmentType

from .stripe_past import sandbox

SANDBOX_STRIPE = "/stripe"


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody who books online, in so many days, and what comes of the payment."""

    name: str
    phone: str
    code: str
    in_days: int
    presses: tuple[str, ...] = ("pay",)
    cancels: bool = False
    minutes_ago: int = 0


VISITORS = (
    Visitor(name="Ava Thompson", phone="+61491570110", code="initial-alternative-15min", in_days=2),
    Visitor(name="Noah Williams", phone="+61491570313", code="initial-gaps-60min", in_days=4),
    Visitor(name="Isla Brown", phone="+61491570737", code="initial-alternative-15min", in_days=3, cancels=True),
    Visitor(
        name="Ella Novak",
        phone="+61491578888",
        code="initial-alternative-15min",
        in_days=6,
        presses=("expire",),
        minutes_ago=45,
    ),
    Visitor(name="Leon Hart", phone="+61491579212", code="initial-inperson-20min", in_days=7, presses=()),
    Visitor(
        name="Jack Taylor",
        phone="+61491571266",
        code="followup-alternative-10min",
        in_days=5,
        presses=("decline", "pay"),
    ),
)


def is_sandbox_named() -> bool:
    """Tell whether the settings lead to a sandbox, and not to Stripe itself."""
    return settings.STRIPE_BASE_URL.endswith(SANDBOX_STRIPE)


def pay_online(*, now: datetime) -> int:
    """
    Book and pay what the demo's visitors want, each once, and say how many did it now.

    :raises VendorUnavailable: the sandbox does not answer.
    :raises VendorRefused: it does not understand.
    """
    done = 0
    for visitor in VISITORS:
        booking = _booked(visitor, now - timedelta(minutes=visitor.minutes_ago))
        if booking and booking.state == Booking.State.PENDING_PAYMENT:  # a run before this one may have been cut off
            _pay(visitor, booking, now)
            done += bool(visitor.presses)  # who is still at the checkout has not paid
    return done


def _booked(visitor: Visitor, now: datetime) -> Booking | None:
    key = uuid5(NAMESPACE_URL, f"demo/{visitor.name}")
    known = Booking.objects.filter(pk=key).first()
    if known:
        return known
    kind = AppointmentType.objects.get(code=visitor.code)
    free = availability.alternatives(appointment_type=kind, near=now + timedelta(days=visitor.in_days), limit=1)
    if not free:
        return None
    _, price = online(visitor.code, now=now)
    name = visitor.name.lower().replace(" ", ".")
    return begin(
        key=key,
        code=visitor.code,
        practitioner_id=free[0].practitioner.pk,
        starts_at=free[0].starts_at,
        price=price,
        person=Person(
            name=visitor.name, email=f"{name}@example.com", phone=visitor.phone, zone=settings.CLINIC_TIME_ZONE
        ),
        answers={wording.pk: True for wording in consents.current()},
        by=None,
        now=now,
    )


def _pay(visitor: Visitor, booking: Booking, now: datetime) -> None:
    checkout = booking.checkouts.filter(status__in=checkouts.STANDING).first()
    if checkout is None:  # it lapsed since, and so will the booking
        return
    settlement.open_now(checkout.pk)
    checkout.refresh_from_db()
    for press in visitor.presses:
        sandbox("presses", session=checkout.external_id, press=press)
    settlement.look(checkout.pk, now)
    if "expire" in visitor.presses:
        lapse(booking_id=booking.pk, by=None, now=now)
    if visitor.cancels:
        booking.refresh_from_db()
        percent = own_visit.terms(booking, now=now).percent
        cause = reasons.for_patients().get(code="time_does_not_suit")
        own_visit.cancel(booking_id=booking.pk, cause=cause, detail="", percent=percent, by=None, now=now)
