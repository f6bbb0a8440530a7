"""What the commands that bring vendors up to date have in common."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.utils import timezone

from bookings.models import Booking, SyncRecord
from botaniqal.commands import PortalCommand, Tally
from botaniqal.integrations import owed
from botaniqal.integrations.models import Owed

from ..vendors import sync


class SyncCommand(PortalCommand):
    """
    Tell vendors, one booking after the other, what they are owed; a worker may do the same beside it.

    A dry run counts what is owed and asks no vendor.
    """

    systems: ClassVar[tuple[SyncRecord.System, ...]] = tuple(SyncRecord.System)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what is told."""
        super().add_arguments(parser)
        parser.add_argument("--booking", metavar="NUMBER", help="only this booking, as BOT-2026-0001")
        parser.add_argument("--stuck", action="store_true", help="also what waits for a person or for its next try")
        parser.add_argument("--again", action="store_true", help="every visit that lies ahead, told before or not")

    def run(self, *, dry_run: bool, booking: str | None, stuck: bool, again: bool, **options: Any) -> Tally:
        """Fetch what the vendors have, then tell them."""
        if booking and not Booking.objects.filter(number=booking).exists():
            raise self.cannot(f"There is no booking {booking}.")
        tally = Tally()
        if not booking:
            self.fetch(tally, dry_run=dry_run)
        for system in self.systems:
            rows = SyncRecord.objects.filter(system=system)
            if booking:
                rows = rows.filter(booking__number=booking)
            self._tell(system, rows, tally, dry_run=dry_run, stuck=stuck, again=again)
        return tally

    def fetch(self, tally: Tally, *, dry_run: bool) -> None:
        """Fetch what vendors have to tell first; nothing, unless a command says otherwise."""

    def _tell(self, system: SyncRecord.System, rows: Any, tally: Tally, *, dry_run: bool, stuck: bool, again: bool):
        now = timezone.now()
        ahead = rows.filter(booking__starts_at__gte=now, booking__state=Booking.State.CONFIRMED)
        if dry_run:
            wanted = rows.open() if stuck else rows.due(now)
            tally.count(f"owed to {system.label}", (wanted.order_by() | ahead.order_by() if again else wanted).count())
            return
        if again:
            owed.want_again(ahead, now=now)
        if stuck:
            for row in rows.open():
                owed.retry(row, now=now)
        due = list(rows.due(timezone.now()).values_list("pk", flat=True))
        if not due:
            return
        tell, unanswered = sync.TELLERS[system](), 0
        for place, pk in enumerate(self.walk(due, label=system.label)):
            owed.work(rows.filter(pk=pk), tell)
            row = rows.select_related("booking").get(pk=pk)
            unanswered = unanswered + 1 if row.state == Owed.State.RETRYING else 0
            if row.state == Owed.State.NEEDS_PERSON:
                tally.trouble(f"{row.booking.number}, {system.label}: {row.problem}")
            else:
                tally.count(f"{system.label}: {row.state.label.lower()}")
            if unanswered == owed.OUTAGE:
                tally.count(f"{system.label}: left for later, since it does not answer", len(due) - place - 1)
                return
