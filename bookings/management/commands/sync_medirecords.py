"""Bring MediRecords up to date."""

from bookings.management.syncing import SyncCommand
from bookings.models import SyncRecord


class Command(SyncCommand):
    """Tell MediRecords what it is owed."""

    help = "Tell MediRecords now what it is owed of the bookings."
    systems = (SyncRecord.System.MEDIRECORDS,)
