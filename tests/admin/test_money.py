"""The pages on money: refunds, payments online, disputes, the comparison, and a booking's own."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Checkout, Dispute, MoneyDay, Payment, RefundDecision, RefundRule
from bookings.money import checkouts, payments
from bookings.money.payments import Taken
from botaniqal.integrations.models import Owed
from tests.admin.conftest import logged_in, somebody
from tests.admin.test_verbs import told, verb_of
from tests.factories import BookingFactory, PractitionerFactory
from tests.paying import asked, sure_visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def refund():
    """A refund that waits to be decided, of a visit paid on the terminal."""
    booking = BookingFactory(starts_at=timezone.now() + timedelta(days=2))
    payments.record(booking=booking, taken=Taken(is_collected=True, reference="T-1"), by=None, now=timezone.now())
    lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
    return RefundDecision.objects.select_related("payment__booking").get()


@pytest.fixture
def stuck():
    """A payment in which something differs."""
    checkout = asked(sure_visit())
    Checkout.objects.update(
        status="open", external_id="cs_1", needs_person=True, problem=checkouts.DIFFERS, wanted=1, told=0
    )
    Booking.objects.update(attention=checkouts.DIFFERS)
    checkout.refresh_from_db()
    return checkout


def listed(client, name, **query):
    return client.get(reverse(f"admin:bookings_{name}_changelist"), query)


def page_of(row):
    return reverse(f"admin:bookings_{row._meta.model_name}_change", args=[row.pk])


class TestRefunds:
    def test_are_listed_with_what_is_suggested_and_why(self, operations, refund):
        page = listed(operations, "refunddecision").content.decode()

        booking = refund.payment.booking
        assert booking.number in page
        assert "$119.00 of $119.00" in page
        assert "All of it: the clinic called it off." in page
        assert '1<span class="visually-hidden"> to decide</span>' in page

    def test_are_decided_in_a_dialog(self, operations, refund):
        dialog = operations.get(verb_of(refund, "decide")).content.decode()
        answer = operations.post(verb_of(refund, "decide"), {"amount": "119", "reason": "", "reference": "S-1"})

        refund.refresh_from_db()
        assert 'value="119.00"' in dialog
        assert "Give it back first" in dialog
        assert told(answer) == [f"$119.00 for {refund.payment.booking} is noted as given back."]
        assert (refund.status, refund.reference, refund.decided_by is None) == ("given_back", "S-1", False)

    def test_say_that_stripe_gives_it_back(self, operations, refund):
        checkout = Checkout.objects.create(
            booking=refund.payment.booking,
            door="online",
            amount=119,
            expires_at=timezone.now(),
            status="paid",
            paid_at=timezone.now(),
            payment_intent="pi_1",
        )
        RefundDecision.objects.update(checkout=checkout)

        dialog = operations.get(verb_of(refund, "decide")).content.decode()
        answer = operations.post(verb_of(refund, "decide"), {"amount": "119", "reason": "", "reference": ""})

        refund.refresh_from_db()
        assert "Stripe gives it back" in dialog
        assert "on its way back through Stripe" in told(answer)[0]
        assert (refund.status, refund.state) == ("sending", Owed.State.PENDING)

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"amount": "119", "reference": ""}, "by which slip"),
            ({"amount": "120", "reference": "S-1"}, "between $0 and $119.00"),
            ({"amount": "50", "reference": "S-1"}, "Say why"),
            ({"amount": "119", "reference": "4111 1111 1111 1111"}, "card number"),
        ],
    )
    def test_say_what_is_missing(self, operations, refund, fields, words):
        answer = operations.post(verb_of(refund, "decide"), {"reason": "", **fields}, follow=True)

        refund.refresh_from_db()
        assert words in answer.content.decode()
        assert refund.status == "waiting"

    def test_are_not_decided_by_looking(self, operations, refund):
        operations.get(verb_of(refund, "decide"))
        operations.get(page_of(refund))

        refund.refresh_from_db()
        assert refund.status == "waiting"

    def test_can_be_tried_or_decided_again_where_stripe_refused(self, operations, refund):
        RefundDecision.objects.update(
            status="sending", amount=119, decided_at=timezone.now(), needs_person=True, wanted=2, told=1
        )
        page = operations.get(page_of(refund)).content.decode()

        operations.post(verb_of(refund, "try_again"))
        refund.refresh_from_db()

        assert "Stripe refused" in page
        assert "Decide again" in page
        assert not refund.needs_person

    @pytest.mark.parametrize("role", ["consultant", "clinician", "management"])
    def test_are_for_operations_alone(self, refund, role):
        client = logged_in(somebody(role))

        assert listed(client, "refunddecision").status_code == 403
        assert client.post(verb_of(refund, "decide"), {"amount": "0", "reason": "x"}).status_code in (403, 404)
        refund.refresh_from_db()
        assert refund.status == "waiting"

    def test_are_shown_on_today(self, operations, refund):
        assert "Refunds 1" in operations.get(reverse("admin:index")).content.decode()


class TestRules:
    def test_begin_with_two_and_can_be_changed(self, operations):
        page = listed(operations, "refundrule").content.decode()
        operations.post(reverse("admin:bookings_refundrule_add"), {"hours": 48, "percent": 100})

        assert "24 hours before" in page
        assert list(RefundRule.objects.values_list("hours", "percent")) == [(48, 100), (24, 100), (2, 50)]

    def test_refuse_more_than_all(self, operations):
        operations.post(reverse("admin:bookings_refundrule_add"), {"hours": 48, "percent": 101})

        assert RefundRule.objects.count() == 2


class TestBookingsMoney:
    def test_offers_a_link_for_what_is_due(self, operations):
        booking = sure_visit()

        offered = "Send payment link" in operations.get(page_of(booking)).content.decode()
        answer = operations.post(verb_of(booking, "send_payment_link"))

        checkout = Checkout.objects.get()
        assert offered
        assert told(answer) == [f"A payment link over $119.00 goes to {booking.patient.email}."]
        assert (checkout.sends_link, checkout.door) == (True, "desk")
        assert "the payment link is on its way" in operations.get(page_of(booking)).content.decode()

    def test_takes_a_link_back(self, operations):
        booking = sure_visit()
        asked(booking, sends_link=True)

        answer = operations.post(verb_of(booking, "take_link_back"))

        assert told(answer) == [f"The payment link of {booking} works no longer."]
        assert Checkout.objects.get().status == "void"
        assert "Take the link back" not in operations.get(page_of(booking)).content.decode()

    def test_says_that_there_is_no_address(self, operations):
        booking = sure_visit()
        booking.patient.email = ""
        booking.patient.save()

        answer = operations.post(verb_of(booking, "send_payment_link"), follow=True)

        assert "no e-mail address" in answer.content.decode()

    def test_puts_a_refund_on_the_list(self, operations, refund):
        booking = BookingFactory()
        payments.record(booking=booking, taken=Taken(is_collected=True, reference="T-2"), by=None, now=timezone.now())

        answer = operations.post(verb_of(booking, "ask_refund"))

        assert "waits to be decided" in told(answer)[0]
        assert RefundDecision.objects.filter(payment__booking=booking, cause="other").exists()
        assert "Give money back" not in operations.get(page_of(booking)).content.decode()

    def test_leads_to_the_refund_and_shows_what_was_given_back(self, operations, refund):
        booking = refund.payment.booking
        Payment.objects.update(status="collected", given_back=Decimal("19.05"))

        page = operations.get(page_of(booking)).content.decode()

        assert page_of(refund) in page
        assert "$19.05 given back" in page

    def test_leads_a_consultant_nowhere(self, refund):
        sarah = somebody("consultant")
        booking = refund.payment.booking
        Booking.objects.update(practitioner=PractitionerFactory(user=sarah))

        page = logged_in(sarah).get(page_of(booking)).content.decode()

        assert "Refund of $119.00" in page
        assert page_of(refund) not in page


class TestPaymentsOnline:
    def test_show_what_needs_somebody(self, operations, stuck):
        page = listed(operations, "checkout").content.decode()

        assert stuck.booking.number in page
        assert "Needs help" in page
        assert operations.get(page_of(stuck)).status_code == 200

    def test_are_asked_again(self, operations, stuck):
        operations.post(verb_of(stuck, "ask_again"))

        stuck.refresh_from_db()
        assert not stuck.needs_person

    def test_are_set_aside_with_what_was_done(self, operations, stuck):
        operations.post(verb_of(stuck, "set_aside"), {"words": "Refunded at Stripe"})

        stuck.refresh_from_db()
        stuck.booking.refresh_from_db()
        assert (stuck.status, stuck.state, stuck.booking.attention) == ("void", "synced", "")
        assert "Refunded at Stripe" in stuck.problem

    @pytest.mark.parametrize("view", ["help", "open", "paid", "all"])
    def test_have_views(self, operations, stuck, view):
        assert listed(operations, "checkout", view=view).status_code == 200

    def test_are_for_operations_alone(self, stuck):
        assert listed(logged_in(somebody("consultant")), "checkout").status_code == 403


class TestDisputes:
    def test_are_listed_until_when_they_are_answered(self, operations, stuck):
        now = timezone.now()
        dispute = Dispute.objects.create(
            external_id="du_1",
            checkout=stuck,
            amount=119,
            reason="product_not_received",
            opened_at=now,
            answer_by=now + timedelta(days=7),
        )
        Dispute.objects.create(external_id="du_2", amount=50, opened_at=now)

        page = listed(operations, "dispute").content.decode()

        assert "Product not received" in page
        assert stuck.booking.number in page
        assert "Not the portal’s" in page
        assert operations.get(page_of(dispute)).status_code == 200


class TestMoneyByDay:
    @pytest.fixture
    def day(self):
        row = {"what": "Taken", "booking": "", "reference": "pi_1", "ours": "", "theirs": "50.00"}
        return MoneyDay.objects.create(
            day=timezone.localdate(), their_taken=50, differences=[row], compared_at=timezone.now(), told=1
        )

    def test_shows_what_differs(self, operations, day):
        page = listed(operations, "moneyday").content.decode()
        own = operations.get(page_of(day)).content.decode()

        assert "1 difference" in page
        assert "Taken: ours nothing, Stripe’s $50.00" in own

    def test_is_explained(self, operations, day):
        answer = operations.post(verb_of(day, "explain"), {"words": "A book that was sold"})

        day.refresh_from_db()
        assert told(answer) == [f"{day} is explained."]
        assert (day.explanation, MoneyDay.objects.to_explain().count()) == ("A book that was sold", 0)

    def test_is_compared_again_and_another_day_too(self, operations, day):
        operations.post(verb_of(day, "compare_again"))
        page = operations.get(reverse("admin:bookings_moneyday_add"))
        answer = operations.post(reverse("admin:bookings_moneyday_add"), {"day": "2026-01-05"})

        day.refresh_from_db()
        assert (page.status_code, day.wanted) == (200, 2)
        assert answer.status_code == 302
        assert MoneyDay.objects.filter(day="2026-01-05", told=0).exists()

    @pytest.mark.parametrize("typed", ["", "yesterday", "2999-01-01"])
    def test_refuses_what_is_no_day(self, operations, typed):
        operations.post(reverse("admin:bookings_moneyday_add"), {"day": typed})

        assert not MoneyDay.objects.exists()

    def test_is_for_management_too_and_names_no_patient(self, day):
        client = logged_in(somebody("management"))

        assert listed(client, "moneyday").status_code == 200
        assert client.get(page_of(day)).status_code == 200
        assert listed(logged_in(somebody("consultant")), "moneyday").status_code == 403
