"""What the portal's commands have in common: dry run, progress on a terminal, summary, exit code, one run at a time."""

import csv
import io
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from botaniqal import logs

Item = TypeVar("Item")

NEEDS_PERSON, CANNOT = 1, 2


class Tally:
    """What came of a run: how many of each, and what a person has to look at."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.troubles: list[str] = []

    def count(self, word: str, number: int = 1) -> None:
        """Count what happened, in words that follow a number: "booked", "known already"."""
        self.counts[word] += number

    def trouble(self, sentence: str) -> None:
        """Keep something that a person has to look at."""
        self.troubles.append(sentence)

    def __str__(self) -> str:
        told = [f"{number:,} {word}" for word, number in self.counts.items() if number]
        return (", ".join(told) or "Nothing to do") + "."


class PortalCommand(BaseCommand):
    """
    A command that works through many things, safe to run twice and at once: a second run of its name is refused.

    It leaves with 0 when all is well, 1 when something waits for a person, 2 when it could not be done.
    """

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Offer a dry run."""
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run alone, then say what came of it."""
        with logs.under(), self._alone():
            tally = self.run(**options)
        for sentence in tally.troubles:
            self.stdout.write(f"! {sentence}")
        self.stdout.write(f"Dry run: {tally} Nothing was changed." if options["dry_run"] else str(tally))
        if tally.troubles:
            raise CommandError(f"{len(tally.troubles)} for a person to look at.", returncode=NEEDS_PERSON)

    def run(self, *, dry_run: bool, **options: Any) -> Tally:
        """
        Do the work.

        :raises CommandError: it cannot be done.
        """
        raise NotImplementedError

    def walk(self, items: Iterable[Item], *, label: str, length: int | None = None) -> Iterator[Item]:
        """Go through things with a progress bar, on a terminal alone."""
        if not sys.stderr.isatty():
            yield from items
            return
        with click.progressbar(items, label=label, length=length, file=sys.stderr) as bar:
            yield from bar

    def cannot(self, sentence: str) -> CommandError:
        """Make the error of a command that could not do its work."""
        return CommandError(sentence, returncode=CANNOT)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        key = [f"command:{type(self).__module__}"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key)
            if not cursor.fetchone()[0]:
                raise self.cannot("This command is running already. Wait for its end, then run it again.")
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)


def read_table(path: Path, *, required: Collection[str], optional: Collection[str]) -> list[tuple[int, dict[str, str]]]:
    """
    Read a table of comma- or semicolon-separated values, each row with its line in the file and its cells trimmed.

    :raises CommandError: it cannot be read, or its columns are not those that were asked for.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark in front
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}", returncode=CANNOT) from None
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",")
    faults, rows = [], []
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        faults += [f"The column “{name}” is missing." for name in required if name not in columns]
        faults += [f"The column “{name}” is not known." for name in columns if name not in {*required, *optional}]
        faults += [f"The column “{name}” stands there twice." for name, n in Counter(columns).items() if n > 1]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns):
                faults.append(f"Line {reader.line_num}: {len(cells)} cells where {len(columns)} were expected.")
            elif "\0" in "".join(cells):
                faults.append(f"Line {reader.line_num}: a cell holds a character that cannot be kept.")
            rows.append((reader.line_num, dict(zip(columns, map(str.strip, cells), strict=False))))
    except csv.Error as error:
        faults.append(f"Line {reader.line_num}: {error}.")
    if faults:
        raise CommandError("\n".join([f"{path} was not taken:", *faults]), returncode=CANNOT)
    return rows
