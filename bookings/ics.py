"""The appointment as a file for the patient's own calendar."""

from datetime import UTC, datetime
from email.utils import parseaddr

from django.conf import settings
from icalendar import Calendar, Event

from .models import Booking


def appointment_file(*, booking: Booking, join_link: str, now: datetime) -> str:
    """
    Write the .ics of a booking, by which a calendar enters it, moves it or takes it out.

    The title stands on lock screens and in shared calendars, so it says nothing of anybody's health.
    """
    is_cancelled = booking.state == Booking.State.CANCELLED
    event = Event()
    event.add("uid", str(booking.pk))
    # A calendar ignores what is not newer than what it has.
    event.add("sequence", booking.revision + is_cancelled)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", booking.starts_at.astimezone(UTC))
    event.add("dtend", booking.ends_at.astimezone(UTC))
    event.add("summary", f"Appointment with {booking.practitioner.name} (Botaniqal)")
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("description", f"Confirmation number {booking.number}")
    if join_link:
        event.add("location", join_link)
        event.add("url", join_link)
    event.add("organizer", f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}")

    calendar = Calendar()
    calendar.add("prodid", "-//Botaniqal//Portal//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if is_cancelled else "PUBLISH")
    calendar.add_component(event)
    return calendar.to_ical().decode()
