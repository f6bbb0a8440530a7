"""The fault dial: what goes wrong at a vendor: calls, webhooks, subscriptions; by chance, or by a seed."""

import random
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import VENDORS, Refused, Vendor

CALLS = {
    "latency": "Answers late",
    "throttled": "Answers 429, too many requests",
    "error_before": "Answers 500 without doing the work",
    "error_after": "Does the work, then answers 500",
    "timeout_before": "Never answers, work not done",
    "timeout_after": "Does the work, then never answers",
}
HOOKS = {
    "lost": "Loses webhooks",
    "doubled": "Sends webhooks twice",
    "reordered": "Sends a webhook after the next one",
    "late": "Sends webhooks late",
}
# What only some vendors have: each asks for it at its own place, by `draws`.
SPECIAL = {
    "disabled": "Disables the subscription instead of sending a webhook",
    "expired": "Lets the subscription expire instead of sending a webhook",
    "delta_gone": "Answers 410 to a delta token",
    "refund_fails": "Takes a refund on, then cannot give it back",
}
FAULTS = CALLS | HOOKS | SPECIAL
WEBHOOKS = "webhooks"

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["vendor", "fault"],
    "properties": {
        "vendor": {"type": "string", "enum": list(VENDORS)},
        "operation": {"type": "string", "minLength": 1},
        "fault": {"type": "string", "enum": list(FAULTS)},
        "rate": {"type": "number", "minimum": 0, "maximum": 1},
        "calls": {"type": ["integer", "null"], "minimum": 0, "maximum": 1_000_000},
        "milliseconds": {"type": "integer", "minimum": 0, "maximum": 600_000},
        "retry_after": {"type": "integer", "minimum": 0, "maximum": 3600},
    },
}
DEFAULTS = {"operation": "all", "rate": 1, "calls": None, "milliseconds": 1000, "retry_after": 5}

# A silent call is let go after this: longer than any client waits, short enough to give the thread back.
SILENCE_SECONDS = 30

# A bad day: everything goes wrong now and then, nothing always.
BAD_DAY: list[Document] = [
    {"vendor": vendor.name, "fault": fault, "rate": rate, "milliseconds": 1500, "retry_after": 2}
    for vendor in VENDORS.values()
    for fault, rate in {
        "latency": 0.05,
        "throttled": 0.03,
        "error_before": 0.03,
        "error_after": 0.02,
        "timeout_before": 0.01,
        "timeout_after": 0.01,
        "lost": 0.03,
        "doubled": 0.05,
        "reordered": 0.05,
        "late": 0.05,
        "delta_gone": 0.05,
    }.items()
    if fault in CALLS or fault in vendor.troubles
]
PRESETS = {"calm": [], "bad_day": BAD_DAY}


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
                raise Refused(429, "Too many requests", headers={"Retry-After": str(fault["retry_after"])})
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


class Chance:
    """
    Dice that fall the same way for the same seed.

    Each fault at each group of calls has dice of its own, thrown once a call: what goes on elsewhere at the same time
    changes nothing. Without a seed nobody can tell.
    """

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._lock = threading.Lock()
        self._thrown: Counter[str] = Counter()

    def is_met(self, rate: float, *, dice: str) -> bool:
        """Throw the dice of this name: is it one of the `rate` cases?"""
        if not self.seed:
            return random.SystemRandom().random() < rate
        with self._lock:
            self._thrown[dice] += 1
            number = self._thrown[dice]
        return random.Random(f"{self.seed} {dice} {number}").random() < rate  # noqa: S311 - faults, not keys


_let_go = threading.Event()


def _wait(seconds: float) -> None:
    """Keep the caller waiting, unless the dial is cleared meanwhile."""
    _let_go.wait(seconds)


def _kept_seed() -> str:
    kept = store.get("setting", "seed")
    return kept["value"] if kept else settings.SANDBOX_SEED


_chance = Chance(_kept_seed())


def start_over(seed: str | None = None) -> None:
    """Begin the series of faults anew, from another seed if one is given, "" for none."""
    global _chance
    if seed is not None:
        store.put("setting", "seed", {"value": seed})
    _chance = Chance(_kept_seed())


def seed() -> str:
    """Name the seed of the faults, "" for none."""
    return _chance.seed


def turn_to(preset: str) -> None:
    """Set the dial to a preset, and nothing else."""
    clear()
    for fault in PRESETS[preset]:
        turn(fault)


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
    return Drawn(_met(vendor, f"{group}.{kind}", names, CALLS))


def draws(vendor: str, group: str, fault: str) -> bool:
    """Ask whether this fault of its own is met by a vendor here and now, and count it down if so."""
    return bool(_met(vendor, group, {"all", group}, {fault}))


def draw_disorder(vendor: str) -> dict[str, Document]:
    """Pick what happens to a webhook on its way, by the fault's name."""
    return {fault["fault"]: fault for fault in _met(vendor, WEBHOOKS, {"all", WEBHOOKS}, HOOKS)}


def operations(vendor: Vendor, fault: str) -> list[str]:
    """List what a fault can be set for at a vendor; nothing where the vendor does not know the fault."""
    if fault not in CALLS:
        return ["all", *([WEBHOOKS] if fault in HOOKS else [])] if fault in vendor.troubles else []
    groups = (name for group in vendor.groups for name in (group, f"{group}.read", f"{group}.write"))
    return ["all", "read", "write", *groups]


def _met(vendor: str, group: str, names: set[str], kinds: Iterable[str]) -> list[Document]:
    if not store.count("fault", vendor=vendor):
        return []
    with store.transaction():
        faults = [row for row in store.find("fault", vendor=vendor) if row["operation"] in names]
        met = [
            row
            for row in faults
            if row["fault"] in kinds and _chance.is_met(row["rate"], dice=f"{vendor} {group} {row['id']}")
        ]
        for fault in met:
            if fault["calls"] is not None:
                turn(fault | {"calls": fault["calls"] - 1})
    return met
