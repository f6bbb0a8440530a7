import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from bookings import lifecycle, notices
from bookings.models import SyncRecord
from bookings.vendors import sync
from botaniqal.integrations.models import Owed
from botaniqal.messages.models import Message
from practitioners.models import Practitioner
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory

pytestmark = pytest.mark.django_db

System = sync.System


def states(booking):
    return {line["system"]: line["state"] for line in sync.statement(booking)}


def systems(booking):
    return set(booking.sync_records.values_list("system", flat=True))


def book(provider="calendly", **fields):
    return BookingFactory(practitioner=PractitionerFactory(calendar_provider=provider), **fields)


def owe(booking):
    sync.owe(booking=booking, now=timezone.now())


class TestOwe:
    @pytest.mark.parametrize(
        ("provider", "wanted"),
        [
            ("calendly", {"calendly", "medirecords"}),
            ("outlook", {"outlook", "medirecords"}),
            ("none", {"medirecords"}),
        ],
    )
    def test_owes_a_visit_to_the_practitioners_calendar_and_to_medirecords(self, provider, wanted):
        booking = book(provider)

        owe(booking)

        assert systems(booking) == wanted

    def test_owes_a_free_consultation_to_the_calendar_alone(self):
        booking = book(appointment_type=AppointmentTypeFactory(free=True))

        owe(booking)

        assert systems(booking) == {"calendly"}

    def test_owes_a_later_change_again_with_all_its_tries(self):
        booking = book()
        owe(booking)
        SyncRecord.objects.update(told=1, attempts=5, needs_person=True, problem="Calendly says no.")

        owe(booking)

        record = booking.sync_records.get(system=System.CALENDLY)
        assert (record.wanted, record.told, record.attempts, record.problem) == (2, 1, 0, "")
        assert record.state == Owed.State.PENDING

    def test_owes_a_change_also_to_the_calendar_that_the_practitioner_left(self):
        booking = book()
        owe(booking)
        booking.practitioner.calendar_provider = "outlook"

        owe(booking)

        assert systems(booking) == {"calendly", "outlook", "medirecords"}
        assert booking.sync_records.get(system=System.CALENDLY).wanted == 2

    def test_rings_for_those_who_have_to_be_told(self, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks() as bells:
            owe(book())

        assert {bell.args for bell in bells} == {("tell_calendly",), ("tell_medirecords",)}


class TestOweUpcoming:
    def test_owes_what_lies_ahead_again(self):
        booking = book()
        owe(booking)
        SyncRecord.objects.update(told=1)
        over = BookingFactory(
            practitioner=booking.practitioner, starts_at=booking.starts_at - timedelta(days=9), ends_at=timezone.now()
        )
        Practitioner.objects.update(calendar_provider="outlook")

        owed = sync.owe_upcoming(practitioner=booking.practitioner, now=timezone.now())

        assert owed == 1
        assert set(states(booking).items()) == {(each, "pending") for each in ("calendly", "outlook", "medirecords")}
        assert not over.sync_records.exists()

    def test_gives_visits_by_video_the_meeting_link_that_there_is_now(self):
        booking, in_person = book(), book(appointment_type=AppointmentTypeFactory(in_person=True))
        Practitioner.objects.update(meeting_link="https://meet.example.com/dia")

        for each in (booking, in_person):
            sync.owe_upcoming(practitioner=Practitioner.objects.get(bookings=each), now=timezone.now())

        booking.refresh_from_db()
        in_person.refresh_from_db()
        assert (booking.join_link, in_person.join_link) == ("https://meet.example.com/dia", "")


class TestAdopt:
    def test_notes_what_was_heard(self):
        booking = book()

        sync.adopt(booking=booking, system=System.CALENDLY, external_id="EVENT1")

        note = booking.sync_records.get().notes.get()
        assert (note.turn, note.words) == ("heard", f"Entered there for {booking.when}.")

    def test_owes_nothing_to_the_vendor_who_told_us(self):
        booking = book()
        owe(booking)

        sync.adopt(booking=booking, system=System.CALENDLY, external_id="EVENT1", external_ref="INVITEE1")

        record = booking.sync_records.get(system=System.CALENDLY)
        assert record.state == Owed.State.SYNCED
        assert (record.external_id, record.external_ref) == ("EVENT1", "INVITEE1")

    def test_knows_a_vendor_whom_nothing_was_owed(self):
        booking = book("none")

        sync.adopt(booking=booking, system=System.CALENDLY, external_id="EVENT1")

        assert states(booking) == {"calendly": "synced"}

    def test_lets_the_e_mail_go_that_waits_for_the_vendor(self):
        booking = book(join_link="https://meet.example.com/j/1", revision=1)
        owe(booking)
        notices.send_moved(booking=booking, now=timezone.now())

        sync.adopt(booking=booking, system=System.CALENDLY, external_id="EVENT2")

        message = Message.objects.get()
        assert message.next_try_at <= timezone.now()
        assert booking.join_link in message.text

    def test_takes_the_word_of_a_worker_who_is_telling_something_older(self):
        booking = book()
        owe(booking)
        SyncRecord.objects.update(leased_until=timezone.now() + timedelta(minutes=1))

        sync.adopt(booking=booking, system=System.CALENDLY, external_id="EVENT1")

        assert booking.sync_records.get(system=System.CALENDLY).leased_until is None


class TestWorkDue:
    def test_asks_for_a_mailbox_where_nobody_said_which(self):
        booking = book("outlook")
        owe(booking)

        sync.work_due(System.OUTLOOK)

        assert states(booking)["outlook"] == "needs_person"


class TestStatement:
    def test_says_where_each_system_stands(self):
        booking = book()
        owe(booking)
        notices.send_confirmation(booking=booking, now=timezone.now())
        record = booking.sync_records.get(system=System.CALENDLY)
        booking.sync_records.filter(system=System.MEDIRECORDS).update(told=1, external_id="APPOINTMENT1")

        calendly, medirecords, email = sync.statement(booking)

        assert calendly == {
            "system": "calendly",
            "state": "pending",
            "externalId": None,
            "attempts": 0,
            "nextTryAt": record.next_try_at,
            "problem": None,
        }
        assert (medirecords["state"], medirecords["externalId"], medirecords["nextTryAt"]) == (
            "synced",
            "APPOINTMENT1",
            None,
        )
        assert (email["system"], email["state"]) == ("email", "pending")

    def test_says_what_a_person_has_to_do(self):
        booking = book("outlook")
        owe(booking)
        sync.work_due(System.OUTLOOK)

        line = next(line for line in sync.statement(booking) if line["system"] == "outlook")

        assert line["state"] == "needs_person"
        assert line["problem"] == (f"{booking.practitioner} has no Outlook mailbox. Add it on the practitioner's page.")

    def test_speaks_of_the_latest_e_mail(self):
        booking = book()
        notices.send_confirmation(booking=booking, now=timezone.now())
        Message.objects.update(told=1, sent_at=timezone.now())
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())

        assert states(booking)["email"] == "pending"


@pytest.mark.django_db(transaction=True)
class TestWaitUntilTold:
    def test_ends_as_soon_as_all_is_told(self, settings):
        settings.SYNC_WAIT_SECONDS = 30
        booking = book()
        SyncRecord.objects.create(booking=booking, system=System.CALENDLY)

        def worker():
            SyncRecord.objects.update(told=1)
            connection.close()

        threading.Timer(0.1, worker).start()
        lines = sync.wait_until_told(booking=booking)

        assert [line["state"] for line in lines] == ["synced"]

    @pytest.mark.parametrize(
        "record",
        [{"needs_person": True}, {"next_try_at": timezone.now() + timedelta(hours=1), "attempts": 1}],
        ids=["needs a person", "put off"],
    )
    def test_does_not_wait_for_what_cannot_happen_in_time(self, settings, record):
        settings.SYNC_WAIT_SECONDS = 60
        booking = book()
        SyncRecord.objects.create(booking=booking, system=System.CALENDLY, **record)

        lines = sync.wait_until_told(booking=booking)

        assert [line["state"] for line in lines] != ["synced"]

    def test_waits_no_longer_than_it_may(self, settings):
        settings.SYNC_WAIT_SECONDS = 0.1
        booking = book()
        SyncRecord.objects.create(booking=booking, system=System.CALENDLY)

        lines = sync.wait_until_told(booking=booking)

        assert [line["state"] for line in lines] == ["pending"]
