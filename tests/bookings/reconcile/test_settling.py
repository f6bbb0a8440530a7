import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from bookings.models import Booking, Drift, SyncRecord
from bookings.reconcile import settling
from bookings.reconcile.plans import Winner, preview
from bookings.vendors import sync
from botaniqal.errors import Conflict, Malformed, RuleBroken
from botaniqal.integrations.graph import BOOKING
from practitioners import diary
from tests.bookings.reconcile.differing import (
    CALENDLY,
    CHANGES,
    MEDIRECORDS,
    NEVER_TAKEN_OVER,
    NOON,
    OUTLOOK,
    TAKEN_OVER,
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
from tests.factories import next_morning

pytestmark = pytest.mark.django_db


class TestPortalWins:
    @pytest.mark.parametrize("name", CHANGES)
    def test_brings_the_vendor_back(self, changed, name):
        booking, expected = changed(name)
        before = (booking.starts_at, booking.ends_at, booking.practitioner)
        compare()
        one = open_drifts().get(system=expected[0], field=expected[2])

        portal_wins(one)
        work()
        run = compare()

        booking = Booking.objects.get(pk=booking.pk)
        assert (run.found, found()) == (0, [])
        assert (booking.starts_at, booking.ends_at, booking.practitioner) == before
        assert not SyncRecord.objects.open().exists()

    def test_leaves_one_event_in_calendly(self, changed, outside):
        changed("calendly moved")
        compare()

        portal_wins(open_drifts().get())
        work()

        assert [event["start_time"][:16] for event in outside.events()] == [f"{TEN:%Y-%m-%dT%H:%M}"]

    def test_settles_all_that_differs_there(self, visit, outside):
        booking = visit()
        outside.change_appointment(booking, scheduleTime=as_there(NOON), appointmentIntervalCode=CODES[30])
        compare()

        told = preview(open_drifts().first(), Winner.PORTAL).sentence
        portal_wins(open_drifts().first())

        assert found() == []
        assert "What else differs there is told as well: time." in told

    @pytest.mark.parametrize("system", [MEDIRECORDS, CALENDLY, OUTLOOK])
    def test_takes_away_what_carries_the_mark_of_no_booking(self, visit, outside, system):
        booking = visit(OUTLOOK if system == OUTLOOK else CALENDLY)
        if system == MEDIRECORDS:
            outside.copy_appointment(booking, scheduleTime=as_there(NOON), notes=f"[ref:{some_id()}]")
        elif system == CALENDLY:
            outside.book_event(booking.practitioner.calendly_event_types.get().uri, NOON, mark=some_id())
        else:
            outside.add_mailbox_event(booking.practitioner.mailbox, NOON, [{"id": BOOKING, "value": some_id()}])
        compare()

        portal_wins(open_drifts().get())
        work()
        run = compare()

        assert (run.found, found()) == (0, [])
        assert Drift.objects.get().outcome.startswith("The portal won: cancelled in ")
        assert len(outside.appointments()) == 1

    def test_touches_nothing_that_does_not_carry_the_mark(self, visit, outside):
        booking = visit()
        outside.copy_appointment(booking, scheduleTime=as_there(NOON), notes="Walk-in")
        compare()

        with pytest.raises(RuleBroken, match="does not carry the portal's mark"):
            portal_wins(open_drifts().get())

    def test_takes_nothing_away_that_lost_its_mark_meanwhile(self, visit, outside):
        booking = visit()
        outside.copy_appointment(booking, scheduleTime=as_there(NOON), notes=f"[ref:{some_id()}]")
        compare()
        portal_wins(open_drifts().get())
        [copy] = [row for row in outside.appointments() if row["id"] != id_of(booking, MEDIRECORDS)]
        outside.change_appointment(booking, id=copy["id"], notes="Mine now")

        work()

        assert open_drifts().get().needs_person
        assert len(outside.appointments()) == 2

    def test_takes_nothing_away_that_a_booking_took_over_meanwhile(self, visit, outside):
        booking = visit()
        outside.copy_appointment(booking, scheduleTime=as_there(NOON), notes=f"[ref:{some_id()}]")
        compare()
        one = portal_wins(open_drifts().get())
        SyncRecord.objects.filter(booking=booking, system=MEDIRECORDS).update(external_id=one.external_id)

        work()

        assert open_drifts().get().problem == "A booking has taken it over meanwhile. Compare again."
        assert len(outside.appointments()) == 2

    def test_is_refused_after_the_booking_was_changed(self, changed):
        booking, _ = changed("medirecords moved")
        compare()
        sync.owe(booking=booking, now=timezone.now())

        with pytest.raises(settling.ChangedSince):
            portal_wins(open_drifts().get())

    def test_is_refused_where_somebody_settled_it(self, changed):
        changed("medirecords moved")
        compare()
        one = open_drifts().get()
        portal_wins(one)

        with pytest.raises(settling.AlreadySettled):
            portal_wins(one)

    def test_lets_one_of_two_people_win(self, changed, transactional_db):
        changed("medirecords moved")
        compare()
        one = open_drifts().get()
        start, answers = threading.Barrier(2), []

        def decide(verb):
            start.wait(10)
            try:
                verb(one)
                answers.append("won")
            except Conflict as refusal:
                answers.append(refusal.code)
            connection.close()

        people = [threading.Thread(target=decide, args=[verb]) for verb in (portal_wins, vendor_wins)]
        for person in people:
            person.start()
        for person in people:
            person.join()

        assert sorted(answers) == ["already_settled", "won"]


class TestVendorWins:
    @pytest.mark.parametrize("name", TAKEN_OVER)
    def test_brings_portal_and_the_other_vendor_to_it(self, changed, outside, name):
        booking, expected = changed(name)
        compare()
        one = open_drifts().get(system=expected[0], field=expected[2])

        vendor_wins(one)
        work()
        run = compare()

        assert (run.found, found()) == (0, [])
        assert not SyncRecord.objects.open().exists()
        booking = Booking.objects.select_related("entry").get(pk=booking.pk)
        if expected[2] == "time":
            assert booking.starts_at == booking.entry.starts_at == NOON
        elif expected[2] == "length":
            assert booking.ends_at == booking.entry.ends_at == TEN + timedelta(minutes=30)
        elif expected[2] == "practitioner":
            assert booking.practitioner.name == booking.entry.practitioner.name == "Dr Shivani"
        else:
            assert booking.state == Booking.State.CANCELLED
            assert outside.appointments() == outside.events() == outside.mailbox_events() == []

    @pytest.mark.parametrize("name", NEVER_TAKEN_OVER)
    def test_says_what_cannot_be_taken_over(self, changed, name):
        _, expected = changed(name)
        compare()
        one = open_drifts().get(system=expected[0], field=expected[2])

        with pytest.raises(RuleBroken) as refusal:
            vendor_wins(one)

        assert refusal.value.message == preview(one, Winner.VENDOR).sentence
        assert found() == [expected]

    def test_takes_over_no_length_that_the_calendar_cannot_follow(self, visit, outside):
        booking = visit()
        outside.change_appointment(booking, appointmentIntervalCode=CODES[30])
        compare()

        with pytest.raises(RuleBroken, match="lasts as long as its event type says"):
            vendor_wins(open_drifts().get())

    def test_keeps_what_else_differs_there_to_be_settled(self, visit, outside):
        booking = visit(OUTLOOK)
        outside.change_appointment(booking, scheduleTime=as_there(NOON), appointmentIntervalCode=CODES[30])
        compare()

        vendor_wins(open_drifts().get(field="time"))
        vendor_wins(open_drifts().get(field="length"))
        work()
        run = compare()

        booking.refresh_from_db()
        assert (run.found, found()) == (0, [])
        assert (booking.starts_at, booking.ends_at) == (NOON, NOON + timedelta(minutes=30))

    def test_shows_a_clash_and_moves_all_the_same(self, visit, outside):
        booking = visit()
        outside.change_appointment(booking, scheduleTime=as_there(NOON))
        span = diary.Span(NOON, NOON + timedelta(minutes=15))
        diary.take(practitioner=booking.practitioner, span=span, by=None)
        compare()

        vendor_wins(open_drifts().get())
        booking.refresh_from_db()

        assert (booking.starts_at, booking.entry) == (NOON, None)
        assert booking.attention.startswith("Clashes with something else")

    def test_books_what_was_booked_in_calendly_unheard(self, visit, outside):
        booking = visit()
        outside.book_event(booking.practitioner.calendly_event_types.get().uri, NOON)
        compare()

        vendor_wins(open_drifts().get())
        work()
        run = compare()

        assert (run.found, found()) == (0, [])
        assert Booking.objects.get(starts_at=NOON).practitioner == booking.practitioner
        assert len(outside.appointments()) == 2

    def test_leaves_to_a_person_what_only_medirecords_knows(self, visit, outside):
        booking = visit()
        outside.copy_appointment(booking, scheduleTime=as_there(NOON), notes="Walk-in")
        compare()

        with pytest.raises(RuleBroken, match="Book it at the call desk"):
            vendor_wins(open_drifts().get())

    def test_gives_a_visit_that_is_over_no_other_time(self, changed):
        booking, _ = changed("medirecords moved")
        compare()
        one = open_drifts().get()
        booking = Booking.objects.get(pk=booking.pk)
        Booking.objects.filter(pk=booking.pk).update(state=Booking.State.COMPLETED)

        with pytest.raises(settling.ChangedSince):
            vendor_wins(one)


class TestLeave:
    def test_shows_the_same_no_more(self, changed):
        changed("medirecords moved")
        compare()

        settling.leave(drift_id=open_drifts().get().pk, reason="As agreed.", by=None, now=timezone.now())
        run = compare()

        assert (run.found, found()) == (0, [])
        assert Drift.objects.get().outcome == "Left as it is: As agreed."

    def test_shows_it_again_when_it_becomes_another(self, changed, outside):
        booking, expected = changed("medirecords moved")
        compare()
        settling.leave(drift_id=open_drifts().get().pk, reason="As agreed.", by=None, now=timezone.now())
        outside.change_appointment(booking, scheduleTime=as_there(next_morning(15)))

        compare()

        assert found() == [expected]

    @pytest.mark.parametrize("reason", ["", "  ", "4111 1111 1111 1111"], ids=["none", "blank", "card number"])
    def test_wants_a_reason(self, changed, reason):
        changed("medirecords moved")
        compare()

        with pytest.raises(Malformed):
            settling.leave(drift_id=open_drifts().get().pk, reason=reason, by=None, now=timezone.now())
