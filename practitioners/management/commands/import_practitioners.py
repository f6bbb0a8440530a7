"""Take over practitioners from a table."""

from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction

from botaniqal.celery import ring
from botaniqal.commands import PortalCommand, Tally, read_table
from botaniqal.errors import DomainError
from practitioners import importing


class Command(PortalCommand):
    """Enter and correct practitioners from a table; a row at fault is named, and then nothing is changed."""

    help = (
        "Enter or correct practitioners, known by their e-mail, from a CSV file; empty cells change nothing. Columns: "
        f"{', '.join(importing.REQUIRED)}; and, where wanted, {', '.join(importing.OPTIONAL)}."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the file."""
        super().add_arguments(parser)
        parser.add_argument("path", type=Path)

    def run(self, *, path: Path, dry_run: bool, **options: Any) -> Tally:
        """Take all rows in one transaction."""
        rows = read_table(path, required=importing.REQUIRED, optional=importing.OPTIONAL)
        tally, faults, lines = Tally(), [], {}
        with transaction.atomic():
            for line, cells in self.walk(rows, label="Practitioners"):
                if (first := lines.setdefault(cells["email"].lower(), line)) != line:
                    faults.append(f"Line {line}: its e-mail stands in line {first} already.")
                    continue
                try:
                    tally.count(importing.take(cells))
                except DomainError as refusal:
                    faults.append(f"Line {line}: {refusal.message}")
            transaction.on_commit(partial(ring, "check_catalogue"))
            transaction.set_rollback(dry_run or bool(faults))
        if faults:
            raise self.cannot("\n".join(["Nothing was taken:", *faults]))
        return tally
