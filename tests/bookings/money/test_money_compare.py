"""A day's money at Stripe beside ours."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Checkout, MoneyDay, RefundDecision
from bookings.money import money_compare, refunding, refunds
from botaniqal.errors import Malformed, Missing
from practitioners.availability import CLINIC
from services.prices import clinic_day
from tests.factories import UserFactory
from tests.paying import looked, opened, sure_visit

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def paid(till):
    """A checkout that was paid, as both sides know."""
    checkout = opened(sure_visit())
    till.pay(checkout)
    return looked(checkout)


def compared(day=None):
    """Compare a day, today where none is given."""
    now = timezone.now()
    row = money_compare.ask(day=day or clinic_day(now), by=None, now=now)
    MoneyDay.objects.update(next_try_at=now)
    money_compare.work_due(now=now)
    row.refresh_from_db()
    return row


def give_back(checkout, amount=119):
    """Decide and carry out a refund."""
    lifecycle.cancel(booking_id=checkout.booking_id, reason="Ill", by=None, now=timezone.now())
    refunds.decide(
        decision_id=RefundDecision.objects.get().pk,
        amount=Decimal(amount),
        reason="Agreed",
        by=None,
        now=timezone.now(),
    )
    refunding.work_due()


class TestCompare:
    def test_agrees_on_what_came_and_went(self, paid):
        give_back(paid, 19)

        row = compared()

        assert (row.our_taken, row.their_taken) == (119, 119)
        assert (row.our_given_back, row.their_given_back) == (19, 19)
        assert row.agrees

    def test_finds_a_payment_that_nobody_told_us_of(self, till):
        checkout = opened(sure_visit())
        till.pay(checkout)

        row = compared()

        [difference] = row.differences
        assert (difference["what"], difference["ours"], difference["theirs"]) == ("Taken", "", "119.00")
        assert (row.our_taken, row.their_taken) == (0, 119)

    def test_agrees_once_it_was_heard_of_and_is_the_same_row(self, till):
        checkout = opened(sure_visit())
        till.pay(checkout)
        first = compared()
        looked(checkout)

        second = compared()

        assert (first.pk, second.agrees) == (second.pk, True)
        assert MoneyDay.objects.filter(day=first.day).count() == 1

    def test_finds_a_refund_that_nobody_told_us_of(self, till, paid):
        till.refund(paid)

        [difference] = compared().differences

        assert (difference["what"], difference["theirs"]) == ("Given back", "119.00")

    def test_finds_what_is_known_here_alone(self, paid):
        Checkout.objects.update(payment_intent="pi_nowhere")

        row = compared()

        sides = {(each["reference"] == "pi_nowhere", each["ours"], each["theirs"]) for each in row.differences}
        assert sides == {(True, "119.00", ""), (False, "", "119.00")}
        assert (row.our_taken, row.their_taken) == (119, 119)

    def test_finds_another_amount_and_names_the_booking_and_nobody(self, paid):
        Checkout.objects.update(amount=100)

        [difference] = compared().differences

        assert (difference["ours"], difference["theirs"]) == ("100.00", "119.00")
        assert difference["booking"] == paid.booking.number
        assert paid.booking.patient.name not in str(difference)

    def test_counts_what_we_heard_of_late_on_stripes_day(self, paid):
        Checkout.objects.update(paid_at=timezone.now() + DAY)

        row = compared()

        assert (row.agrees, row.our_taken) == (True, 119)

    def test_counts_what_was_given_back_by_hand_on_neither_side(self, paid):
        lifecycle.cancel(booking_id=paid.booking_id, reason="Ill", by=None, now=timezone.now())
        refunds.decide(
            decision_id=RefundDecision.objects.get().pk,
            amount=Decimal(119),
            reason="",
            reference="Transfer 7",
            by=None,
            now=timezone.now(),
        )

        row = compared()

        assert (row.agrees, row.our_given_back) == (True, 0)

    def test_is_tried_again_while_stripe_gives_no_answer(self, till, paid):
        till.sandbox.faults("stripe", "error_before", operation="charges", calls=2)

        row = compared()

        assert row.agrees

    def test_shows_other_sales_of_the_account(self, till):
        till.sell_something_else()

        [difference] = compared().differences

        assert (difference["theirs"], difference["booking"]) == ("50.00", "")


class TestNight:
    def at(self, hour, day):
        return datetime(day.year, day.month, day.day, hour, tzinfo=CLINIC)

    def test_compares_the_day_before_once(self, till):
        now = self.at(3, clinic_day(timezone.now()))

        money_compare.work_due(now=now)
        money_compare.work_due(now=now)

        assert list(MoneyDay.objects.values_list("day", flat=True)) == [clinic_day(now) - DAY]

    def test_waits_until_the_night(self, till):
        today = clinic_day(timezone.now())

        money_compare.work_due(now=self.at(2, today))

        assert list(MoneyDay.objects.values_list("day", flat=True)) == [today - 2 * DAY]

    def test_makes_up_for_nights_on_which_nobody_worked(self, till):
        today = clinic_day(timezone.now())
        MoneyDay.objects.create(day=today - 4 * DAY)

        money_compare.work_due(now=self.at(4, today))

        days = [today - n * DAY for n in (1, 2, 3, 4)]
        assert list(MoneyDay.objects.values_list("day", flat=True)) == days

    def test_makes_up_for_a_fortnight_at_most(self, till):
        today = clinic_day(timezone.now())
        MoneyDay.objects.create(day=today - 400 * DAY)

        money_compare.work_due(now=self.at(4, today))

        assert MoneyDay.objects.count() == 1 + money_compare.MADE_UP_FOR

    def test_asks_nobody_where_stripe_is_not_set_up(self, till, settings):
        settings.STRIPE_SECRET_KEY = ""

        assert money_compare.work_due(now=timezone.now()) == 0
        assert not MoneyDay.objects.exists()


class TestAsk:
    def test_is_for_no_day_to_come(self):
        now = timezone.now()

        with pytest.raises(Malformed):
            money_compare.ask(day=clinic_day(now) + DAY, by=None, now=now)


class TestExplain:
    @pytest.fixture
    def differing(self, till):
        till.sell_something_else()
        return compared()

    def explain(self, row, words="A book that was sold."):
        return money_compare.explain(money_day_id=row.pk, words=words, by=UserFactory(), now=timezone.now())

    def test_holds_until_something_else_is_found(self, till, differing):
        self.explain(differing)
        assert not MoneyDay.objects.to_explain().exists()
        assert compared().explanation

        till.sell_something_else()
        row = compared()

        assert (row.explanation, row.explained_by) == ("", None)
        assert MoneyDay.objects.to_explain().get() == row

    @pytest.mark.parametrize("words", ["", " ", "4111 1111 1111 1111"])
    def test_needs_words_and_no_card_number(self, differing, words):
        with pytest.raises(Malformed):
            self.explain(differing, words)

    def test_is_for_what_differs(self, till):
        row = compared()

        with pytest.raises(money_compare.NothingDiffers):
            self.explain(row)
        with pytest.raises(Missing):
            self.explain(MoneyDay(pk=0))
