"""What people are told by e-mail who book online: that a time is given back, and where they find their bookings."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from botaniqal.messages import writing
from botaniqal.messages.models import Message
from practitioners import public_times

from ..models import Booking, Patient


def send_payment_lapsed(*, booking: Booking, now: datetime) -> None:
    """Tell that a time was not paid for and is not kept any more, and where another one is found."""
    writing.write(
        kind=Message.Kind.PAYMENT_LAPSED,
        reference=booking.pk,
        to=booking.patient.email,
        send_at=now,
        context={
            "first_name": booking.patient.first_name,
            "when": public_times.both(booking.starts_at, booking.patient.zone),
            "practitioner": booking.practitioner.name,
            "link": settings.PUBLIC_BASE_URL + reverse("book-online", args=[booking.appointment_type.code]),
        },
    )


def send_portal_link(*, patient: Patient, link: str, key: str, now: datetime) -> Message | None:
    """Send the address at which somebody finds their bookings; None where one was sent a moment ago."""
    return writing.write(
        kind=Message.Kind.PORTAL_LINK,
        reference=patient.pk,
        to=patient.email,
        send_at=now,
        key=key,
        context={"first_name": "", "link": link},
    )
