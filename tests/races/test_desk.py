"""Two tabs, two clicks, two receipts: at the desk and with its money the database has the last word, too."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from decimal import Decimal
from functools import partial
from http import HTTPStatus

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Payment
from bookings.money import payments
from botaniqal.errors import DomainError
from practitioners import diary
from tests.factories import (
    AppointmentTypeFactory,
    BookingFactory,
    PractitionerFactory,
    SessionFactory,
    next_morning,
)

pytestmark = pytest.mark.django_db(transaction=True)
TEN = next_morning(10, days=2)
TABS = 8


def at_once(work, arguments, start=nullcontext):
    """Do something for each argument in as many threads, and list what came back or was refused."""
    arguments = list(arguments)

    def one(argument):
        try:
            return work(argument)
        except DomainError as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as threads:
        with start():
            results = threads.map(one, arguments)
        return list(results)


@contextmanager
def nobody_writes_the_diary(waiting):
    """Let so many come as far as writing the diary, or to what they wait for before, and then go on together."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE practitioners_diaryentry IN SHARE MODE")
        yield
        for _ in range(200):
            cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= waiting:
                return
            time.sleep(0.02)


class TestDesk:
    @pytest.fixture
    def kind(self):
        return AppointmentTypeFactory()

    @pytest.fixture
    def doctor(self, kind):
        return PractitionerFactory(gives=[kind])

    @pytest.fixture
    def session(self):
        return SessionFactory(consultant=PractitionerFactory(consultant=True, user__is_staff=True))

    @pytest.fixture
    def post(self, session, doctor, kind):
        """Do something with a time in a tab of its own."""
        client = Client()
        client.force_login(session.consultant.user)
        url = reverse("admin:triage_triagesession_desk", args=[session.pk])

        def do(verb, starts_at):
            tab = Client()
            tab.cookies = client.cookies
            visit = {"practitionerId": f"{doctor.pk}", "type": kind.code, "startsAt": f"{starts_at:%Y-%m-%dT%H:%M:%SZ}"}
            money = {"payment": "later", "amount": "119.00"}
            return tab.post(f"{url}{verb}/", visit | money, content_type="application/json")

        return do

    def visits(self, session):
        return Booking.objects.filter(patient=session.patient).exclude(pk=session.consultation_id)

    def test_books_once_however_many_tabs_confirm_and_shows_it_in_all(self, session, post):
        answers = at_once(lambda _: post("confirm", TEN), range(TABS))

        assert [answer.status_code for answer in answers] == [HTTPStatus.OK] * TABS
        assert {answer.json()["booking"]["number"] for answer in answers} == {self.visits(session).get().number}

    def test_books_one_of_two_times_that_two_tabs_confirm(self, session, post):
        answers = at_once(lambda n: post("confirm", TEN + timedelta(hours=n)), range(2))

        assert Counter(answer.status_code for answer in answers) == {200: 1, 422: 1}
        assert self.visits(session).count() == 1

    def test_keeps_two_times_however_many_are_wanted_at_once(self, session, post):
        together = partial(nobody_writes_the_diary, waiting=6)
        answers = at_once(lambda n: post("hold", TEN + timedelta(hours=n)), range(6), together)

        assert Counter(answer.status_code for answer in answers) == {200: 2, 422: 4}
        assert len(diary.living_holds(held_for=session.pk)) == 2


class TestMarkCollected:
    @pytest.fixture
    def booking(self):
        booking = BookingFactory()
        payments.record(booking=booking, taken=payments.Taken(), by=None, now=timezone.now())
        return booking

    def collect(self, booking, reference):
        told = {"method": "cash", "reference": reference, "amount": Decimal(119)}
        return payments.mark_collected(booking_id=booking.pk, by=None, now=timezone.now(), **told).reference

    def test_takes_one_of_many_receipts(self, booking):
        results = at_once(lambda n: self.collect(booking, f"T-{n}"), range(TABS))

        assert results.count("nothing_due") == TABS - 1
        assert Payment.objects.get(booking=booking).reference in results

    def test_does_not_mind_the_same_receipt_many_times(self, booking):
        assert at_once(lambda _: self.collect(booking, "T-1"), range(TABS)) == ["T-1"] * TABS

    def test_waits_for_a_cancellation_and_the_other_way_round(self, booking):
        def either(n):
            if n % 2:
                return self.collect(booking, "T-1")
            return lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now()).state

        results = at_once(either, range(2))

        assert results in (["cancelled", "nothing_due"], ["cancelled", "T-1"])
