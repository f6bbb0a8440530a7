"""What somebody filled in: as it was typed, as the schema judges it, and as a page shows it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from django.utils.datastructures import MultiValueDict
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from botaniqal import cards
from botaniqal.errors import Malformed

from .form_questions import CONTROL, LONGEST_ANSWER, YES_NO, Kind, Question

Typed = Mapping[str, str | list[str]]
"""What stands in the fields, by the questions' names; of several ticks a list."""

TICKED = "yes"
LONGEST_SHORT = 150
"""No number, day or offered answer is longer."""
WHOLE = re.compile(r"[+-]?\d{1,9}", re.ASCII)
NUMBER = re.compile(r"[+-]?\d{1,9}([.,]\d{1,6})?", re.ASCII)
DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.ASCII)

NEEDED = "Please answer this question."
UNFIT = "Has a character that cannot be kept. Please type it anew."
SENTENCES = {
    Kind.WHOLE: "Write a whole number, as 12.",
    Kind.NUMBER: "Write a number, as 72.5.",
    Kind.DATE: "Write a day as 31/12/1990.",
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """A question as a page shows it: with what was typed, what is wrong with it, and what stands elsewhere."""

    question: Question
    typed: str | list[str]
    problem: str = ""
    theirs: str = ""
    only_if: str = ""

    @property
    def options(self) -> list[tuple[str, str, bool]]:
        """The answers that it offers: value, words, and whether it is chosen."""
        chosen = self.typed if isinstance(self.typed, list) else [self.typed]
        return [(value, words, value in chosen) for value, words in self.question.answers.items()]

    @property
    def condition_value(self) -> str:
        """The answer after which it is asked, as its field holds it."""
        condition = self.question.only_if
        return "" if condition is None else TICKED if condition.value is True else str(condition.value)

    @property
    def described_by(self) -> str:
        """The ids of the lines that belong to it."""
        lines = {"only": self.only_if, "help": self.question.help, "theirs": self.theirs, "problem": self.problem}
        return " ".join(f"{line}-{self.question.name}" for line, words in lines.items() if words)


def typed(questions: Sequence[Question], posted: MultiValueDict) -> dict[str, str | list[str]]:
    """Take from what was posted what belongs to the questions, without what was left empty."""
    taken: dict[str, str | list[str]] = {}
    for one in questions:
        if one.kind == Kind.CHOICES:
            taken[one.name] = list(dict.fromkeys(filter(None, posted.getlist(one.name))))
        else:
            taken[one.name] = posted.get(one.name, "").replace("\r\n", "\n").strip()
    return {name: said for name, said in taken.items() if said}


def require_fit(questions: Sequence[Question], said: Typed) -> None:
    """
    Refuse what could not be kept even as a draft.

    :raises Malformed: something is too long, holds a card number, or no text could have it; ``details`` says where.
    """
    problems = {one.name: [problem] for one in questions if (problem := _unfit(one, said.get(one.name, "")))}
    if problems:
        raise Malformed("This cannot be saved as it is. Please mend what is marked.", details=problems)


def judge(
    schema: Mapping[str, Any], questions: Sequence[Question], said: Typed
) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the answers as the schema has them, and by the questions' names what is wrong, in sentences."""
    by_name = {one.name: one for one in questions}
    values = {name: _value(by_name[name], text) for name, text in said.items() if name in by_name}
    problems: dict[str, str] = {}
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for error in validator.iter_errors(values):
        if error.validator == "required":
            missing = [by_name[name] for name in error.validator_value if name not in values]
            problems |= {one.name: _needed(one) for one in missing}
        elif error.validator == "not":  # what is asked only after another answer than was given
            [name] = error.validator_value["required"]
            other = by_name[by_name[name].only_if.name]
            problems[name] = f"You answered “{other.text}” otherwise. Please empty this, or change that answer."
        else:
            name = error.absolute_path[0]
            problems.setdefault(name, _sentence(by_name[name], error))
    return values, {one.name: problems[one.name] for one in questions if one.name in problems}


def rows(questions: Sequence[Question], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write answers down in the form's order: name, question, the answer in words, and its value."""
    return [
        {"name": one.name, "question": one.text, "answer": _in_words(one, values[one.name]), "value": values[one.name]}
        for one in questions
        if one.name in values
    ]


def sections(
    questions: Sequence[Question],
    said: Typed,
    problems: Mapping[str, str] | None = None,
    theirs: Typed | None = None,
) -> list[tuple[str, list[Field]]]:
    """Put the questions as a page shows them, by section; ``theirs`` is what another window saved meanwhile."""
    by_name = {one.name: one for one in questions}
    fields = [
        Field(
            question=one,
            typed=said.get(one.name, ""),
            problem=(problems or {}).get(one.name, ""),
            theirs=_other(one, said, theirs),
            only_if=_asked_only(one, by_name),
        )
        for one in questions
    ]
    return [(name, list(group)) for name, group in groupby(fields, key=lambda field: field.question.section)]


def _unfit(question: Question, text: str | list[str]) -> str:
    longest = LONGEST_ANSWER.get(question.kind, LONGEST_SHORT)
    if question.kind in LONGEST_ANSWER and question.most:
        longest = int(question.most)
    for each in text if isinstance(text, list) else [text]:
        if CONTROL.search(each):
            return UNFIT
        if len(each) > longest:
            return f"Please shorten this to {longest} characters."
        if cards.blanked(each) != each:
            return "That looks like a card number. Please leave it out: we never ask for it here."
    return ""


def _value(question: Question, text: str | list[str]) -> Any:
    """Read what was typed as the kind of question wants it; what makes no sense stays for the schema to refuse."""
    match question.kind:
        case Kind.WHOLE if WHOLE.fullmatch(text):
            return int(text)
        case Kind.NUMBER if NUMBER.fullmatch(text):
            return float(text.replace(",", "."))
        case Kind.DATE if found := DAY.fullmatch(text):
            day, month, year = found.groups()
            return f"{year}-{month:0>2}-{day:0>2}"
        case Kind.TICK:
            return True
    return text


def _needed(question: Question) -> str:
    return "Please tick this to go on." if question.kind == Kind.TICK else NEEDED


def _sentence(question: Question, error: ValidationError) -> str:
    match error.validator:
        case "minimum":
            return f"Please write at least {error.validator_value}."
        case "maximum":
            return f"Please write at most {error.validator_value}."
        case "maxLength":
            return f"Please shorten this to {error.validator_value} characters."
        case "enum":
            return "Please choose from the answers that are offered."
    return SENTENCES.get(question.kind, "This answer does not fit the question.")


def _in_words(question: Question, value: Any) -> str:
    match question.kind:
        case Kind.YES_NO:
            return YES_NO[value]
        case Kind.TICK:
            return "Yes"
        case Kind.CHOICES:
            return ", ".join(value)
        case Kind.DATE:
            return f"{date.fromisoformat(value):%-d %B %Y}"
        case Kind.NUMBER:
            return f"{value:.10g}"
    return str(value)


def _other(question: Question, said: Typed, theirs: Typed | None) -> str:
    """Give what another window has in a question, where that is something else."""
    if theirs is None or theirs.get(question.name, "") == said.get(question.name, ""):
        return ""
    stands = theirs.get(question.name, "")
    words = [question.answers.get(each, each) for each in (stands if isinstance(stands, list) else [stands])]
    return ", ".join(filter(None, words)) or "nothing"


def _asked_only(question: Question, by_name: Mapping[str, Question]) -> str:
    """Say after which answer a question is to be answered, for those whose browser does not hide it."""
    if question.only_if is None:
        return ""
    other, value = by_name[question.only_if.name], question.only_if.value
    if value is True:
        return f"Only if you ticked “{other.text}”"
    return f"Only if you answered “{other.answers[value]}” to “{other.text}”"
