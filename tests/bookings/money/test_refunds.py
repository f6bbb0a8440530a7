"""What is given back: suggested by the rules, decided by a person, carried out at Stripe or by hand."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Payment, RefundDecision
from bookings.money import payments, refunds
from bookings.money.payments import Taken
from botaniqal.errors import Malformed, Missing
from botaniqal.messages.models import Message
from practitioners.availability import CLINIC
from tests.factories import BookingFactory, UserFactory
from tests.paying import standing

pytestmark = pytest.mark.django_db
Cause, Status = RefundDecision.Cause, RefundDecision.Status


@pytest.fixture
def booking():
    """A visit in two days that was paid on the terminal."""
    booking = BookingFactory(starts_at=timezone.now() + timedelta(days=2))
    taken = Taken(is_collected=True, reference="T-1")
    payments.record(booking=booking, taken=taken, by=None, now=timezone.now())
    return booking


def cancel(booking, cause=Cause.PATIENT, before=None):
    now = timezone.now() if before is None else booking.starts_at - before
    lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=now, refund_cause=cause)
    return RefundDecision.objects.get()


def move(booking, starts_at, *, now, by_patient=True):
    """Give a visit another time, as the patient or the clinic did."""
    booking.refresh_from_db()
    length = booking.ends_at - booking.starts_at
    lifecycle.note_move(
        booking=booking, starts_at=starts_at, ends_at=starts_at + length, now=now, by_patient=by_patient
    )
    booking.refresh_from_db()
    return booking


def decide(decision, amount=119, reason="", reference="", by=None):
    return refunds.decide(
        decision_id=decision.pk,
        amount=Decimal(str(amount)),
        reason=reason,
        reference=reference,
        by=by,
        now=timezone.now(),
    )


class TestConsider:
    @pytest.mark.parametrize(
        ("before", "suggested", "words"),
        [
            (timedelta(hours=24), 119, "100 %: it was called off at least 24 hours before."),
            (timedelta(hours=24) - timedelta(seconds=1), Decimal("59.50"), "50 %"),
            (timedelta(hours=2), Decimal("59.50"), "50 %"),
            (timedelta(hours=2) - timedelta(seconds=1), 0, "Nothing"),
            (timedelta(0), 0, "Nothing"),
        ],
    )
    def test_goes_by_how_long_before_the_patient_cancelled(self, booking, before, suggested, words):
        decision = cancel(booking, before=before)

        assert (decision.suggested, decision.paid, decision.status) == (suggested, 119, Status.WAITING)
        assert decision.policy.startswith(words)

    @pytest.mark.parametrize("cause", [Cause.CLINIC, Cause.UNDONE, Cause.LATE])
    def test_suggests_all_of_it_where_it_was_not_the_patient(self, booking, cause):
        decision = cancel(booking, cause=cause, before=timedelta(minutes=5))

        assert decision.suggested == 119

    def test_marks_the_booking_and_owes_stripe_nothing_yet(self, booking):
        decision = cancel(booking)

        booking.refresh_from_db()
        assert standing(booking) == ("cancelled", "refund_due")
        assert booking.attention == refunds.TO_DECIDE
        assert not RefundDecision.objects.open().exists()
        assert decision.checkout is None

    @pytest.mark.parametrize("taken", [Taken(), None])
    def test_has_nothing_to_decide_where_no_money_came(self, taken):
        booking = BookingFactory()
        if taken:
            payments.record(booking=booking, taken=taken, by=None, now=timezone.now())

        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())

        assert not RefundDecision.objects.exists()

    def test_is_about_what_is_left_when_some_was_given_back_before(self, booking):
        first = refunds.ask(booking_id=booking.pk, by=None, now=timezone.now())
        decide(first, 19, reason="It was shorter", reference="S-1")

        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now(), refund_cause=Cause.PATIENT)

        second = RefundDecision.objects.get(status=Status.WAITING)
        assert (second.paid, second.suggested) == (100, 100)

    def test_counts_the_notice_with_which_the_patient_moved_it(self, booking):
        at = booking.starts_at
        move(booking, at + timedelta(days=30), now=at - timedelta(hours=3))

        decision = cancel(booking, before=timedelta(days=29))

        assert decision.suggested == Decimal("59.50")
        assert decision.policy == "50 %: the patient moved it at least 2 hours before, and then called it off."

    def test_suggests_nothing_where_the_patient_moved_it_too_late_to_cancel(self, booking):
        at = booking.starts_at
        move(booking, at + timedelta(days=30), now=at - timedelta(hours=1))

        decision = cancel(booking, before=timedelta(days=29))

        assert decision.suggested == 0
        assert decision.policy == "Nothing: the patient moved it too shortly before, and then called it off."

    def test_does_not_forget_the_first_of_two_moves(self, booking):
        at = booking.starts_at
        move(booking, at + timedelta(days=30), now=at - timedelta(hours=3))
        move(booking, at + timedelta(days=60), now=at - timedelta(hours=2))

        assert cancel(booking, before=timedelta(days=50)).suggested == Decimal("59.50")

    def test_lets_a_visit_that_was_moved_in_time_be_cancelled_in_time(self, booking):
        at = booking.starts_at
        move(booking, at + timedelta(days=30), now=at - timedelta(days=1))

        decision = cancel(booking, before=timedelta(days=2))  # the former time has passed long ago

        assert decision.suggested == 119
        assert decision.policy == "100 %: the patient moved it at least 24 hours before, and then called it off."

    def test_counts_from_a_nearer_time_to_which_it_was_moved(self, booking):
        at = booking.starts_at
        move(booking, at - timedelta(days=1), now=at - timedelta(hours=48))

        decision = cancel(booking, before=timedelta(hours=23))

        assert decision.suggested == Decimal("59.50")
        assert decision.policy == "50 %: it was called off at least 2 hours before."

    def test_begins_anew_when_the_clinic_moves_it(self, booking):
        at = booking.starts_at
        move(booking, at + timedelta(days=30), now=at - timedelta(hours=1))
        move(booking, at + timedelta(days=31), now=at, by_patient=False)

        assert cancel(booking, before=timedelta(days=1)).suggested == 119

    def test_changes_the_decision_that_waits_already(self, booking):
        refunds.ask(booking_id=booking.pk, by=None, now=timezone.now())

        decision = cancel(booking, before=timedelta(hours=3))

        assert (decision.cause, decision.suggested) == (Cause.PATIENT, Decimal("59.50"))


@pytest.mark.parametrize(
    ("friday", "hours"),
    [("2026-10-02 10:00", 71), ("2027-04-02 10:00", 73)],
    ids=["a day of 23 hours", "a day of 25 hours"],
)
class TestNoticeOf:
    """A visit on Monday at ten, given up on Friday at ten: the clocks change on the Sunday between."""

    def test_counts_hours_that_pass_when_it_is_cancelled(self, friday, hours):
        friday = datetime.fromisoformat(friday).replace(tzinfo=CLINIC)
        booking = BookingFactory(starts_at=friday + timedelta(days=3))
        booking.refresh_from_db()

        assert refunds.notice_of(booking, now=friday) == timedelta(hours=hours)

    def test_counts_hours_that_pass_when_it_is_moved(self, friday, hours):
        friday = datetime.fromisoformat(friday).replace(tzinfo=CLINIC)
        booking = BookingFactory(starts_at=friday + timedelta(days=3))

        moved = move(booking, friday + timedelta(days=10), now=friday)

        assert moved.notice_given == timedelta(hours=hours)


class TestAsk:
    def test_is_for_a_visit_that_stands(self, booking):
        decision = refunds.ask(booking_id=booking.pk, by=None, now=timezone.now())

        assert (decision.cause, decision.suggested) == (Cause.OTHER, 119)
        assert standing(booking) == ("confirmed", "refund_due")

    def test_is_asked_once(self, booking):
        refunds.ask(booking_id=booking.pk, by=None, now=timezone.now())

        with pytest.raises(refunds.NothingToGiveBack):
            refunds.ask(booking_id=booking.pk, by=None, now=timezone.now())

    def test_needs_money_and_a_booking(self):
        with pytest.raises(refunds.NothingToGiveBack):
            refunds.ask(booking_id=BookingFactory().pk, by=None, now=timezone.now())
        with pytest.raises(Missing):
            refunds.ask(booking_id=uuid4(), by=None, now=timezone.now())


class TestDecide:
    def test_gives_all_of_it_back_by_hand_and_tells_the_patient(self, booking):
        somebody = UserFactory()

        decision = decide(cancel(booking), reference=" S-1 ", by=somebody)

        booking.refresh_from_db()
        decision.refresh_from_db()
        assert (decision.status, decision.reference, decision.decided_by) == (Status.GIVEN_BACK, "S-1", somebody)
        assert (standing(booking), booking.attention) == (("cancelled", "refunded"), "")
        assert Payment.objects.get().given_back == 119
        assert "$119.00" in Message.objects.get(kind="refunded").text

    def test_gives_a_part_back_with_a_reason(self, booking):
        decide(cancel(booking), "40.05", reason="He came late", reference="S-1")

        payment = Payment.objects.get()
        assert (payment.given_back, payment.status) == (Decimal("40.05"), Payment.Status.COLLECTED)

    def test_keeps_all_of_it_with_a_reason(self, booking):
        decision = decide(cancel(booking), 0, reason="Agreed on the phone")

        booking.refresh_from_db()
        assert (decision.status, decision.amount) == (Status.KEPT, 0)
        assert (standing(booking), booking.attention) == (("cancelled", "collected"), "")
        assert not Message.objects.filter(kind="refunded").exists()

    def test_needs_no_reason_for_what_is_suggested(self, booking):
        assert decide(cancel(booking, before=timedelta(minutes=5)), 0).status == Status.KEPT

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"amount": "119.01", "reason": "x"}, "between"),
            ({"amount": "-1", "reason": "x"}, "between"),
            ({"amount": "1.005", "reason": "x"}, "whole cents"),
            ({"amount": "NaN", "reason": "x"}, "between"),
            ({"amount": "Infinity", "reason": "x"}, "between"),
            ({"amount": "100"}, "Say why"),
            ({"reference": ""}, "by which slip"),
            ({"reference": "4111 1111 1111 1111"}, "card number"),
            ({"reason": "4111 1111 1111 1111"}, "card number"),
            ({"amount": "0", "reason": "x", "reference": "S-1"}, "no slip"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, booking, change, words):
        decision = cancel(booking)

        with pytest.raises(Malformed, match=words):
            decide(decision, **{"reference": "S-1", **change})

        decision.refresh_from_db()
        assert (decision.status, decision.amount) == (Status.WAITING, None)

    def test_is_done_once(self, booking):
        decision = cancel(booking)
        decide(decision, reference="S-1")

        with pytest.raises(refunds.Decided, match="given back"):
            decide(decision, 0, reason="x")

    def test_knows_no_other(self):
        with pytest.raises(Missing):
            decide(RefundDecision())

    def test_leaves_another_mark_on_the_booking(self, booking):
        decision = cancel(booking)
        Booking.objects.update(attention="Ring her.")

        decide(decision, reference="S-1")

        booking.refresh_from_db()
        assert booking.attention == "Ring her."

    def test_tells_nobody_who_has_no_address(self, booking):
        booking.patient.email = ""
        booking.patient.save()

        decide(cancel(booking), reference="S-1")

        assert not Message.objects.exists()


class TestDecideAgain:
    def test_is_for_what_stripe_refused_alone(self, booking):
        decision = cancel(booking)

        with pytest.raises(refunds.Decided):
            refunds.decide_again(decision_id=decision.pk, by=None, now=timezone.now())
