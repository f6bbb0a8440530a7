"""What Calendly tells back of what the portal told it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking, SyncRecord
from bookings.vendors import hooks, sync
from botaniqal.integrations.calendly_events import CalendlyEvent, Kind
from practitioners.models import CalendlyEventType, Practitioner
from tests.factories import next_morning

pytestmark = pytest.mark.django_db


def echo(vendors, number, kind, **fields):
    """What Calendly sends of an event, the first or a later one."""
    event, invitee = vendors.state("calendly")["events"][number], vendors.state("calendly")["invitees"][number]
    return CalendlyEvent(
        **{
            "kind": kind,
            "delivery_key": "1",
            "event_id": event["uri"].rpartition("/")[2],
            "invitee_uri": invitee["uri"],
            "starts_at": next_morning(10),
            "ends_at": next_morning(10) + timedelta(minutes=15),
            "name": invitee["name"],
            "email": invitee["email"],
            "utm_content": invitee["tracking"]["utm_content"],
            **fields,
        }
    )


@pytest.fixture
def told(vendors, on_calendly, book):
    """A booking that Calendly was told of."""
    booking = book(on_calendly())
    sync.work_due(sync.System.CALENDLY)
    return booking


def hear(hook, event):
    return hook(event, CalendlyEventType.objects.get(), timezone.now())


def move(booking):
    lifecycle.note_move(
        booking=booking,
        starts_at=next_morning(14),
        ends_at=next_morning(14) + timedelta(minutes=15),
        now=timezone.now(),
    )
    sync.work_due(sync.System.CALENDLY)


class TestVisitCreated:
    def test_changes_nothing_of_our_own_booking(self, vendors, told):
        before = SyncRecord.objects.values().get(system=sync.System.CALENDLY)

        hear(hooks.visit_created, echo(vendors, 0, Kind.CREATED))

        assert SyncRecord.objects.values().get(system=sync.System.CALENDLY) == before
        assert Booking.objects.count() == 1

    def test_does_not_take_the_former_time_for_the_present_one(self, vendors, told):
        move(told)
        present = SyncRecord.objects.get(system=sync.System.CALENDLY).external_id

        hear(hooks.visit_created, echo(vendors, 0, Kind.CREATED))

        assert SyncRecord.objects.get(system=sync.System.CALENDLY).external_id == present

    def test_moves_our_own_booking_when_the_patient_did_so_in_calendly(self, vendors, told):
        record = SyncRecord.objects.get(system=sync.System.CALENDLY)
        starts_at = next_morning(15)
        event = echo(
            vendors,
            0,
            Kind.CREATED,
            event_id="EVENT2",
            invitee_uri="INVITEE2",
            old_invitee=record.external_ref,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=15),
        )

        hear(hooks.visit_created, event)

        told.refresh_from_db()
        assert told.starts_at == starts_at
        assert SyncRecord.objects.get(system=sync.System.CALENDLY).external_id == "EVENT2"

    def test_lets_an_event_go_that_we_made_and_never_wrote_down(self, vendors, told, outside):
        kept = SyncRecord.objects.get(system=sync.System.CALENDLY).external_id
        starts_at = next_morning(14)
        outside.book_event(CalendlyEventType.objects.get().uri, starts_at, mark=str(told.pk))

        hear(hooks.visit_created, echo(vendors, 1, Kind.CREATED, starts_at=starts_at, is_by_api=True))
        sync.work_due(sync.System.CALENDLY)

        record = SyncRecord.objects.get(system=sync.System.CALENDLY)
        assert [event["uri"].rpartition("/")[2] for event in outside.events()] == [kept]
        assert (record.external_id, record.underway, record.state) == (kept, None, "synced")

    def test_takes_back_an_event_of_ours_that_is_not_written_down_any_more(self, vendors, told, outside):
        kept = SyncRecord.objects.get(system=sync.System.CALENDLY).external_id
        SyncRecord.objects.filter(system=sync.System.CALENDLY).update(external_id="", external_ref="")

        hear(hooks.visit_created, echo(vendors, 0, Kind.CREATED, is_by_api=True))
        sync.work_due(sync.System.CALENDLY)

        assert SyncRecord.objects.get(system=sync.System.CALENDLY).external_id == kept
        assert len(outside.events()) == 1


class TestVisitCancelled:
    def test_keeps_a_booking_whose_former_time_we_gave_up_ourselves(self, vendors, told):
        move(told)

        hear(hooks.visit_cancelled, echo(vendors, 0, Kind.CANCELED))

        told.refresh_from_db()
        assert told.state == Booking.State.CONFIRMED

    @pytest.mark.parametrize("ref", [None, ""], ids=["known", "imported"])
    def test_takes_no_event_for_new_whose_time_we_gave_up_ourselves(self, vendors, told, ref):
        made_there = echo(vendors, 0, Kind.CANCELED, utm_content=None)
        if ref is not None:  # a visit that was imported is known by its event alone
            SyncRecord.objects.filter(system=sync.System.CALENDLY).update(external_ref=ref)
        move(told)

        hear(hooks.visit_cancelled, made_there)

        assert Booking.objects.get() == told

    def test_cancels_our_own_booking_when_the_patient_did_so_in_calendly(self, vendors, told):
        hear(hooks.visit_cancelled, echo(vendors, 0, Kind.CANCELED))

        told.refresh_from_db()
        assert told.state == Booking.State.CANCELLED

    def test_keeps_a_booking_that_we_took_to_another_calendar(self, vendors, told):
        Practitioner.objects.update(calendar_provider="none")
        sync.owe(booking=told, now=timezone.now())
        sync.work_due(sync.System.CALENDLY)

        hear(hooks.visit_cancelled, echo(vendors, 0, Kind.CANCELED))

        told.refresh_from_db()
        assert told.state == Booking.State.CONFIRMED
