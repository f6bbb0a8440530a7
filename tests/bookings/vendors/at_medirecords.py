"""What the tests look at in MediRecords, and what is told there."""

from django.utils import timezone

from bookings.models import SyncRecord
from bookings.vendors import sync

CANCELLED = 8


def tell():
    return sync.work_due(sync.System.MEDIRECORDS)


def record_of(booking):
    return SyncRecord.objects.get(booking=booking, system=sync.System.MEDIRECORDS)


def appointments(vendors):
    """The appointments in MediRecords that were not cancelled."""
    return [row for row in vendors.state("medirecords")["appointments"] if row["appointmentStatus"] != CANCELLED]


def patients(vendors):
    return vendors.state("medirecords")["patients"]


def as_there(moment):
    return f"{moment.astimezone(timezone.get_default_timezone()):%Y-%m-%dT%H:%M:%S}"
