"""Ways to pay at Stripe: asked for in the booking's transaction, opened and closed there afterwards."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Malformed, Missing, RuleBroken
from botaniqal.integrations import owed
from botaniqal.integrations.owed import CLEARED

from ..locking import locked
from ..models import Booking, Checkout, Payment, on_clock

Status = Checkout.Status
STANDING = (Status.NEW, Status.OPEN)
DIFFERS = "What was paid at Stripe is not what was asked for. Compare the two, and give the money back if need be."


class NothingToPay(RuleBroken):
    """Nobody has to pay for this booking."""

    code = "nothing_to_pay"

    def __init__(self, message: str = "There is nothing to pay for this booking.") -> None:
        super().__init__("payment", message)


class NoAddress(RuleBroken):
    """A link cannot be sent."""

    code = "no_email"

    def __init__(self) -> None:
        super().__init__("email", "The patient has no e-mail address, so no payment link can be sent.")


def ask(*, booking: Booking, door: Checkout.Door, by: User | None, now: datetime, sends_link: bool = False) -> Checkout:
    """
    Give a locked booking a way to pay online, in its transaction; the one that it has where that is still open.

    ``sends_link`` has the patient get it by e-mail; else it is opened when somebody goes there.

    :raises NothingToPay: it is paid, costs nothing, or is cancelled.
    :raises NoAddress: a link is to be sent, and there is no e-mail address.
    """
    payment = Payment.objects.filter(booking=booking).first()
    if payment is None or payment.status != Payment.Status.PENDING or booking.state == Booking.State.CANCELLED:
        raise NothingToPay
    if sends_link and not booking.patient.email:
        raise NoAddress
    standing = Checkout.objects.select_for_update().filter(booking=booking, status__in=STANDING)
    known = standing.first()
    if known and known.expires_at > now and known.amount == payment.amount and known.sends_link >= sends_link:
        return known
    take_back(booking=booking, now=now)
    life = timedelta(hours=settings.PAYMENT_LINK_HOURS) if sends_link else timedelta(minutes=settings.CHECKOUT_MINUTES)
    expires_at = now + life
    if sends_link:
        transaction.on_commit(partial(ring, "tell_stripe"))
    return Checkout.objects.create(
        booking=booking,
        door=door,
        amount=payment.amount,
        sends_link=sends_link,
        expires_at=expires_at,
        # Without a link to send it is opened by whoever goes there; if nobody does, there is nothing to do before.
        next_try_at=now if sends_link else expires_at,
        created_by=by,
    )


@transaction.atomic
def send_link(*, booking_id: UUID, by: User | None, now: datetime) -> Checkout:
    """
    Send the patient a new link to pay by; one that was sent before stops working.

    :raises Missing: there is no such booking.
    :raises NothingToPay: it is paid, costs nothing, or is cancelled.
    :raises NoAddress: there is no e-mail address.
    """
    booking = locked(booking_id)
    take_back(booking=booking, now=now)
    return ask(booking=booking, door=Checkout.Door.DESK, by=by, now=now, sends_link=True)


@transaction.atomic
def withdraw(*, booking_id: UUID, by: User | None, now: datetime) -> None:
    """
    Let a link that was sent work no longer; what is due stays due.

    :raises Missing: there is no such booking.
    :raises NothingToPay: no link is open.
    """
    if not take_back(booking=locked(booking_id), now=now):
        raise NothingToPay("No payment link is open for this booking.")


@transaction.atomic
def set_aside(*, checkout_id: UUID, reason: str, by: User, now: datetime) -> None:
    """
    Let a way to pay be that somebody has looked after at Stripe, and say what was done.

    :raises Missing: there is no such checkout, or it needs nobody.
    :raises Malformed: no reason, or a card number in it.
    """
    reason = reason.strip()
    if not reason:
        raise Malformed("Say what was done.", details={"reason": ["Required."]})
    cards.refuse(reason, "reason")
    stuck = Checkout.objects.for_a_person().filter(pk=checkout_id)
    booking_id = stuck.values_list("booking", flat=True).first()
    if booking_id is None:
        raise Missing("This payment needs nobody's help any more.")
    locked(booking_id)
    aside = {**CLEARED, "problem": f"Set aside by {by}: {reason}"[:300]}
    Booking.objects.filter(pk=booking_id, attention=DIFFERS).update(attention="")
    stuck.update(status=Status.VOID, told=F("wanted"), leased_until=None, **aside)


def in_words(checkout: Checkout) -> str:
    """Say how a way to pay stands, for staff."""
    if checkout.needs_person:
        return "the payment link needs help"
    return {
        Status.NEW: "the payment link is on its way",
        Status.OPEN: f"payment link open until {on_clock(checkout.expires_at)}",
        Status.PAID: f"paid by link {on_clock(checkout.paid_at)}" if checkout.paid_at else "paid by link",
        Status.EXPIRED: "the payment link lapsed unpaid",
        Status.VOID: "the payment link was taken back",
    }[Status(checkout.status)]


def take_back(*, booking: Booking, now: datetime) -> int:
    """Let nobody pay any more for a locked booking; what Stripe has open is closed there afterwards."""
    standing = Checkout.objects.select_for_update().filter(booking=booking, status__in=STANDING)
    count = standing.update(status=Status.VOID, **owed.newly_wanted(now))
    if count:
        transaction.on_commit(partial(ring, "tell_stripe"))
    return count
