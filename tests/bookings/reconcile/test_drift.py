import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, Drift, Reconciliation, SyncRecord
from bookings.reconcile import drift, settling
from botaniqal.errors import Conflict, Malformed
from botaniqal.integrations.graph import BOOKING
from botaniqal.integrations.models import Incident
from tests.bookings.reconcile.differing import (
    CALENDLY,
    CHANGES,
    MEDIRECORDS,
    NOON,
    OUTLOOK,
    TEN,
    compare,
    found,
    id_of,
    open_drifts,
    portal_wins,
    vendor_wins,
    work,
)
from tests.bookings.vendors.outside import CODES, as_there, some_id
from tests.factories import (
    UserFactory,
    next_morning,
)
from tests.visits import booked_visit

pytestmark = pytest.mark.django_db


class TestReconcile:
    def test_finds_nothing_where_all_agree(self, visit):
        visit()
        visit(OUTLOOK)

        run = compare()

        assert (run.compared, run.found, run.problem, found()) == (2, 0, "", [])

    @pytest.mark.parametrize("name", CHANGES)
    def test_finds_what_was_changed_there(self, changed, name):
        booking, expected = changed(name)

        run = compare()

        assert expected in found()
        assert {one.system for one in open_drifts()} >= {expected[0]}
        assert all(one.booking == booking and one.found_by == run for one in open_drifts())

    def test_says_what_each_side_says_without_a_name_of_the_patient(self, changed):
        changed("medirecords moved")

        compare()

        [one] = open_drifts()
        assert (one.ours[-5:], one.theirs[-5:]) == ("10:00", "12:00")
        assert "Leo" not in f"{one.ours} {one.theirs} {one.evidence}"

    def test_opens_a_difference_once(self, changed):
        changed("medirecords moved")
        compare()

        run = compare()

        assert run.found == 0
        assert open_drifts().count() == 1

    def test_ends_by_itself_what_agrees_again(self, changed, outside):
        booking, _ = changed("medirecords moved")
        compare()
        outside.change_appointment(booking, scheduleTime=as_there(TEN))

        compare()

        assert found() == []
        assert Drift.objects.get().outcome == "Agrees again."

    def test_leaves_alone_what_is_being_told(self, changed):
        booking, _ = changed("medirecords moved")
        SyncRecord.objects.filter(booking=booking).update(wanted=99)

        compare()

        assert found() == []

    def test_compares_what_waits_for_a_person(self, changed):
        booking, expected = changed("medirecords moved")
        SyncRecord.objects.filter(booking=booking).update(wanted=99, needs_person=True)

        compare()

        assert expected in found()

    @pytest.mark.parametrize(
        ("vendor", "system"), [("calendly", CALENDLY), ("medirecords", MEDIRECORDS), ("graph", OUTLOOK)]
    )
    def test_takes_nothing_for_missing_while_a_vendor_is_down(self, visit, vendors, vendor, system):
        visit()
        visit(OUTLOOK)
        vendors.faults(vendor, "error_before")

        run = compare()

        assert found() == []
        assert "could not be read" in run.problem
        assert run.ended_at

    def test_takes_no_change_that_comes_meanwhile_for_a_difference(self, visit, on_outlook):
        on_outlook(mailbox="-first@botaniqal.example")
        inside = visit(OUTLOOK)
        moved_in = visit(OUTLOOK, starts_at=next_morning(10, days=90))

        def change(done, steps):
            """Move both after the first mailbox was read, and one once more after all were."""
            if done == 1:
                move(inside, NOON)
                move(moved_in, NOON)
            elif done == steps - 1:
                move(moved_in, next_morning(13))

        run = drift.reconcile(by=None, now=timezone.now(), progress=change)

        assert (run.found, found()) == (0, [])
        assert drift.reconcile(by=None, now=timezone.now()).found == 0

    def test_keeps_what_is_known_of_a_vendor_that_is_down(self, changed, vendors):
        _, expected = changed("medirecords moved")
        compare()
        vendors.faults("medirecords", "error_before")

        compare()

        assert found() == [expected]

    def test_follows_a_visit_that_was_moved_out_of_the_span(self, visit, outside):
        booking = visit()
        outside.change_appointment(booking, scheduleTime=as_there(next_morning(10, days=100)))

        compare()

        assert found() == [(MEDIRECORDS, "differs", "time")]

    def test_finds_a_visit_that_was_moved_into_the_span(self, visit, outside):
        booking = visit(starts_at=next_morning(10, days=20))
        outside.change_appointment(booking, scheduleTime=as_there(NOON))

        drift.reconcile(
            starts_from=timezone.now(), starts_until=timezone.now() + timedelta(days=3), by=None, now=timezone.now()
        )

        assert found() == [(MEDIRECORDS, "differs", "time")]
        assert open_drifts().get().visit_at == NOON

    @pytest.mark.parametrize("system", [MEDIRECORDS, CALENDLY, OUTLOOK])
    def test_finds_a_second_one_that_carries_the_mark(self, visit, outside, system):
        booking = visit(OUTLOOK if system == OUTLOOK else CALENDLY)
        event_type = booking.practitioner.calendly_event_types.first()
        if system == MEDIRECORDS:
            outside.copy_appointment(booking, scheduleTime=as_there(NOON))
        elif system == CALENDLY:
            outside.book_event(event_type.uri, NOON, mark=str(booking.pk))
        else:
            mark = [{"id": BOOKING, "value": str(booking.pk)}]
            outside.add_mailbox_event(booking.practitioner.mailbox, NOON, mark)

        compare()

        assert found() == [(system, "unknown", "whole")]
        assert open_drifts().get().ours == f"{booking.number} has another one there"

    def test_finds_what_nobody_here_knows(self, visit, outside):
        booking = visit()
        outside.copy_appointment(booking, scheduleTime=as_there(NOON), notes="Walk-in")
        outside.book_event(booking.practitioner.calendly_event_types.get().uri, NOON)

        compare()

        assert found() == [(CALENDLY, "unknown", "whole"), (MEDIRECORDS, "unknown", "whole")]

    def test_does_not_care_for_others_appointments_and_private_events(self, visit, outside):
        booking = visit(OUTLOOK)
        outside.copy_appointment(booking, scheduleTime=as_there(NOON), notes="Walk-in", providerId=some_id())
        outside.add_mailbox_event(booking.practitioner.mailbox, NOON, [])

        compare()

        assert found() == []

    def test_costs_the_same_number_of_queries_and_calls_for_any_number_of_bookings(self, visits, vendors, on_calendly):
        practitioner = on_calendly()
        costs = []

        for hours in (range(9, 11), range(11, 17)):
            for hour in hours:
                _stand(practitioner, visits, next_morning(hour))
            vendors.reset()
            # Nobody there has any of them: the worst case but for the looks one by one.
            SyncRecord.objects.update(external_id="")
            with CaptureQueriesContext(connection) as queries:
                compare()
            costs.append((len(queries), len(vendors.calls())))
            Drift.objects.all().delete()

        assert costs[0] == costs[1]

    def test_is_alone(self, transactional_db):
        begun, may_end = threading.Event(), threading.Event()

        def hold():
            with drift._alone():
                begun.set()
                may_end.wait(10)
            connection.close()

        other = threading.Thread(target=hold)
        other.start()
        begun.wait(10)
        try:
            assert drift.is_under_way()
            with pytest.raises(drift.UnderWay):
                compare()
            with pytest.raises(drift.UnderWay):
                drift.ask(by=None, now=timezone.now())
        finally:
            may_end.set()
            other.join()
        assert not drift.is_under_way()

    @pytest.mark.parametrize("days", [0, -1, 400])
    def test_refuses_a_span_without_sense(self, days):
        now = timezone.now()

        with pytest.raises(Malformed):
            drift.reconcile(starts_from=now, starts_until=now + timedelta(days=days), by=None, now=now)


def move(booking, starts_at):
    """Move a visit here, and let everybody be told of it at once."""
    booking = Booking.objects.select_related("practitioner", "appointment_type").get(pk=booking.pk)
    ends_at = starts_at + timedelta(minutes=15)
    lifecycle.note_move(booking=booking, starts_at=starts_at, ends_at=ends_at, now=timezone.now())
    work()


def _stand(practitioner, kind, starts_at):
    booking = booked_visit(practitioner, starts_at, appointment_type=kind, entry=None)
    booking.sync_records.update(told=1)


class TestWorkDue:
    def test_carries_out_what_was_asked_for(self, visit):
        visit()
        drift.ask(by=None, now=timezone.now())

        done = [drift.work_due(now=timezone.now()), drift.work_due(now=timezone.now())]

        assert done == [1, 0]
        assert Reconciliation.objects.get().compared == 1

    def test_is_asked_for_once(self, visit):
        drift.ask(by=None, now=timezone.now())

        with pytest.raises(drift.UnderWay):
            drift.ask(by=None, now=timezone.now())

    def test_compares_every_night_and_once(self, visit):
        night = next_morning(2) + timedelta(minutes=35)
        Reconciliation.objects.create(starts_from=night, starts_until=night)
        Reconciliation.objects.update(asked_at=night - timedelta(hours=4), started_at=night, ended_at=night)

        done = [drift.work_due(now=night - timedelta(minutes=10)), drift.work_due(now=night)]
        Reconciliation.objects.filter(asked_at__gt=night).update(asked_at=night)

        assert done[0] == 0 or timezone.now() > night
        assert done[1] == 1

    def test_waits_for_the_night_where_nothing_was_ever_compared(self, visit):
        assert drift.work_due(now=next_morning(9)) == 0


class TestLookAt:
    def test_finds_an_event_that_was_moved_in_outlook(self, changed):
        booking, expected = changed("outlook moved")

        count = drift.look_at(system=OUTLOOK, external_ids=[id_of(booking, OUTLOOK)], now=timezone.now())

        assert count == 1
        assert found() == [expected]
        assert open_drifts().get().found_by is None

    def test_finds_one_that_was_deleted(self, changed):
        booking, expected = changed("outlook deleted")

        drift.look_at(system=OUTLOOK, external_ids=[id_of(booking, OUTLOOK)], now=timezone.now())

        assert found() == [expected]

    def test_does_not_care_for_what_nobody_here_knows(self, outside, on_outlook):
        on_outlook()

        assert drift.look_at(system=OUTLOOK, external_ids=["unknown", "", "x" * 5000], now=timezone.now()) == 0


class TestBrake:
    @pytest.fixture
    def braked(self, settings, visit, outside):
        settings.RECONCILE_BRAKE = 1
        booking = visit()
        outside.change_appointment(booking, scheduleTime=as_there(NOON), appointmentIntervalCode=CODES[30])
        return compare()

    def test_stops_everybody_until_a_person_released_it(self, braked):
        one = open_drifts().first()

        for verb in (portal_wins, vendor_wins):
            with pytest.raises(settling.Braked):
                verb(one)
        drift.release(run_id=braked.pk, reason="The practice moved house.", by=UserFactory(), now=timezone.now())
        portal_wins(one)

        assert found() == []

    def test_opens_an_incident_and_ends_it(self, braked):
        opened = Incident.objects.filter(key=drift.BRAKE, resolved_at=None).count()

        drift.release(run_id=braked.pk, reason="Known.", by=None, now=timezone.now())

        assert opened == 1
        assert not Incident.objects.filter(resolved_at=None).exists()

    def test_is_released_once_and_for_a_reason(self, braked):
        with pytest.raises(Malformed):
            drift.release(run_id=braked.pk, reason=" ", by=None, now=timezone.now())
        drift.release(run_id=braked.pk, reason="Known.", by=None, now=timezone.now())

        with pytest.raises(Conflict):
            drift.release(run_id=braked.pk, reason="Known.", by=None, now=timezone.now())

    def test_is_taken_back_when_all_agrees_again(self, braked, outside):
        booking = Booking.objects.get()
        outside.change_appointment(booking, scheduleTime=as_there(TEN), appointmentIntervalCode=CODES[15])

        compare()

        braked.refresh_from_db()
        assert braked.release_reason == "Agrees again."
        assert not Incident.objects.filter(resolved_at=None).exists()
