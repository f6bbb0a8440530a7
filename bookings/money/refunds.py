"""
What is given back of money that came: suggested by the clinic's rules, decided by a person.

Nothing is given back by itself. What came through Stripe goes back through Stripe once it is decided (``refunding``);
other money is given back by hand, and its slip noted.
"""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Malformed, Missing, RuleBroken
from botaniqal.integrations.owed import CLEARED

from .. import locking
from ..models import Booking, Checkout, Payment, RefundDecision, RefundRule
from . import money_notices
from .payments import refuse_card_number

Cause, Status = RefundDecision.Cause, RefundDecision.Status

CENT = Decimal("0.01")
TO_DECIDE = "Money was paid that may have to be given back. Decide how much."
TOO_MUCH = "More was given back than was paid. Compare Stripe with the slips."
ALL_OF_IT = {
    Cause.CLINIC: "All of it: the clinic called it off.",
    Cause.UNDONE: "All of it: it was booked by mistake.",
    Cause.LATE: "All of it: it was paid when the visit was no longer to be had.",
    Cause.TWICE: "All of it: the visit was paid for already.",
    Cause.OTHER: "What is left: somebody of the clinic asked for it.",
}


class NothingToGiveBack(RuleBroken):
    """No money is left to be given back."""

    code = "nothing_to_give_back"

    def __init__(self) -> None:
        super().__init__("payment", "There is no money of this booking left to give back, or it is being decided.")


class Decided(RuleBroken):
    """It was decided before."""

    code = "decided"

    def __init__(self, decision: RefundDecision) -> None:
        super().__init__("status", f"This was decided before: {decision.get_status_display().lower()}.")


def consider(*, booking: Booking, cause: RefundDecision.Cause, now: datetime) -> RefundDecision | None:
    """
    Let somebody decide what is given back of the money that paid for a locked booking, in its transaction.

    What the policy suggests goes by who called the visit off and how long before it; None where no money is left.
    """
    payment = Payment.objects.select_for_update().filter(booking=booking).first()
    if payment is None or not (left := _left_of(payment)):
        return None
    percent, policy = _policy(booking, cause, now)
    terms = {"cause": cause, "paid": left, "suggested": min(left, suggested(payment, percent)), "policy": policy}
    waiting = _own(payment).filter(status=Status.WAITING)
    if waiting.update(**terms):  # it was asked for before the visit was called off
        return waiting.get()
    checkout = Checkout.objects.filter(booking=booking, payment_intent=payment.reference).first()
    decision = _put(payment=payment, checkout=checkout, **terms)
    restate(payment)
    return decision


def consider_extra(*, checkout: Checkout, cause: RefundDecision.Cause) -> RefundDecision:
    """Let somebody decide on money that came for a locked booking which was paid for already."""
    payment = Payment.objects.get(booking=checkout.booking_id)
    terms = {"cause": cause, "paid": checkout.amount, "suggested": checkout.amount, "policy": ALL_OF_IT[cause]}
    return _put(payment=payment, checkout=checkout, **terms)


def notice_of(booking: Booking, *, now: datetime) -> timedelta:
    """
    Say with how much notice its patient gives a visit's time up now.

    A time that they gave up by moving it counts as well, and the shortest notice of all: else whoever comes too late to
    cancel would move the visit away first.
    """
    notice = booking.starts_at - now
    return notice if booking.notice_given is None else min(notice, booking.notice_given)


def rule_for(notice: timedelta) -> RefundRule | None:
    """Find the rule for a patient who calls a visit off with so much notice; None when that is too little."""
    hours = notice / timedelta(hours=1)
    return RefundRule.objects.filter(hours__lte=max(hours, 0)).order_by("-hours").first()


def suggested(payment: Payment, percent: int) -> Decimal:
    """Say how much of a payment a rule gives back, of what was not given back before."""
    part = (payment.amount * percent / 100).quantize(CENT, ROUND_HALF_UP)
    return max(part - payment.given_back, Decimal(0))


@transaction.atomic
def ask(*, booking_id: UUID, by: User | None, now: datetime) -> RefundDecision:
    """
    Have it decided what is given back for a visit that was not called off.

    :raises Missing: there is no such booking.
    :raises NothingToGiveBack: no money is left, or it is being decided.
    """
    booking = locking.locked(booking_id)
    if RefundDecision.objects.filter(payment__booking=booking, status=Status.WAITING).exists():
        raise NothingToGiveBack
    decision = consider(booking=booking, cause=Cause.OTHER, now=now)
    if decision is None:
        raise NothingToGiveBack
    return decision


@transaction.atomic
def decide(
    *, decision_id: UUID, amount: Decimal, reason: str, by: User | None, now: datetime, reference: str = ""
) -> RefundDecision:
    """
    Give back so much, or nothing; ``reference`` is the slip of money that was given back by hand.

    Without a slip, money that came through Stripe is sent back there.

    :raises Missing: there is no such decision.
    :raises Decided: it was decided before.
    :raises Malformed: more than there is, no reason for what differs from the suggestion, no slip, or a card number.
    """
    decision = locked(decision_id)
    if decision.status != Status.WAITING:
        raise Decided(decision)
    amount, reason, reference = Decimal(amount), reason.strip(), reference.strip()
    _require_sense(decision, amount, reason, reference)
    decision.amount, decision.reason, decision.reference = amount.quantize(CENT), reason[:200], reference
    decision.decided_at, decision.decided_by = now, by
    if not amount:
        decision.status, decision.settled_at = Status.KEPT, now
    elif reference:
        decision.status = Status.SENDING
    else:
        decision.status, decision.wanted, decision.next_try_at = Status.SENDING, decision.wanted + 1, now
        transaction.on_commit(partial(ring, "tell_stripe"))
    decision.save()
    if reference:
        note_given_back(decision, now=now)
    restate(decision.payment)
    _calm(decision.payment.booking)
    return decision


def note_given_back(decision: RefundDecision, *, now: datetime) -> None:
    """Note that the money of a locked decision went back, and tell the patient."""
    decision.status, decision.settled_at = Status.GIVEN_BACK, now
    _finish(decision)
    payment = decision.payment
    if _is_own(decision):
        if payment.given_back + decision.amount > payment.amount:
            Booking.objects.filter(pk=payment.booking_id).update(attention=TOO_MUCH)
        payment.given_back = min(payment.amount, payment.given_back + decision.amount)
        payment.save(update_fields=["given_back"])
    restate(payment)
    money_notices.send_refunded(decision=decision, now=now)


def note_failed(decision: RefundDecision, *, why: str, now: datetime) -> None:
    """Note that Stripe could not give the money of a locked decision back, and let somebody decide again."""
    payment = decision.payment
    if decision.status == Status.GIVEN_BACK and _is_own(decision):
        payment.given_back = max(payment.given_back - decision.amount, 0)
        payment.save(update_fields=["given_back"])
    decision.status, decision.settled_at = Status.FAILED, now
    _finish(decision)
    others = {"payment": payment, "checkout": decision.checkout}
    if not RefundDecision.objects.filter(**others, status=Status.WAITING).exists():
        words = f"It was decided before, but Stripe could not give it back{f' ({why})' if why else ''}."
        _put(**others, cause=decision.cause, paid=decision.paid, suggested=decision.amount, policy=words)
    restate(payment)


@transaction.atomic
def decide_again(*, decision_id: UUID, by: User | None, now: datetime) -> RefundDecision:
    """
    Give up a refund that Stripe refused, so that it is decided again.

    :raises Missing: there is no such decision.
    :raises Decided: Stripe did not refuse it.
    """
    decision = locked(decision_id)
    if decision.status != Status.SENDING or not decision.needs_person or decision.external_id:
        raise Decided(decision)
    note_failed(decision, why="refused", now=now)
    return decision


def locked(decision_id: UUID) -> RefundDecision:
    """
    Read a decision for a change, under its booking's lock, which everybody takes first.

    :raises Missing: there is no such decision.
    """
    whose = RefundDecision.objects.filter(pk=decision_id).values_list("payment__booking", flat=True).first()
    if whose is None:
        raise Missing("There is no such refund decision.")
    booking = Booking.objects.select_for_update().get(pk=whose)
    payment = Payment.objects.select_for_update().get(booking=booking)
    payment.booking = booking
    decision = RefundDecision.objects.select_for_update(of=["self"]).select_related("checkout").get(pk=decision_id)
    decision.payment = payment
    return decision


def restate(payment: Payment) -> None:
    """Bring a locked payment's state in line with what was decided and given back of its money."""
    if payment.collected_at is None:
        return
    if _own(payment).filter(status__in=[Status.WAITING, Status.SENDING]).exists():
        payment.status = Payment.Status.REFUND_DUE
    elif payment.given_back >= payment.amount:
        payment.status = Payment.Status.REFUNDED
    else:
        payment.status = Payment.Status.COLLECTED
    payment.save(update_fields=["status"])


def _put(**terms: object) -> RefundDecision:
    """Let a decision wait; nothing is owed to Stripe before it is made."""
    decision = RefundDecision.objects.create(told=1, **terms)
    Booking.objects.filter(pk=decision.payment.booking_id, attention="").update(attention=TO_DECIDE)
    return decision


def _policy(booking: Booking, cause: RefundDecision.Cause, now: datetime) -> tuple[int, str]:
    """Say which part of the price goes back, in per cent, and by which rule."""
    if cause != Cause.PATIENT:
        return 100, ALL_OF_IT[cause]
    notice = notice_of(booking, now=now)
    rule = rule_for(notice)
    before = f"at least {rule.hours} hours before" if rule else "too shortly before"
    is_by_move = notice < booking.starts_at - now
    words = f"the patient moved it {before}, and then called it off" if is_by_move else f"it was called off {before}"
    return (rule.percent, f"{rule.percent} %: {words}.") if rule else (0, f"Nothing: {words}.")


def _require_sense(decision: RefundDecision, amount: Decimal, reason: str, reference: str) -> None:
    refuse_card_number(reason, "reason")
    refuse_card_number(reference, "reference")
    if not (amount.is_finite() and 0 <= amount <= decision.paid and amount == amount.quantize(CENT)):
        raise Malformed(
            f"Give back between $0 and ${decision.paid}, in whole cents.", details={"amount": ["Out of range."]}
        )
    if amount != decision.suggested and not reason:
        words = f"${decision.suggested} is suggested. Say why another amount is given back."
        raise Malformed(words, details={"reason": ["Required."]})
    if amount and decision.checkout is None and not reference:
        raise Malformed(
            "It did not come through Stripe: give it back by hand, and say by which slip or transfer.",
            details={"reference": ["Required."]},
        )
    if reference and not amount:
        raise Malformed("Nothing is given back, so there is no slip of it.", details={"reference": ["Leave it empty."]})


def _finish(decision: RefundDecision) -> None:
    for field, value in CLEARED.items():
        setattr(decision, field, value)
    decision.told = decision.wanted
    fields = ["status", "settled_at", "amount", "reason", "decided_at", "external_id", "told"]
    decision.save(update_fields=[*fields, *CLEARED])


def _left_of(payment: Payment) -> Decimal:
    """Say how much of the money that paid for a visit is neither given back nor on its way back."""
    if payment.collected_at is None:
        return Decimal(0)
    sending = _own(payment).filter(status=Status.SENDING).aggregate(total=Sum("amount"))["total"] or 0
    return payment.amount - payment.given_back - sending


def _own(payment: Payment) -> QuerySet[RefundDecision]:
    """The decisions on the money that paid for the visit, not on what came besides."""
    is_own = Q(checkout=None) | Q(checkout__payment_intent=payment.reference)
    return RefundDecision.objects.filter(is_own, payment=payment)


def _is_own(decision: RefundDecision) -> bool:
    return decision.checkout is None or decision.checkout.payment_intent == decision.payment.reference


def _calm(booking: Booking) -> None:
    """Take the mark off a booking once nothing of it waits to be decided."""
    waiting = RefundDecision.objects.filter(payment__booking=booking, status=Status.WAITING)
    if booking.attention == TO_DECIDE and not waiting.exists():
        Booking.objects.filter(pk=booking.pk).update(attention="")
