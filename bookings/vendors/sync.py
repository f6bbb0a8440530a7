"""What the vendors have to be told of a booking, and how far that got."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from botaniqal.celery import ring
from botaniqal.integrations import calendly, graph, medirecords, owed
from botaniqal.integrations.models import Owed, Turn
from botaniqal.integrations.trouble import in_words
from botaniqal.messages.models import Message
from practitioners.models import Practitioner

from .. import notices
from ..models import Booking, SyncNote, SyncRecord
from ..models.sync import FAILED
from . import telling_calendly, telling_medirecords, telling_outlook

System = SyncRecord.System
CALENDARS = (System.CALENDLY, System.OUTLOOK)

POLL_SECONDS = 0.05
SOUGHT = ("email", "starts_at")
"""By what an event that is being entered in Calendly is found again."""
OF_OTHER_THINGS = (Message.Kind.UNREAD_CARD, Message.Kind.PAYMENT_LINK, Message.Kind.REFUNDED)
"""E-mails about a booking that do not tell the patient of the visit itself."""


def owe(*, booking: Booking, now: datetime) -> None:
    """Owe the booking's present state to the vendors; called in the transaction that changed it."""
    known = set(booking.sync_records.values_list("system", flat=True))
    if known:
        # Also where it no longer belongs: the calendar of a former practitioner has to let it go.
        owed.want_again(booking.sync_records.all(), now=now)
    missing = systems_of(booking) - known
    SyncRecord.objects.bulk_create(SyncRecord(booking=booking, system=system, next_try_at=now) for system in missing)
    for system in known | missing:
        transaction.on_commit(partial(ring, f"tell_{system}"))


def owe_upcoming(*, practitioner: Practitioner, now: datetime) -> int:
    """Owe every visit that lies ahead to the vendors again, after a calendar was changed, and count the visits."""
    ahead = list(Booking.objects.upcoming(now).filter(practitioner=practitioner).values_list("pk", flat=True))
    for booking_id in ahead:
        with transaction.atomic():
            # Locked by itself first: one that goes to somebody else meanwhile would not be found with its practitioner.
            Booking.objects.select_for_update().filter(pk=booking_id).values_list("pk", flat=True).first()
            booking = Booking.objects.select_related("practitioner", "appointment_type").get(pk=booking_id)
            if link := notices.meeting_link(practitioner, booking.appointment_type):
                booking.join_link = link
                booking.save(update_fields=["join_link"])
            owe(booking=booking, now=now)
    return len(ahead)


def adopt(
    *,
    booking: Booking,
    system: System,
    external_id: str,
    external_ref: str = "",
    former_ref: str | None = None,
    leaves: str = "",
    heard: str = "",
) -> None:
    """
    Note that a vendor told us of the booking's present state itself, so that nothing is owed to it.

    ``former_ref`` is whose place it took there, known here or not; ``leaves`` is another object of the booking's that
    still has to be taken away there; ``heard`` is what it said, for the time line.
    """
    record, _ = SyncRecord.objects.select_for_update().get_or_create(booking=booking, system=system)
    underway, record.told, record.underway = record.underway or {}, record.wanted, None
    still = {} if "link" in underway else {name: underway[name] for name in SOUGHT if name in underway}
    leaves = leaves or underway.get("leaves", "")
    if leaves not in ("", external_id):
        still["leaves"] = leaves
    if still:
        # What is being entered there at this moment is looked for afterwards; what leaves has to be told so.
        record.underway, record.wanted, record.next_try_at = still, record.wanted + 1, timezone.now()
        transaction.on_commit(partial(ring, f"tell_{system}"))
    record.external_id, record.external_ref = external_id, external_ref
    if former_ref:
        record.former_refs = [*record.former_refs, former_ref]
    record.needs_person, record.problem, record.attempts = False, "", 0
    record.leased_until = None  # who is telling something older must not write it down after this
    record.save()
    is_cancelled = booking.state == Booking.State.CANCELLED
    record.note(Turn.HEARD, heard or ("Cancelled there." if is_cancelled else f"Entered there for {booking.when}."))
    notices.note_join_link(booking=booking)


def work_due(system: System) -> int:
    """Bring a vendor up to date with the bookings that are owed to it, and count them."""
    return owed.work(SyncRecord.objects.filter(system=system), TELLERS[system]())


def failed_tries(*, systems: Iterable[System], after: datetime, until: datetime) -> QuerySet:
    """List the moments of tries to tell some systems that failed: tried again after, or left to a person."""
    notes = SyncNote.objects.filter(turn__in=FAILED, at__gt=after, at__lte=until, record__system__in=systems)
    return notes.order_by("at").values_list("at", flat=True)


def statement(booking: Booking) -> list[dict[str, Any]]:
    """Say where each system stands with the booking, the patient's e-mail included."""
    rows = [(record.system, record) for record in booking.sync_records.order_by("system")]
    to_patient = Message.objects.filter(reference=booking.pk).exclude(kind__in=OF_OTHER_THINGS)
    if message := to_patient.order_by("-created_at").first():
        rows.append(("email", message))
    return [
        {
            "system": system,
            "state": row.state,
            "externalId": row.external_id or None,
            "attempts": row.attempts,
            "nextTryAt": row.next_try_at if row.state in (Owed.State.PENDING, Owed.State.RETRYING) else None,
            "problem": in_words(row.problem) or None,
        }
        for system, row in rows
    ]


def wait_until_told(*, booking: Booking) -> list[dict[str, Any]]:
    """
    Give the workers a moment to tell everybody of the booking, and say where it stands then.

    Ends early when all is told or nothing more can happen in time; to be called outside any transaction.
    """
    deadline = timezone.now() + timedelta(seconds=settings.SYNC_WAIT_SECONDS)
    while timezone.now() < deadline and _is_moving(booking, deadline):
        time.sleep(POLL_SECONDS)
    return statement(booking)


def _is_moving(booking: Booking, deadline: datetime) -> bool:
    soon = Q(next_try_at__lte=deadline) | Q(leased_until__gt=timezone.now())
    owed_rows = (booking.sync_records.open(), Message.objects.open().filter(reference=booking.pk))
    return any(rows.filter(soon, needs_person=False).exists() for rows in owed_rows)


def systems_of(booking: Booking) -> set[str]:
    """Name the systems that have to know of a booking; none of one that was never paid for."""
    if not booking.is_promised:
        return set()
    systems = {booking.practitioner.calendar_provider} - {Practitioner.CalendarProvider.NONE}
    return systems if booking.appointment_type.is_free_consultation else systems | {System.MEDIRECORDS}


TELLERS: dict[System, Callable[[], Callable[[SyncRecord], Any]]] = {
    System.CALENDLY: lambda: telling_calendly.Teller(calendly.client()).tell,
    System.MEDIRECORDS: lambda: telling_medirecords.Teller(medirecords.client()).tell,
    System.OUTLOOK: lambda: telling_outlook.Teller(graph.client()).tell,
}
"""Who tells each system; made anew for each run, so that what a vendor's set-up says is asked once a run."""
