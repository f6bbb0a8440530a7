"""Money on its way back through Stripe."""

from decimal import Decimal

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Payment, RefundDecision
from bookings.money import refunding, refunds
from botaniqal.messages.models import Message
from tests.paying import decisions, looked, opened, standing, sure_visit

pytestmark = pytest.mark.django_db(transaction=True)
Status = RefundDecision.Status


@pytest.fixture
def paid(till):
    """A checkout that was paid."""
    checkout = opened(sure_visit())
    till.pay(checkout)
    return looked(checkout)


@pytest.fixture
def waiting(paid):
    """A decision on the money of a visit that was cancelled."""
    lifecycle.cancel(booking_id=paid.booking_id, reason="Ill", by=None, now=timezone.now())
    return RefundDecision.objects.get()


def decide(decision, amount=119, reason="", reference=""):
    return refunds.decide(
        decision_id=decision.pk,
        amount=Decimal(amount),
        reason=reason,
        reference=reference,
        by=None,
        now=timezone.now(),
    )


def work():
    RefundDecision.objects.update(next_try_at=timezone.now())
    return refunding.work_due()


def look(checkout):
    return refunding.look(payment_intent=checkout.payment_intent, now=timezone.now())


class TestWorkDue:
    def test_gives_back_what_was_decided(self, till, paid, waiting):
        decide(waiting)

        work()

        [refund] = till.known("refunds")
        waiting.refresh_from_db()
        assert (refund["amount"], refund["metadata"]) == (11_900, {"decision": f"{waiting.pk}"})
        assert (waiting.status, waiting.external_id, waiting.state) == (Status.GIVEN_BACK, refund["id"], "synced")
        assert standing(paid.booking) == ("cancelled", "refunded")
        assert Payment.objects.get().given_back == 119
        assert "card" in Message.objects.get(kind="refunded").text

    def test_gives_back_a_part_and_then_the_rest(self, till, paid, waiting):
        decide(waiting, 19, reason="He came late")
        work()
        assert standing(paid.booking) == ("cancelled", "collected")
        decide(refunds.ask(booking_id=paid.booking_id, by=None, now=timezone.now()), 100)

        work()

        assert [row["amount"] for row in till.known("refunds")] == [1_900, 10_000]
        assert standing(paid.booking) == ("cancelled", "refunded")

    def test_sends_nothing_before_it_is_decided_nor_when_it_is_kept(self, till, waiting):
        work()
        decide(waiting, 0, reason="Agreed")
        work()

        assert till.known("refunds") == []

    @pytest.mark.parametrize("fault", ["error_after", "error_before"])
    def test_gives_back_once_however_the_answers_get_lost(self, till, paid, waiting, fault):
        decide(waiting)
        till.sandbox.faults("stripe", fault, operation="refunds.write", calls=2)

        work()
        work()

        assert [row["amount"] for row in till.known("refunds")] == [11_900]
        assert standing(paid.booking) == ("cancelled", "refunded")

    def test_finds_a_refund_again_when_its_key_is_long_forgotten(self, till, paid, waiting, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        decide(waiting)
        till.sandbox.faults("stripe", "error_after", operation="refunds.write", calls=2)
        work()
        waiting.refresh_from_db()
        assert (waiting.status, len(till.known("refunds"))) == (Status.SENDING, 1)
        till.forget_keys()

        work()

        waiting.refresh_from_db()
        assert (waiting.status, len(till.known("refunds"))) == (Status.GIVEN_BACK, 1)

    def test_comes_back_as_work_when_it_fails(self, till, paid, waiting):
        decide(waiting)
        till.sandbox.faults("stripe", "refund_fails", calls=1)

        work()
        look(paid)

        assert decisions(paid.booking) == [("clinic", "failed", 119), ("clinic", "waiting", 119)]
        assert standing(paid.booking) == ("cancelled", "refund_due")
        assert "expired_or_canceled_card" in RefundDecision.objects.get(status=Status.WAITING).policy
        assert not Message.objects.filter(kind="refunded").exists()

    def test_is_given_back_by_hand_once_it_failed(self, till, paid, waiting):
        decide(waiting)
        till.sandbox.faults("stripe", "refund_fails", calls=1)
        work()
        look(paid)

        decide(RefundDecision.objects.get(status=Status.WAITING), reference="Transfer 7")
        work()

        assert standing(paid.booking) == ("cancelled", "refunded")
        assert [row["status"] for row in till.known("refunds")] == ["failed"]

    def test_is_decided_again_where_stripe_refuses(self, till, paid, waiting, settings):
        decide(waiting)
        key, settings.STRIPE_SECRET_KEY = settings.STRIPE_SECRET_KEY, "sk_test_wrong"
        work()
        settings.STRIPE_SECRET_KEY = key
        waiting.refresh_from_db()
        assert waiting.needs_person

        refunds.decide_again(decision_id=waiting.pk, by=None, now=timezone.now())

        assert decisions(paid.booking) == [("clinic", "failed", 119), ("clinic", "waiting", 119)]

    def test_gives_back_what_was_paid_twice_and_leaves_the_payment(self, till, paid):
        other = opened_again(paid)
        till.pay(other)
        looked(other)
        decide(RefundDecision.objects.get(cause="twice"))

        work()

        assert standing(paid.booking) == ("confirmed", "collected")
        assert Payment.objects.get().given_back == 0
        assert decisions(paid.booking) == [("twice", "given_back", 119)]
        [refund] = till.known("refunds")
        other.refresh_from_db()
        assert refund["payment_intent"] == other.payment_intent


def opened_again(paid):
    """Open a second way to pay, as one that was opened before the first was paid."""
    Payment.objects.update(status="pending")
    checkout = opened(paid.booking)
    Payment.objects.update(status="collected")
    return checkout


class TestLook:
    def test_takes_a_refund_made_at_stripe_as_the_answer_to_what_waits(self, till, paid, waiting):
        till.refund(paid)

        look(paid)

        waiting.refresh_from_db()
        assert (waiting.status, waiting.amount, waiting.decided_by) == (Status.GIVEN_BACK, 119, None)
        assert standing(paid.booking) == ("cancelled", "refunded")

    def test_writes_down_one_that_nobody_here_decided(self, till, paid):
        till.refund(paid)

        look(paid)
        look(paid)

        assert decisions(paid.booking) == [("outside", "given_back", 119)]
        assert standing(paid.booking) == ("confirmed", "refunded")
        assert Message.objects.filter(kind="refunded").count() == 1

    def test_hears_that_what_was_given_back_has_failed_after_all(self, till, paid, waiting):
        decide(waiting)
        work()
        till.fail(paid)

        look(paid)

        assert [status for _, status, _ in decisions(paid.booking)] == ["failed", "waiting"]
        assert Payment.objects.get().given_back == 0

    def test_marks_a_booking_for_which_more_was_given_back_than_paid(self, till, paid, waiting):
        decide(waiting, reference="Transfer 7")
        till.refund(paid)

        look(paid)

        paid.booking.refresh_from_db()
        assert paid.booking.attention == refunds.TOO_MUCH
        assert Payment.objects.get().given_back == 119

    def test_knows_no_other_payment(self, till):
        assert refunding.look(payment_intent="pi_unknown", now=timezone.now()) == []
