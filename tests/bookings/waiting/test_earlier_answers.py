"""Earlier times that patients take, or let go."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, EarlierTimeOffer, Payment
from bookings.waiting import earlier_answers
from botaniqal.errors import Missing
from botaniqal.messages.models import Message
from botaniqal.public import LinkOver
from practitioners.models import DiaryEntry, TimeOff
from tests.bookings.waiting.offers import HOUR, SOON, Freed, Offer, Request, offer, standing

pytestmark = pytest.mark.django_db


class TestAccept:
    @pytest.fixture
    def made(self, ask, free_up):
        """The first of two has an offer."""
        ask(), ask()
        free_up()
        offer()
        return standing()

    def test_moves_the_visit_onto_the_time_that_was_kept(self, made):
        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        booking.refresh_from_db()
        made.refresh_from_db()
        assert booking == made.request.booking
        assert (booking.starts_at, booking.entry_id) == (SOON, made.entry_id)
        assert booking.entry.kind == DiaryEntry.Kind.BOOKING
        assert (made.state, made.booking) == (Offer.ACCEPTED, booking)
        made.request.refresh_from_db()
        made.freed.refresh_from_db()
        assert (made.request.state, made.freed.state) == (Request.FULFILLED, Freed.FILLED)
        assert Message.objects.filter(reference=booking.pk, kind=Message.Kind.MOVED).exists()

    def test_offers_the_time_that_it_left_to_the_next(self, made):
        left = made.request.booking.starts_at
        earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        offer()

        assert standing().freed.starts_at == left

    def test_is_the_same_when_done_twice(self, made):
        first = earlier_answers.accept(offer_id=made.pk, now=timezone.now())
        again = earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        assert first == again
        assert Booking.objects.get(pk=first.pk).revision == 1

    def test_is_too_late_at_the_end(self, made):
        with pytest.raises(LinkOver):
            earlier_answers.accept(offer_id=made.pk, now=made.expires_at)

        made.request.booking.refresh_from_db()
        assert made.request.booking.starts_at != SOON

    @pytest.mark.parametrize("state", [Offer.DECLINED, Offer.LAPSED, Offer.WITHDRAWN])
    def test_is_refused_once_it_is_over(self, made, state):
        EarlierTimeOffer.objects.update(state=state)

        with pytest.raises(LinkOver):
            earlier_answers.accept(offer_id=made.pk, now=timezone.now())

    def test_asks_the_next_when_the_visit_was_called_off_meanwhile(self, made):
        lifecycle.cancel(booking_id=made.request.booking_id, reason="Ill", by=None, now=timezone.now())

        with pytest.raises(earlier_answers.TimeGone):
            earlier_answers.accept(offer_id=made.pk, now=timezone.now())
        offer()

        made.refresh_from_db()
        made.request.refresh_from_db()
        assert (made.state, made.request.state) == (Offer.WITHDRAWN, Request.OVER)
        assert EarlierTimeOffer.objects.filter(freed=made.freed, state=Offer.OPEN).exists()

    def test_keeps_the_visit_as_it_is_when_the_practitioner_is_away_meanwhile(self, made, doctor):
        TimeOff.objects.create(practitioner=doctor, starts_at=SOON - HOUR, ends_at=SOON + HOUR, reason="Ill")
        before = made.request.booking.starts_at

        with pytest.raises(earlier_answers.TimeGone):
            earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        booking = Booking.objects.get(pk=made.request.booking_id)
        assert (booking.starts_at, booking.entry.kind, booking.entry.live_until) == (before, "booking", None)

    def test_knows_no_other_offer(self):
        with pytest.raises(Missing):
            earlier_answers.accept(offer_id=uuid4(), now=timezone.now())


class TestAcceptWithoutVisit:
    @pytest.fixture
    def made(self, ask, free_up, patient):
        ask(booking=None, patient=patient())
        free_up()
        offer()
        return standing()

    def test_keeps_the_time_while_it_is_paid(self, made, settings):
        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        assert (booking.state, booking.starts_at, booking.patient) == ("pending_payment", SOON, made.request.patient)
        assert (booking.payment.status, booking.payment.method) == ("pending", "stripe_link")
        assert booking.checkouts.get().amount == Decimal(119)
        assert (booking.entry.kind, booking.entry.held_for) == ("hold", booking.pk)
        assert booking.entry.live_until > booking.pays_until
        made.freed.refresh_from_db()
        assert made.freed.state == Freed.OFFERED

    def test_is_done_once_it_is_paid(self, made):
        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())
        paid_at = timezone.now() + timedelta(minutes=2)
        offer(now=paid_at)
        lifecycle.confirm(booking_id=booking.pk, by=None, now=paid_at)

        offer(now=paid_at + timedelta(minutes=1))

        made.request.refresh_from_db()
        made.freed.refresh_from_db()
        assert (made.request.state, made.freed.state) == (Request.FULFILLED, Freed.FILLED)

    def test_goes_to_the_next_when_it_is_not_paid(self, made, ask):
        second = ask()
        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())
        late = booking.pays_until + timedelta(minutes=1)
        assert offer(now=late) == 0  # whether money came is asked first
        lifecycle.cancel(booking_id=booking.pk, reason="Not paid", by=None, now=late, tell_patient=False)

        assert offer(now=late + timedelta(minutes=1)) == 1

        made.refresh_from_db()
        assert made.state == Offer.LAPSED
        assert standing().request == second

    def test_books_at_once_what_is_free_of_charge(self, made, kind):
        kind.prices.update(amount=0)

        booking = earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        assert (booking.state, booking.payment.status) == ("confirmed", Payment.Status.NOT_NEEDED)
        assert booking.entry_id == made.entry_id
        assert Message.objects.filter(reference=booking.pk, kind=Message.Kind.CONFIRMATION).exists()
        made.request.refresh_from_db()
        assert made.request.state == Request.FULFILLED


class TestDecline:
    @pytest.fixture
    def made(self, ask, free_up):
        ask(), ask()
        free_up()
        offer()
        return standing()

    def test_asks_the_next_at_once(self, made):
        earlier_answers.decline(offer_id=made.pk, now=timezone.now())

        assert offer() == 1
        made.request.refresh_from_db()
        assert made.request.state == Request.OPEN
        assert standing().request != made.request

    def test_is_the_same_when_done_twice(self, made):
        earlier_answers.decline(offer_id=made.pk, now=timezone.now())
        offer()
        second = standing()

        earlier_answers.decline(offer_id=made.pk, now=timezone.now())

        second.refresh_from_db()
        assert second.state == Offer.OPEN

    def test_takes_off_the_list_who_wants_to_be(self, made):
        earlier_answers.decline(offer_id=made.pk, leaves=True, now=timezone.now())

        made.request.refresh_from_db()
        assert made.request.state == Request.WITHDRAWN

    def test_is_refused_after_it_was_accepted(self, made):
        earlier_answers.accept(offer_id=made.pk, now=timezone.now())

        with pytest.raises(LinkOver):
            earlier_answers.decline(offer_id=made.pk, now=timezone.now())
