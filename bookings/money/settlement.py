"""
What Stripe and the portal know of a payment, brought together: opened, paid, lapsed, taken back.

Whoever comes first, the patient's browser, a delivery or the sweep, only makes us look. What Stripe answers is written
down under the booking's lock, and what was paid once never becomes anything else.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Conflict, Missing, RuleBroken
from botaniqal.integrations import owed, stripe_client
from botaniqal.integrations.http import VendorRefused
from botaniqal.integrations.owed import CLEARED, NeedsPerson, WaitFor
from botaniqal.integrations.stripe_client import CURRENCY, Session, Stripe, cents
from practitioners.diary import SlotTaken

from .. import lifecycle, locking
from ..models import Booking, Checkout, Payment, RefundDecision
from ..self_service import links
from . import checkouts, money_notices, payments, refunds

Status = Checkout.Status

# What Stripe keeps a session open for, with something to spare for the way there and for clocks that differ.
SHORTEST = stripe_client.SHORTEST + timedelta(seconds=30)
LONGEST = stripe_client.LONGEST - timedelta(seconds=30)
OVERDUE_SECONDS = 30
WAITS = "It waits for the patient to pay."
TOO_LATE = "The payment came after the time was given back."


class CheckoutOver(RuleBroken):
    """Nobody can pay by this any more."""

    code = "checkout_over"

    def __init__(self) -> None:
        super().__init__("checkout", "This way to pay is over. Go back to the booking to see how it stands.")


class TimeGone(Conflict):
    """What staff took was for a time that is somebody else's by now."""

    code = "slot_taken"
    message = (
        "Its time went to somebody else meanwhile, so nothing was noted. Give the money back, or book another time and "
        "record it there."
    )


def open_now(checkout_id: UUID) -> str:
    """
    Open a way to pay at Stripe, and say where the browser goes; to be called outside any transaction.

    :raises Missing: there is no such checkout.
    :raises CheckoutOver: it was paid, lapsed, or was taken back.
    :raises VendorUnavailable: Stripe gives no answer; asking again is safe.
    :raises VendorRefused: Stripe said no.
    """
    checkout = _open(checkout_id, stripe_client.client())
    if checkout.status != Status.OPEN:
        raise CheckoutOver
    return checkout.url


def look(checkout_id: UUID, now: datetime) -> Checkout:
    """
    Ask Stripe how a payment stands, and do what follows; to be called outside any transaction.

    :raises Missing: there is no such checkout.
    :raises NeedsPerson: something was paid that was not asked for.
    :raises VendorUnavailable: Stripe gives no answer.
    :raises VendorRefused: Stripe said no.
    """
    checkout = _found(checkout_id)
    return _look(checkout, stripe_client.client(), now) if checkout.external_id else checkout


@transaction.atomic
def collect(*, booking_id: UUID, by: User | None, now: datetime, **paid: Any) -> Payment:
    """
    Note what staff took for a booking, and make it sure where it waited for that; Stripe's way to pay is taken back.

    ``paid`` is what `payments.mark_collected` wants to know, which says what it refuses.

    :raises TimeGone: nothing is noted.
    """
    payment = payments.mark_collected(booking_id=booking_id, by=by, now=now, **paid)
    if locking.locked(booking_id).state == Booking.State.PENDING_PAYMENT:
        try:
            lifecycle.confirm(booking_id=booking_id, by=by, now=now)
        except SlotTaken:
            raise TimeGone from None
    return payment


def work_due() -> int:
    """Open, close and look at what is due, send the links that have to be sent, and count it."""
    stripe = stripe_client.client()
    return owed.work(Checkout.objects.all(), lambda row: _bring_up(row, stripe))


def _bring_up(row: Checkout, stripe: Stripe) -> Mapping[str, Any]:
    """Do what is owed of one checkout; as long as it is open, a look is owed again and again."""
    now = timezone.now()
    checkout = row
    if row.external_id:
        checkout = _look(row, stripe, now)
    elif row.status == Status.NEW and row.sends_link:
        checkout = _open(row.pk, stripe)
    elif row.status == Status.NEW:
        return {"status": Status.EXPIRED}  # nobody went there in time
    if checkout.status == Status.OPEN:
        raise WaitFor(WAITS, seconds=_until_next_look(checkout, now))
    return {}


def _open(checkout_id: UUID, stripe: Stripe) -> Checkout:
    checkout = _about_to_open(checkout_id)
    if checkout.status != Status.NEW:
        return checkout
    booking = checkout.booking
    terms = {
        "reference": f"{checkout.pk}",
        "booking": f"{booking.pk}",
        "name": f"Appointment {booking.number}",
        "amount": cents(checkout.amount),
        "email": booking.patient.email,
        "expires_at": checkout.expires_at,
        "return_url": links.to_visit(booking),
    }
    # The same is asked for under the same key, so that an answer that was lost is had again. Of a session that was
    # asked for in other words nobody ever got the address.
    digest = hashlib.sha256(repr(terms).encode()).hexdigest()
    return _note_opened(checkout_id, stripe.open_session(key=f"checkout:{checkout.pk}:{digest[:16]}", **terms))


@transaction.atomic
def _about_to_open(checkout_id: UUID) -> Checkout:
    """Fit a checkout's end into what Stripe allows, before anything is sent."""
    checkout = _locked(checkout_id)
    now = timezone.now()
    fitted = max(now + SHORTEST, min(checkout.expires_at, now + LONGEST))
    if checkout.status == Status.NEW and fitted != checkout.expires_at:
        checkout.expires_at = fitted
        checkout.save(update_fields=["expires_at"])
    return checkout


@transaction.atomic
def _note_opened(checkout_id: UUID, session: Session) -> Checkout:
    checkout, now = _locked(checkout_id), timezone.now()
    if checkout.external_id:  # somebody else was quicker, with the same session
        return checkout
    checkout.external_id, checkout.url, checkout.opened_at = session.id, session.url or "", now
    checkout.expires_at = session.expires_at
    if checkout.status == Status.NEW:
        checkout.status = Status.OPEN
        checkout.next_try_at = now + timedelta(seconds=_until_next_look(checkout, now))
        if checkout.sends_link:
            money_notices.send_payment_link(checkout=checkout, now=now)
    else:  # it was taken back meanwhile
        checkout.wanted, checkout.next_try_at = checkout.wanted + 1, now
        transaction.on_commit(partial(ring, "tell_stripe"))
    checkout.save(update_fields=["external_id", "url", "opened_at", "expires_at", "status", "wanted", "next_try_at"])
    return checkout


def _look(checkout: Checkout, stripe: Stripe, now: datetime) -> Checkout:
    session = stripe.session(checkout.external_id)
    if session.is_open and checkout.status != Status.OPEN:
        try:
            session = stripe.close_session(session.id)
        except VendorRefused:  # somebody paid, or it lapsed, at this very moment
            session = stripe.session(session.id)
    is_over = session.status == "expired"
    if session.status == "complete" and not session.is_paid and session.payment_intent:
        is_over = stripe.intent(session.payment_intent).is_over  # a debit takes days, and may be refused
    checkout = _note(checkout.pk, session, is_over, now)
    if session.is_paid and checkout.status != Status.PAID:
        raise NeedsPerson(checkouts.DIFFERS)
    return checkout


@transaction.atomic
def _note(checkout_id: UUID, session: Session, is_over: bool, now: datetime) -> Checkout:
    checkout = _locked(checkout_id)
    if checkout.status == Status.PAID:
        return checkout
    checkout.checked_at = now
    changed = ["checked_at"]
    if session.is_paid and not _is_as_asked(session, checkout):
        Booking.objects.filter(pk=checkout.booking_id).update(attention=checkouts.DIFFERS)
    elif session.is_paid or is_over:
        if session.is_paid:
            checkout.status, checkout.paid_at, checkout.payment_intent = Status.PAID, now, session.payment_intent
        elif checkout.status != Status.VOID:
            checkout.status = Status.EXPIRED
        checkout.told = checkout.wanted
        for field, value in CLEARED.items():
            setattr(checkout, field, value)
        changed += ["status", "paid_at", "payment_intent", "told", *CLEARED]
    checkout.save(update_fields=changed)
    if checkout.status == Status.PAID:
        _settle(checkout, now)
    return checkout


def _is_as_asked(session: Session, checkout: Checkout) -> bool:
    asked = (cents(checkout.amount), CURRENCY, f"{checkout.pk}")
    return (session.amount, session.currency, session.reference) == asked and session.payment_intent is not None


def _settle(checkout: Checkout, now: datetime) -> None:
    """Let money that came for a locked booking pay for it, or wait for somebody to decide what is given back."""
    booking = checkout.booking
    payment = Payment.objects.select_for_update().get(booking=booking)
    if payment.status != Payment.Status.PENDING:
        refunds.consider_extra(checkout=checkout, cause=RefundDecision.Cause.TWICE)
        return
    payments.collect_online(payment=payment, checkout=checkout, now=now)
    late = RefundDecision.Cause.LATE
    may_be_had = booking.state == Booking.State.PENDING_PAYMENT or lifecycle.has_lapsed(booking)
    if may_be_had and _made_sure(booking, now):
        return
    if booking.state == Booking.State.PENDING_PAYMENT:
        lifecycle.cancel(booking_id=booking.pk, reason=TOO_LATE, by=None, now=now, refund_cause=late)
    elif booking.state == Booking.State.CANCELLED:
        refunds.consider(booking=booking, cause=late, now=now)


def _made_sure(booking: Booking, now: datetime) -> bool:
    """Confirm a booking that waited for its payment, and say whether its time was still to be had."""
    if booking.starts_at <= now:
        return False
    try:
        lifecycle.confirm(booking_id=booking.pk, by=None, now=now)
    except SlotTaken:
        return False
    return True


def _until_next_look(checkout: Checkout, now: datetime) -> float:
    left = (checkout.expires_at - now).total_seconds()
    return min(settings.CHECKOUT_LOOK_SECONDS, left) if left > 0 else OVERDUE_SECONDS


def _found(checkout_id: UUID) -> Checkout:
    checkout = Checkout.objects.filter(pk=checkout_id).first()
    if checkout is None:
        raise Missing("There is no such checkout.")
    return checkout


def _locked(checkout_id: UUID) -> Checkout:
    """Read a checkout for a change, under its booking's lock, which everybody takes first."""
    booking = locking.locked(_found(checkout_id).booking_id)
    checkout = Checkout.objects.select_for_update().get(pk=checkout_id)
    checkout.booking = booking
    return checkout
