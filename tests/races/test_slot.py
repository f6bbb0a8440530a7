"""Many at once for one thing: the database has the last word."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from bookings.models import Booking
from bookings.money.payments import Taken
from practitioners import diary
from practitioners.models import DiaryEntry
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning
from tests.races.together import dead_locks, overlaps
from triage import booking, sessions

pytestmark = pytest.mark.django_db(transaction=True)
TEN = next_morning(10, days=2)
QUARTER = timedelta(minutes=15)
THREADS = 16


def at_once(work, arguments):
    """Do something for each argument in many threads, and list what came back or was raised."""

    def one(argument):
        try:
            return work(argument)
        except (diary.SlotTaken, diary.HoldLapsed, sessions.SessionClosed) as refusal:
            return type(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(one, arguments))


@pytest.fixture(autouse=True)
def _no_dead_locks():
    before = dead_locks()
    yield
    assert dead_locks() == before


@pytest.fixture
def doctor():
    return PractitionerFactory(gives=[AppointmentTypeFactory()])


@pytest.fixture
def without_constraint():
    """The same table as it would be had nobody thought of the constraint."""
    constraint = next(c for c in DiaryEntry._meta.constraints if c.name == "no_overlap_of_practitioner")
    with connection.schema_editor() as editor:
        editor.remove_constraint(DiaryEntry, constraint)
    yield
    DiaryEntry.objects.all().delete()
    with connection.schema_editor() as editor:
        editor.add_constraint(DiaryEntry, constraint)


def take(doctor, span):
    return diary.take(practitioner=doctor, span=span, by=None)


def random_spans(count):
    chance = random.Random(7)
    for _ in range(count):
        starts_at = TEN + timedelta(minutes=5 * chance.randrange(96))
        yield diary.Span(starts_at, starts_at + timedelta(minutes=5 * chance.randrange(1, 13)))


class TestTake:
    @pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.slow)])
    def test_lets_no_two_of_many_random_spans_overlap(self, doctor, count):
        results = at_once(lambda span: take(doctor, span), random_spans(count))

        taken = [result for result in results if isinstance(result, DiaryEntry)]
        assert len(taken) > 10
        assert results.count(diary.SlotTaken) == count - len(taken)
        assert overlaps() == 0

    def test_would_let_them_overlap_without_the_constraint(self, doctor, without_constraint):
        at_once(lambda span: take(doctor, span), random_spans(50))

        assert overlaps() > 0

    def test_lets_one_of_many_have_a_hold_that_lapsed(self, doctor, settings):
        settings.HOLD_SECONDS = 0
        for n in range(5):
            span = diary.Span(TEN + n * QUARTER, TEN + (n + 1) * QUARTER)
            diary.hold(practitioner=doctor, span=span, held_for=uuid4(), by=None)

            results = at_once(lambda _, span=span: take(doctor, span), range(THREADS))

            assert results.count(diary.SlotTaken) == THREADS - 1
        assert overlaps() == 0

    def test_gives_a_lapsing_hold_to_its_call_or_to_another_but_never_to_both(self, doctor, settings):
        settings.HOLD_SECONDS = 0.02
        for n in range(20):
            call, span = uuid4(), diary.Span(TEN + n * QUARTER, TEN + (n + 1) * QUARTER)
            diary.hold(practitioner=doctor, span=span, held_for=call, by=None)

            def race(own, call=call, span=span):
                for _ in range(30):
                    try:
                        return diary.take(practitioner=doctor, span=span, by=None, held_for=call if own else None)
                    except (diary.SlotTaken, diary.HoldLapsed):
                        continue
                return None

            winners = [entry for entry in at_once(race, [True, False]) if entry]

            assert len(winners) <= 1
        assert overlaps() == 0


class TestBookByPhone:
    def book(self, session, doctor):
        return booking.book_by_phone(
            session_id=session.pk,
            consultant=session.consultant,
            practitioner=doctor,
            appointment_type=doctor.appointment_types.get(),
            starts_at=TEN,
            taken=Taken(is_collected=True),
            by=None,
            now=timezone.now(),
        )

    @pytest.mark.parametrize("count", [THREADS, pytest.param(40, marks=pytest.mark.slow)])
    def test_books_one_of_many_calls_for_one_time(self, doctor, count):
        calls = [SessionFactory() for _ in range(count)]

        results = at_once(lambda session: self.book(session, doctor), calls)

        assert results.count(diary.SlotTaken) == count - 1
        assert Booking.objects.filter(practitioner=doctor).count() == 1

    def test_books_a_call_once_however_often_it_is_asked(self, doctor):
        call = SessionFactory()

        results = at_once(lambda _: self.book(call, doctor), range(40))

        assert results.count(diary.SlotTaken) == 39
        assert Booking.objects.filter(practitioner=doctor).count() == 1

    def test_does_not_dead_lock_with_holds_of_the_same_call(self, doctor):
        call, kind = SessionFactory(), doctor.appointment_types.get()

        def either(n):
            if n % 2:
                return self.book(call, doctor)
            return booking.hold_slot(
                session_id=call.pk,
                consultant=call.consultant,
                practitioner=doctor,
                appointment_type=kind,
                starts_at=TEN,
                by=None,
            )

        at_once(either, range(60))

        assert Booking.objects.filter(practitioner=doctor).count() == 1
