"""Many who book online at once: for one time, by one form, and against the clock."""

import threading
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Patient
from bookings.self_service import online, own_visit
from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.models import DiaryEntry
from tests.bookings.self_service.booking_online import TEN, begin, end_hold, let_lapse, online_type
from tests.factories import PractitionerFactory
from tests.races.together import at_once, dead_locks, overlaps

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 10


@pytest.fixture
def kind():
    return online_type()


@pytest.fixture
def doctor(kind):
    return PractitionerFactory(gives=[kind])


class TestBegin:
    def test_gives_one_time_to_one_of_many_and_three_others_to_the_rest(self, kind, doctor):
        before = dead_locks()

        came = at_once(*[lambda: begin(kind)] * 8)

        won = [each for each in came if isinstance(each, Booking)]
        lost = [each for each in came if isinstance(each, diary.SlotTaken)]
        assert (len(won), len(lost)) == (1, 7)
        assert {len(each.extra["alternatives"]) for each in lost} == {3}
        assert Booking.objects.count() == Patient.objects.count() == 1
        assert (dead_locks(), overlaps()) == (before, 0)

    def test_books_once_for_a_form_that_is_sent_many_times_at_once(self, kind, doctor):
        # With each somebody else is tried, so that no taken time tells the second that there was a first.
        people = [PractitionerFactory(gives=[kind]).pk for _ in range(4)]
        for n in range(ROUNDS):
            key, wanted = uuid4(), {"starts_at": TEN + timedelta(minutes=15 * n)}

            came = at_once(
                *[
                    lambda who=who, key=key, wanted=wanted: begin(kind, key=key, practitioner_id=who, **wanted)
                    for who in people
                ]
            )

            assert [each.pk for each in came] == [key] * 4
        assert Booking.objects.count() == Patient.objects.count() == ROUNDS


class TestLapse:
    def test_and_the_payment_at_one_moment_leave_a_visit_or_a_free_time(self, kind, doctor):
        for _ in range(ROUNDS):
            booking = begin(kind)
            let_lapse(booking, ago=online.GRACE)
            DiaryEntry.objects.filter(pk=booking.entry_id).update(live_until=timezone.now() + timedelta(seconds=0.02))

            at_once(
                lambda pk=booking.pk: lifecycle.confirm(booking_id=pk, by=None, now=timezone.now()),
                lambda pk=booking.pk: online.lapse(booking_id=pk, by=None, now=timezone.now()),
            )

            booking.refresh_from_db()
            living = DiaryEntry.objects.filter(live_until=None)
            kinds = list(Message.objects.values_list("kind", flat=True))
            if booking.state == Booking.State.CONFIRMED:
                assert [entry.pk for entry in living] == [booking.entry_id]
                assert kinds == [Message.Kind.CONFIRMATION]
                lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now(), tell_patient=False)
            else:
                assert booking.state == Booking.State.CANCELLED
                assert not living.exists()
                assert kinds == [Message.Kind.PAYMENT_LAPSED]
            Message.objects.all().delete()

    def test_tells_the_person_once_however_many_workers_are_at_it(self, kind, doctor):
        for _ in range(ROUNDS):
            let_lapse(begin(kind), ago=timedelta(hours=1))

            came = at_once(*[lambda: online.lapse_due(now=timezone.now())] * 3)

            assert sum(came) == 1
        assert Message.objects.count() == ROUNDS


class TestConfirm:
    def test_takes_the_time_anew_whose_hold_runs_out_while_it_is_looked_at(self, kind, doctor):
        booking = begin(kind)
        DiaryEntry.objects.filter(pk=booking.entry_id).update(live_until=timezone.now() + timedelta(seconds=0.5))
        is_locked = threading.Event()

        def keep_it_waiting():
            with transaction.atomic():
                # Changed, so that whoever waits for it looks at its life once more.
                DiaryEntry.objects.filter(pk=booking.entry_id).update(external_id="")
                is_locked.set()
                time.sleep(0.7)

        def confirm():
            is_locked.wait()
            return lifecycle.confirm(booking_id=booking.pk, by=None, now=timezone.now())

        _, confirmed = at_once(keep_it_waiting, confirm)

        assert isinstance(confirmed, Booking)
        assert (confirmed.entry.live_until, confirmed.entry_id != booking.entry_id) == (None, True)

    def test_of_a_lapsed_hold_and_somebody_elses_beginning_give_the_time_to_one(self, kind, doctor):
        for _ in range(ROUNDS):
            booking = begin(kind)
            end_hold(booking)

            confirmed, begun = at_once(
                lambda pk=booking.pk: lifecycle.confirm(booking_id=pk, by=None, now=timezone.now()),
                lambda: begin(kind),
            )

            assert isinstance(confirmed, Booking) != isinstance(begun, Booking)
            assert isinstance(confirmed, Booking | diary.SlotTaken)
            assert overlaps() == 0
            for left in Booking.objects.exclude(state=Booking.State.CANCELLED):
                lifecycle.cancel(booking_id=left.pk, reason="Ill", by=None, now=timezone.now())


class TestCancel:
    def test_and_the_payment_at_one_moment_leave_nothing_in_between(self, kind, doctor):
        for _ in range(ROUNDS):
            booking = begin(kind)

            at_once(
                lambda pk=booking.pk: lifecycle.confirm(booking_id=pk, by=None, now=timezone.now()),
                lambda pk=booking.pk: own_visit.cancel(
                    booking_id=pk,
                    cause=lifecycle.CancelReason.objects.get(code="not_wanted"),
                    detail="",
                    percent=0,
                    by=None,
                    now=timezone.now(),
                ),
            )

            booking.refresh_from_db()
            assert booking.state == Booking.State.CANCELLED
            assert not DiaryEntry.objects.filter(live_until=None).exists()
