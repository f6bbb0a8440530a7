"""Figures of this moment."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import SyncRecord
from botaniqal.integrations.models import InboundEvent, Turn
from botaniqal.reports import figures
from practitioners.models import OutsideCalendar, TimeOff
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory

pytestmark = pytest.mark.django_db


def at_noon():
    """Noon by the clinic's clock."""
    return timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)


def owed(**fields) -> SyncRecord:
    """Something that a vendor has yet to be told."""
    return SyncRecord.objects.create(booking=BookingFactory(), system="outlook", **fields)


class TestFreeSlots:
    def test_counts_the_times_at_which_a_visit_could_begin(self, time_machine):
        time_machine.move_to(at_noon(), tick=False)
        kind = AppointmentTypeFactory(minutes=30, step_minutes=30, min_notice_minutes=0)
        other = AppointmentTypeFactory(service=kind.service, minutes=60, step_minutes=60, min_notice_minutes=0)
        free = AppointmentTypeFactory(service=kind.service, free=True)
        busy = PractitionerFactory(name="Dr Busy", gives=[kind, other], hours=(time(9), time(11)))
        away = PractitionerFactory(name="Dr Away", gives=[kind])
        now = timezone.now()
        TimeOff.objects.create(
            practitioner=away, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=9), reason="Leave"
        )
        PractitionerFactory(consultant=True, gives=[free])
        PractitionerFactory(name="Dr Gone", gives=[kind], is_active=False)
        PractitionerFactory(name="Dr Nothing")

        counted = {row.practitioner.name: row.count for row in figures.free_slots(now)}

        # Six mornings are to come: half past and whole hours, the longer visit fits in two of the same.
        assert counted == {busy.name: 6 * 4, away.name: 0, "Dr Nothing": 0}

    def test_leaves_out_what_a_calendar_may_have_taken(self):
        kind = AppointmentTypeFactory()
        person = PractitionerFactory(gives=[kind], calendar_provider="outlook")
        calendar = OutsideCalendar.objects.create(practitioner=person, provider="outlook", read_at=timezone.now())
        assert figures.free_slots(timezone.now())[0].count > 0

        calendar.read_at = timezone.now() - timedelta(days=1)
        calendar.save()

        assert [row.count for row in figures.free_slots(timezone.now())] == [0]

    def test_asks_as_much_for_any_number_of_people(self):
        kind = AppointmentTypeFactory()

        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                figures.free_slots(timezone.now())
            return len(queries)

        PractitionerFactory(gives=[kind])
        of_one = asked()
        for _ in range(5):
            PractitionerFactory(gives=[kind])

        assert asked() == of_one <= 10


class TestSyncLag:
    def test_is_how_long_the_oldest_change_has_waited(self):
        now = timezone.now()
        assert figures.sync_lag(now) == timedelta()
        owed(next_try_at=now - timedelta(minutes=2))
        owed(next_try_at=now - timedelta(hours=1), told=1)
        owed(next_try_at=now - timedelta(hours=2), needs_person=True)

        assert figures.sync_lag(now) == timedelta(minutes=2)

    def test_goes_back_to_the_first_try_since_it_was_last_told(self):
        now = timezone.now()
        record = owed(attempts=3, next_try_at=now + timedelta(minutes=4))
        for turn, minutes in (
            (Turn.PUT_OFF, 90), (Turn.TOLD, 60), (Turn.PUT_OFF, 20), (Turn.PUT_OFF, 10),
        ):  # fmt: skip
            note = record.notes.create(turn=turn, words="No answer.")
            record.notes.filter(pk=note.pk).update(at=now - timedelta(minutes=minutes))

        assert figures.sync_lag(now) == timedelta(minutes=20)


class TestInboxAge:
    def test_is_how_long_the_oldest_message_has_waited_for_a_worker(self):
        now = timezone.now()
        assert figures.inbox_age(now) == timedelta()
        for key, minutes, fields in (("a", 5, {}), ("b", 9, {"told": 1}), ("c", 20, {"needs_person": True})):
            event = InboundEvent.objects.create(vendor="stripe", key=key, kind="x", payload={}, **fields)
            InboundEvent.objects.filter(pk=event.pk).update(received_at=now - timedelta(minutes=minutes))

        assert figures.inbox_age(now) == timedelta(minutes=5)


class TestQueries:
    def test_are_as_many_for_any_number_of_days(self):
        def asked(period) -> int:
            with CaptureQueriesContext(connection) as queries:
                figures.funnel(period)
                figures.revenue(period)
                figures.utilisation(period)
                figures.no_shows(period)
            return len(queries)

        today = timezone.localdate()

        assert asked(figures.Period.of("today", today)) == asked(figures.Period.of("last_365", today)) <= 27
