"""What Stripe tells, from the door to what comes of it: doubled, late, out of order, lost, forged."""

from itertools import permutations

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Checkout, Dispute, RefundDecision
from bookings.money import settlement
from botaniqal.integrations import inbox
from botaniqal.integrations.models import InboundEvent, Incident
from botaniqal.webhooks import HANDLERS
from tests.paying import decisions, kept_visit, looked, opened, standing, sure_visit

pytestmark = pytest.mark.django_db(transaction=True)


def work():
    InboundEvent.objects.update(next_try_at=timezone.now())
    return inbox.work_due(HANDLERS)


def outcome(kind):
    return InboundEvent.objects.get(kind=kind).outcome


class TestDoor:
    def test_keeps_a_delivery_once_and_nobodys_name(self, till):
        checkout = opened(kept_visit())
        till.pay(checkout)
        event = till.told("checkout.session.completed")

        answers = [till.deliver(event), till.deliver(event)]

        assert [answer.status_code for answer in answers] == [200, 200]
        kept = InboundEvent.objects.get()
        assert (kept.vendor, kept.key, kept.kind) == ("stripe", event["id"], "checkout.session.completed")
        assert set(kept.payload) == {"id", "object", "payment_intent", "client_reference_id"}

    @pytest.mark.parametrize("headers", [{}, {"Stripe-Signature": "t=1,v1=00"}])
    def test_refuses_what_stripe_did_not_sign(self, till, client, headers):
        answer = client.post("/webhooks/stripe", "{}", content_type="application/json", headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")
        assert not InboundEvent.objects.exists()

    def test_refuses_everything_without_a_secret(self, till, settings):
        settings.STRIPE_WEBHOOK_SECRET = ""

        assert till.deliver({"id": "evt_1", "type": "x", "data": {"object": {}}}).status_code == 401

    @pytest.mark.parametrize("event", [{}, {"id": "evt_1", "type": "x"}, {"id": "evt_1", "type": "x", "data": "y"}])
    def test_refuses_what_is_no_event(self, till, event):
        answer = till.deliver(event)

        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")

    def test_takes_deliveries_alone(self, client):
        answer = client.get("/webhooks/stripe")

        assert (answer.status_code, answer["Allow"]) == (405, "POST")

    def test_leaves_be_what_it_does_not_know(self, till):
        till.deliver({"id": "evt_1", "type": "customer.created", "data": {"object": {"id": "cus_1"}}})

        work()

        assert outcome("customer.created") == inbox.NOBODY_LISTENS


class TestSession:
    def test_makes_a_visit_sure(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)
        till.deliver(till.told("checkout.session.completed"))

        work()

        assert standing(booking) == ("confirmed", "collected")
        assert outcome("checkout.session.completed") == f"{booking}: paid; confirmed."

    def test_believes_stripe_and_not_the_delivery(self, till):
        checkout = opened(booking := kept_visit())
        session = till.session(checkout) | {"status": "complete", "payment_status": "paid"}
        forged = {"id": "evt_9", "object": "event", "type": "checkout.session.completed", "data": {"object": session}}
        till.deliver(forged)

        work()

        assert standing(booking) == ("pending_payment", "pending")

    def test_waits_while_stripe_gives_no_answer(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)
        till.deliver(till.told("checkout.session.completed"))
        till.sandbox.faults("stripe", "error_before", calls=2)

        work()
        work()

        assert standing(booking) == ("confirmed", "collected")

    def test_ends_the_same_in_any_order_and_however_often(self, till):
        for order in permutations(["checkout.session.completed", "payment_intent.payment_failed", "refund.created"]):
            InboundEvent.objects.all().delete()
            till.sandbox.reset()
            checkout = opened(booking := kept_visit())
            till.pay(checkout, "decline")
            till.pay(checkout)
            till.refund(checkout)
            for kind in [*order, *order]:
                till.deliver(till.told(kind))
                work()

            assert standing(booking) == ("confirmed", "refunded")
            assert decisions(booking) == [("outside", "given_back", 119)]

    def test_hears_of_a_debit_that_was_refused(self, till):
        checkout = opened(sure_visit())
        till.pay(checkout, "debit")
        till.press(f"payments/{checkout.external_id}/bounce")
        till.deliver(till.told("checkout.session.async_payment_failed"))

        work()

        checkout.refresh_from_db()
        assert checkout.status == Checkout.Status.EXPIRED

    def test_gives_a_payment_by_an_unknown_session_to_a_person(self, till):
        checkout = opened(kept_visit())
        till.pay(checkout)
        Checkout.objects.update(external_id="cs_another")
        till.deliver(till.told("checkout.session.completed"))

        work()

        event = InboundEvent.objects.get()
        assert event.needs_person
        assert "nobody" in event.problem

    def test_leaves_be_what_is_not_ours(self, till):
        checkout = opened(kept_visit())
        till.pay(checkout)
        event = till.told("checkout.session.completed")
        event["data"]["object"] |= {"id": "cs_theirs", "client_reference_id": "order-7"}
        till.deliver(event)

        work()

        assert outcome("checkout.session.completed").startswith("Ignored")

    def test_asks_nobody_when_it_is_only_tried(self, till):
        checkout = opened(kept_visit())
        till.pay(checkout)
        till.deliver(till.told("checkout.session.completed"))
        before = len(till.sandbox.calls("stripe"))

        said = inbox.dry_run(event=InboundEvent.objects.get(), handlers=HANDLERS)

        assert said == "Would ask Stripe how the payment stands."
        assert len(till.sandbox.calls("stripe")) == before


class TestRefund:
    def test_is_heard_before_the_payment_itself(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)
        till.refund(checkout)
        till.deliver(till.told("charge.refunded"))

        work()

        assert standing(booking) == ("confirmed", "refunded")
        assert outcome("charge.refunded") == f"{booking}: $119.00 given back."

    @pytest.mark.parametrize("intent", [None, ""])
    def test_of_no_payment_is_left_be(self, till, intent):
        body = {"id": "re_1", "object": "refund", "payment_intent": intent}
        till.deliver({"id": "evt_1", "type": "refund.created", "data": {"object": body}})

        work()

        assert outcome("refund.created").startswith("Ignored")


class TestDispute:
    @pytest.fixture
    def disputed(self, till):
        checkout = opened(sure_visit())
        till.pay(checkout)
        looked(checkout)
        till.press(f"payments/{checkout.external_id}/dispute")
        till.deliver(till.told("charge.dispute.created"))
        work()
        checkout.booking.refresh_from_db()
        return checkout

    def test_is_shown_and_wakes_somebody(self, disputed):
        dispute, incident = Dispute.objects.get(), Incident.objects.get()
        assert (dispute.checkout, dispute.amount, dispute.outcome) == (disputed, 119, "open")
        assert dispute.answer_by > timezone.now()
        assert "asks the payment back" in disputed.booking.attention
        assert "$119.00" in incident.summary
        assert disputed.booking.patient.name not in incident.summary

    @pytest.mark.parametrize("end", ["won", "lost"])
    def test_ends_once(self, till, disputed, end):
        till.press(f"payments/{disputed.external_id}/{end}")
        for kind in ("charge.dispute.closed", "charge.dispute.created"):
            till.deliver(till.told(kind) | {"id": f"evt_{kind}"})
            work()

        disputed.booking.refresh_from_db()
        dispute = Dispute.objects.get()
        assert (dispute.outcome, disputed.booking.attention) == (end, "")
        assert dispute.closed_at is not None
        assert Incident.objects.get().resolved_at is not None

    def test_of_money_that_is_not_ours_is_shown_as_well(self, till):
        till.press(f"payments/{till.sell_something_else()}/dispute")
        till.deliver(till.told("charge.dispute.created"))

        work()

        dispute = Dispute.objects.get()
        assert (dispute.checkout, dispute.amount) == (None, 50)
        assert outcome("charge.dispute.created") == "A payment that is not the portal's: $50.00, open."


class TestLost:
    def test_is_made_up_for_by_the_sweep(self, till):
        checkout = opened(booking := kept_visit())
        till.pay(checkout)
        Checkout.objects.update(next_try_at=timezone.now())

        settlement.work_due()

        assert standing(booking) == ("confirmed", "collected")

    def test_of_a_cancelled_visit_leaves_a_decision(self, till):
        checkout = opened(booking := sure_visit())
        till.pay(checkout)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
        till.deliver(till.told("checkout.session.completed"))

        work()

        assert RefundDecision.objects.get().status == "waiting"
