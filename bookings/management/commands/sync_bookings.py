"""Bring bookings up to date between the portal and every vendor."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from bookings.management.syncing import SyncCommand
from botaniqal.commands import Tally
from botaniqal.integrations.http import VendorRefused, VendorUnavailable

from ...vendors import backfill

BACK = timedelta(days=1)


class Command(SyncCommand):
    """Fetch what happened in Calendly and was never heard of, then tell every vendor what it is owed."""

    help = "Fetch from Calendly what was never heard of, and tell all vendors what they are owed of the bookings."

    def fetch(self, tally: Tally, *, dry_run: bool) -> None:
        """Keep what was missed as if it had been delivered; the worker works it."""
        if dry_run or not settings.CALENDLY_ORGANIZATION:
            return
        now = timezone.now()
        until = now + timedelta(days=settings.RECONCILE_DAYS)
        try:
            tally.count("fetched from Calendly", backfill.fetch_missed(since=now - BACK, until=until, now=now))
        except (VendorUnavailable, VendorRefused) as error:
            tally.trouble(f"What Calendly has could not be fetched: {error}.")
