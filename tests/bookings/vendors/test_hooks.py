"""What Calendly tells is a fact: however it is told, it ends in the same rows."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, FreedTime, Patient, SyncRecord
from botaniqal import webhooks
from botaniqal.integrations import calendly_events, inbox, owed
from botaniqal.integrations.models import InboundEvent
from botaniqal.integrations.owed import NeedsPerson, WaitFor
from botaniqal.messages.models import Message
from practitioners.models import BusyPeriod, CalendlyEventType, DiaryEntry
from tests.calendly_deliveries import TEN, delivery
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory
from triage.models import TriageSession

pytestmark = pytest.mark.django_db

NOON, AFTERNOON = TEN + timedelta(hours=2), TEN + timedelta(hours=5)
State = Booking.State


@pytest.fixture(autouse=True)
def clinic():
    """A consultant with the shared event type, and a doctor with her own."""
    kind = AppointmentTypeFactory(free=True, step_minutes=5, practitioner_types=["consultant"])
    PractitionerFactory(consultant=True, gives=[kind], email="sarah@example.com", name="Sarah")
    CalendlyEventTypeFactory(calendly_id="TRIAGE", appointment_type=kind)
    visit = AppointmentTypeFactory(code="initial-alternative-15min")
    doctor = PractitionerFactory(gives=[visit], calendar_provider="calendly", name="Dr Dia")
    CalendlyEventTypeFactory(calendly_id="DIA", appointment_type=visit, practitioner=doctor)


def invitee(event_id):
    return f"https://api.calendly.com/scheduled_events/{event_id}/invitees/{event_id}"


def told(name, event_id, *, starts_at=TEN, minute=0, event_type="DIA", old=None, new=None, **changes):
    """A delivery about one event, said some minutes after the first."""
    payload = delivery(
        name,
        event_id=event_id,
        starts_at=starts_at,
        event_type=event_type,
        old_invitee=old and invitee(old),
        new_invitee=new and invitee(new),
        rescheduled=new is not None,
        **changes,
    )
    payload["created_at"] = (datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=minute)).isoformat()
    return payload


def hear(payload):
    """Work one delivery, as often as it comes."""
    kind = calendly_events.parse(payload).kind
    return webhooks.HANDLERS["calendly", kind](InboundEvent(payload=payload))


def hear_all(payloads):
    """Work deliveries in this order; what waits for another is looked at again, as the inbox does."""
    waiting = list(payloads)
    while waiting:
        still = []
        for payload in waiting:
            try:
                hear(payload)
            except WaitFor:
                still.append(payload)
        assert len(still) < len(waiting), "nothing goes on any more"
        waiting = still


def moved_twice(event_type):
    """A visit that its patient moved two times."""
    common = {"event_type": event_type}
    return [
        told("invitee.created", "A", **common),
        told("invitee.canceled", "A", new="B", minute=1, **common),
        told("invitee.created", "B", old="A", starts_at=NOON, minute=1, **common),
        told("invitee.canceled", "B", old="A", new="C", starts_at=NOON, minute=2, **common),
        told("invitee.created", "C", old="B", starts_at=AFTERNOON, minute=2, **common),
    ]


def endings(event_type):
    """What may be said of the last of them afterwards."""
    last = {"event_id": "C", "old": "B", "starts_at": AFTERNOON, "event_type": event_type}
    no_show = told("invitee_no_show.created", minute=10, **last)
    undone = told("invitee_no_show.deleted", minute=11, **last)
    again = told("invitee_no_show.created", minute=12, **last)
    cancelled = told("invitee.canceled", minute=13, **last)
    return {
        "stands": ([], State.CONFIRMED),
        "no-show": ([no_show], State.NO_SHOW),
        "came after all": ([no_show, undone], State.CONFIRMED),
        "no-show after all": ([no_show, undone, again], State.NO_SHOW),
        "cancelled": ([cancelled], State.CANCELLED),
        "no-show, then cancelled": ([no_show, cancelled], State.CANCELLED),
    }


def rows():
    """All that anybody could see of it, but for how it came about."""
    return {
        "bookings": [
            (
                *(one.state, one.starts_at, one.ends_at, one.practitioner_id, one.appointment_type_id, one.attention),
                *(one.join_link, one.is_end_heard, one.cancel_reason, bool(one.entry and not one.entry.live_until)),
            )
            for one in Booking.objects.all()
        ],
        "records": sorted(
            (one.system, one.external_id, one.external_ref, sorted(one.former_refs), one.heard_at)
            for one in SyncRecord.objects.all()
        ),
        "calendly": {one.state for one in SyncRecord.objects.filter(system="calendly")},
        "calls": list(TriageSession.objects.values_list("state", "outcome", "consultant")),
        "diary": list(DiaryEntry.objects.filter(live_until=None).values_list("starts_at", "practitioner")),
        "busy": BusyPeriod.objects.count(),
        "patients": Patient.objects.count(),
        "someone is told": Message.objects.exists(),
    }


class Undone(Exception):
    """The end of an example."""


def after(payloads):
    """What stands after deliveries in this order; nothing of it stays."""
    try:
        with transaction.atomic():
            hear_all(payloads)
            found = rows()
            raise Undone
    except Undone:
        return found


def check_orders(event_type, ending, *, seed, orders):
    """Tell one story in many orders, some of it twice, and hold what stands against the story as it was."""
    last, state = endings(event_type)[ending]
    story, chance = [*moved_twice(event_type), *last], Random(seed)
    as_it_was = after(story)
    assert [booking[0] for booking in as_it_was["bookings"]] == [state]
    assert after(reversed(story)) == as_it_was
    for _ in range(orders):
        told_so = chance.sample(story, len(story)) + chance.choices(story, k=chance.randrange(4))
        assert after(told_so) == as_it_was, [(each["event"], each["payload"]["uri"][-1]) for each in told_so]


class TestAnyOrder:
    @pytest.mark.parametrize("ending", list(endings("DIA")))
    @pytest.mark.parametrize("event_type", ["DIA", "TRIAGE"], ids=["visit", "call"])
    def test_ends_in_the_same_rows(self, event_type, ending):
        check_orders(event_type, ending, seed=f"{event_type} {ending}", orders=3)

    @pytest.mark.slow
    @pytest.mark.parametrize("ending", list(endings("DIA")))
    @pytest.mark.parametrize("event_type", ["DIA", "TRIAGE"], ids=["visit", "call"])
    def test_ends_in_the_same_rows_in_many_more_orders(self, event_type, ending):
        check_orders(event_type, ending, seed=f"more {event_type} {ending}", orders=12)

    @pytest.mark.parametrize("event_type", ["DIA", "TRIAGE"], ids=["visit", "call"])
    def test_is_one_visit_when_three_moves_are_heard_backwards(self, event_type):
        common = {"event_type": event_type}
        chain = [
            told("invitee.created", "A", **common),
            told("invitee.created", "B", old="A", starts_at=NOON, **common),
            told("invitee.created", "C", old="B", starts_at=AFTERNOON, **common),
            told("invitee.created", "D", old="C", starts_at=NOON, **common),
        ]

        hear_all(reversed(chain))

        assert Booking.objects.get().starts_at == NOON


class TestMerge:
    PARTS = staticmethod(
        lambda: (
            told("invitee.created", "A"),
            told("invitee.created", "C", old="B", starts_at=AFTERNOON),
            told("invitee.created", "B", old="A", starts_at=NOON),
        )
    )

    def test_cancels_the_second_visit_when_a_vendor_knows_it_already(self):
        first, last, between = self.PARTS()
        hear(first)
        hear(last)
        SyncRecord.objects.filter(system="medirecords").update(told=1)

        hear(between)

        [stands] = Booking.objects.exclude(state=State.CANCELLED)
        gone = Booking.objects.get(state=State.CANCELLED)
        assert (stands.starts_at, gone.cancel_reason) == (AFTERNOON, f"The same visit as {stands.number}.")
        assert gone.sync_records.get(system="medirecords").state == "pending"

    def test_leaves_it_to_a_person_when_somebody_has_worked_with_both(self):
        first, last, between = self.PARTS()
        hear(first)
        hear(last)
        Booking.objects.update(notes="Asks for the morning.")

        with pytest.raises(NeedsPerson, match="are one visit"):
            hear(between)


class TestGivenUp:
    def test_waits_for_the_new_time_and_asks_a_person_when_it_does_not_come(self, settings):
        hear(told("invitee.created", "A"))
        gone = told("invitee.canceled", "A", new="B")
        inbox.keep(vendor="calendly", key="1", kind="canceled", payload=gone)

        inbox.work_due(webhooks.HANDLERS)
        waits = InboundEvent.objects.get()
        settings.INBOX_WAIT_SECONDS = 0
        owed.retry(waits, now=timezone.now())
        inbox.work_due(webhooks.HANDLERS)
        asks = InboundEvent.objects.get()

        assert (waits.state, asks.state) == ("pending", "needs_person")
        assert "the new time has not come" in asks.problem
        assert Booking.objects.get().state == State.CONFIRMED


class TestMoved:
    def test_goes_to_the_other_practitioner_whose_event_type_it_is(self):
        visit = AppointmentTypeFactory(code="initial-other", minutes=15)
        other = PractitionerFactory(gives=[visit], calendar_provider="calendly", name="Dr Shivani")
        CalendlyEventTypeFactory(calendly_id="SHIVANI", appointment_type=visit, practitioner=other)
        hear(told("invitee.created", "A"))

        hear(told("invitee.created", "B", old="A", starts_at=NOON, event_type="SHIVANI"))

        booking = Booking.objects.get()
        assert (booking.practitioner, booking.appointment_type, booking.starts_at) == (other, visit, NOON)
        assert (booking.entry.practitioner, booking.entry.external_id) == (other, "B")
        assert not DiaryEntry.objects.filter(live_until=None).exclude(practitioner=other).exists()
        assert booking.attention == ""

    def test_asks_for_a_look_at_the_price_of_another_kind_of_visit(self):
        dear = AppointmentTypeFactory(code="followup-dear", price=200)
        CalendlyEventTypeFactory(
            calendly_id="DEAR", appointment_type=dear, practitioner=CalendlyEventType.objects.get(pk=dia()).practitioner
        )
        hear(told("invitee.created", "A"))

        hear(told("invitee.created", "B", old="A", starts_at=NOON, event_type="DEAR"))

        booking = Booking.objects.get()
        assert (booking.appointment_type, booking.price) == (dear, 119)
        assert "Check its price" in booking.attention

    def test_takes_the_call_to_the_other_consultant(self):
        tom = PractitionerFactory(consultant=True, email="tom@example.com", name="Tom")
        hear(told("invitee.created", "A", event_type="TRIAGE"))
        moved = told("invitee.created", "B", old="A", starts_at=NOON, event_type="TRIAGE")
        moved["payload"]["scheduled_event"]["event_memberships"] = [{"user_email": "tom@example.com"}]

        hear(moved)

        session = TriageSession.objects.get()
        assert (session.consultant, session.consultation.practitioner) == (tom, tom)
        assert session.consultation.entry.practitioner == tom

    def test_leaves_a_visit_that_became_a_call_to_a_person(self):
        hear(told("invitee.created", "A"))

        with pytest.raises(NeedsPerson, match="became something else"):
            hear(told("invitee.created", "B", old="A", starts_at=NOON, event_type="TRIAGE"))

    def test_takes_the_new_link_along(self):
        hear(told("invitee.created", "A"))
        moved = told("invitee.created", "B", old="A", starts_at=NOON)
        moved["payload"]["scheduled_event"]["location"]["join_url"] = "https://zoom.us/j/new"

        hear(moved)

        assert Booking.objects.get().join_link == "https://zoom.us/j/new"

    def test_notes_that_the_former_time_is_free(self):
        hear(told("invitee.created", "A"))

        hear(told("invitee.created", "B", old="A", starts_at=NOON))

        assert FreedTime.objects.get().starts_at == TEN


class TestHost:
    def test_is_who_owns_the_event_type_whatever_the_member(self):
        tom = PractitionerFactory(consultant=True, email="tom@example.com", name="Tom")
        shared = CalendlyEventType.objects.get(calendly_id="TRIAGE")
        CalendlyEventTypeFactory(calendly_id="TOM", appointment_type=shared.appointment_type, practitioner=tom)

        hear(told("invitee.created", "A", event_type="TOM"))  # its member is Sarah

        assert TriageSession.objects.get().consultant == tom


class TestNoShow:
    @pytest.fixture
    def visit(self):
        hear(told("invitee.created", "A"))
        return Booking.objects.get()

    def test_changes_nothing_that_was_decided_here_when_it_comes_back(self, visit):
        lifecycle.mark_no_show(booking_id=visit.pk, by=None, now=timezone.now())
        before = list(SyncRecord.objects.values()), Booking.objects.values().get()

        said = hear(told("invitee_no_show.created", "A"))

        assert "already" in said
        assert (list(SyncRecord.objects.values()), Booking.objects.values().get()) == before

    def test_is_a_persons_matter_when_the_visit_took_place(self, visit):
        lifecycle.complete(booking_id=visit.pk, by=None, now=timezone.now())

        with pytest.raises(NeedsPerson, match="did not come, but it is completed"):
            hear(told("invitee_no_show.created", "A"))

    def test_is_a_persons_matter_when_it_is_undone_there_and_was_decided_here(self, visit):
        lifecycle.mark_no_show(booking_id=visit.pk, by=None, now=timezone.now())

        with pytest.raises(NeedsPerson, match="correct the booking"):
            hear(told("invitee_no_show.deleted", "A"))

    def test_is_a_persons_matter_when_it_is_undone_there_and_was_corrected_here_since(self, visit):
        hear(told("invitee_no_show.created", "A"))
        for state in (State.COMPLETED, State.NO_SHOW):
            lifecycle.correct(booking_id=visit.pk, state=state, reason="She rang.", by=None, now=timezone.now())

        with pytest.raises(NeedsPerson, match="correct the booking"):
            hear(told("invitee_no_show.deleted", "A", minute=5))

    def test_owes_it_to_medirecords_and_not_to_calendly(self, visit):
        SyncRecord.objects.update(told=F("wanted"))

        hear(told("invitee_no_show.created", "A"))

        states = {record.system: record.state for record in SyncRecord.objects.all()}
        assert states == {"calendly": "synced", "medirecords": "pending"}

    def test_does_not_close_a_call_that_is_going_on(self):
        hear(told("invitee.created", "A", event_type="TRIAGE"))
        TriageSession.objects.update(state=TriageSession.State.IN_PROGRESS)

        with pytest.raises(NeedsPerson, match="the call has begun"):
            hear(told("invitee_no_show.created", "A", event_type="TRIAGE"))


def dia():
    return CalendlyEventType.objects.get(calendly_id="DIA").pk


class TestOwn:
    """A booking of ours that comes back by the link that its patient was sent."""

    @pytest.fixture
    def linked(self):
        hear(told("invitee.created", "A"))
        link = {"link": "https://calendly.com/d/1", "email": "pat@example.com", "starts_at": TEN.isoformat()}
        SyncRecord.objects.filter(system="calendly").update(external_id="", external_ref="", told=0, underway=link)
        return Booking.objects.get()

    @staticmethod
    def used(booking, **fields):
        payload = told("invitee.created", "USED", **fields)
        payload["payload"]["tracking"]["utm_content"] = str(booking.pk)
        return payload

    @pytest.mark.parametrize("starts_at", [TEN, NOON], ids=["our time", "another time"])
    def test_stands_where_its_patient_put_it(self, linked, starts_at):
        hear(self.used(linked, starts_at=starts_at))

        booking, record = Booking.objects.get(), SyncRecord.objects.get(system="calendly")
        assert booking.starts_at == starts_at
        assert (record.external_id, record.underway, record.state) == ("USED", None, "synced")
        assert booking.entry.external_id == "USED"

    def test_ends_cancelled_when_that_is_heard_before_the_link_was_used(self, linked):
        gone = self.used(linked, starts_at=NOON)
        gone["event"] = "invitee.canceled"

        hear(gone)
        hear(self.used(linked, starts_at=NOON))

        assert Booking.objects.get().state == State.CANCELLED

    def test_is_not_moved_by_the_echo_of_what_we_entered_ourselves(self, linked):
        echo = self.used(linked, starts_at=NOON)
        echo["payload"]["scheduling_method"] = "api"

        hear(echo)

        assert Booking.objects.get().starts_at == TEN

    def test_is_not_moved_to_the_time_of_a_link_that_is_stale(self, linked):
        Booking.objects.update(starts_at=NOON, ends_at=NOON + timedelta(minutes=15))

        hear(self.used(linked, starts_at=TEN))

        assert Booking.objects.get().starts_at == NOON

    def test_leaves_a_second_event_to_a_person(self):
        hear(told("invitee.created", "A"))

        with pytest.raises(NeedsPerson, match="second event"):
            hear(self.used(Booking.objects.get(), starts_at=NOON))


class TestAMoveThatCrossedOurCancellation:
    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["as it was", "backwards"])
    def test_is_taken_out_of_calendly_and_pointed_out(self, order):
        hear(told("invitee.created", "FIRST"))
        booking = Booking.objects.get()
        lifecycle.cancel(booking_id=booking.pk, reason="Clinic closed", by=None, now=timezone.now())
        SyncRecord.objects.update(told=F("wanted"))
        pair = [
            told("invitee.canceled", "FIRST", minute=1, new="SECOND"),
            told("invitee.created", "SECOND", starts_at=NOON, minute=1, old="FIRST"),
        ]

        hear_all([pair[place] for place in order])

        booking.refresh_from_db()
        record = booking.sync_records.get(system="calendly")
        assert booking.state == State.CANCELLED
        assert booking.attention.startswith("The patient moved it in Calendly")
        assert (record.external_id, record.told < record.wanted) == ("SECOND", True)

    def test_needs_nobody_when_it_was_cancelled_there_in_the_end(self):
        hear(told("invitee.created", "FIRST"))
        booking = Booking.objects.get()
        lifecycle.cancel(booking_id=booking.pk, reason="Clinic closed", by=None, now=timezone.now())

        hear_all(
            [
                told("invitee.canceled", "SECOND", starts_at=NOON, minute=2, old="FIRST"),
                told("invitee.canceled", "FIRST", minute=1, new="SECOND"),
                told("invitee.created", "SECOND", starts_at=NOON, minute=1, old="FIRST"),
            ]
        )

        booking.refresh_from_db()
        assert booking.state == State.CANCELLED
        assert Booking.objects.count() == 1


class TestACancellationOfWhatWeHadNotWrittenDownYet:
    @pytest.fixture
    def booking(self):
        """A visit of ours that was sent to Calendly, by a worker that was killed before it heard the answer."""
        hear(told("invitee.created", "OTHER"))
        booking = Booking.objects.get()
        underway = {"email": booking.patient.email, "starts_at": booking.starts_at.isoformat()}
        booking.sync_records.filter(system="calendly").update(external_id="", external_ref="", underway=underway)
        return booking

    def cancellation(self, booking, **changes):
        tracking = {"utm_content": str(booking.pk)}
        return told("invitee.canceled", "OURS", minute=5, tracking=tracking, scheduling_method="api", **changes)

    def test_cancels_the_visit(self, booking):
        hear(self.cancellation(booking))

        booking.refresh_from_db()
        record = booking.sync_records.get(system="calendly")
        assert booking.state == State.CANCELLED
        assert (record.external_id, record.told, record.underway) == ("OURS", record.wanted, None)

    def test_leaves_a_visit_that_was_moved_here_meanwhile(self, booking):
        moved = {"starts_at": NOON, "ends_at": NOON + timedelta(minutes=15)}
        Booking.objects.update(**moved)

        hear(self.cancellation(booking))

        booking.refresh_from_db()
        assert booking.state == State.CONFIRMED


class TestAMoveThatCrossedOurMove:
    @pytest.fixture
    def booking(self):
        """A visit whose patient moved it in Calendly just before we gave up that event for another one there."""
        hear(told("invitee.created", "FIRST"))
        booking = Booking.objects.get()
        booking.sync_records.filter(system="calendly").update(
            external_id="OURS", external_ref=invitee("OURS"), former_refs=[invitee("FIRST")]
        )
        return booking

    def moved_by_patient(self, booking, name="invitee.created", **changes):
        tracking = {"utm_content": str(booking.pk)}
        return told(name, "THEIRS", starts_at=NOON, minute=2, old="FIRST", tracking=tracking, **changes)

    def test_stands_where_the_patient_wants_it_and_lets_our_event_go(self, booking):
        hear(self.moved_by_patient(booking))

        booking.refresh_from_db()
        record = booking.sync_records.get(system="calendly")
        assert booking.starts_at == NOON
        assert (record.external_id, record.underway) == ("THEIRS", {"leaves": "OURS"})
        assert record.told < record.wanted

    def test_lets_our_event_go_too_when_the_patient_cancels_theirs(self, booking):
        hear(self.moved_by_patient(booking))
        hear(self.moved_by_patient(booking, "invitee.canceled"))

        booking.refresh_from_db()
        record = booking.sync_records.get(system="calendly")
        assert booking.state == State.CANCELLED
        assert record.underway == {"leaves": "OURS"}
        assert record.told < record.wanted
