"""Bring calendars up to date, both ways."""

from django.utils import timezone

from bookings.management.syncing import SyncCommand
from bookings.models import SyncRecord
from botaniqal.commands import Tally
from botaniqal.integrations import owed
from practitioners import calendars
from practitioners.models import OutsideCalendar


class Command(SyncCommand):
    """Read what is taken in every outside calendar, then tell the calendars what they are owed."""

    help = "Read all outside calendars now, and tell them what they are owed of the bookings."
    systems = (SyncRecord.System.CALENDLY, SyncRecord.System.OUTLOOK)

    def fetch(self, tally: Tally, *, dry_run: bool) -> None:
        """Read the calendars."""
        now = timezone.now()
        if dry_run:
            tally.count("calendars to read", OutsideCalendar.objects.count())
            return
        calendars.keep_up(now=now)
        owed.want_again(OutsideCalendar.objects.all(), now=now)
        calendars.work_due()
        for calendar in self.walk(OutsideCalendar.objects.select_related("practitioner"), label="Calendars"):
            if calendar.read_at and calendar.read_at >= now:
                tally.count("calendars read")
            else:
                tally.trouble(f"{calendar} could not be read. {calendar.problem or 'Somebody else is reading it.'}")
