"""Visits as the desk books them: their time stands in the diary, and they are owed to the vendors."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from bookings import lifecycle
from bookings.models import Booking
from practitioners import availability, diary
from practitioners.models import Practitioner
from tests.factories import PatientFactory


def booked_visit(practitioner: Practitioner, starts_at: datetime, **fields: Any) -> Booking:
    """Book a visit, of the first kind that somebody gives; without a time in the diary where ``entry`` says None."""
    kind = fields.setdefault("appointment_type", practitioner.appointment_types.first())
    if "entry" not in fields:
        span = availability.occupied_span(kind, starts_at)
        fields["entry"] = diary.take(practitioner=practitioner, span=span, by=None)
    usual = {
        "ends_at": starts_at + timedelta(minutes=kind.minutes),
        "price": 119,
        "source": Booking.Source.PHONE,
        "by": None,
        "now": timezone.now(),
    }
    fields["patient"] = fields.get("patient") or PatientFactory()
    return lifecycle.book(practitioner=practitioner, starts_at=starts_at, **usual | fields)
