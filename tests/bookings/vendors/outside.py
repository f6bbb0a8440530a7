"""What patients, practitioners and the practice do at the vendors, without the portal hearing of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import requests
from django.utils import timezone

from bookings.models import SyncRecord
from tests.sandbox_server import ENVIRONMENT, Sandbox

BOOKED, CANCELLED = 2, 8
NEVER_SENT = ("id", "practiceId", "createdDateTime", "updatedDateTime", "confirmationLink")
# The practice's own names for these lengths.
CODES = {15: 6, 20: 7, 30: 9}


class Outside:
    """The vendors as their own users see them."""

    def __init__(self, sandbox: Sandbox, keys: Mapping[str, str] = ENVIRONMENT) -> None:
        self.sandbox = sandbox
        self._keys = keys

    # Calendly

    def events(self) -> list[dict[str, Any]]:
        """List the events that stand in Calendly."""
        return [event for event in self.sandbox.state("calendly")["events"] if event["status"] == "active"]

    def move_event(self, booking: Any, starts_at: datetime, *, id: str = "") -> None:
        """Choose another time for a booking or whatever has this id, as a patient does by the link in the e-mail."""
        where = {"event": id or self._id(booking, "calendly"), "start_time": starts_at.isoformat()}
        self.sandbox.control("POST", "moves", json=where)

    def cancel_event(self, booking: Any, *, id: str = "", **why: str) -> None:
        """Cancel a booking or whatever has this id, as a patient does."""
        self.sandbox.control("POST", "cancellations", json={"event": id or self._id(booking, "calendly"), **why})

    def book_event(self, event_type: str, starts_at: datetime, *, mark: str | None = None) -> str:
        """Book a time on Calendly's page; answers the event's id."""
        tracking = dict.fromkeys(
            ("utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term", "salesforce_uuid")
        )
        body = {
            "event_type": event_type,
            "start_time": starts_at.isoformat(),
            "invitee": {"name": "Ava Nguyen", "email": "ava@example.com", "timezone": "Australia/Melbourne"},
            "tracking": tracking | {"utm_content": mark},
        }
        answer = self._call("POST", f"{self.sandbox.calendly_url}/invitees", "CALENDLY_API_KEY", json=body)
        return answer["resource"]["event"].rpartition("/")[2]

    # MediRecords

    def appointments(self) -> list[dict[str, Any]]:
        """List the appointments that stand in MediRecords."""
        rows = self.sandbox.state("medirecords")["appointments"]
        return [row for row in rows if row["appointmentStatus"] != CANCELLED]

    def change_appointment(self, booking: Any, *, id: str = "", **changes: Any) -> None:
        """Type something else into the practice's diary, for a booking or for whatever has this id."""
        id = id or self._id(booking, "medirecords")
        [row] = [row for row in self.sandbox.state("medirecords")["appointments"] if row["id"] == id]
        kept = {name: value for name, value in row.items() if name not in NEVER_SENT and value is not None}
        self._call("PUT", f"{self._practice}/appointments/{id}", "MEDIRECORDS_API_KEY", json=kept | changes)

    def delete_appointment(self, booking: Any) -> None:
        """Delete an appointment from the practice's diary."""
        id = self._id(booking, "medirecords")
        self._call("DELETE", f"{self._practice}/appointments/{id}", "MEDIRECORDS_API_KEY")

    def copy_appointment(self, booking: Any, **changes: Any) -> None:
        """Enter another appointment that begins as one of ours."""
        [row] = [row for row in self.appointments() if row["id"] == self._id(booking, "medirecords")]
        kept = {name: value for name, value in row.items() if name not in NEVER_SENT and value is not None}
        body = {name: value for name, value in (kept | changes).items() if value is not None}
        self._call("POST", f"{self._practice}/appointments", "MEDIRECORDS_API_KEY", json=body)

    def add_patient(self) -> str:
        """Enter somebody else; answers their id."""
        body = {"defaultPracticeId": self._keys["MEDIRECORDS_PRACTICE_ID"], "patientStatusCode": 1}
        body |= {"firstName": "Ana", "lastName": "Else", "email": "else@example.com"}
        return self._call("POST", f"{self.sandbox.medirecords_url}/v2/patients", "MEDIRECORDS_API_KEY", json=body)["id"]

    def other_type(self, than: str) -> str:
        """Name another appointment type of the practice."""
        kinds = self.sandbox.state("medirecords")["appointment_types"]
        return next(kind["id"] for kind in kinds if kind["name"] != than)

    @property
    def _practice(self) -> str:
        return f"{self.sandbox.medirecords_url}/v1/practices/{self._keys['MEDIRECORDS_PRACTICE_ID']}"

    # Outlook

    def mailbox_events(self) -> list[dict[str, Any]]:
        """List what stands in all mailboxes."""
        return self.sandbox.state("graph")["events"]

    def change_mailbox_event(self, booking: Any, starts_at: datetime, minutes: int = 15) -> None:
        """Drag an event to another time."""
        span = {"start": wall(starts_at), "end": wall(starts_at + timedelta(minutes=minutes))}
        where = {"mailbox": booking.practitioner.mailbox, "id": self._id(booking, "outlook")}
        self.sandbox.control("PATCH", "graph/events", json=where | span)

    def delete_mailbox_event(self, booking: Any) -> None:
        """Delete an event by hand."""
        where = {"mailbox": booking.practitioner.mailbox, "id": self._id(booking, "outlook")}
        self.sandbox.control("DELETE", "graph/events", json=where)

    def add_mailbox_event(self, mailbox: str, starts_at: datetime, properties: list[dict[str, str]]) -> None:
        """Write an event into a mailbox, with or without the portal's mark."""
        span = {"start": wall(starts_at), "end": wall(starts_at + timedelta(minutes=15))}
        body = {"mailbox": mailbox, **span, "singleValueExtendedProperties": properties}
        self.sandbox.control("POST", "graph/events", json=body)

    def _id(self, booking: Any, system: str) -> str:
        return SyncRecord.objects.get(booking=booking, system=system).external_id

    def _call(self, method: str, url: str, key: str, **content: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._keys[key]}"}
        answer = requests.request(method, url, headers=headers, timeout=10, **content)
        assert answer.ok, answer.text
        return answer.json()


def wall(moment: datetime) -> dict[str, str]:
    """Write a moment as Outlook does."""
    return {"dateTime": f"{moment:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}


def as_there(moment: datetime) -> str:
    """Write a moment as MediRecords does."""
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M:%S}"


def some_id() -> str:
    """Make an id that nobody knows."""
    return str(uuid4())
