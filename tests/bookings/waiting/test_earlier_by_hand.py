"""Earlier times that staff offer, take back, or keep from all."""

import pytest
from django.utils import timezone

from bookings.models import FreedTime
from bookings.waiting import earlier, earlier_answers, earlier_offers
from botaniqal.public import LinkOver
from tests.bookings.waiting.offers import HOUR, SOON, Freed, Offer, Request, offer, standing, written

pytestmark = pytest.mark.django_db


class TestWithdrawWithAnOffer:
    def test_gives_the_time_to_the_next_and_ends_the_link(self, ask, free_up):
        first, second = ask(), ask()
        free_up()
        offer()
        made = standing()

        earlier.withdraw(request_id=first.pk, by=None, now=timezone.now())

        assert not written().exists()
        assert offer() == 1
        assert standing().request == second
        with pytest.raises(LinkOver):
            earlier_answers.accept(offer_id=made.pk, now=timezone.now())


class TestOfferTo:
    def test_offers_it_whatever_the_order_and_the_wishes(self, ask, free_up):
        ask()
        chosen = ask(dayparts=["evening"])
        time = free_up()

        earlier_offers.offer_to(freed_id=time.pk, request_id=chosen.pk, by=None, now=timezone.now())

        assert standing().request == chosen
        assert offer() == 0

    def test_is_refused_for_whom_it_cannot_be(self, ask, free_up):
        chosen = ask(starts_at=SOON - HOUR)
        time = free_up()

        with pytest.raises(earlier_offers.CannotOffer, match="no later"):
            earlier_offers.offer_to(freed_id=time.pk, request_id=chosen.pk, by=None, now=timezone.now())

    def test_is_refused_while_somebody_has_an_offer(self, ask, free_up):
        ask()
        chosen = ask()
        time = free_up()
        offer()

        with pytest.raises(earlier_offers.CannotOffer):
            earlier_offers.offer_to(freed_id=time.pk, request_id=chosen.pk, by=None, now=timezone.now())

    @pytest.mark.parametrize("state", [Freed.FILLED, Freed.GONE])
    def test_is_refused_for_a_time_that_is_taken(self, ask, free_up, state):
        chosen = ask()
        time = free_up()
        FreedTime.objects.update(state=state)

        with pytest.raises(earlier_offers.CannotOffer):
            earlier_offers.offer_to(freed_id=time.pk, request_id=chosen.pk, by=None, now=timezone.now())


class TestStop:
    def test_takes_the_offer_back_and_asks_nobody_else(self, ask, free_up):
        ask(), ask()
        time = free_up()
        offer()
        made = standing()

        earlier_offers.stop(freed_id=time.pk, by=None, now=timezone.now())

        assert offer(now=timezone.now() + HOUR) == 0
        made.refresh_from_db()
        time.refresh_from_db()
        assert (made.state, time.state) == (Offer.WITHDRAWN, Freed.STOPPED)

    def test_is_refused_when_nobody_is_asked_any_more(self, free_up):
        time = free_up()
        offer()

        with pytest.raises(earlier_offers.CannotOffer):
            earlier_offers.stop(freed_id=time.pk, by=None, now=timezone.now())


class TestTakeBack:
    def test_asks_the_next(self, ask, free_up):
        first, second = ask(), ask()
        free_up()
        offer()

        earlier_offers.take_back(offer_id=standing().pk, by=None, now=timezone.now())
        offer()

        first.refresh_from_db()
        assert (standing().request, first.state) == (second, Request.OPEN)
