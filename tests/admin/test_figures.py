"""The figures behind Today."""

from datetime import time, timedelta

import pytest
from django.utils import timezone

from bookings.models import Booking, Payment
from botaniqal.reports import figures
from practitioners.models import DiaryEntry, TimeOff
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory, UserFactory

pytestmark = pytest.mark.django_db

MONDAY = figures.week_of(timezone.localdate())


def at(hour: int, *, day: int = 0):
    """An hour of a day of this week, by the clinic's clock."""
    return figures.day_start(MONDAY + timedelta(days=day)) + timedelta(hours=hour)


def entry(practitioner, starts_at, hours: int, **fields) -> DiaryEntry:
    """Taken time."""
    ends_at = starts_at + timedelta(hours=hours)
    return DiaryEntry.objects.create(
        practitioner=practitioner, starts_at=starts_at, ends_at=ends_at, **{"kind": "booking"} | fields
    )


class TestUseOfWeek:
    def test_is_booked_time_of_working_hours_without_time_off(self):
        doctor = PractitionerFactory(hours=(time(9), time(11)))
        TimeOff.objects.create(practitioner=doctor, starts_at=at(0, day=1), ends_at=at(0, day=7), reason="Leave")
        entry(doctor, at(9), 1)

        (use,) = figures.use_of_week(MONDAY)

        assert (use.booked_minutes, use.offered_minutes, use.percent) == (60, 120, 50)

    def test_counts_neither_released_time_nor_time_outside_the_hours(self):
        doctor = PractitionerFactory(hours=(time(9), time(11)))
        entry(doctor, at(9), 1, live_from=at(0) - timedelta(days=9), live_until=at(0) - timedelta(days=8))
        entry(doctor, at(15), 1)

        (use,) = figures.use_of_week(MONDAY)

        assert use.booked_minutes == 0

    def test_leaves_out_consultants_and_those_who_left(self):
        PractitionerFactory(consultant=True)
        PractitionerFactory(is_active=False)

        assert figures.use_of_week(MONDAY) == []


class TestCollected:
    def pay(self, *, at, given_back=0, **fields):
        return Payment.objects.create(
            booking=BookingFactory(),
            amount=119,
            given_back=given_back,
            **{"method": "cash", "status": "collected", "collected_at": at} | fields,
        )

    def test_is_what_came_less_what_was_given_back_of_it(self):
        self.pay(at=at(9))
        self.pay(at=at(10), given_back=19, status="collected")
        self.pay(at=at(10), given_back=119, status="refunded")
        self.pay(at=at(11), status="refund_due")
        self.pay(at=at(0) - timedelta(seconds=1))
        self.pay(at=None, status="pending")

        assert figures.collected(MONDAY) == 119 + 100 + 0 + 119

    def test_can_be_ones_own(self):
        sarah = UserFactory()
        self.pay(at=at(9), collected_by=sarah)
        self.pay(at=at(9))

        assert figures.collected(MONDAY, by=sarah) == 119


class TestBookingsByDay:
    def test_counts_visits_by_the_clinics_day_without_free_consultations(self):
        today = timezone.localdate()
        kind = AppointmentTypeFactory()
        late = BookingFactory(appointment_type=kind)
        early = BookingFactory(appointment_type=kind)
        BookingFactory(appointment_type=AppointmentTypeFactory(free=True))
        midnight = figures.day_start(today)
        Booking.objects.filter(pk=late.pk).update(created_at=midnight - timedelta(minutes=1))
        Booking.objects.filter(pk=early.pk).update(created_at=midnight)

        days = figures.bookings_by_day(today, days=2)

        assert [(row.day, row.made) for row in days] == [(today - timedelta(days=1), 1), (today, 1)]
