"""Load the catalogue from a file."""

from argparse import ArgumentParser
from functools import partial
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import DomainError
from botaniqal.wording.models import Approval
from services import catalogue, catalogue_words, prices


class Command(BaseCommand):
    """Bring services, appointment types and prices to what a file says."""

    help = "Load services, appointment types and prices from a file; what it does not mention stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the file, and who answers for its words."""
        parser.add_argument("path", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
        parser.add_argument(
            "--approve-as", metavar="E-MAIL", help="the person who approves the words of its services for the public"
        )

    def handle(self, *, path: Path, dry_run: bool, approve_as: str | None, **options) -> None:
        """Load it, or name every fault by its place in the file."""
        try:
            text = path.read_text(encoding="utf-8-sig")  # spreadsheets and Windows editors put a mark in front
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from None
        try:
            with transaction.atomic():
                changes = catalogue.load(text=text, day=prices.clinic_day(timezone.now()))
                approvals = self._approve(text, approve_as) if approve_as else []
                transaction.on_commit(partial(ring, "check_catalogue"))
                transaction.set_rollback(dry_run)
        except DomainError as refusal:
            faults = [f"{place}: {sentence}" for place, told in refusal.details.items() for sentence in told]
            raise CommandError("\n".join([refusal.message, *faults])) from None

        done = [*map(str, changes), *(f"Approved {row}" for row in approvals)]
        for line in done:
            self.stdout.write(line)
        if not done:
            self.stdout.write("Nothing to change.")
        elif dry_run:
            self.stdout.write(f"Dry run: {len(done)} changes, none made.")
        else:
            self.stdout.write(f"{len(done)} changes made.")

    def _approve(self, text: str, email: str) -> list[Approval]:
        """
        Approve the words of the file's services as somebody.

        :raises DomainError: they may not, or a word needs more than a command can give.
        """
        by = User.objects.filter(email__iexact=email, is_active=True).first()
        if by is None:
            raise CommandError(f"Nobody with a login has the e-mail address {email}.")
        return catalogue_words.approve_all(slugs=catalogue.slugs_in(text), reason="", by=by, now=timezone.now())
