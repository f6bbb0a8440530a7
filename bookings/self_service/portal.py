"""The booking portal: whoever typed an e-mail address is mailed a link to what was booked with it, if anything was."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from ..models import Booking, Patient, PortalRequest
from . import links, online_notices

AT_ONCE = 100
EVERY_SECONDS = 600
"""One link an address in so many seconds, however often and by whomever it is asked for."""
PAST_SHOWN = 20
COMING_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Bookings:
    """What was booked with an e-mail address: what is to come, the soonest first, and the latest of what was."""

    coming: list[Booking]
    past: list[Booking]


def ask(*, email: str, now: datetime) -> None:
    """Note that somebody wants the link for an address; whether it is known is looked up later, by a worker."""
    PortalRequest.objects.create(email=email, asked_at=now)


def send_due(*, now: datetime) -> int:
    """Send the links that were asked for to those addresses that are known, and count what was looked up."""
    count = 0
    while count < AT_ONCE and _send_next(now):
        count += 1
    return count


def bookings_of(patient: Patient, *, now: datetime) -> Bookings:
    """List what was booked with a patient's e-mail address, by whomever of the family."""
    people = _known_by(patient.email).values("pk")
    rows = Booking.objects.filter(patient__in=people).select_related("patient", "appointment_type")
    standing = [Booking.State.PENDING_PAYMENT, Booking.State.CONFIRMED]
    coming = rows.filter(ends_at__gt=now, state__in=standing).order_by("starts_at")
    past = rows.filter(ends_at__lte=now).promised().exclude(state=Booking.State.CANCELLED).order_by("-starts_at")
    return Bookings(list(coming[:COMING_SHOWN]), list(past[:PAST_SHOWN]))


@transaction.atomic
def _send_next(now: datetime) -> bool:
    row = PortalRequest.objects.select_for_update(skip_locked=True).first()
    if row is None:
        return False
    row.delete()
    # The same one each time, so that a new link makes the former void.
    patient = _known_by(row.email).order_by("created_at", "pk").first()
    if patient is None:
        return True
    key = hashlib.sha256(row.email.lower().encode()).hexdigest()[:32]
    with transaction.atomic():
        links.make_void(patient=patient)
        patient.refresh_from_db(fields=["link_serial"])
        link = links.to_portal(patient, now=now)
        window = int(now.timestamp()) // EVERY_SECONDS
        sent = online_notices.send_portal_link(patient=patient, link=link, key=f"portal:{key}:{window}", now=now)
        if sent is None:  # one went out a moment ago, and still works
            transaction.set_rollback(True)
    return True


def _known_by(email: str) -> QuerySet[Patient]:
    is_booked = Exists(Booking.objects.filter(patient=OuterRef("pk")))
    return Patient.objects.standing().filter(is_booked, email__iexact=email)
