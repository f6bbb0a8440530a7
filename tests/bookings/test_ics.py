"""The file for the patient's calendar, read back by a parser."""

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from bookings.ics import appointment_file
from bookings.models import Booking
from tests.factories import BookingFactory, PractitionerFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 1, tzinfo=UTC)
MORNING = datetime(2026, 11, 22, 23, tzinfo=UTC)  # Monday at 10:00 in Melbourne


def book(**fields):
    practitioner = PractitionerFactory(name="Dr Dia")
    return BookingFactory(**{"starts_at": MORNING, "practitioner": practitioner, **fields})


def cancelled(booking):
    booking.state, booking.cancel_reason, booking.cancelled_at = Booking.State.CANCELLED, "ill", NOW
    return booking


def read(booking, **how):
    calendar = Calendar.from_ical(appointment_file(booking=booking, join_link=booking.join_link, now=NOW, **how))
    return calendar, calendar.walk("VEVENT")[0]


class TestAppointmentFile:
    def test_invites_without_asking_for_an_answer(self):
        calendar, event = read(book(), is_invitation=True)

        attendee = event["ATTENDEE"]
        assert (calendar["METHOD"], calendar["VERSION"]) == ("REQUEST", "2.0")
        assert attendee == "mailto:leo.martin@example.com"
        assert (attendee.params["PARTSTAT"], attendee.params["RSVP"]) == ("ACCEPTED", "FALSE")
        assert event["ORGANIZER"] == "mailto:hello@botaniqal.example"

    def test_publishes_what_somebody_fetches_themselves(self):
        calendar, event = read(book())

        assert calendar["METHOD"] == "PUBLISH"
        assert "ATTENDEE" not in event

    def test_says_the_moment_in_a_way_that_no_clock_changes(self):
        _, event = read(book())

        assert (event["DTSTART"].dt, event["DTEND"].dt) == (MORNING, MORNING + timedelta(minutes=15))
        assert event["DTSTART"].to_ical() == b"20261122T230000Z"

    def test_rings_a_quarter_of_an_hour_before(self):
        _, event = read(book())

        assert [alarm["TRIGGER"].dt for alarm in event.walk("VALARM")] == [timedelta(minutes=-15)]

    def test_takes_the_place_of_what_was_sent_before(self):
        booking = book()
        _, first = read(booking, is_invitation=True)
        booking.starts_at += timedelta(hours=1)
        booking.revision += 1

        _, moved = read(booking, is_invitation=True)
        calendar, ended = read(cancelled(booking), is_invitation=True)

        assert first["UID"] == moved["UID"] == ended["UID"] == str(booking.pk)
        assert [event["SEQUENCE"] for event in (first, moved, ended)] == [0, 1, 2]
        assert (calendar["METHOD"], ended["STATUS"]) == ("CANCEL", "CANCELLED")
        assert ended["ATTENDEE"] == first["ATTENDEE"]
        assert not ended.walk("VALARM")

    def test_says_nothing_of_health_to_whoever_sees_the_calendar(self):
        booking = book(notes="Has trouble sleeping", attention="Talk to the GP first")

        shown = appointment_file(booking=booking, join_link="", now=NOW, is_invitation=True)

        assert "SUMMARY:Appointment with Dr Dia (Botaniqal)" in shown
        assert not {"sleeping", "GP", "Alternative"} & set(shown.replace("\r\n", " ").split())

    @pytest.mark.parametrize("name", ["Dr, O'Neil; MD", "Dr\r\nATTENDEE:mailto:other@example.com", "李医生" * 20])
    def test_reads_back_odd_names(self, name):
        practitioner = PractitionerFactory(name=name)

        _, event = read(book(practitioner=practitioner))

        assert event["SUMMARY"].replace("\n", "\r\n") == f"Appointment with {name} (Botaniqal)"
        assert "ATTENDEE" not in event
