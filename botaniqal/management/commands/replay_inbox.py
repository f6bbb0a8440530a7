"""Work vendors' messages again."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone

from botaniqal.commands import PortalCommand, Tally
from botaniqal.integrations import inbox, owed
from botaniqal.integrations.models import InboundEvent
from botaniqal.webhooks import HANDLERS


def moment(words: str) -> datetime:
    """Read a day or moment; without an offset it is the clinic's."""
    read = datetime.fromisoformat(words)
    return read if read.tzinfo else timezone.make_aware(read)


class Command(PortalCommand):
    """Work messages again, now and one after the other: those that need a person, or those that are chosen."""

    help = (
        "Work vendors' messages again: those that need a person, unless --since, --kind or --key choose others. "
        "A message that was taken in before changes nothing the second time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which messages."""
        super().add_arguments(parser)
        parser.add_argument("--since", type=moment, help="all that came since then, as 2026-11-22 or 2026-11-22T09:00")
        parser.add_argument("--kind", help="all of a kind, as created")
        parser.add_argument("--key", help="the one that the vendor calls so")
        parser.add_argument("--vendor", choices=InboundEvent.Vendor.values, help="only this vendor's")

    def run(
        self,
        *,
        since: datetime | None,
        kind: str | None,
        key: str | None,
        vendor: str | None,
        dry_run: bool,
        **options: Any,
    ) -> Tally:
        """Work them in the order in which they came, or say what would come of each."""
        chosen = {"received_at__gte": since, "kind": kind, "key": key}
        rows = InboundEvent.objects.filter(**{name: value for name, value in chosen.items() if value})
        if not any(chosen.values()):
            rows = rows.for_a_person()
        if vendor:
            rows = rows.filter(vendor=vendor)
        tally = Tally()
        keys = list(rows.order_by("received_at", "pk").values_list("pk", flat=True))
        for pk in self.walk(keys, label="Messages"):
            event = InboundEvent.objects.get(pk=pk)
            try:
                if dry_run:
                    self.stdout.write(f"{event} {event.key}: {inbox.dry_run(event=event, handlers=HANDLERS)}")
                    tally.count("messages")
                else:
                    self._replay(event, tally)
            except inbox.Purged:
                tally.count("purged for their age")
        return tally

    def _replay(self, event: InboundEvent, tally: Tally) -> None:
        inbox.replay(event=event, now=timezone.now())
        owed.work(InboundEvent.objects.filter(pk=event.pk), inbox.worker(HANDLERS))
        event.refresh_from_db()
        if event.needs_person:
            tally.trouble(f"{event} {event.key}: {event.problem}")
        else:
            tally.count(event.state.label.lower() if event.told < event.wanted else "worked")
