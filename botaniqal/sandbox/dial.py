"""The fault dial: which calls a vendor is to answer late, badly or not at all."""

import random
import threading
from dataclasses import dataclass, field
from typing import Any

from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

FAULTS = {
    "latency": "Answers late",
    "throttled": "Answers 429, too many requests",
    "error_before": "Answers 500 without doing the work",
    "error_after": "Does the work, then answers 500",
    "timeout_before": "Never answers, work not done",
    "timeout_after": "Does the work, then never answers",
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["vendor", "fault"],
    "properties": {
        "vendor": {"type": "string", "enum": ["calendly", "medirecords", "ses"]},
        "operation": {"type": "string", "minLength": 1},
        "fault": {"type": "string", "enum": list(FAULTS)},
        "rate": {"type": "number", "minimum": 0, "maximum": 1},
        "calls": {"type": ["integer", "null"], "minimum": 0, "maximum": 1_000_000},
        "milliseconds": {"type": "integer", "minimum": 0, "maximum": 30_000},
        "retry_after": {"type": "integer", "minimum": 0, "maximum": 3600},
    },
}
DEFAULTS = {"operation": "all", "rate": 1, "calls": None, "milliseconds": 1000, "retry_after": 5}

_chance = random.SystemRandom()

# A silent call is let go after this: longer than any client waits, short enough to give the thread back.
SILENCE_SECONDS = 30


@dataclass
class Drawn:
    """The faults that one call meets."""

    faults: list[Document] = field(default_factory=list)

    def before(self) -> None:
        """
        Be late, or fail before the work is done.

        :raises Refused: with the status that the dial asks for.
        """
        for fault in self.faults:
            if fault["fault"] == "latency":
                _wait(fault["milliseconds"] / 1000)
            elif fault["fault"] == "throttled":
                raise Refused(429, "Too many requests")
            elif fault["fault"] == "error_before":
                raise Refused(500, "The fault dial says so")
            elif fault["fault"] == "timeout_before":
                _wait(SILENCE_SECONDS)
                raise Refused(504, "Nobody waited for this")

    def after(self) -> None:
        """
        Fail although the work is done.

        :raises Refused: with the status that the dial asks for.
        """
        for fault in self.faults:
            if fault["fault"] == "error_after":
                raise Refused(500, "The fault dial says so")
            if fault["fault"] == "timeout_after":
                _wait(SILENCE_SECONDS)
                raise Refused(504, "Nobody waited for this")

    @property
    def retry_after(self) -> int | None:
        """Seconds that a throttled caller is asked to wait."""
        return next((fault["retry_after"] for fault in self.faults if fault["fault"] == "throttled"), None)


_let_go = threading.Event()


def _wait(seconds: float) -> None:
    """Keep the caller waiting, unless the dial is cleared meanwhile."""
    _let_go.wait(seconds)


def turn(fault: Document) -> Document:
    """Set one fault for a vendor's operation; none are left to come when `calls` is 0."""
    fault = DEFAULTS | fault
    name = f"{fault['vendor']} {fault['operation']} {fault['fault']}"
    if fault["calls"] == 0:
        store.delete("fault", name)
        return fault
    return store.put("fault", name, fault | {"id": name})


def clear() -> None:
    """Turn all faults off and let go of every call that is kept waiting."""
    global _let_go
    with store.transaction():
        for fault in store.find("fault"):
            store.delete("fault", fault["id"])
    waiting, _let_go = _let_go, threading.Event()
    waiting.set()


def draw(*, vendor: str, group: str, method: str) -> Drawn:
    """Pick the faults that this call meets and count them down."""
    kind = "read" if method in {"GET", "HEAD"} else "write"
    names = {"all", kind, group, f"{group}.{kind}"}
    drawn = Drawn()
    with store.transaction():
        for fault in store.find("fault", vendor=vendor):
            if fault["operation"] in names and _chance.random() < fault["rate"]:
                drawn.faults.append(fault)
                if fault["calls"] is not None:
                    turn(fault | {"calls": fault["calls"] - 1})
    return drawn


def operations(groups: tuple[str, ...]) -> list[str]:
    """List what a fault can be set for, at a vendor with these groups of calls."""
    return ["all", "read", "write", *(name for group in groups for name in (group, f"{group}.read", f"{group}.write"))]
