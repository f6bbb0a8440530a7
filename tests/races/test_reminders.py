"""Workers that remind at the same moment, and visits that are moved meanwhile."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings import lifecycle, reminders
from bookings.models import Booking
from botaniqal.messages.models import Message
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory, next_morning
from tests.races.together import at_once

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS, VISITS, ROUNDS = 4, 12, 5
LONG_AGO = timezone.now() - timedelta(days=90)


def book(**fields):
    booking = BookingFactory(**fields)
    Booking.objects.filter(pk=booking.pk).update(created_at=LONG_AGO)
    return booking


class TestRemindDue:
    def test_writes_each_reminder_once_whoever_works(self):
        now = timezone.now()
        for _ in range(VISITS):
            book(starts_at=now + timedelta(hours=20))

        written = at_once(*[lambda: reminders.remind_due(now=now)] * WORKERS)

        assert sum(written) == VISITS
        assert Message.objects.count() == Message.objects.values("reference").distinct().count() == VISITS

    def test_leaves_no_reminder_of_a_time_that_a_visit_has_no_more(self):
        kind = AppointmentTypeFactory()
        practitioner = PractitionerFactory(gives=[kind])
        for hour in range(9, 9 + ROUNDS):
            visit = book(practitioner=practitioner, appointment_type=kind, starts_at=next_morning(hour, days=2))
            now, old = visit.starts_at - timedelta(hours=24), visit.starts_at

            at_once(
                lambda now=now: reminders.remind_due(now=now),
                lambda visit=visit, old=old, now=now: lifecycle.move(
                    booking_id=visit.pk, starts_at=old + timedelta(hours=48), by=None, now=now
                ),
            )
            reminders.remind_due(now=now)

        assert not Message.objects.filter(kind__in=reminders.KINDS).exists()
