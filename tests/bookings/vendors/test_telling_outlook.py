from datetime import timedelta

import pytest
from django.utils import timezone

from bookings import lifecycle, notices
from bookings.models import Booking, SyncRecord
from bookings.vendors import sync
from botaniqal.integrations.models import Owed
from botaniqal.messages.models import Message
from practitioners.models import BusyPeriod, DiaryEntry
from tests.bookings.vendors.telling import cancel, move
from tests.factories import AppointmentTypeFactory, PatientFactory, RoomFactory, next_morning

pytestmark = pytest.mark.django_db

MEETING = "https://meet.example.com/dr-shivani"


def tell():
    return sync.work_due(sync.System.OUTLOOK)


def record_of(booking):
    return SyncRecord.objects.get(booking=booking, system=sync.System.OUTLOOK)


def events(vendors):
    return vendors.state("graph")["events"]


def standing(vendors):
    """The events in Outlook: whose mailbox, when and by which id."""
    return [(event["mailbox"], event["start"]["dateTime"][:16], event["id"]) for event in events(vendors)]


def as_there(moment):
    return f"{moment:%Y-%m-%dT%H:%M}"


def at(booking):
    """Where the booking should stand now."""
    booking = Booking.objects.select_related("practitioner").get(pk=booking.pk)
    return [(booking.practitioner.mailbox, as_there(booking.starts_at), record_of(booking).external_id)]


def properties(event):
    return {row["id"].rpartition(" ")[2]: row["value"] for row in event["singleValueExtendedProperties"]}


def delete_by_hand(vendors, booking):
    record = record_of(booking)
    vendors.control("DELETE", "graph/events", json={"mailbox": record.external_ref, "id": record.external_id})


@pytest.fixture
def shivani(on_outlook):
    return on_outlook(name="Dr Shivani", meeting_link=MEETING)


class TestTell:
    def test_enters_a_booking_once(self, vendors, shivani, book):
        booking = book(shivani)

        told = [tell(), tell()]

        assert told == [1, 0]
        assert standing(vendors) == at(booking)
        assert record_of(booking).state == Owed.State.SYNCED
        assert record_of(booking).external_ref == shivani.mailbox

    def test_says_what_the_practitioner_needs_and_nothing_of_the_patient(self, vendors, shivani, visits, book):
        booking = book(shivani, patient=PatientFactory(name="Leo Martin"), notes="Has trouble sleeping")

        tell()

        [event] = events(vendors)
        assert event["subject"] == f"Visit {booking.number}"
        assert (event["sensitivity"], event["showAs"]) == ("private", "busy")
        assert (event["categories"], event["location"]["displayName"]) == ([visits.service.name], MEETING)
        assert MEETING in event["body"]["content"]
        assert properties(event) == {
            "booking": str(booking.pk),
            "service": visits.service.name,
            "minutes": "15",
            "practitioner": "Dr Shivani",
            "price": "119.00",
        }
        for word in ("Leo", "Martin", "leo.martin", "491570156", "sleeping"):
            assert word not in str(event)

    def test_says_in_which_room_a_visit_in_person_is(self, vendors, shivani, book):
        room, kind, starts_at = RoomFactory(name="Blue room"), AppointmentTypeFactory(in_person=True), next_morning(10)
        ends_at = starts_at + timedelta(minutes=20)
        entry = DiaryEntry.objects.create(
            practitioner=shivani, starts_at=starts_at, ends_at=ends_at, room=room, kind="booking"
        )
        book(shivani, appointment_type=kind, entry=entry)

        tell()

        assert [event["location"]["displayName"] for event in events(vendors)] == ["Blue room"]

    def test_marks_the_diary_entry_as_ours_and_takes_back_what_the_mirror_made_of_it(self, vendors, shivani, book):
        starts_at = next_morning(10)
        times = {"starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=15)}
        entry = DiaryEntry.objects.create(practitioner=shivani, kind="booking", **times)
        booking = book(shivani, entry=entry)
        tell()
        event = record_of(booking).external_id
        BusyPeriod.objects.create(practitioner=shivani, calendar="outlook", external_id=event, **times)
        sync.owe(booking=booking, now=timezone.now())

        tell()

        entry.refresh_from_db()
        assert entry.external_id == event
        assert not BusyPeriod.objects.exists()

    def test_leaves_busy_what_has_no_place_in_the_diary(self, vendors, shivani, book):
        starts_at = next_morning(10)
        booking = book(shivani)
        tell()
        BusyPeriod.objects.create(
            practitioner=shivani,
            calendar="outlook",
            external_id=record_of(booking).external_id,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=15),
        )
        sync.owe(booking=booking, now=timezone.now())

        tell()

        assert BusyPeriod.objects.exists()

    def test_sends_the_practitioners_own_link_to_the_patient_at_once(self, vendors, shivani, book):
        booking = book(shivani)

        notices.send_confirmation(booking=booking, now=timezone.now())

        assert MEETING in Message.objects.get().text
        assert Message.objects.get().next_try_at <= timezone.now()

    @pytest.mark.parametrize("fault", ["error_after", "timeout_after", "error_before", "throttled"])
    def test_enters_it_once_whatever_happens_on_the_way(self, vendors, shivani, book, fault):
        booking = book(shivani)
        vendors.faults("graph", fault, operation="events.write", calls=1, retry_after=0)

        tell()

        assert standing(vendors) == at(booking)
        assert record_of(booking).underway is None

    @pytest.mark.parametrize("fault", ["error_after", "timeout_after"])
    def test_finds_what_it_entered_before_the_booking_was_moved(self, vendors, shivani, book, fault, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        booking = book(shivani)
        vendors.faults("graph", fault, operation="events.write", calls=1)
        tell()
        move(booking, next_morning(14))

        tell()

        assert standing(vendors) == at(booking)

    def test_finds_what_it_entered_in_a_calendar_that_is_not_the_right_one_any_more(
        self, vendors, shivani, on_outlook, book, settings
    ):
        settings.SYNC_BACKOFF_SECONDS = 60
        booking = book(shivani)
        vendors.faults("graph", "error_after", operation="events.write", calls=1)
        tell()
        move(booking, next_morning(14), practitioner=on_outlook())

        tell()

        assert standing(vendors) == at(booking)

    def test_cancels_what_it_entered_without_an_answer(self, vendors, shivani, book, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        booking = book(shivani)
        vendors.faults("graph", "error_after", operation="events.write", calls=1)
        tell()
        cancel(booking)

        tell()

        assert events(vendors) == []

    def test_finds_its_own_again_when_our_own_notes_are_lost(self, vendors, shivani, book):
        booking = book(shivani)
        tell()
        before = standing(vendors)
        SyncRecord.objects.update(told=0, next_try_at=timezone.now(), external_id="", external_ref="")

        tell()

        assert standing(vendors) == before == at(booking)

    def test_knows_an_event_by_its_id_alone(self, vendors, shivani, book):
        booking = book(shivani)
        tell()
        before = standing(vendors)
        SyncRecord.objects.update(told=0, next_try_at=timezone.now(), external_ref="")

        tell()

        assert standing(vendors) == before
        assert record_of(booking).external_ref == shivani.mailbox

    def test_takes_out_what_was_cancelled(self, vendors, shivani, book):
        booking = book(shivani)
        tell()
        cancel(booking)

        tell()

        assert events(vendors) == []
        assert record_of(booking).state == Owed.State.SYNCED

    def test_never_enters_what_was_cancelled_first(self, vendors, shivani, book):
        booking = book(shivani)
        cancel(booking)

        tell()

        assert [call for call in vendors.calls("graph") if call["method"] == "POST" and "events" in call["path"]] == []
        assert record_of(booking).state == Owed.State.SYNCED

    def test_moves_what_was_moved_within_its_calendar(self, vendors, shivani, book):
        booking = book(shivani)
        tell()
        former = record_of(booking).external_id
        move(booking, next_morning(14))

        tell()

        assert standing(vendors) == at(booking)
        assert record_of(booking).external_id == former

    @pytest.mark.parametrize("number", [1, 2], ids=["leaving", "entering"])
    @pytest.mark.parametrize("fault", ["error_before", "error_after", "timeout_after"])
    def test_goes_to_another_calendar_once_however_it_is_cut_off(
        self, vendors, shivani, on_outlook, book, number, fault
    ):
        booking = book(shivani)
        tell()
        move(booking, next_morning(14), practitioner=on_outlook())
        if number == 2:
            vendors.faults("graph", "error_after", operation="events.write", calls=1)
        vendors.faults("graph", fault, operation="events.write", calls=number)

        tell()

        assert standing(vendors) == at(booking)

    def test_does_not_mind_when_the_former_mailbox_is_gone(self, vendors, shivani, on_outlook, book):
        booking = book(shivani)
        tell()
        move(booking, next_morning(14), practitioner=on_outlook())
        vendors.control("POST", "graph/mailboxes", json={"mailbox": shivani.mailbox, "exists": False})

        tell()

        assert at(booking)[0] in standing(vendors)
        assert record_of(booking).state == Owed.State.SYNCED

    def test_follows_the_mailbox_when_that_changes(self, vendors, shivani, book):
        booking = book(shivani)
        tell()
        shivani.mailbox = "new@botaniqal.example"
        shivani.save()
        sync.owe_upcoming(practitioner=shivani, now=timezone.now())

        tell()

        assert standing(vendors) == at(booking)

    def test_takes_the_same_mailbox_written_otherwise_for_the_same(self, vendors, shivani, book):
        booking = book(shivani)
        tell()
        shivani.mailbox = shivani.mailbox.upper()
        shivani.save()
        before = standing(vendors)
        sync.owe_upcoming(practitioner=shivani, now=timezone.now())

        tell()

        assert standing(vendors) == before
        assert [note.words for note in record_of(booking).notes.all()] == [f"Entered for {booking.when}."]

    def test_leaves_the_calendar_of_a_practitioner_who_changed_to_another(self, vendors, shivani, book):
        booking = book(shivani)
        tell()
        shivani.calendar_provider = "none"
        shivani.save()
        sync.owe_upcoming(practitioner=shivani, now=timezone.now())

        tell()

        assert events(vendors) == []
        assert record_of(booking).state == Owed.State.SYNCED

    def test_enters_anew_what_was_deleted_by_hand_when_that_is_owed(self, vendors, shivani, book):
        booking = book(shivani)
        tell()
        delete_by_hand(vendors, booking)
        sync.owe(booking=booking, now=timezone.now())

        tell()

        assert standing(vendors) == at(booking)

    def test_asks_nothing_to_be_written_that_is_as_it_should_be(self, vendors, shivani, book):
        booking = book(shivani)
        tell()
        sync.owe(booking=booking, now=timezone.now())

        tell()

        written = [call["method"] for call in vendors.calls("graph") if call["method"] != "GET"]
        assert written == ["POST", "POST"]  # the key, and the event
        assert record_of(booking).state == Owed.State.SYNCED

    @pytest.mark.parametrize("end", [lifecycle.complete, lifecycle.mark_no_show])
    def test_leaves_alone_what_is_over(self, vendors, shivani, book, end):
        booking = book(shivani)
        tell()
        before = standing(vendors)
        end(booking_id=booking.pk, by=None, now=timezone.now())

        tell()

        assert standing(vendors) == before
        assert record_of(booking).state == Owed.State.SYNCED

    def test_enters_nothing_that_is_over_before(self, vendors, shivani, book):
        booking = book(shivani)
        lifecycle.complete(booking_id=booking.pk, by=None, now=timezone.now())

        tell()

        assert events(vendors) == []
        assert [note.words for note in record_of(booking).notes.all()] == [
            "Nothing was entered: the visit was over before."
        ]

    def test_says_so_when_outlook_does_not_know_the_mailbox(self, vendors, shivani, book):
        booking = book(shivani)
        vendors.control("POST", "graph/mailboxes", json={"mailbox": shivani.mailbox, "exists": False})

        tell()

        assert record_of(booking).state == Owed.State.NEEDS_PERSON
        assert record_of(booking).problem == (
            "Outlook does not let the portal into Dr Shivani's mailbox. Check its address and rights."
        )

    def test_notes_each_thing_said_once(self, vendors, shivani, on_outlook, book):
        booking = book(shivani)
        first = booking.when
        tell()
        move(booking, next_morning(14))
        tell()
        move(booking, next_morning(15), practitioner=on_outlook())
        tell()
        sync.owe(booking=booking, now=timezone.now())
        tell()
        cancel(booking)

        tell()

        tomorrow = first.removesuffix(" 10:00")
        assert [note.words for note in record_of(booking).notes.all()] == [
            f"Entered for {tomorrow} 10:00.",
            f"Brought up to date: {tomorrow} 14:00.",
            "Taken out of the calendar.",
            f"Entered for {tomorrow} 15:00.",
            "Taken out of the calendar.",
        ]
