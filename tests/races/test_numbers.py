"""Confirmation numbers: each once, and nobody waits longer than needed."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db(transaction=True)
TEN = next_morning(10)
SECONDS = 5


@pytest.fixture
def book():
    patient, doctor, kind = PatientFactory(), PractitionerFactory(), AppointmentTypeFactory()

    def book(**kwargs):
        return lifecycle.book(
            patient=patient,
            practitioner=doctor,
            appointment_type=kind,
            starts_at=TEN,
            ends_at=TEN + timedelta(minutes=15),
            entry=None,
            price=0,
            source=Booking.Source.PHONE,
            by=None,
            now=timezone.now(),
            **kwargs,
        )

    return book


class Slow:
    """Somebody who books and then takes long until the commit."""

    def __init__(self, book, *, is_numbered):
        self.has_booked, self.may_commit = threading.Event(), threading.Event()
        self.booking = None
        self.thread = threading.Thread(target=self._work, args=[book, is_numbered])

    def _work(self, book, is_numbered):
        try:
            with transaction.atomic():
                self.booking = book(is_numbered=is_numbered)
                self.has_booked.set()
                self.may_commit.wait(SECONDS)
                if not is_numbered:
                    lifecycle.give_number(booking=self.booking, now=timezone.now())
        finally:
            connection.close()

    def __enter__(self):
        self.thread.start()
        self.has_booked.wait(SECONDS)
        return self

    def __exit__(self, *_):
        self.may_commit.set()
        self.thread.join()


def impatient(book, *, seconds):
    """Book, and give up when a lock is waited for too long."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{seconds}s'")
        return book()


def count(booking):
    return int(booking.number.rpartition("-")[2])


class TestGiveNumber:
    def test_lets_others_book_while_somebody_takes_long(self, book):
        with Slow(book, is_numbered=False) as slow:
            quick = impatient(book, seconds=1)

        slow.booking.refresh_from_db()
        assert count(slow.booking) == count(quick) + 1

    def test_would_let_them_wait_had_the_number_come_first(self, book):
        with Slow(book, is_numbered=True), pytest.raises(OperationalError, match="lock"):
            impatient(book, seconds=0.2)
