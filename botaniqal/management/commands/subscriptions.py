"""See whether the vendors still tell the portal of changes, and mend what is wrong."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone

from botaniqal.admin import clinic_time
from botaniqal.commands import PortalCommand, Tally
from botaniqal.integrations import subscriptions
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.models import Subscription
from botaniqal.integrations.owed import NeedsPerson
from botaniqal.readers import READERS, mailboxes


class Command(PortalCommand):
    """List the subscriptions; on request make, check, mend or end them."""

    help = "List who tells the portal of changes, and leave with 1 if anything is wrong; --check mends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what is to be done."""
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--check", action="store_true", help="make, lengthen and mend them now, read what was missed")
        what.add_argument(
            "--delete",
            action="store_true",
            help="end them all; a worker that runs makes them once more, so stop it first",
        )

    def run(self, *, dry_run: bool, check: bool, delete: bool, **options: Any) -> Tally:
        """Do it, then show where they stand."""
        now, tally = timezone.now(), Tally()
        if dry_run:
            return self._foretell(tally, now, delete=delete)
        if delete:
            tally.count("ended", subscriptions.end_all(now=now))
            self._work()
            for row in Subscription.objects.all():
                tally.trouble(f"{row} was not ended. {row.problem}")
            return tally
        if check:
            subscriptions.keep_up(mailboxes=mailboxes(), now=now)
            subscriptions.check_soon(rows=Subscription.objects.all(), now=now)
            self._work()
        return self._list(tally)

    def _work(self) -> None:
        subscriptions.work_due(READERS)

    def _list(self, tally: Tally) -> Tally:
        unwell = set(subscriptions.unwell(Subscription.objects.all()).values_list("pk", flat=True))
        rows = list(Subscription.objects.all())
        width = max((len(str(row)) for row in rows), default=0)
        for row in rows:
            heard, checked, ends = map(clinic_time, (row.heard_at, row.checked_at, row.expires_at))
            self.stdout.write(
                f"{row!s:<{width}}  {row.get_health_display():<26}  heard {heard}  checked {checked}  ends {ends}"
            )
            if row.pk in unwell:
                tally.trouble(f"{row}: {row.get_health_display()}. {row.problem}".strip())
            elif row.problem:
                tally.trouble(f"{row}: {row.problem}")
            else:
                tally.count("not looked at yet" if row.health == Subscription.Health.NEW else "well")
        return tally

    def _foretell(self, tally: Tally, now: datetime, *, delete: bool) -> Tally:
        if delete:
            tally.count("would be ended", Subscription.objects.count())
            return tally
        try:
            for row, words in self.walk(subscriptions.foretell(mailboxes=mailboxes(), now=now), label="Looking"):
                self.stdout.write(f"{row}: {words}")
                tally.count("looked at")
        except (VendorUnavailable, VendorRefused) as error:
            raise self.cannot(f"{error}. Try again later.") from None
        except NeedsPerson as error:
            raise self.cannot(error.message) from None
        return tally
