"""Paid, cancelled, lapsed, told and looked at, all at once: nobody is charged without a visit or a decision."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Checkout, Payment, RefundDecision
from bookings.money import checkouts, payments, refunding, refunds, settlement
from bookings.self_service import online
from botaniqal.errors import DomainError
from botaniqal.integrations import inbox
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.models import InboundEvent
from botaniqal.integrations.owed import NeedsPerson
from botaniqal.messages.models import Message
from botaniqal.webhooks import HANDLERS
from practitioners.models import DiaryEntry
from tests.factories import AppointmentTypeFactory, PractitionerFactory, next_morning
from tests.paying import Till, decisions, kept_visit, looked, opened, standing, sure_visit
from tests.races import together

pytestmark = pytest.mark.django_db(transaction=True)
REFUSALS = (DomainError, VendorRefused, VendorUnavailable, NeedsPerson)
at_once = partial(together.at_once, refusals=REFUSALS)


def lapse(booking: Booking) -> bool:
    """Let the time to pay for a booking be over."""
    return online.lapse(booking_id=booking.pk, by=None, now=timezone.now() + timedelta(hours=1))


def sweep() -> None:
    """Let workers do what is left until nothing is."""
    now = timezone.now()
    for _ in range(3):
        Checkout.objects.open().update(next_try_at=now)
        InboundEvent.objects.open().update(next_try_at=now)
        settlement.work_due()
        inbox.work_due(HANDLERS)


def require_fairness(till: Till, *bookings: Booking) -> None:
    """Hold every booking against the money that Stripe has of it: a visit for it, or somebody decides."""
    came = {
        f"{booking.pk}": sum(
            each["amount"] for each in till.known("charges") if each["metadata"]["booking"] == f"{booking.pk}"
        )
        for booking in bookings
    }
    for booking in Booking.objects.filter(pk__in=[each.pk for each in bookings]).select_related("payment"):
        rows = RefundDecision.objects.filter(payment__booking=booking)
        waiting = sum((row.paid for row in rows.filter(status="waiting")), Decimal(0))
        is_held = booking.state == Booking.State.CONFIRMED and booking.payment.status == Payment.Status.COLLECTED
        covered = waiting + (booking.price if is_held and booking.payment.method == "stripe_link" else 0)
        assert covered * 100 == came[f"{booking.pk}"], (booking.state, booking.payment.status, decisions(booking))
        if booking.state == Booking.State.CONFIRMED:
            assert booking.entry.kind == DiaryEntry.Kind.BOOKING
            assert booking.entry.live_until is None


class TestOnePayment:
    def test_settles_once_whoever_looks(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)
        event = till.told("checkout.session.completed")

        at_once(*[lambda: looked(checkout)] * 4, *[lambda: till.deliver(event)] * 2, settlement.work_due)
        sweep()

        assert standing(booking) == ("confirmed", "collected")
        assert decisions(booking) == []
        assert Message.objects.filter(kind="confirmation").count() == 1
        assert InboundEvent.objects.count() == 1
        require_fairness(till, booking)

    def test_leaves_a_visit_or_a_decision_when_it_is_cancelled_meanwhile(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)

        at_once(
            lambda: looked(checkout),
            lambda: lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now()),
            lambda: looked(checkout),
        )
        sweep()

        assert standing(booking) == ("cancelled", "refund_due")
        assert len(decisions(booking)) == 1
        require_fairness(till, booking)

    def test_leaves_a_visit_or_a_decision_when_it_lapses_meanwhile(self, till):
        checkout = opened(booking := kept_visit(seconds=0.01))
        till.pay(checkout)

        at_once(
            lambda: lapse(booking),
            lambda: looked(checkout),
        )
        sweep()

        assert standing(booking) == ("confirmed", "collected")
        require_fairness(till, booking)

    def test_of_the_terminal_and_of_the_link_is_one_too_many(self, till):
        checkout = opened(booking := sure_visit(), sends_link=True)
        till.pay(checkout)

        at_once(
            lambda: looked(checkout),
            lambda: payments.mark_collected(
                booking_id=booking.pk, method="cash", reference="R-1", amount=booking.price, by=None, now=timezone.now()
            ),
        )
        sweep()

        method = Payment.objects.get().method
        causes = [cause for cause, _, _ in decisions(booking)]
        assert (method, causes) in [("cash", ["twice"]), ("stripe_link", [])]


class TestTwoWhoPayForOneTime:
    def test_one_has_the_visit_and_the_other_a_decision(self, till):
        kind = AppointmentTypeFactory()
        doctor = PractitionerFactory(gives=[kind])
        both = []
        for _ in range(2):  # the first hold had lapsed when the second was taken
            both.append(kept_visit(practitioner=doctor, starts_at=next_morning(11)))
            DiaryEntry.objects.filter(booking=both[-1]).update(live_until=timezone.now())
        pages = [opened(booking) for booking in both]
        for checkout in pages:
            till.pay(checkout)

        at_once(*[lambda checkout=checkout: looked(checkout) for checkout in pages])
        sweep()

        assert sorted(standing(booking) for booking in both) == [
            ("cancelled", "refund_due"),
            ("confirmed", "collected"),
        ]
        require_fairness(till, *both)


class TestOneCheckout:
    def test_is_opened_once_by_many(self, till):
        checkout = opened(sure_visit(), sends_link=True)
        Checkout.objects.update(status="new", external_id=None, url="")
        till.sandbox.reset()

        urls = at_once(*[lambda: settlement.open_now(checkout.pk)] * 6, settlement.work_due)

        assert len(till.known("sessions")) == 1
        assert len({url for url in urls if isinstance(url, str)}) == 1

    def test_is_one_however_many_ask(self, till):
        booking = sure_visit()

        at_once(*[lambda: checkouts.send_link(booking_id=booking.pk, by=None, now=timezone.now())] * 6)

        assert booking.checkouts.filter(status="new").count() == 1


class TestOneRefund:
    def test_is_decided_once_and_given_back_once(self, till):
        checkout = opened(booking := sure_visit())
        till.pay(checkout)
        looked(checkout)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
        decision = RefundDecision.objects.get()

        def decide() -> object:
            return refunds.decide(decision_id=decision.pk, amount=Decimal(119), reason="", by=None, now=timezone.now())

        results = at_once(*[decide] * 5)
        at_once(*[refunding.work_due] * 4)

        assert sum(isinstance(each, RefundDecision) for each in results) == 1
        assert [row["amount"] for row in till.known("refunds")] == [11_900]
        assert Payment.objects.get().given_back == 119

    def test_made_here_and_at_stripe_never_gives_back_more_than_came(self, till):
        checkout = opened(booking := sure_visit())
        till.pay(checkout)
        looked(checkout)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
        decision = RefundDecision.objects.get()
        refunds.decide(decision_id=decision.pk, amount=Decimal(119), reason="", by=None, now=timezone.now())

        at_once(refunding.work_due, lambda: till.press(f"payments/{checkout.external_id}/refund"), refunding.work_due)
        refunding.look(payment_intent=Checkout.objects.get().payment_intent, now=timezone.now())

        assert sum(row["amount"] for row in till.known("refunds")) == 11_900
        assert Payment.objects.get().given_back == 119


@pytest.mark.slow
class TestAnyOrder:
    @pytest.mark.parametrize("seed", range(20))
    def test_charges_nobody_without_a_visit_or_a_decision(self, till, seed):
        chance = random.Random(seed)
        bookings = [kept_visit(), sure_visit(), kept_visit(seconds=0.5)]
        pages = [opened(booking) for booking in bookings]
        acts: list[Callable[[], object]] = []
        for booking, checkout in zip(bookings, pages, strict=True):
            acts += [
                lambda checkout=checkout: till.press(f"pay/{checkout.external_id}", press="pay"),
                lambda checkout=checkout: looked(checkout),
                lambda checkout=checkout: looked(checkout),
            ]
            if chance.random() < 0.6:
                acts.append(
                    lambda booking=booking: lifecycle.cancel(
                        booking_id=booking.pk, reason="Ill", by=None, now=timezone.now()
                    )
                )
            if chance.random() < 0.5:
                later = timezone.now() + timedelta(hours=1)
                acts.append(
                    lambda booking=booking, later=later: online.lapse(booking_id=booking.pk, by=None, now=later)
                )
            if chance.random() < 0.3:
                acts.append(
                    lambda booking=booking: checkouts.send_link(booking_id=booking.pk, by=None, now=timezone.now())
                )
        acts += [settlement.work_due, settlement.work_due]
        chance.shuffle(acts)

        at_once(*acts)
        for event in till.known("events"):
            till.deliver(event)
        sweep()

        require_fairness(till, *bookings)
