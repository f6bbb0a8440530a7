"""A bad day: people book, move and cancel while everything outside fails now and then and workers are killed."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bookings import lifecycle, notices
from bookings.models import Booking, Patient, SyncRecord
from bookings.vendors.telling_calendly import CANCELLED_THERE
from botaniqal.errors import DomainError
from botaniqal.integrations.models import InboundEvent, Subscription
from botaniqal.messages.models import Message
from practitioners import availability, diary
from practitioners.models import Practitioner
from services.models import AppointmentType
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory, next_morning
from tests.sandbox_server import Sandbox

CANCELLED = 8
FAMILY = "quillfeather"  # a name that nobody has by chance, to be looked for where no patient belongs
OURS, THEIRS, DECIDED = "Feels better.", "Cannot come.", "The patient did."
"""Why visits are cancelled: at the desk, by their patients in Calendly, and by who decides what no machine can."""
# Lost webhooks are fetched afterwards; the other faults may hit every vendor that has them.
CALL_FAULTS = {"latency": 0.05, "throttled": 0.03, "error_before": 0.03, "error_after": 0.03, "timeout_after": 0.01}
HOOK_FAULTS = {"doubled": 0.1, "reordered": 0.1, "late": 0.1, "lost": 0.05}


@dataclass
class Clinic:
    """Two practitioners on Calendly and two on Outlook, and what is done to their bookings."""

    sandbox: Sandbox
    chance: random.Random
    people: list[Practitioner] = field(default_factory=list)
    kind: AppointmentType | None = None
    done: Counter[str] = field(default_factory=Counter)

    def open(self) -> None:
        """Let the practitioners in and make the sandbox know their calendars."""
        self.kind = AppointmentTypeFactory(step_minutes=15, min_notice_minutes=0)
        for number in range(2):
            person = PractitionerFactory(gives=[self.kind], calendar_provider="calendly")
            row = CalendlyEventTypeFactory(calendly_id=str(uuid4()), practitioner=person, appointment_type=self.kind)
            made = self.sandbox.register_event_type(
                uri=row.uri, name="Visit", minutes=15, owner_email=person.email, owner_name=person.name
            )
            person.calendly_user_uri = made["profile"]["owner"]
            person.save()
            self.people.append(person)
            mailbox = f"doctor-{number}@botaniqal.example"
            self.people.append(PractitionerFactory(gives=[self.kind], calendar_provider="outlook", mailbox=mailbox))

    def spoil(self) -> None:
        """Turn every fault on."""
        for vendor in ("calendly", "graph", "medirecords"):
            for fault, rate in CALL_FAULTS.items():
                self.sandbox.faults(vendor, fault, rate=rate, milliseconds=300, retry_after=1)
        for vendor in ("calendly", "graph"):
            for fault, rate in HOOK_FAULTS.items():
                self.sandbox.faults(vendor, fault, rate=rate, milliseconds=1500)
        self.sandbox.faults("graph", "delta_gone", rate=0.1)
        for fault in ("error_before", "throttled", "latency"):
            self.sandbox.faults("ses", fault, rate=0.03, milliseconds=300, retry_after=1)
        self.sandbox.faults("pagerduty", "error_before", rate=0.1)

    def act(self) -> None:
        """Do one thing that people do: most of all book, often move, sometimes cancel, here or at Calendly."""
        verbs: dict[Callable[[], None], int] = {
            self.book: 5,
            self.move: 3,
            self.cancel: 2,
            self.let_patient_move: 1,
            self.let_patient_cancel: 1,
        }
        verb = self.chance.choices(list(verbs), weights=list(verbs.values()))[0]
        if not Booking.objects.filter(state="confirmed").exists():
            verb = self.book
        try:
            verb()
        except DomainError:
            self.done["refused"] += 1  # as at the desk: the time was taken meanwhile
        else:
            self.done[verb.__name__] += 1

    @transaction.atomic
    def book(self) -> None:
        person, starts_at, now = self.chance.choice(self.people), self._some_time(), timezone.now()
        room = availability.check(practitioner=person, appointment_type=self.kind, starts_at=starts_at)
        span = availability.occupied_span(self.kind, starts_at)
        entry = diary.take(practitioner=person, span=span, by=None, room=room)
        number = Booking.objects.count()
        booking = lifecycle.book(
            patient=Patient.objects.create(
                name=f"Ada{number} {FAMILY.title()}", email=f"{FAMILY}{number}@example.com", phone="+61491570156"
            ),
            practitioner=person,
            appointment_type=self.kind,
            starts_at=starts_at,
            ends_at=span.ends_at,
            entry=entry,
            price=119,
            source=Booking.Source.PHONE,
            by=None,
            now=now,
        )
        notices.send_confirmation(booking=booking, now=now)

    def move(self) -> None:
        booking = self._some_booking()
        person = self.chance.choice([booking.practitioner, *self.people])
        lifecycle.move(
            booking_id=booking.pk,
            starts_at=self._some_time(),
            practitioner=person,
            by=None,
            now=timezone.now(),
        )

    def cancel(self) -> None:
        lifecycle.cancel(booking_id=self._some_booking().pk, reason=OURS, by=None, now=timezone.now())

    def let_patient_move(self) -> None:
        if event := self._some_event():
            moment = f"{self._some_time():%Y-%m-%dT%H:%M:%SZ}"
            self._at_calendly("moves", event=event["uri"], start_time=moment)

    def let_patient_cancel(self) -> None:
        if event := self._some_event():
            self._at_calendly("cancellations", event=event["uri"], reason=THEIRS)

    def decide(self) -> int:
        """
        Do what staff do about what no machine can decide, and count it.

        Where patient and clinic did two things at the same moment, one of both has to give way: what the patient
        cancelled is cancelled, and what two want at one time gets another time.
        """
        stuck = SyncRecord.objects.for_a_person().filter(booking__state="confirmed")
        reasons = dict(stuck.values_list("booking_id", "problem"))
        clashes = Booking.objects.filter(state="confirmed", attention__startswith="Clashes")
        reasons |= dict.fromkeys(clashes.values_list("pk", flat=True), "not free here")
        for booking_id, reason in reasons.items():
            if reason == CANCELLED_THERE:
                lifecycle.cancel(booking_id=booking_id, reason=DECIDED, by=None, now=timezone.now())
            else:
                assert "not free" in reason, reason
                self._move_somewhere(booking_id)
            self.done["decided"] += 1
        return len(reasons)

    def _move_somewhere(self, booking_id: UUID) -> None:
        for _ in range(100):
            try:
                lifecycle.move(booking_id=booking_id, starts_at=self._some_time(), by=None, now=timezone.now())
            except DomainError:
                continue
            return
        raise AssertionError("There is no free time at all.")

    def _at_calendly(self, path: str, **body: str) -> None:
        # Calendly refuses what is taken or cancelled there, as it would the patient.
        self.sandbox._session.post(f"{self.sandbox.url}/_control/{path}", json=body, timeout=10)

    def _some_event(self) -> dict[str, Any] | None:
        events = [row for row in self.sandbox.state("calendly")["events"] if row["status"] == "active"]
        return self.chance.choice(events) if events else None

    def _some_booking(self) -> Booking:
        standing = Booking.objects.filter(state="confirmed").select_related("practitioner").order_by("number")
        return self.chance.choice(list(standing))

    def _some_time(self) -> datetime:
        """A quarter of an hour between nine and five on one of the next ten days."""
        day = next_morning(9) + timedelta(days=self.chance.randrange(10))
        return day + timedelta(minutes=15 * self.chance.randrange(32))


def truth() -> dict[str, dict[UUID, tuple]]:
    """What the portal says should stand at each vendor: for each booking who and when."""
    told: dict[str, dict[UUID, tuple]] = {system: {} for system in SyncRecord.System.values}
    for booking in Booking.objects.filter(state="confirmed").select_related("practitioner"):
        person = booking.practitioner
        whose = person.mailbox if person.calendar_provider == "outlook" else person.calendly_user_uri
        told[person.calendar_provider][booking.pk] = (whose, booking.starts_at)
        told["medirecords"][booking.pk] = (str(person.medirecords_provider_id), booking.starts_at)
    return told


def at_vendors(sandbox: Sandbox) -> dict[str, list[tuple[UUID, tuple]]]:
    """What stands at each vendor, every single object."""
    return {
        "calendly": list(_at_calendly(sandbox.state("calendly"))),
        "outlook": list(_in_outlook(sandbox.state("graph"))),
        "medirecords": list(_in_medirecords(sandbox.state("medirecords"))),
    }


def is_one_truth(sandbox: Sandbox) -> bool:
    """Tell whether each vendor holds what the portal says, every object once and no other."""
    told, found = truth(), at_vendors(sandbox)
    return all(sorted(rows) == sorted(told[system].items()) for system, rows in found.items())


def _at_calendly(state: dict[str, Any]) -> Iterator[tuple[UUID, tuple]]:
    events = {row["uri"]: row for row in state["events"]}
    by_ref = {record.external_id: record.booking_id for record in SyncRecord.objects.filter(system="calendly")}
    for invitee in state["invitees"]:
        event = events[invitee["event"]]
        if event["status"] == "active" and invitee["status"] == "active":
            # Where a patient moved it, Calendly may not have kept our mark; then the portal knows whose it is.
            mark = invitee["tracking"]["utm_content"]
            booking_id = UUID(mark) if mark else by_ref.get(event["uri"].rpartition("/")[2])
            host = event["event_memberships"][0]["user"]
            yield booking_id, (host, datetime.fromisoformat(event["start_time"]))


def _in_outlook(state: dict[str, Any]) -> Iterator[tuple[UUID, tuple]]:
    for event in state["events"]:
        marks = {row["id"].rpartition(" ")[2].lower(): row["value"] for row in event["singleValueExtendedProperties"]}
        starts_at = datetime.fromisoformat(event["start"]["dateTime"][:19]).replace(tzinfo=UTC)
        yield UUID(marks["booking"]), (event["mailbox"], starts_at)


def _in_medirecords(state: dict[str, Any]) -> Iterator[tuple[UUID, tuple]]:
    zone = ZoneInfo(settings.MEDIRECORDS_TIME_ZONE)
    for row in state["appointments"]:
        if row["appointmentStatus"] != CANCELLED:
            starts_at = datetime.fromisoformat(row["scheduleTime"]).replace(tzinfo=zone)
            yield UUID(row["notes"].removeprefix("[ref:").partition("]")[0]), (row["providerId"], starts_at)


def owed() -> dict[str, Counter[str]]:
    """What is still to be done by a machine, and why it is not; what a person has to decide, is not."""
    rows = {
        "vendors": SyncRecord.objects.open().filter(needs_person=False),
        "inbox": InboundEvent.objects.open(),
        "messages": Message.objects.open(),
    }
    reasons = {name: Counter(row.problem or row.state for row in found) for name, found in rows.items()}
    return {name: counted for name, counted in reasons.items() if counted}


def wait_until(is_so: Callable[[], Any], *, seconds: float, why: Callable[[], Any] = lambda: "") -> None:
    """Wait for something to come true."""
    limit = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < limit, why()
        time.sleep(0.2)


def is_listened_to() -> bool:
    """Tell whether the portal is told by each vendor of what happens there."""
    rows = Subscription.objects.filter(health=Subscription.Health.ACTIVE)
    return rows.count() == 1 + Practitioner.objects.filter(calendar_provider="outlook").count()


def is_at_rest() -> bool:
    """Tell whether nothing is left to do."""
    return not owed()
