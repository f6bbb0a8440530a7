"""Check a body against the part of JSON Schema that the vendors' contracts use."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

Schema = dict[str, Any]
Fault = tuple[str, str]

TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def _is_date_time(text: str) -> bool:
    moment = datetime.fromisoformat(text)
    # Nobody books in another century, and sums of such times leave the calendar.
    return "T" in text and moment.tzinfo is not None and 1971 <= moment.year <= 2200


def _is_email(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", text) is not None


def _is_uri(text: str) -> bool:
    return bool(urlsplit(text).scheme and urlsplit(text).netloc)


def _is_uuid(text: str) -> bool:
    return str(UUID(text)) == text.lower()


FORMATS = {"date-time": _is_date_time, "email": _is_email, "uri": _is_uri, "uuid": _is_uuid}


def faults(value: Any, schema: Schema, at: str = "") -> Iterator[Fault]:
    """Name each breach of the schema as (place in the body, sentence)."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is_of(value, kind) for kind in kinds):
        yield at, f"must be {' or '.join(kinds)}"
    elif isinstance(value, str):
        yield from _text_faults(value, schema, at)
    elif isinstance(value, dict):
        yield from _object_faults(value, schema, at)
    elif isinstance(value, list):
        yield from _array_faults(value, schema, at)
    elif isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield at, "is out of range"
    if "enum" in schema and value not in schema["enum"]:
        yield at, f"must be one of {', '.join(map(str, schema['enum']))}"


def _is_of(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and not (kind in {"integer", "number"} and isinstance(value, bool))


def _text_faults(text: str, schema: Schema, at: str) -> Iterator[Fault]:
    if not schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)):
        yield at, "is too short or too long"
    if "pattern" in schema and not re.search(schema["pattern"], text):
        yield at, "has the wrong form"
    if "format" in schema:
        try:
            valid = FORMATS[schema["format"]](text)
        except ValueError:
            valid = False
        if not valid:
            yield at, f"is not a valid {schema['format']}"


def _object_faults(body: dict[str, Any], schema: Schema, at: str) -> Iterator[Fault]:
    prefix = f"{at}." if at else ""
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in body:
            yield f"{prefix}{name}", "is missing"
    if "anyOf" in schema and all(list(_object_faults(body, choice, at)) for choice in schema["anyOf"]):
        yield at, "lacks one of the fields that may stand for each other"
    patterns = schema.get("patternProperties", {})
    for name, value in body.items():
        fitting = next((patterns[pattern] for pattern in patterns if re.search(pattern, name)), None)
        if (known := properties.get(name, fitting)) is not None:
            yield from faults(value, known, f"{prefix}{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{prefix}{name}", "is not known here"


def _array_faults(items: list[Any], schema: Schema, at: str) -> Iterator[Fault]:
    if not schema.get("minItems", 0) <= len(items) <= schema.get("maxItems", len(items)):
        yield at, "has too few or too many items"
    for number, item in enumerate(items):
        yield from faults(item, schema.get("items", {}), f"{at}[{number}]")
