import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings import drift, lifecycle, settling, sync
from bookings.models import Booking, Drift, Reconciliation, SyncRecord
from bookings.plans import Winner, preview
from botaniqal import webhooks
from botaniqal.errors import Conflict, Malformed, RuleBroken
from botaniqal.integrations import inbox
from botaniqal.integrations.graph import BOOKING
from botaniqal.integrations.models import Incident
from practitioners import diary
from practitioners.models import Practitioner
from tests.bookings.outside import CANCELLED, CODES, Outside, as_there, some_id
from tests.factories import (
    PatientFactory,
    PractitionerFactory,
    UserFactory,
    next_morning,
)
from tests.sandbox_server import ENVIRONMENT

pytestmark = pytest.mark.django_db

NOON, TEN = next_morning(12), next_morning(10)
CALENDLY, OUTLOOK, MEDIRECORDS = "calendly", "outlook", "medirecords"


@pytest.fixture
def outside(vendors, settings):
    for name in ("GRAPH_TENANT", "GRAPH_CLIENT_ID", "GRAPH_CLIENT_SECRET"):
        setattr(settings, name, ENVIRONMENT[name])
    settings.GRAPH_BASE_URL, settings.GRAPH_LOGIN_URL = vendors.graph_url, vendors.microsoft_url
    settings.VENDOR_TIMEOUT_SECONDS = 2
    for name in ("CALENDLY_LIMITS", "GRAPH_LIMITS"):
        setattr(settings, name, [])
    return Outside(vendors)


@pytest.fixture
def on_outlook(outside, visits):
    """Make a practitioner who gives the visits and has a mailbox."""

    def make(**fields):
        provider = Practitioner.CalendarProvider.OUTLOOK
        return PractitionerFactory(
            **{"gives": [visits], "calendar_provider": provider, "mailbox": "dia@clinic.example", **fields}
        )

    return make


@pytest.fixture
def visit(request, outside, on_calendly, on_outlook, visits):
    """Make a visit tomorrow at ten that every vendor knows."""

    def make(calendar=CALENDLY, **fields):
        practitioner = on_outlook(name="Dr Dia") if calendar == OUTLOOK else on_calendly(name="Dr Dia")
        starts_at = fields.pop("starts_at", TEN)
        ends_at = starts_at + timedelta(minutes=15)
        booking = lifecycle.book(
            patient=PatientFactory(),
            practitioner=practitioner,
            appointment_type=visits,
            starts_at=starts_at,
            ends_at=ends_at,
            entry=diary.take(practitioner=practitioner, span=diary.Span(starts_at, ends_at), by=None),
            price=119,
            source=Booking.Source.PHONE,
            by=None,
            now=timezone.now(),
            **fields,
        )
        work()
        return booking

    return make


def work():
    """Let the workers do all that is due."""
    for _ in range(5):
        done = settling.work_due() + inbox.work_due(webhooks.HANDLERS)
        done += sum(sync.work_due(system) for system in sync.System)
        if not done:
            return


def compare():
    return drift.reconcile(by=None, now=timezone.now())


def open_drifts():
    return Drift.objects.unsettled().order_by("system", "field")


def found():
    return [(one.system, one.kind, one.field) for one in open_drifts()]


def portal_wins(one):
    return settling.portal_wins(drift_id=one.pk, by=None, now=timezone.now())


def vendor_wins(one):
    return settling.vendor_wins(drift_id=one.pk, by=None, now=timezone.now())


def cancel_here_only(booking, system):
    """A cancellation that a vendor was believed to know of."""
    lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
    SyncRecord.objects.filter(booking=booking, system=system).update(told=99, wanted=99)
    work()


def other_provider(outside, booking):
    other = PractitionerFactory(name="Dr Shivani", gives=[booking.appointment_type])
    outside.change_appointment(booking, providerId=str(other.medirecords_provider_id))


CHANGES = {
    "calendly moved": (CALENDLY, lambda o, b: o.move_event(b, NOON), ("differs", "time")),
    "calendly cancelled": (CALENDLY, lambda o, b: o.cancel_event(b), ("cancelled_there", "whole")),
    "calendly still stands": (CALENDLY, lambda o, b: cancel_here_only(b, CALENDLY), ("stands_there", "whole")),
    "outlook moved": (OUTLOOK, lambda o, b: o.change_mailbox_event(b, NOON), ("differs", "time")),
    "outlook longer": (OUTLOOK, lambda o, b: o.change_mailbox_event(b, TEN, 30), ("differs", "length")),
    "outlook deleted": (OUTLOOK, lambda o, b: o.delete_mailbox_event(b), ("missing", "whole")),
    "outlook still stands": (OUTLOOK, lambda o, b: cancel_here_only(b, OUTLOOK), ("stands_there", "whole")),
    "medirecords moved": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, scheduleTime=as_there(NOON)),
        ("differs", "time"),
    ),
    "medirecords longer": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, appointmentIntervalCode=CODES[30]),
        ("differs", "length"),
    ),
    "medirecords practitioner": (MEDIRECORDS, other_provider, ("differs", "practitioner")),
    "medirecords type": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, appointmentTypeId=o.other_type("CONSULT_ALT_30")),
        ("differs", "type"),
    ),
    "medirecords patient": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, patientId=o.add_patient()),
        ("differs", "patient"),
    ),
    "medirecords cancelled": (
        MEDIRECORDS,
        lambda o, b: o.change_appointment(b, appointmentStatus=CANCELLED, cancellationReason="Asked"),
        ("cancelled_there", "whole"),
    ),
    "medirecords deleted": (MEDIRECORDS, lambda o, b: o.delete_appointment(b), ("missing", "whole")),
}
NEVER_TAKEN_OVER = ("calendly still stands", "outlook still stands", "medirecords type", "medirecords patient")
TAKEN_OVER = [name for name in CHANGES if name not in NEVER_TAKEN_OVER]


@pytest.fixture
def changed(visit, outside):
    """Make a visit and change it at a vendor."""

    def make(name):
        system, change, expected = CHANGES[name]
        # An event of Calendly's lasts as long as its type says, so that it could not follow a longer visit.
        booking = visit(OUTLOOK if system == OUTLOOK or name == "medirecords longer" else CALENDLY)
        change(outside, booking)
        return booking, (system, *expected)

    return make


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


def _stand(practitioner, kind, starts_at):
    booking = lifecycle.book(
        patient=PatientFactory(),
        practitioner=practitioner,
        appointment_type=kind,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=15),
        entry=None,
        price=119,
        source=Booking.Source.PHONE,
        by=None,
        now=timezone.now(),
    )
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

        count = drift.look_at(system=OUTLOOK, external_ids=[_id(booking, OUTLOOK)], now=timezone.now())

        assert count == 1
        assert found() == [expected]
        assert open_drifts().get().found_by is None

    def test_finds_one_that_was_deleted(self, changed):
        booking, expected = changed("outlook deleted")

        drift.look_at(system=OUTLOOK, external_ids=[_id(booking, OUTLOOK)], now=timezone.now())

        assert found() == [expected]

    def test_does_not_care_for_what_nobody_here_knows(self, outside, on_outlook):
        on_outlook()

        assert drift.look_at(system=OUTLOOK, external_ids=["unknown", "", "x" * 5000], now=timezone.now()) == 0


def _id(booking, system):
    return SyncRecord.objects.get(booking=booking, system=system).external_id


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
        [copy] = [row for row in outside.appointments() if row["id"] != _id(booking, MEDIRECORDS)]
        SyncRecord.objects.filter(booking=booking, system=MEDIRECORDS).update(external_id=copy["id"])
        outside.change_appointment(booking, notes="Mine now")

        work()

        assert open_drifts().get().needs_person
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
