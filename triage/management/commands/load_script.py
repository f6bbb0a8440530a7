"""Load a script of the calls from a file, as a draft."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from botaniqal.commands import PortalCommand, Tally
from botaniqal.errors import DomainError
from triage import script_file


class Command(PortalCommand):
    """Make a draft of the script that a file holds; it is asked once somebody has approved it."""

    help = "Load a script of the calls from a file as a draft; a file that is known already changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the file."""
        super().add_arguments(parser)
        parser.add_argument("path", type=Path)

    def run(self, *, path: Path, dry_run: bool, **options: Any) -> Tally:
        """Load it, or name the fault by its place in the file."""
        try:
            document = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise self.cannot(f"{path} cannot be read: {error}") from None
        tally = Tally()
        try:
            with transaction.atomic():
                draft = script_file.load(document=document)
                transaction.set_rollback(dry_run)
        except DomainError as refusal:
            faults = [f"{place}: {told}" for place, all_told in refusal.details.items() for told in all_told]
            raise CommandError("\n".join([f"{path} was not taken: {refusal.message}", *faults]), returncode=2) from None
        if draft:
            tally.count("questions in a new draft", len(document["questions"]))
        return tally
