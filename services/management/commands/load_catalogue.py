"""Load the catalogue from a file."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from services import catalogue, prices


class Command(BaseCommand):
    """Bring services, appointment types and prices to what a file says."""

    help = "Load services, appointment types and prices from a file; what it does not mention stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the file."""
        parser.add_argument("path", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")

    def handle(self, *, path: Path, dry_run: bool, **options) -> None:
        """Load it, or name every fault by its place in the file."""
        try:
            text = path.read_text(encoding="utf-8-sig")  # spreadsheets and Windows editors put a mark in front
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from None
        try:
            with transaction.atomic():
                changes = catalogue.load(text=text, day=prices.clinic_day(timezone.now()))
                transaction.set_rollback(dry_run)
        except catalogue.BadCatalogue as refusal:
            faults = [f"{place}: {sentence}" for place, told in refusal.details.items() for sentence in told]
            raise CommandError("\n".join([refusal.message, *faults])) from None

        for change in changes:
            self.stdout.write(str(change))
        if not changes:
            self.stdout.write("Nothing to change.")
        elif dry_run:
            self.stdout.write(f"Dry run: {len(changes)} changes, none made.")
        else:
            self.stdout.write(f"{len(changes)} changes made.")
