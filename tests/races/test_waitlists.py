"""Many at once for one place on a list, one message, one earlier time."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, EarlierTimeOffer, EarlierTimeRequest, FreedTime
from bookings.patients import merging
from bookings.waiting import earlier, earlier_answers, earlier_offers
from botaniqal.messages.models import Message
from practitioners.models import DiaryEntry
from services import interest, nurture
from services.models import InterestEntry, Service
from tests.factories import (
    AppointmentTypeFactory,
    PatientFactory,
    PractitionerFactory,
    ServiceFactory,
    next_morning,
)
from tests.offering import approve_words
from tests.races.together import at_once, dead_locks, overlaps
from tests.visits import booked_visit

pytestmark = pytest.mark.django_db(transaction=True)

SOON, LATE = next_morning(10, days=5), next_morning(10, days=20)
ROUNDS = 6
Offer, Freed, Request = EarlierTimeOffer.State, FreedTime.State, EarlierTimeRequest.State


@pytest.fixture(autouse=True)
def _no_dead_locks():
    before = dead_locks()
    yield
    assert dead_locks() == before


class TestInterestList:
    @pytest.fixture
    def service(self):
        service = ServiceFactory(name="Equine", status=Service.Status.COMING_SOON, has_waitlist=True)
        approve_words(service)
        return service

    def join(self, service, email="leo@example.com"):
        return interest.join(
            service=service, name="Leo", email=email, phone="", source="page", wording="Yes.", now=timezone.now()
        )

    def test_has_one_place_for_one_address(self, service):
        entries = at_once(*[lambda: self.join(service)] * 12)

        assert len({entry.pk for entry in entries}) == 1
        assert InterestEntry.objects.count() == Message.objects.count() == 1

    def test_is_told_once_by_several_workers(self, service):
        for n in range(150):
            self.join(service, f"leo{n}@example.com")
        AppointmentTypeFactory(service=service)
        Service.objects.update(status=Service.Status.ACTIVE)

        told = at_once(*[lambda: interest.tell_due(now=timezone.now())] * 4)

        assert sum(told) == 150
        assert Message.objects.filter(kind=Message.Kind.LAUNCH).count() == 150

    def test_has_one_step_written_by_several_workers(self, service):
        for n in range(30):
            self.join(service, f"leo{n}@example.com")

        at_once(*[lambda: nurture.send_due(now=timezone.now())] * 4)

        assert Message.objects.filter(kind=Message.Kind.NURTURE).count() == 30

    def test_writes_nothing_more_to_who_leaves_at_the_moment_of_the_launch(self, service):
        entries = [self.join(service, f"leo{n}@example.com") for n in range(20)]
        AppointmentTypeFactory(service=service)
        Service.objects.update(status=Service.Status.ACTIVE)

        at_once(
            lambda: interest.tell_due(now=timezone.now()),
            *[lambda entry=entry: interest.leave(entry_id=entry.pk, now=timezone.now()) for entry in entries[:5]],
        )

        launches = Message.objects.filter(kind=Message.Kind.LAUNCH).values_list("reference", flat=True)
        assert not set(launches) & {entry.pk for entry in entries[:5]}


@pytest.fixture
def kind():
    return AppointmentTypeFactory()


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(gives=[kind])


@pytest.fixture
def book(doctor):
    return partial(booked_visit, doctor)


@pytest.fixture
def ask(book, kind):
    def ask(starts_at):
        booking = book(starts_at)
        return earlier.ask(patient=booking.patient, appointment_type=kind, booking=booking, by=None, now=timezone.now())

    return ask


@pytest.fixture
def free_up(book):
    def free_up(starts_at):
        lifecycle.cancel(booking_id=book(starts_at).pk, reason="Ill", by=None, now=timezone.now())

    return free_up


def offer(now=None):
    return earlier_offers.offer_due(now=now or timezone.now())


class TestEarlierTimes:
    def test_are_offered_to_one_by_several_workers(self, ask, free_up):
        for n in range(4):
            ask(LATE + timedelta(hours=n))
        free_up(SOON)

        made = at_once(*[offer] * 6)

        assert sum(made) == 1
        assert EarlierTimeOffer.objects.count() == Message.objects.filter(kind="earlier_offer").count() == 1

    def test_are_offered_to_nobody_twice_at_once(self, ask, free_up):
        ask(LATE)
        for n in range(4):
            free_up(SOON + timedelta(hours=n))

        at_once(*[offer] * 4)

        assert EarlierTimeOffer.objects.filter(state=Offer.OPEN).count() == 1

    def test_are_taken_once_by_two_clicks(self, ask, free_up):
        for n in range(ROUNDS):
            ask(LATE + n * timedelta(hours=1))
            free_up(SOON + n * timedelta(hours=1))
            offer()
            made = EarlierTimeOffer.objects.get(state=Offer.OPEN)

            taken = at_once(*[lambda made=made: earlier_answers.accept(offer_id=made.pk, now=timezone.now())] * 4)

            assert {booking.pk for booking in taken} == {made.request.booking_id}
            assert Booking.objects.get(pk=made.request.booking_id).revision == 1
            FreedTime.objects.exclude(pk=made.freed_id).update(state=Freed.STOPPED)

    def test_go_to_who_accepts_or_to_the_next_but_never_to_both(self, ask, free_up):
        seen = set()
        for n in range(ROUNDS):
            first, second = ask(LATE + n * timedelta(hours=1)), ask(LATE + timedelta(days=1, hours=n))
            free_up(SOON + n * timedelta(hours=1))
            offer()
            made = EarlierTimeOffer.objects.get(state=Offer.OPEN)
            before, after = made.expires_at - timedelta(seconds=1), made.expires_at + timedelta(seconds=1)

            at_once(
                lambda made=made, now=before: earlier_answers.accept(offer_id=made.pk, now=now),
                lambda now=after: offer(now=now),
                lambda now=after: offer(now=now),
            )

            made.refresh_from_db()
            own = Booking.objects.get(pk=first.booking_id)
            has_next = EarlierTimeOffer.objects.filter(freed=made.freed, request=second).exists()
            assert (made.state, own.starts_at == made.freed.starts_at, has_next) in [
                (Offer.ACCEPTED, True, False),
                (Offer.LAPSED, False, True),
            ]
            seen.add(made.state)
            EarlierTimeOffer.objects.filter(state=Offer.OPEN).update(state=Offer.WITHDRAWN)
            EarlierTimeRequest.objects.update(state=Request.OVER)
            FreedTime.objects.update(state=Freed.STOPPED)
        assert overlaps() == 0
        assert seen

    def test_are_lost_or_had_by_who_accepts_while_the_visit_is_called_off(self, ask, free_up):
        for n in range(ROUNDS):
            request = ask(LATE + n * timedelta(hours=1))
            free_up(SOON + n * timedelta(hours=1))
            offer()
            made = EarlierTimeOffer.objects.get(state=Offer.OPEN)

            at_once(
                lambda made=made: earlier_answers.accept(offer_id=made.pk, now=timezone.now()),
                lambda request=request: lifecycle.cancel(
                    booking_id=request.booking_id, reason="Ill", by=None, now=timezone.now()
                ),
            )

            made.refresh_from_db()
            own = Booking.objects.get(pk=request.booking_id)
            assert own.state == Booking.State.CANCELLED
            assert not DiaryEntry.objects.filter(practitioner=own.practitioner, live_until=None).exists()
            EarlierTimeRequest.objects.update(state=Request.OVER)
            FreedTime.objects.update(state=Freed.STOPPED)

    def test_are_kept_for_nobody_who_leaves_the_list_while_accepting(self, ask, free_up):
        for n in range(ROUNDS):
            request = ask(LATE + n * timedelta(hours=1))
            free_up(SOON + n * timedelta(hours=1))
            offer()
            made = EarlierTimeOffer.objects.get(state=Offer.OPEN)

            at_once(
                lambda made=made: earlier_answers.accept(offer_id=made.pk, now=timezone.now()),
                lambda request=request: earlier.withdraw(request_id=request.pk, by=None, now=timezone.now()),
            )

            made.refresh_from_db()
            request.refresh_from_db()
            own = Booking.objects.get(pk=request.booking_id)
            assert (made.state, request.state, own.starts_at < LATE) in [
                (Offer.ACCEPTED, Request.FULFILLED, True),
                (Offer.WITHDRAWN, Request.WITHDRAWN, False),
            ]
            FreedTime.objects.update(state=Freed.STOPPED)

    def test_are_booked_for_the_record_that_stays_while_two_are_made_one(self, kind, free_up):
        for n in range(ROUNDS):
            kept, other = PatientFactory(), PatientFactory()
            earlier.ask(patient=other, appointment_type=kind, by=None, now=timezone.now())
            free_up(SOON + n * timedelta(hours=1))
            offer()
            made = EarlierTimeOffer.objects.get(state=Offer.OPEN)

            at_once(
                lambda made=made: earlier_answers.accept(offer_id=made.pk, now=timezone.now()),
                lambda kept=kept, other=other: merging.merge(
                    kept_id=kept.pk, given_up_id=other.pk, reason="Same", by=None, now=timezone.now()
                ),
            )

            made.refresh_from_db()
            assert (made.state, made.booking.patient) == (Offer.ACCEPTED, kept)
            FreedTime.objects.update(state=Freed.STOPPED)

    def test_hold_one_request_of_a_patient_however_often_it_is_sent(self, book, kind):
        booking = book(LATE)

        requests = at_once(
            *[
                lambda: earlier.ask(
                    patient=booking.patient, appointment_type=kind, booking=booking, by=None, now=timezone.now()
                )
            ]
            * 8
        )

        assert len({request.pk for request in requests}) == 1
        assert EarlierTimeRequest.objects.count() == 1
