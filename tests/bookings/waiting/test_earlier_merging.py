"""What becomes of requests for an earlier time when two records are made one."""

import pytest
from django.utils import timezone

from bookings.models import EarlierTimeOffer, EarlierTimeRequest, FreedTime
from bookings.patients import merging
from bookings.waiting import earlier, earlier_answers, earlier_offers
from tests.factories import PatientFactory

pytestmark = pytest.mark.django_db

State = EarlierTimeRequest.State


@pytest.fixture
def kept():
    return PatientFactory(name="Leo Martin", email="leo@example.com")


@pytest.fixture
def other():
    return PatientFactory(name="Leo Martyn", email="leo@work.example.com")


@pytest.fixture
def ask(kind):
    def ask(patient, **wishes):
        return earlier.ask(patient=patient, appointment_type=kind, by=None, now=timezone.now(), **wishes)

    return ask


def merged(kept, other):
    return merging.merge(kept_id=kept.pk, given_up_id=other.pk, reason="Same person", by=None, now=timezone.now())


def of(patient):
    return list(EarlierTimeRequest.objects.filter(patient=patient))


class TestMerge:
    def test_takes_the_request_along_where_there_is_one(self, kept, other, ask):
        request = ask(other)

        merged(kept, other)

        assert of(kept) == [request]

    def test_leaves_the_one_of_the_record_that_stays_where_both_have_one(self, kept, other, ask):
        own, theirs = ask(kept), ask(other)

        merged(kept, other)

        assert (of(kept), of(other)) == ([own], [theirs])

    def test_takes_along_what_is_over_in_any_case(self, kept, other, ask):
        ask(kept)
        over = ask(other)
        earlier.withdraw(request_id=over.pk, by=None, now=timezone.now())

        merged(kept, other)

        assert over in of(kept)

    def test_asks_one_person_once(self, kept, other, ask, free_up):
        theirs, own = ask(other), ask(kept)
        merged(kept, other)
        free_up()

        earlier_offers.offer_due(now=timezone.now())

        assert EarlierTimeOffer.objects.get().request == own
        [passed] = FreedTime.objects.get().passed_over
        assert passed["request"] == str(theirs.pk)
        assert "another record" in passed["reason"]

    def test_books_an_offer_that_is_out_for_the_record_that_stays(self, kept, other, ask, free_up):
        ask(other)
        free_up()
        earlier_offers.offer_due(now=timezone.now())
        ask(kept)

        merged(kept, other)
        booking = earlier_answers.accept(offer_id=EarlierTimeOffer.objects.get().pk, now=timezone.now())

        assert booking.patient == kept


class TestUndo:
    def test_gives_back_what_was_taken_along(self, kept, other, ask):
        request = ask(other)
        row = merged(kept, other)

        merging.undo(merge_id=row.pk, by=None, now=timezone.now())

        assert (of(kept), of(other)) == ([], [request])

    def test_leaves_each_their_own(self, kept, other, ask):
        own, theirs = ask(kept), ask(other)
        row = merged(kept, other)

        merging.undo(merge_id=row.pk, by=None, now=timezone.now())

        assert (of(kept), of(other)) == ([own], [theirs])
        assert theirs.state == State.OPEN
