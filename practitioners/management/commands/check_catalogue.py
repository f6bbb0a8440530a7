"""Check whether what the catalogue offers can be given."""

from typing import Any

from django.utils import timezone

from botaniqal.commands import PortalCommand, Tally
from practitioners import publish_check
from practitioners.publish_check import Colour
from services import prices

SIGNS = {Colour.GREEN: "ok", Colour.AMBER: "amber", Colour.RED: "RED"}


class Command(PortalCommand):
    """Print the matrix of appointment types, store it, and tell the reason of everything that is not green."""

    help = "Check every appointment type for what it needs, and offer what has it; exit code 1 if one has not."

    def run(self, *, dry_run: bool, **options: Any) -> Tally:
        """Print it."""
        now = timezone.now()
        day = prices.clinic_day(now)
        if not dry_run:
            publish_check.refresh(day=day, now=now)
        verdicts = publish_check.check(day=day)
        width = max((len(verdict.appointment_type.code) for verdict in verdicts), default=0)
        self._line(" " * width, publish_check.ASPECTS)
        for verdict in verdicts:
            self._line(f"{verdict.appointment_type.code:{width}}", [SIGNS[each.colour] for each in verdict.findings])
        tally = Tally()
        for verdict in verdicts:
            tally.count(verdict.colour)
            for finding in verdict.findings:
                sentence = f"{verdict.appointment_type.code}: {finding.reason}"
                if finding.colour == Colour.AMBER:
                    self.stdout.write(f"  {sentence}")
                elif finding.colour == Colour.RED:
                    tally.trouble(sentence)
        return tally

    def _line(self, head: str, cells: list[str] | tuple[str, ...]) -> None:
        self.stdout.write(" ".join([head, *(f"{cell:>16}" for cell in cells)]))
