"""
The links by which patients see what is theirs: signed, ending by themselves, and void once their serial is counted up.

No link carries a name or an address: a row's key, its serial, and until when, where that does not follow from the row.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db.models import F
from django.urls import reverse
from django.utils.crypto import salted_hmac

from botaniqal.public import LinkOver
from botaniqal.signed import pieces_of

from ..models import Booking, Patient

AFTER_THE_VISIT = timedelta(days=14)
PORTAL_LIFE = timedelta(hours=24)

visits = signing.Signer(salt="a patient's visit")
portals = signing.Signer(salt="a patient's bookings")

OVER = "This link is too old. Ask for a new one, or reply to the e-mail."


def to_visit(booking: Booking, *, page: str = "visit") -> str:
    """Write the address of a booking's page, or of a page beside it; it works until two weeks after the visit."""
    return settings.PUBLIC_BASE_URL + reverse(page, args=[token_of(booking)])


def token_of(booking: Booking) -> str:
    """Write what stands in the addresses of a booking's pages."""
    return visits.sign(f"{booking.pk.hex}-{booking.link_serial}")


def visit_of(token: str, *, now: datetime) -> Booking:
    """
    Find the booking that a link is for.

    :raises Missing: nobody here wrote that link.
    :raises LinkOver: the visit is long over, or the link was made void.
    """
    pk, serial = pieces_of(token, signer=visits, count=2)
    related = ("patient", "practitioner", "appointment_type__service", "entry", "payment")
    booking = Booking.objects.select_related(*related).filter(pk=UUID(pk)).first()
    if booking is None or booking.link_serial != int(serial) or now > booking.ends_at + AFTER_THE_VISIT:
        raise LinkOver(OVER)
    return booking


def to_portal(patient: Patient, *, now: datetime) -> str:
    """
    Write the address at which somebody sees all bookings that were made with the e-mail of a patient, for a day.

    It holds for the address that it goes to: once the patient has another one, it shows nothing any more.
    """
    until = int((now + PORTAL_LIFE).timestamp())
    token = portals.sign(f"{patient.pk.hex}-{patient.link_serial}-{until}-{_mark_of(patient.email)}")
    return settings.PUBLIC_BASE_URL + reverse("portal", args=[token])


def portal_of(token: str, *, now: datetime) -> Patient:
    """
    Find the patient through whose e-mail a link went.

    :raises Missing: nobody here wrote that link.
    :raises LinkOver: it is old, was made void, or went to another address than the patient's.
    """
    pk, serial, until, mark = pieces_of(token, signer=portals, count=4)
    patient = Patient.objects.standing().filter(pk=UUID(pk)).first()
    if patient is None or patient.link_serial != int(serial) or now.timestamp() > int(until):
        raise LinkOver(OVER)
    if mark != _mark_of(patient.email):
        raise LinkOver(OVER)
    return patient


def make_void(*, booking: Booking | None = None, patient: Patient | None = None) -> None:
    """Let no link to a booking, or to a patient's bookings, work that was written until now."""
    for row in filter(None, (booking, patient)):
        type(row).objects.filter(pk=row.pk).update(link_serial=F("link_serial") + 1)


def _mark_of(email: str) -> str:
    return salted_hmac("the address of a portal link", email.lower()).hexdigest()[:16]
