"""Take over the bookings of before."""

from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from bookings import importing
from botaniqal.commands import PortalCommand, Tally, read_table
from botaniqal.errors import DomainError


class Command(PortalCommand):
    """Take over a table of bookings; what cannot be taken is reported line by line, the rest is taken."""

    help = (
        "Take over bookings from a CSV file; a second run takes only what is new. Columns: "
        f"{', '.join(importing.REQUIRED)}; and, where known, {', '.join(importing.OPTIONAL)}."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the file, and say whether the vendors are told."""
        super().add_arguments(parser)
        parser.add_argument("path", type=Path)
        parser.add_argument("--owe", action="store_true", help="tell the vendors of visits ahead that they do not know")

    def run(self, *, path: Path, owe: bool, dry_run: bool, **options: Any) -> Tally:
        """Take one row after the other, each in a transaction of its own."""
        rows = read_table(path, required=importing.REQUIRED, optional=importing.OPTIONAL)
        tally, lines, now = Tally(), {}, timezone.now()
        # In a dry run the rows see each other, as they would, and all is taken back at the end.
        with transaction.atomic() if dry_run else nullcontext():
            for line, cells in self.walk(rows, label="Bookings"):
                first = lines.setdefault(cells["reference"], line)
                if cells["reference"] and first != line:
                    tally.trouble(f"Line {line}: its reference stands in line {first} already.")
                    continue
                try:
                    booking = importing.take(importing.read(cells), owe=owe, now=now)
                except DomainError as refusal:
                    tally.trouble(f"Line {line}: {refusal.message}")
                else:
                    tally.count("taken" if booking else "known already")
            if dry_run:
                transaction.set_rollback(True)
        return tally
