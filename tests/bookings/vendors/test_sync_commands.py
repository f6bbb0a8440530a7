"""The commands that bring vendors up to date."""

import pytest
from django.core.management import CommandError, call_command

from bookings.models import SyncRecord
from botaniqal.commands import CANNOT, NEEDS_PERSON
from practitioners.models import BusyPeriod

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def booking(on_calendly, book):
    return book(on_calendly())


def notes(vendors) -> list[str]:
    return [row["notes"] for row in vendors.state("medirecords")["appointments"]]


def invitees(vendors) -> list[dict]:
    return vendors.state("calendly")["invitees"]


class TestSyncMedirecords:
    def test_tells_medirecords_and_nobody_else(self, vendors, booking, capsys):
        call_command("sync_medirecords")

        assert notes(vendors) == [f"[ref:{booking.pk}]"]
        assert invitees(vendors) == []
        assert capsys.readouterr().out == "1 MediRecords: synced.\n"

    def test_tells_once_however_often_it_is_run(self, vendors, booking):
        for options in ([], [], ["--again"]):
            call_command("sync_medirecords", *options)

        assert len(notes(vendors)) == 1

    def test_asks_nobody_in_a_dry_run(self, vendors, booking, capsys):
        call_command("sync_medirecords", "--dry-run")

        assert vendors.calls() == []
        assert capsys.readouterr().out == "Dry run: 1 owed to MediRecords. Nothing was changed.\n"

    def test_leaves_the_rest_when_the_vendor_does_not_answer(self, vendors, on_calendly, book, capsys):
        practitioner = on_calendly()
        for _ in range(5):
            book(practitioner)
        vendors.faults("medirecords", "error_before")

        call_command("sync_medirecords")

        assert "2 MediRecords: left for later, since it does not answer" in capsys.readouterr().out

    def test_names_what_needs_a_person_and_leaves_with_1(self, vendors, on_calendly, book, capsys):
        booking = book(on_calendly(medirecords_provider_id=None))

        with pytest.raises(CommandError) as left:
            call_command("sync_medirecords")

        assert left.value.returncode == NEEDS_PERSON
        assert f"! {booking.number}, MediRecords: " in capsys.readouterr().out

    def test_takes_up_what_is_stuck_when_asked_to(self, vendors, booking):
        SyncRecord.objects.update(needs_person=True)
        call_command("sync_medirecords")
        left_alone = notes(vendors)

        call_command("sync_medirecords", "--stuck")

        assert left_alone == []
        assert len(notes(vendors)) == 1

    def test_tells_of_one_booking_alone(self, vendors, on_calendly, book):
        practitioner = on_calendly()
        one, _ = book(practitioner), book(practitioner)

        call_command("sync_medirecords", "--booking", one.number)

        assert notes(vendors) == [f"[ref:{one.pk}]"]

    def test_refuses_a_booking_that_nobody_knows(self):
        with pytest.raises(CommandError, match="There is no booking BOT-1") as left:
            call_command("sync_medirecords", "--booking", "BOT-1")

        assert left.value.returncode == CANNOT


class TestSyncCalendars:
    def test_reads_the_calendars_and_tells_them(self, vendors, booking, capsys):
        person = booking.practitioner
        person.calendly_user_uri = vendors.state("calendly")["users"][0]["uri"]
        person.save()

        call_command("sync_calendars")

        assert len(invitees(vendors)) == 1
        assert capsys.readouterr().out == "1 calendars read, 1 Calendly: synced.\n"

    def test_says_which_calendar_could_not_be_read(self, vendors, booking, capsys):
        person = booking.practitioner
        person.calendly_user_uri = vendors.state("calendly")["users"][0]["uri"]
        person.save()
        vendors.faults("calendly", "error_before", operation="availability")

        with pytest.raises(CommandError) as left:
            call_command("sync_calendars")

        assert left.value.returncode == NEEDS_PERSON
        assert f"! {person}: Calendly could not be read." in capsys.readouterr().out
        assert not BusyPeriod.objects.exists()


class TestSyncBookings:
    def test_tells_everybody(self, vendors, booking, capsys):
        call_command("sync_bookings")

        assert len(notes(vendors)) == len(invitees(vendors)) == 1
        assert "1 Calendly: synced, 1 MediRecords: synced." in capsys.readouterr().out

    def test_says_when_calendly_cannot_be_asked_and_goes_on(self, vendors, booking, capsys):
        vendors.faults("calendly", "error_before", operation="events.read")

        with pytest.raises(CommandError):
            call_command("sync_bookings")

        assert "could not be fetched" in capsys.readouterr().out
        assert len(notes(vendors)) == 1
