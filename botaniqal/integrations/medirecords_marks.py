"""
What stands in the notes of an appointment in MediRecords: our mark, the billing code and the reporting category.

No field for any of them is documented (as of 2026-11-21). What the practice itself noted stands behind them.
"""

import re
from dataclasses import dataclass
from uuid import UUID

MARKS = re.compile(
    r"\[ref:(?P<ref>[^\]]+)\]\s*"
    r"(?:\[billing:(?P<billing>[^\]]+)\]\s*)?"
    r"(?:\[category:(?P<category>[^\]]+)\]\s*)?"
)
BRACKETS = str.maketrans("", "", "[]")


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What was read in notes; nothing of it stands in those of an appointment that is not ours."""

    ref: str | None = None
    billing_code: str = ""
    category: str = ""


def written(*, ref: UUID, billing_code: str, category: str) -> str:
    """Write what stands at the beginning of the notes."""
    parts = {"ref": str(ref), "billing": billing_code, "category": category}
    plain = {name: text.translate(BRACKETS) for name, text in parts.items()}
    return " ".join(f"[{name}:{text}]" for name, text in plain.items() if text)


def read(notes: str | None) -> Marks:
    """Read what stands at the beginning of notes."""
    found = MARKS.match(notes or "")
    if found is None:
        return Marks()
    return Marks(ref=found["ref"], billing_code=found["billing"] or "", category=found["category"] or "")


def behind(notes: str | None) -> str:
    """Give what the practice itself noted."""
    return MARKS.sub("", notes or "", count=1)
