"""Write the catalogue to a file."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from services import catalogue


class Command(BaseCommand):
    """Write services, appointment types and prices as a file that can be loaded again."""

    help = "Write the catalogue to a file, or to the screen; loading it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the file."""
        parser.add_argument("path", type=Path, nargs="?")

    def handle(self, *, path: Path | None, **options) -> None:
        """Write it."""
        text = catalogue.dump()
        if path is None:
            self.stdout.write(text, ending="")
            return
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error}") from None
