"""The appointment as a file for the patient's own calendar."""

from datetime import UTC, datetime, timedelta
from email.utils import parseaddr

from django.conf import settings
from icalendar import Alarm, Calendar, Event, vCalAddress, vText

from .models import Booking

RINGS_BEFORE = timedelta(minutes=15)


def appointment_file(*, booking: Booking, join_link: str, now: datetime, is_invitation: bool = False) -> str:
    """
    Write the .ics of a booking, by which a calendar enters it, moves it or takes it out.

    As an invitation, which an e-mail carries, calendars do so by themselves; what somebody fetches is no invitation.
    The title stands on lock screens and in shared calendars, so it says nothing of anybody's health.
    """
    is_cancelled = booking.state == Booking.State.CANCELLED
    organizer = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
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
    event.add("organizer", f"mailto:{organizer}")
    if is_invitation:
        event.add("attendee", _patient(booking))
    if not is_cancelled:
        event.add_component(_alarm(event))

    calendar = Calendar()
    calendar.add("prodid", "-//Botaniqal//Portal//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if is_cancelled else "REQUEST" if is_invitation else "PUBLISH")
    calendar.add_component(event)
    return calendar.to_ical().decode()


def _patient(booking: Booking) -> vCalAddress:
    """Write whose visit it is: it is agreed already, so nobody is asked for an answer."""
    address = vCalAddress(f"mailto:{booking.patient.email}")
    address.params["partstat"] = vText("ACCEPTED")
    address.params["rsvp"] = vText("FALSE")
    return address


def _alarm(event: Event) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -RINGS_BEFORE)
    alarm.add("description", event["summary"])
    return alarm
