"""
The JSON Schema (draft 2020-12) that says what a form asks.

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
from collections.abc import Sequence
from typing import Any, Never

from .form_questions import LONGEST_ANSWER, NUMBERS, WITH_CHOICES, YES_NO, BadForm, Condition, Faults, Kind, Question

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LARGEST = 1_000_000

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
AS_JSON = {
    "text": "title",
    "help": "description",
    "section": "x-page",
    "choices": "enum",
    "least": "minimum",
    "most": "maximum",
    "only_if": "if",
}


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
    reading = _Reading()
    questions = (
        reading.object(schema) if isinstance(schema, dict) else reading.faults.add("schema", "Write an object: {…}.")
    )
    if reading.faults.by_place:
        raise BadForm(details=reading.faults.by_place)
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

    def __init__(self) -> None:
        self.faults = Faults(AS_JSON)

    def object(self, schema: dict[str, Any]) -> tuple[Question, ...]:
        known = {"$schema": DIALECT, "type": "object", "additionalProperties": False}
        for key, value in schema.items():
            if key in known and not _same(value, known[key]):
                self.faults.add(key, f"Write {json.dumps(known[key])}.")
            if key not in (*known, "properties", "required", "x-order", "allOf"):
                self.faults.add(key, "Unknown here.")
        if "type" not in schema:
            self.faults.add("type", 'Write "object".')
        properties = schema.get("properties", {})
        if not isinstance(properties, dict):
            self.faults.add("properties", "Write an object: {…}.")
            return ()
        required = self.names(schema, "required", properties)
        order = self.names(schema, "x-order", properties) if "x-order" in schema else list(properties)
        for name in properties.keys() - set(order):
            self.faults.add("x-order", f"“{name}” is missing.")
        rules = self.conditions(schema, properties, required)
        questions: list[Question] = []
        for name in order:
            place = f"properties.{name}"
            question = self.question(name, properties[name], place, name in required, rules.get(name))
            if question:
                self.faults.weigh(question, place, questions)
                questions.append(question)
        self.faults.count(questions, "properties")
        return tuple(questions)

    def names(self, schema: dict[str, Any], key: str, properties: dict[str, Any]) -> list[str]:
        """Read a list of names, each once and of a question that there is."""
        named = schema.get(key, [])
        is_list = isinstance(named, list) and all(isinstance(one, str) for one in named)
        if not is_list or len(set(named)) != len(named):
            self.faults.add(key, "Write a list of names, each once.")
            return []
        for name in named:
            if name not in properties:
                self.faults.add(key, f"There is no question “{name}”.")
        return [name for name in named if name in properties]

    def conditions(
        self, schema: dict[str, Any], properties: dict[str, Any], required: list[str]
    ) -> dict[str, tuple[Condition, bool]]:
        """Read after which answers questions are asked, and whether they are needed then."""
        rules = schema.get("allOf", [])
        if not isinstance(rules, list):
            self.faults.add("allOf", "Write a list: […].")
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
                self.faults.add(
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
            return self.faults.add(place, f"Write a question of one of these kinds: {', '.join(Kind.labels).lower()}.")
        texts = {key: raw.get(key, "") for key in ("title", "description", "x-page")}
        for key, text in texts.items():
            if not isinstance(text, str):
                return self.faults.add(f"{place}.{key}", "Write text in quotes.")
        listed = raw.get("items", {}) if kind == Kind.CHOICES else raw
        choices = listed.get("enum", []) if kind in WITH_CHOICES and isinstance(listed, dict) else []
        if not (isinstance(choices, list) and all(isinstance(one, str) for one in choices)):
            return self.faults.add(f"{place}.enum", "Write a list of texts.")
        bounds = {key: raw.get(key) for key in ("minimum", "maximum", "maxLength")}
        for key, bound in bounds.items():
            is_number = type(bound) is int or (type(bound) is float and key != "maxLength")
            if bound is not None and not (is_number and abs(bound) <= LARGEST):
                return self.faults.add(f"{place}.{key}", f"Write a number up to {LARGEST}.")
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
                self.faults.add(f"{place}.{key}", "Unknown for this kind of question.")
            elif not _same(value, written[key]):
                self.faults.add(f"{place}.{key}", f"Write {json.dumps(written[key], ensure_ascii=False)}.")
        return question


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


def _no_constant(word: str) -> Never:
    raise ValueError(f"{word} is no number")
