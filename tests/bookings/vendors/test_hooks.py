"""What Calendly tells is a fact: however it is told, it ends in the same rows."""

import pytest
from django.db.models import F
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, FreedTime, SyncRecord
from botaniqal import webhooks
from botaniqal.integrations import inbox, owed
from botaniqal.integrations.models import InboundEvent
from botaniqal.integrations.owed import NeedsPerson
from practitioners.models import CalendlyEventType, DiaryEntry
from tests.bookings.vendors.stories import AFTERNOON, NOON, State, check_orders, clinic, endings, hear, hear_all, told
from tests.calendly_deliveries import TEN
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory
from triage.models import TriageSession

__all__ = ["clinic"]
pytestmark = pytest.mark.django_db


def dia():
    return CalendlyEventType.objects.get(calendly_id="DIA").pk


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
