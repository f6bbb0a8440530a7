"""What vendors tell us: kept once as it came, worked afterwards."""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.db import transaction

from botaniqal.celery import ring
from botaniqal.errors import Malformed
from botaniqal.integrations import owed
from botaniqal.integrations.models import InboundEvent

Handler = Callable[[InboundEvent], str]
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it; after another backslash it is text about it
NOBODY_LISTENS = "Ignored: the portal does not use this kind of message."


def keep(
    *, vendor: str, key: str, kind: str, payload: Mapping[str, Any], problem: str = ""
) -> tuple[InboundEvent, bool]:
    """
    Keep a message under the vendor's name for it, and say whether it is new; one with a problem waits for a person.

    :raises Malformed: no database can keep it.
    """
    if not _is_storable(payload):
        raise Malformed("The message holds something that no database can keep.")
    event, is_new = InboundEvent.objects.get_or_create(
        vendor=vendor,
        key=key,
        defaults={"kind": kind, "payload": payload, "problem": problem, "needs_person": bool(problem)},
    )
    if is_new and not problem:
        transaction.on_commit(partial(ring, "work_inbox"))
    return event, is_new


def work_due(handlers: Mapping[tuple[str, str], Handler]) -> int:
    """
    Work the messages that wait, each by the handler of its vendor and kind, and count them.

    A handler says in a sentence what came of it; a DomainError that it raises waits for a person with its message. It
    may be called again for the same message, and for messages in any order.
    """

    def do(event: InboundEvent) -> dict[str, str]:
        handler = handlers.get((event.vendor, event.kind))
        outcome = handler(event) if handler else NOBODY_LISTENS
        return {"outcome": outcome[: InboundEvent._meta.get_field("outcome").max_length]}

    return owed.work(InboundEvent.objects.all(), do)


def _is_storable(payload: Mapping[str, Any]) -> bool:
    """Tell whether the database keeps what JSON can carry: NUL, half of a surrogate pair, NaN, endless nesting."""
    try:
        text = json.dumps(payload, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError):
        return False
    return not NUL.search(text)
