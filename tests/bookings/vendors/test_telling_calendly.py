"""Telling Calendly of visits."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings import lifecycle, notices
from bookings.models import SyncRecord
from bookings.vendors import sync
from botaniqal.integrations.models import Owed
from botaniqal.messages.models import Message
from practitioners.models import CalendlyEventType, DiaryEntry
from tests.bookings.vendors.at_calendly import as_there, record_of, standing, starts, tell, words_of
from tests.bookings.vendors.telling import cancel, move
from tests.factories import PatientFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db

IN_DAYS = next_morning(10, days=3)


@pytest.fixture
def dr_dia(on_calendly):
    return on_calendly(name="Dr Dia")


class TestTell:
    def test_enters_a_booking_once(self, vendors, dr_dia, book):
        booking = book(dr_dia)

        told = [tell(), tell()]

        record = record_of(booking)
        assert told == [1, 0]
        assert standing(vendors) == [(as_there(booking.starts_at), record.external_id)]
        assert record.state == Owed.State.SYNCED
        assert record.external_ref == vendors.state("calendly")["invitees"][0]["uri"]
        assert vendors.state("calendly")["invitees"][0]["tracking"]["utm_content"] == str(booking.pk)

    def test_marks_the_diary_entry_as_ours(self, vendors, dr_dia, book):
        starts_at = next_morning(10)
        entry = DiaryEntry.objects.create(
            practitioner=dr_dia, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=15), kind="booking"
        )
        booking = book(dr_dia, entry=entry)

        tell()

        entry.refresh_from_db()
        assert entry.external_id == record_of(booking).external_id

    def test_puts_the_join_link_into_the_e_mail_that_waits_for_it(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        notices.send_confirmation(booking=booking, now=timezone.now())

        tell()

        booking.refresh_from_db()
        message = Message.objects.get()
        assert booking.join_link == vendors.state("calendly")["events"][0]["location"]["join_url"]
        assert booking.join_link in message.text
        assert message.next_try_at <= timezone.now()

    def test_keeps_the_practitioners_own_meeting_link(self, vendors, on_calendly, book):
        booking = book(on_calendly(meeting_link="https://meet.example.com/dr-dia"))

        tell()

        booking.refresh_from_db()
        assert booking.join_link == "https://meet.example.com/dr-dia"

    @pytest.mark.parametrize("fault", ["error_after", "timeout_after"])
    def test_finds_what_it_entered_without_an_answer(self, vendors, dr_dia, book, fault):
        booking = book(dr_dia)
        vendors.faults("calendly", fault, operation="invitees.write", calls=1)

        tell()

        assert record_of(booking).state == Owed.State.SYNCED
        assert starts(vendors) == [as_there(booking.starts_at)]

    @pytest.mark.parametrize("fault", ["error_before", "throttled"])
    def test_tries_again_what_did_not_get_there(self, vendors, dr_dia, book, fault):
        booking = book(dr_dia)
        vendors.faults("calendly", fault, operation="invitees.write", calls=2, retry_after=0)

        tell()

        assert record_of(booking).state == Owed.State.SYNCED
        assert starts(vendors) == [as_there(booking.starts_at)]

    def test_looks_for_nothing_there_while_it_waits_for_a_limit(self, vendors, dr_dia, book, settings):
        settings.CALENDLY_INVITEE_LIMITS = [(1, 3_600)]
        bookings = [book(dr_dia, starts_at=IN_DAYS + timedelta(hours=hour)) for hour in range(2)]
        tell()
        before = len(vendors.calls("calendly"))

        SyncRecord.objects.update(next_try_at=timezone.now())
        tell()

        first, waiting = map(record_of, bookings)
        assert (first.state, waiting.state) == (Owed.State.SYNCED, Owed.State.PENDING)
        assert {call["path"] for call in vendors.calls("calendly")[before:]} == {"/calendly/event_types"}

    def test_finds_what_it_entered_before_the_booking_was_moved(self, vendors, dr_dia, book, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        booking = book(dr_dia)
        vendors.faults("calendly", "error_after", operation="invitees.write", calls=1)
        tell()
        move(booking, next_morning(14))

        tell()

        assert starts(vendors) == [as_there(next_morning(14))]

    def test_lets_go_what_it_entered_while_the_patient_chose_another_time(self, vendors, dr_dia, book, outside):
        booking, lost_at = book(dr_dia), next_morning(14)
        tell()
        theirs = standing(vendors)
        outside.book_event(CalendlyEventType.objects.get().uri, lost_at, mark=str(booking.pk))
        sought = {"email": "ava@example.com", "starts_at": lost_at.isoformat()}
        SyncRecord.objects.update(underway=sought, told=0, next_try_at=timezone.now())

        tell()

        record = record_of(booking)
        assert standing(vendors) == theirs
        assert (record.external_id, record.underway, record.state) == (theirs[0][1], None, Owed.State.SYNCED)
        assert words_of(booking)[-1] == "An event too many was cancelled."

    def test_looks_once_for_what_did_not_get_there(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        sought = {"email": "ava@example.com", "starts_at": next_morning(14).isoformat()}
        SyncRecord.objects.update(underway=sought, told=0, next_try_at=timezone.now())

        tell()

        assert (record_of(booking).underway, record_of(booking).state) == (None, Owed.State.SYNCED)

    def test_asks_for_a_person_when_the_time_is_not_free_there(self, vendors, dr_dia, book):
        book(dr_dia)
        tell()
        second = book(dr_dia)

        tell()

        record = record_of(second)
        assert record.state == Owed.State.NEEDS_PERSON
        assert record.problem == "Calendly says that this time is not free in Dr Dia's calendar."

    def test_finds_its_own_again_when_our_own_notes_are_lost(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        known = record_of(booking).external_id
        SyncRecord.objects.update(told=0, next_try_at=timezone.now(), external_id="", external_ref="")

        tell()

        assert record_of(booking).external_id == known
        assert len(standing(vendors)) == 1

    def test_cancels_what_was_cancelled(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        cancel(booking)

        tell()

        assert standing(vendors) == []
        assert record_of(booking).state == Owed.State.SYNCED

    def test_never_enters_what_was_cancelled_first(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        cancel(booking)

        tell()

        assert vendors.state("calendly")["events"] == []
        assert record_of(booking).state == Owed.State.SYNCED

    def test_cancels_what_it_entered_without_an_answer(self, vendors, dr_dia, book, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        booking = book(dr_dia)
        vendors.faults("calendly", "error_after", operation="invitees.write", calls=1)
        tell()
        cancel(booking)

        tell()

        assert standing(vendors) == []

    def test_moves_what_was_moved(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        former = record_of(booking).external_id
        move(booking, next_morning(14))

        tell()

        record = record_of(booking)
        booking.refresh_from_db()
        assert standing(vendors) == [(as_there(next_morning(14)), record.external_id)]
        assert record.external_id != former
        assert booking.join_link == vendors.state("calendly")["events"][-1]["location"]["join_url"]

    @pytest.mark.parametrize("operation", ["events.write", "invitees.write"], ids=["leaving", "entering"])
    @pytest.mark.parametrize("fault", ["error_before", "error_after"])
    def test_moves_once_however_it_is_cut_off(self, vendors, dr_dia, book, operation, fault):
        booking = book(dr_dia)
        tell()
        move(booking, next_morning(14))
        vendors.faults("calendly", fault, operation=operation, calls=1)

        tell()

        assert standing(vendors) == [(as_there(next_morning(14)), record_of(booking).external_id)]

    def test_does_not_let_calendlys_echo_of_a_move_find_the_booking(self, vendors, dr_dia, book, settings):
        settings.SYNC_BACKOFF_SECONDS = 60
        booking = book(dr_dia)
        tell()
        former = record_of(booking).external_id
        move(booking, next_morning(14))
        vendors.faults("calendly", "error_after", operation="events.write", calls=1)

        tell()

        assert standing(vendors) == []
        assert not SyncRecord.objects.filter(external_id=former).exists()

    def test_leaves_the_calendar_of_a_practitioner_who_changed_to_another(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        dr_dia.calendar_provider = "none"
        dr_dia.save()
        sync.owe(booking=booking, now=timezone.now())

        tell()

        assert standing(vendors) == []

    def test_goes_into_the_calendar_of_the_practitioner_who_took_it_over(self, vendors, on_calendly, book):
        booking = book(on_calendly())
        tell()
        booking.practitioner = on_calendly()
        booking.save()
        sync.owe(booking=booking, now=timezone.now())

        tell()

        hosts = [
            event["event_memberships"][0]["user_email"]
            for event in vendors.state("calendly")["events"]
            if event["status"] == "active"
        ]
        assert hosts == [booking.practitioner.email]

    def test_leaves_alone_what_is_as_it_should_be(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        before = standing(vendors)
        sync.owe(booking=booking, now=timezone.now())

        tell()

        assert standing(vendors) == before

    @pytest.mark.parametrize("end", [lifecycle.complete, lifecycle.mark_no_show])
    def test_leaves_alone_what_is_over(self, vendors, dr_dia, book, end):
        booking = book(dr_dia)
        tell()
        before = standing(vendors)
        end(booking_id=booking.pk, by=None, now=timezone.now())

        tell()

        assert standing(vendors) == before
        assert record_of(booking).state == Owed.State.SYNCED

    def test_asks_for_an_event_type_where_there_is_none(self, vendors, book):
        booking = book(PractitionerFactory(name="Dr Dia", calendar_provider="calendly"))

        tell()

        assert record_of(booking).problem == (
            "No Calendly event type for Initial and Dr Dia. Add one on the practitioner's page."
        )

    def test_says_so_when_calendly_has_the_event_type_no_more(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        CalendlyEventType.objects.update(calendly_id="GONE")

        tell()

        assert record_of(booking).state == Owed.State.NEEDS_PERSON
        assert "no such event type" in record_of(booking).problem

    def test_asks_for_an_address_where_the_patient_has_none(self, vendors, dr_dia, book):
        booking = book(dr_dia, patient=PatientFactory(email=""))

        tell()

        assert record_of(booking).state == Owed.State.NEEDS_PERSON
        assert "e-mail" in record_of(booking).problem

    def test_says_so_when_a_visit_was_over_before(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        lifecycle.complete(booking_id=booking.pk, by=None, now=timezone.now())

        tell()

        assert standing(vendors) == []
        assert words_of(booking) == ["Nothing was entered: the visit was over before."]

    def test_does_not_take_a_time_that_we_gave_up_for_one_that_was_cancelled_there(
        self, vendors, dr_dia, book, settings
    ):
        booking = book(dr_dia)
        tell()
        move(booking, next_morning(14))
        tell()
        settings.SYNC_BACKOFF_SECONDS = 60
        move(booking, next_morning(10))
        vendors.faults("calendly", "error_before", operation="invitees.write", calls=1)
        tell()
        SyncRecord.objects.update(next_try_at=timezone.now())

        tell()

        assert standing(vendors) == [(as_there(next_morning(10)), record_of(booking).external_id)]

    def test_takes_calendlys_meeting_from_a_visit_that_goes_on_without_it(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tell()
        dr_dia.calendar_provider = "none"
        dr_dia.save()
        sync.owe_upcoming(practitioner=dr_dia, now=timezone.now())

        tell()

        booking.refresh_from_db()
        assert booking.join_link == ""

    def test_notes_each_thing_said_once(self, vendors, dr_dia, book):
        booking = book(dr_dia)
        tomorrow = booking.when.removesuffix(" 10:00")
        tell()
        move(booking, next_morning(14))
        tell()
        sync.owe(booking=booking, now=timezone.now())
        tell()
        cancel(booking)

        tell()

        assert words_of(booking) == [
            f"Entered for {tomorrow} 10:00.",
            "The former time was cancelled.",
            f"Entered for {tomorrow} 14:00.",
            "Cancelled.",
        ]
