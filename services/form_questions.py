"""
The questions of a form, and the JSON Schema (draft 2020-12) that says the same.

A form's schema is an object with a property for each question, and no more of JSON Schema than this:

- ``title`` is what is asked, ``description`` a line below it, ``x-page`` the section that it stands in;
- text is ``{"type": "string"}``, with ``"x-widget": "long"`` over several lines; ``maxLength`` bounds both;
- numbers are ``integer`` or ``number``, with ``minimum`` and ``maximum``; a day is a string with ``"format": "date"``;
- one answer of several is a string with ``enum``; yes, no or unsure is that with ``"x-widget": "yes-no"``;
- several answers are an ``array`` whose ``items`` are such a string; a tick is ``boolean``, and ``true`` once needed;
- ``required`` names what has to be answered, ``x-order`` lists all questions in their order;
- ``allOf`` holds, for a question that is asked only after a certain answer, one ``if`` as ``_only_after`` writes it.

There is no ``pattern``: a bad one can hang. A schema that is read and written again is its normal form.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import models

from botaniqal import cards
from botaniqal.errors import Malformed

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_QUESTIONS, MOST_CHOICES = 60, 40
LONGEST_TEXT, LONGEST_HELP, LONGEST_CHOICE, LONGEST_SECTION = 300, 500, 150, 100
LONGEST_ANSWER = {"text": 300, "long": 5_000}
LARGEST = 1_000_000
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
TAKEN_NAMES = frozenset({"csrfmiddlewaretoken", "revision", "version", "do", "website", "zone"})
"""Names of the page's own fields."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
YES_NO = {"yes": "Yes", "no": "No", "unsure": "Unsure"}


class BadForm(Malformed):
    """The questions are not fit to be asked; ``details`` names every fault by its place."""

    code = "bad_form"
    message = "The form was not saved: it has faults."


class Kind(models.TextChoices):
    """How a question is answered."""

    TEXT = "text", "A line of text"
    LONG = "long", "Several lines of text"
    CHOICE = "choice", "One of several answers"
    CHOICES = "choices", "Several of the answers"
    YES_NO = "yes_no", "Yes, no or unsure"
    TICK = "tick", "A tick"
    WHOLE = "whole", "A whole number"
    NUMBER = "number", "A number"
    DATE = "date", "A day"


SHAPES: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"type": "string"},
    Kind.LONG: {"type": "string", "x-widget": "long"},
    Kind.CHOICE: {"type": "string"},
    Kind.CHOICES: {"type": "array", "uniqueItems": True},
    Kind.YES_NO: {"type": "string", "x-widget": "yes-no", "enum": list(YES_NO)},
    Kind.TICK: {"type": "boolean"},
    Kind.WHOLE: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.DATE: {"type": "string", "format": "date"},
}
NUMBERS = (Kind.WHOLE, Kind.NUMBER)
WITH_CHOICES = (Kind.CHOICE, Kind.CHOICES)
DECIDING = (Kind.CHOICE, Kind.YES_NO, Kind.TICK)
"""Kinds of which one answer can decide whether another question is asked."""


AS_JSON = {
    "text": "title",
    "help": "description",
    "section": "x-page",
    "choices": "enum",
    "least": "minimum",
    "most": "maximum",
    "only_if": "if",
}


class Condition(NamedTuple):
    """The answer to another question after which alone a question is asked."""

    name: str
    value: str | bool


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing that a form asks."""

    name: str
    text: str
    kind: Kind
    help: str = ""
    choices: tuple[str, ...] = ()
    is_required: bool = False
    least: float | None = None
    most: float | None = None
    section: str = ""
    only_if: Condition | None = None

    @property
    def answers(self) -> dict[str, str]:
        """The answers that it offers, with their words."""
        return YES_NO if self.kind == Kind.YES_NO else {word: word for word in self.choices}


def write(questions: Sequence[Question]) -> dict[str, Any]:
    """Write questions as a schema in its normal form."""
    schema = {
        "$schema": DIALECT,
        "type": "object",
        "additionalProperties": False,
        "properties": {one.name: _property(one) for one in questions},
        "required": [one.name for one in questions if one.is_required and not one.only_if],
        "x-order": [one.name for one in questions],
    }
    if conditions := [_only_after(one) for one in questions if one.only_if]:
        schema["allOf"] = conditions
    return schema


def read(schema: Any) -> tuple[Question, ...]:
    """
    Read the questions of a schema.

    :raises BadForm: it is not of the kind that is described above.
    """
    reading = _Reading(AS_JSON)
    questions = reading.object(schema) if isinstance(schema, dict) else reading.fault("schema", "Write an object: {…}.")
    if reading.faults:
        raise BadForm(details=reading.faults)
    return questions


def parse(text: str) -> Any:
    """
    Read a schema's JSON as somebody typed it.

    :raises BadForm: it is no JSON, or a member stands in it twice.
    """
    try:
        schema = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
        json.dumps(schema)  # nested so deeply that it cannot be written, it could not be kept either
        return schema
    except (ValueError, RecursionError) as error:
        raise BadForm(details={"schema": [f"This is not JSON: {error}."]}) from None


def check(questions: Sequence[Question]) -> None:
    """
    Hold questions against each other and against what a page can show.

    :raises BadForm: with the faults by the place in the list, as ``questions[2].text``.
    """
    reading = _Reading({})
    for place, question in enumerate(questions):
        reading.sound(question, f"questions[{place}]", questions[:place])
    reading.count(questions, "questions")
    if reading.faults:
        raise BadForm(details=reading.faults)


def name_for(text: str, taken: Iterable[str]) -> str:
    """Make a question's name of its words, unlike those that are taken."""
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    stem = re.sub(r"^[^a-z]+", "", words)[:30].rstrip("_") or "question"
    avoided = {*taken, *TAKEN_NAMES}
    return next(name for n in range(1, len(avoided) + 2) if (name := stem if n == 1 else f"{stem}_{n}") not in avoided)


def _property(question: Question) -> dict[str, Any]:
    kind = question.kind
    made = {"title": question.text, **SHAPES[kind]}
    if question.help:
        made["description"] = question.help
    if question.section:
        made["x-page"] = question.section
    if kind in LONGEST_ANSWER:
        made["maxLength"] = int(question.most or LONGEST_ANSWER[kind])
    if kind in NUMBERS:
        bounds = {"minimum": question.least, "maximum": question.most}
        made |= {key: bound for key, bound in bounds.items() if bound is not None}
    if kind == Kind.CHOICE:
        made["enum"] = list(question.choices)
    if kind == Kind.CHOICES:
        made["items"] = {"type": "string", "enum": list(question.choices)}
    if kind == Kind.TICK and question.is_required:
        made["const"] = True
    return made


def _only_after(question: Question) -> dict[str, Any]:
    """Write that a question is answered after a certain answer alone, and then has to be where it is needed."""
    other, value = question.only_if
    rule = {
        "if": {"properties": {other: {"const": value}}, "required": [other]},
        "else": {"not": {"required": [question.name]}},
    }
    if question.is_required:
        rule["then"] = {"required": [question.name]}
    return rule


class _Reading:
    """One pass over a schema: its questions, and the faults by their place."""

    def __init__(self, parts: dict[str, str]) -> None:
        self.parts = parts
        """How the place that is read calls the parts of a question."""
        self.faults: dict[str, list[str]] = {}

    def object(self, schema: dict[str, Any]) -> tuple[Question, ...]:
        known = {"$schema": DIALECT, "type": "object", "additionalProperties": False}
        for key, value in schema.items():
            if key in known and not _same(value, known[key]):
                self.fault(key, f"Write {json.dumps(known[key])}.")
            if key not in (*known, "properties", "required", "x-order", "allOf"):
                self.fault(key, "Unknown here.")
        if "type" not in schema:
            self.fault("type", 'Write "object".')
        properties = schema.get("properties", {})
        if not isinstance(properties, dict):
            self.fault("properties", "Write an object: {…}.")
            return ()
        required = self.names(schema, "required", properties)
        order = self.names(schema, "x-order", properties) if "x-order" in schema else list(properties)
        for name in properties.keys() - set(order):
            self.fault("x-order", f"“{name}” is missing.")
        rules = self.conditions(schema, properties, required)
        questions: list[Question] = []
        for name in order:
            place = f"properties.{name}"
            question = self.question(name, properties[name], place, name in required, rules.get(name))
            if question:
                self.sound(question, place, questions)
                questions.append(question)
        self.count(questions, "properties")
        return tuple(questions)

    def names(self, schema: dict[str, Any], key: str, properties: dict[str, Any]) -> list[str]:
        """Read a list of names, each once and of a question that there is."""
        named = schema.get(key, [])
        is_list = isinstance(named, list) and all(isinstance(one, str) for one in named)
        if not is_list or len(set(named)) != len(named):
            self.fault(key, "Write a list of names, each once.")
            return []
        for name in named:
            if name not in properties:
                self.fault(key, f"There is no question “{name}”.")
        return [name for name in named if name in properties]

    def conditions(
        self, schema: dict[str, Any], properties: dict[str, Any], required: list[str]
    ) -> dict[str, tuple[Condition, bool]]:
        """Read after which answers questions are asked, and whether they are needed then."""
        rules = schema.get("allOf", [])
        if not isinstance(rules, list):
            self.fault("allOf", "Write a list: […].")
            return {}
        read: dict[str, tuple[Condition, bool]] = {}
        for n, rule in enumerate(rules):
            try:
                [(other, wanted)] = rule["if"]["properties"].items()
                [name] = rule["else"]["not"]["required"]
                condition, is_needed = Condition(other, wanted["const"]), "then" in rule
                stand_in = Question(name=name, text="", kind=Kind.TEXT, is_required=is_needed, only_if=condition)
                is_as_written = _same(rule, _only_after(stand_in))
            except (KeyError, TypeError, ValueError, AttributeError):
                is_as_written, name = False, ""
            if not is_as_written or name not in properties or name in read or name in required:
                self.fault(
                    f"allOf[{n}]",
                    "Write one “if” for one question that stands in “properties” and not in “required”.",
                )
                continue
            read[name] = (condition, is_needed)
        return read

    def question(
        self, name: str, raw: Any, place: str, is_required: bool, rule: tuple[Condition, bool] | None
    ) -> Question | None:
        kind = _kind_of(raw)
        if kind is None:
            return self.fault(place, f"Write a question of one of these kinds: {', '.join(Kind.labels).lower()}.")
        texts = {key: raw.get(key, "") for key in ("title", "description", "x-page")}
        for key, text in texts.items():
            if not isinstance(text, str):
                return self.fault(f"{place}.{key}", "Write text in quotes.")
        listed = raw.get("items", {}) if kind == Kind.CHOICES else raw
        choices = listed.get("enum", []) if kind in WITH_CHOICES and isinstance(listed, dict) else []
        if not (isinstance(choices, list) and all(isinstance(one, str) for one in choices)):
            return self.fault(f"{place}.enum", "Write a list of texts.")
        bounds = {key: raw.get(key) for key in ("minimum", "maximum", "maxLength")}
        for key, bound in bounds.items():
            is_number = type(bound) is int or (type(bound) is float and key != "maxLength")
            if bound is not None and not (is_number and abs(bound) <= LARGEST):
                return self.fault(f"{place}.{key}", f"Write a number up to {LARGEST}.")
        question = Question(
            name=name,
            text=texts["title"],
            kind=kind,
            help=texts["description"],
            choices=tuple(choices),
            is_required=rule[1] if rule else is_required,
            least=bounds["minimum"],
            most=bounds["maxLength"] if kind in LONGEST_ANSWER else bounds["maximum"],
            section=texts["x-page"],
            only_if=rule[0] if rule else None,
        )
        written = _property(question)
        for key, value in raw.items():
            if key not in written:
                self.fault(f"{place}.{key}", "Unknown for this kind of question.")
            elif not _same(value, written[key]):
                self.fault(f"{place}.{key}", f"Write {json.dumps(written[key], ensure_ascii=False)}.")
        return question

    def sound(self, question: Question, place: str, before: Sequence[Question]) -> None:
        """Hold one question against the limits, and against those before it."""
        if not NAME.fullmatch(question.name) or question.name in TAKEN_NAMES:
            self.fault(
                place, "The name needs small letters, digits and _, and a letter first; some are the page's own."
            )
        if any(one.name == question.name for one in before):
            self.fault(place, f"There are two questions “{question.name}”.")
        if not question.text.strip():
            self.fault(f"{place}.text", "Say what is asked.")
        limits = (("text", LONGEST_TEXT), ("help", LONGEST_HELP), ("section", LONGEST_SECTION))
        for part, longest in limits:
            self.fit(getattr(question, part), f"{place}.{part}", longest)
        if question.kind in WITH_CHOICES:
            self.choices(question, f"{place}.choices")
        if question.kind in LONGEST_ANSWER and question.most is not None:
            longest = LONGEST_ANSWER[question.kind]
            if not 1 <= question.most <= longest or question.most != int(question.most):
                self.fault(f"{place}.most", f"Write a whole number from 1 to {longest}.")
        elif question.least is not None and question.most is not None and question.least > question.most:
            self.fault(f"{place}.least", "The least is more than the most.")
        if question.only_if:
            self.condition(question.only_if, f"{place}.only_if", before)

    def choices(self, question: Question, place: str) -> None:
        if not 2 <= len(question.choices) <= MOST_CHOICES:
            self.fault(place, f"Offer 2 to {MOST_CHOICES} answers.")
        if len({" ".join(one.split()).casefold() for one in question.choices}) != len(question.choices):
            self.fault(place, "An answer stands here twice.")
        for one in question.choices:
            self.fit(one, place, LONGEST_CHOICE)
            if one != one.strip() or not one:
                self.fault(place, "An answer is empty, or has a blank before or after it.")

    def condition(self, condition: Condition, place: str, before: Sequence[Question]) -> None:
        other = next((one for one in before if one.name == condition.name), None)
        if other is None or other.kind not in DECIDING or other.only_if:
            return self.fault(place, "Name a question above it that is always asked and has one answer of several.")
        if not (condition.value is True if other.kind == Kind.TICK else condition.value in other.answers):
            return self.fault(place, f"“{other.text}” has no such answer.")
        return None

    def count(self, questions: Sequence[Question], place: str) -> None:
        if len(questions) > MOST_QUESTIONS:
            self.fault(place, f"Ask at most {MOST_QUESTIONS} questions.")

    def fit(self, text: str, place: str, longest: int) -> None:
        if len(text) > longest:
            self.fault(place, f"At most {longest} characters.")
        if CONTROL.search(text):
            self.fault(place, "Has a character that no text may have.")
        if cards.blanked(text) != text:
            self.fault(place, "That looks like a card number.")

    def fault(self, place: str, sentence: str) -> None:
        stem, _, part = place.rpartition(".")
        named = f"{stem}.{self.parts[part]}" if part in self.parts and stem else place
        # What was typed stands in them, and has to be fit for a page.
        named, sentence = (text.encode(errors="replace").decode()[:200] for text in (named, sentence))
        self.faults.setdefault(named, []).append(sentence)


def _kind_of(raw: Any) -> Kind | None:
    """Tell how a property is answered by what stands in it."""
    match raw:
        case {"type": "string", "x-widget": "long"}:
            return Kind.LONG
        case {"type": "string", "x-widget": "yes-no"}:
            return Kind.YES_NO
        case {"type": "string", "format": "date"}:
            return Kind.DATE
        case {"type": "string", "enum": _}:
            return Kind.CHOICE
        case {"type": "string" | "boolean" | "integer" | "number" | "array" as its_type}:
            names = {"string": Kind.TEXT, "boolean": Kind.TICK, "integer": Kind.WHOLE, "number": Kind.NUMBER}
            return names.get(its_type, Kind.CHOICES)
    return None


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does, where true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"“{twice}” stands in it twice")
    return dict(pairs)


def _no_constant(word: str) -> Iterator[None]:
    raise ValueError(f"{word} is no number")
