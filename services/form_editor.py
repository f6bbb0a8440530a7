"""The page on which a form's questions are written, as rows for people or as JSON; works without JavaScript."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import QueryDict

from . import form_questions
from .form_questions import BadForm, Condition, Kind, Question

MOST_ROWS = form_questions.MOST_QUESTIONS + 10
LONGEST_FIELD = 10_000
PLACE = re.compile(r"questions\[(\d+)\](?:\.(\w+))?")
NUMBER = re.compile(r"-?\d{1,7}([.,]\d{1,4})?", re.ASCII)
PARTS = ("name", "text", "kind", "help", "choices", "section", "least", "most", "only_if")


@dataclass(kw_only=True)
class Row:
    """A question as it is being written: all of it text, with what is wrong with each part."""

    name: str = ""
    text: str = ""
    kind: str = Kind.TEXT
    help: str = ""
    choices: str = ""
    section: str = ""
    least: str = ""
    most: str = ""
    only_if: str = ""
    is_required: bool = False
    faults: dict[str, str] = field(default_factory=dict)
    focus: str = ""
    """The button that has the focus, where this row was just moved or added."""

    @property
    def is_empty(self) -> bool:
        """True for a row in which nothing was written yet."""
        return not (self.text or self.help or self.choices)


def rows_of(questions: Sequence[Question]) -> list[Row]:
    """Write questions as rows."""
    return [
        Row(
            name=one.name,
            text=one.text,
            kind=one.kind,
            help=one.help,
            choices="\n".join(one.choices),
            section=one.section,
            least=_shown(one.least),
            most=_shown(one.most if one.most != form_questions.LONGEST_ANSWER.get(one.kind) else None),
            only_if=_condition_shown(one.only_if),
            is_required=one.is_required,
        )
        for one in questions
    ]


def rows_from(posted: QueryDict) -> list[Row]:
    """Read the rows as they were typed; a question without a name gets one of its words."""
    typed = posted.get("rows", "")
    count = int(typed) if re.fullmatch(r"\d{1,3}", typed, re.ASCII) else 0
    rows = []
    for n in range(min(count, MOST_ROWS)):
        parts = {part: posted.get(f"{part}-{n}", "").replace("\r\n", "\n")[:LONGEST_FIELD].strip() for part in PARTS}
        rows.append(Row(**parts, is_required=f"is_required-{n}" in posted))
    taken = {row.name for row in rows}
    for row in rows:
        if row.text and not row.name:
            row.name = form_questions.name_for(row.text, taken)
            taken.add(row.name)
    return rows


def rearrange(rows: list[Row], wish: str) -> list[Row]:
    """Add, move or take out a row, as a button says: add, up-2, down-2, remove-2; nothing is saved by it."""
    verb, _, place = wish.partition("-")
    at = int(place) if re.fullmatch(r"\d{1,3}", place, re.ASCII) else -1
    rows = [replace(row, focus="") for row in rows]
    if verb == "add" and len(rows) < MOST_ROWS:
        rows.append(Row(section=rows[-1].section if rows else "", focus="text"))
    elif 0 <= at < len(rows):
        to = at + {"up": -1, "down": 1}.get(verb, 0)
        if verb == "remove":
            del rows[at]
        elif 0 <= to < len(rows):
            rows[at], rows[to] = rows[to], rows[at]
            rows[to].focus = verb
    return rows


def questions_of(rows: Sequence[Row]) -> list[Question]:
    """
    Read the questions of rows, leaving out those that are empty.

    :raises BadForm: with the faults by their place; they stand in the rows as well.
    """
    written = [row for row in rows if not row.is_empty]
    faults: dict[str, list[str]] = {}
    questions = [_question(row, f"questions[{place}]", faults) for place, row in enumerate(written)]
    try:
        form_questions.check(questions)
    except BadForm as bad:
        for place, sentences in bad.details.items():
            faults.setdefault(place, []).extend(sentences)
    if not faults:
        return questions
    for place, sentences in faults.items():
        if found := PLACE.fullmatch(place):
            written[int(found[1])].faults[found[2] or "text"] = " ".join(sentences)
    raise BadForm(details=faults)


def deciding(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """List the answers after which alone a question can be asked, as the rows stand."""
    offered = []
    for row in rows:
        if row.name and not row.only_if and row.kind in form_questions.DECIDING:
            if row.kind == Kind.TICK:
                offered.append((f"{row.name}=", f"“{row.text}” is ticked"))
            else:
                answers = (
                    form_questions.YES_NO if row.kind == Kind.YES_NO else {one: one for one in _lines(row.choices)}
                )
                offered += [(f"{row.name}={value}", f"“{row.text}”: {words}") for value, words in answers.items()]
    return offered


def as_json(schema: Any) -> str:
    """Write a schema for people who read JSON."""
    return json.dumps(schema, indent=2, ensure_ascii=False)


def described(question: Question) -> dict[str, str]:
    """Say in words all that a question is, for comparing it with what it was."""
    condition = question.only_if
    return {
        "Asks": question.text,
        "Kind": Kind(question.kind).label,
        "Answers": ", ".join(question.choices),
        "Help": question.help,
        "Section": question.section,
        "Needed": "Yes" if question.is_required else "No",
        "At least": _shown(question.least),
        "At most": _shown(question.most),
        "Only after": _condition_shown(condition).rstrip("="),
    }


def _question(row: Row, place: str, faults: dict[str, list[str]]) -> Question:
    bounds = {}
    for part in ("least", "most"):
        typed = getattr(row, part)
        is_used = row.kind in form_questions.NUMBERS or (part == "most" and row.kind in form_questions.LONGEST_ANSWER)
        if typed and is_used and not NUMBER.fullmatch(typed):
            faults[f"{place}.{part}"] = ["Write a number."]
        elif typed and is_used:
            number = float(typed.replace(",", "."))
            bounds[part] = int(number) if number.is_integer() else number
    if row.kind not in Kind:
        faults[f"{place}.kind"] = ["Choose how it is answered."]
    name, _, value = row.only_if.partition("=")
    return Question(
        name=row.name,
        text=row.text,
        kind=Kind(row.kind) if row.kind in Kind else Kind.TEXT,
        help=row.help,
        choices=tuple(_lines(row.choices)) if row.kind in form_questions.WITH_CHOICES else (),
        section=row.section,
        is_required=row.is_required,
        only_if=Condition(name, value or True) if name else None,
        **bounds,
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _shown(number: float | None) -> str:
    return "" if number is None else f"{number:.10g}"


def _condition_shown(condition: Condition | None) -> str:
    return "" if condition is None else f"{condition.name}={'' if condition.value is True else condition.value}"
