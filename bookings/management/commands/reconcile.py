"""Compare the portal with its vendors, and settle what differs where that is asked for."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, datetime, time, timedelta
from typing import Any

import click
from django.db import transaction
from django.utils import timezone

from bookings.models import Drift
from botaniqal.commands import PortalCommand, Tally
from botaniqal.errors import DomainError

from ...reconcile import drift, settling
from ...reconcile.plans import Winner, preview


class Command(PortalCommand):
    """A comparison at once, as the drift desk starts it; it leaves with 2 where a vendor could not be compared."""

    help = "Compare the portal with Calendly, Outlook and MediRecords, and list in what they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Offer the span, and to let the portal win."""
        super().add_arguments(parser)
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day, as 2026-11-24")
        parser.add_argument("--until", dest="last", type=date.fromisoformat, help="last day, as 2026-12-24")
        parser.add_argument("--portal-wins", action="store_true", help="let the portal win wherever that is possible")
        parser.add_argument("--yes", action="store_true", help="do not ask before the portal wins")

    def run(
        self,
        *,
        dry_run: bool,
        first: date | None = None,
        last: date | None = None,
        portal_wins: bool = False,
        yes: bool = False,
        **options: Any,
    ) -> Tally:
        """Compare, then settle."""
        tally = Tally()
        with transaction.atomic() if dry_run else nullcontext():
            with self._bar() as progress:
                run = self._compare(first, last, progress)
            tally.count("compared", run.compared)
            tally.count("new differences", run.found)
            differing = list(Drift.objects.unsettled().select_related("booking"))
            if portal_wins and differing and not dry_run and (yes or self._agrees(len(differing))):
                self._let_portal_win(differing, tally)
                differing = list(Drift.objects.unsettled().select_related("booking"))
            for one in differing:
                tally.trouble(self._line(one, portal_wins=portal_wins and dry_run))
            if dry_run:
                transaction.set_rollback(True)
        if run.problem:
            for sentence in tally.troubles:
                self.stdout.write(f"! {sentence}")
            raise self.cannot(run.problem)
        return tally

    def _compare(self, first: date | None, last: date | None, progress: drift.Progress):
        starts_from, starts_until = drift.default_span(timezone.now())
        if first:
            starts_from = _midnight(first)
        if last:
            starts_until = _midnight(last + timedelta(days=1))
        try:
            return drift.reconcile(
                starts_from=starts_from, starts_until=starts_until, by=None, now=timezone.now(), progress=progress
            )
        except DomainError as refusal:
            raise self.cannot(refusal.message) from None

    def _let_portal_win(self, differing: list[Drift], tally: Tally) -> None:
        for one in differing:
            if one.settled_at or not preview(one, Winner.PORTAL).is_possible:
                continue
            try:
                settling.portal_wins(drift_id=one.pk, by=None, now=timezone.now())
            except settling.AlreadySettled:
                continue  # with another one of the same visit
            except DomainError as refusal:
                self.stderr.write(f"{self._line(one)} {refusal.message}")
            else:
                tally.count("settled: the portal wins")

    def _agrees(self, number: int) -> bool:
        if not sys.stdin.isatty():
            raise self.cannot("Nobody is there to be asked. Add --yes where the portal is surely right.")
        return click.confirm(f"Let the portal win in {number} differences?")

    def _line(self, one: Drift, *, portal_wins: bool = False) -> str:
        about = one.booking.number if one.booking else "no booking"
        vendor = one.get_system_display()
        said = f"{about}, {vendor}, {one.get_field_display().lower()}: here {one.ours}; there {one.theirs}."
        return f"{said} {preview(one, Winner.PORTAL).sentence}" if portal_wins else said

    @contextmanager
    def _bar(self) -> Iterator[drift.Progress]:
        if not sys.stderr.isatty():
            yield lambda done, steps: None
            return
        with click.progressbar(length=1, label="Reading", file=sys.stderr) as bar:

            def show(done: int, steps: int) -> None:
                bar.length = steps
                bar.update(1)

            yield show


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())
