"""What vendors tell us: kept once as it came, worked afterwards; and what a person may do with it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from botaniqal import counters
from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import DomainError, Malformed
from botaniqal.integrations import owed
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.models import InboundEvent
from botaniqal.integrations.owed import NeedsPerson, NotYet, WaitFor

Handler = Callable[[InboundEvent], str]
Handlers = Mapping[tuple[str, str], Handler]

BATCH = 1_000
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it; after another backslash it is text about it
NOBODY_LISTENS = "Ignored: the portal does not use this kind of message."


class Purged(DomainError):
    """What it said was deleted for its age."""

    code = "purged"
    message = "What it said was deleted for its age, so it cannot be worked again."


class AsksVendor:
    """
    A handler that asks the vendor before it changes anything; ``would`` says what it does.

    A dry run must not ask, so it says that instead.
    """

    def __init__(self, handle: Handler, *, would: str) -> None:
        self._handle, self.would = handle, would

    def __call__(self, event: InboundEvent) -> str:
        """Work a message."""
        return self._handle(event)


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


@transaction.atomic
def keep_again(*, vendor: str, key: str, kind: str, payload: Mapping[str, Any], now: datetime) -> InboundEvent:
    """Keep a message that only says where to look: one that comes again, because that changed, is worked again."""
    event, is_new = keep(vendor=vendor, key=key, kind=kind, payload=payload)
    if not is_new:
        row = InboundEvent.objects.filter(pk=event.pk)
        row.filter(payload__isnull=True).update(payload=payload)
        owed.want_again(row, now=now)
        transaction.on_commit(partial(ring, "work_inbox"))
    return event


def work_due(handlers: Handlers) -> int:
    """
    Work the messages that wait, each by the handler of its vendor and kind, and count them.

    A handler says in a sentence what came of it; a DomainError that it raises waits for a person with its message, and
    so does, after a while, what waits for another message that does not come. It may be called again for the same
    message, and for messages in any order.
    """
    return owed.work(InboundEvent.objects.all(), worker(handlers))


def worker(handlers: Handlers) -> Callable[[InboundEvent], dict[str, str]]:
    """Make what works one message for ``owed.work``."""
    longest = timedelta(seconds=settings.INBOX_WAIT_SECONDS)

    def do(event: InboundEvent) -> dict[str, str]:
        with _timed(event):
            try:
                return {"outcome": _fitted(_handle(event, handlers))}
            except WaitFor as other:
                if timezone.now() - event.received_at < longest or _has_unread(event):
                    raise
                raise NeedsPerson(str(other)) from None

    return do


@contextmanager
def _timed(event: InboundEvent) -> Iterator[None]:
    with counters.timed(
        "webhook_processing_time_seconds", vendor=event.vendor, stage="worked", outcome="failed"
    ) as told:
        try:
            yield
        except (WaitFor, NotYet, VendorUnavailable):
            told["outcome"] = "waits"
            raise
        except (DomainError, VendorRefused):
            told["outcome"] = "refused"
            raise
        told["outcome"] = "ok"


@transaction.atomic
def replay(*, event: InboundEvent, now: datetime) -> None:
    """
    Have a message worked again, whatever came of it.

    :raises Purged: nobody knows any more what it said.
    """
    if not owed.want_again(InboundEvent.objects.filter(pk=event.pk).exclude(payload__isnull=True), now=now):
        raise Purged
    transaction.on_commit(partial(ring, "work_inbox"))


def dry_run(*, event: InboundEvent, handlers: Handlers) -> str:
    """
    Say what would come of a message if it were worked now; nothing is changed, and nobody outside is asked or told.

    :raises Purged: nobody knows any more what it said.
    """
    handler = handlers.get((event.vendor, event.kind))
    if isinstance(handler, AsksVendor) and event.payload is not None:
        return handler.would
    with transaction.atomic():
        try:
            said = f"Would do this: {_handle(event, handlers)}"
        except Purged:
            raise
        except WaitFor as other:
            said = f"Would wait: {other}"
        except DomainError as refusal:
            said = f"Would wait for a person: {refusal.message}"
        except Exception as error:  # its text may quote a patient
            said = f"The portal would fail at this ({type(error).__name__})."
        transaction.set_rollback(True)
    return said


@transaction.atomic
def set_aside(*, event: InboundEvent, reason: str, by: User) -> None:
    """
    Let a message be that nobody has to work any more, and say why.

    :raises Malformed: no reason is given.
    :raises DomainError: it is worked already.
    """
    if not reason.strip():
        raise Malformed("Say why it is set aside.", details={"reason": ["Required."]})
    outcome = _fitted(f"Set aside by {by}: {reason.strip()}")
    # Whoever is at it loses the lease, and with it the last word.
    done = {"told": F("wanted"), "outcome": outcome, "leased_until": None, **owed.CLEARED}
    if not InboundEvent.objects.open().filter(pk=event.pk).update(**done):
        raise DomainError("It is worked already, so there is nothing to set aside.")


def purge(*, older_than: datetime, at_once: int = BATCH) -> int:
    """Delete what worked messages said, and count them; that they came stays known, should a vendor repeat one."""
    old = InboundEvent.objects.filter(received_at__lt=older_than, told__gte=F("wanted")).exclude(payload__isnull=True)
    count = 0
    while batch := list(old.order_by("received_at").values_list("pk", "received_at")[:at_once]):
        count += old.filter(pk__in=[pk for pk, _ in batch]).update(payload=None)
        old = old.filter(received_at__gte=batch[-1][1])  # what lies before need not be looked through again
    return count


def _has_unread(event: InboundEvent) -> bool:
    """Tell whether nobody looked yet at some message, as after an outage: what this one waits for may be among them."""
    others = InboundEvent.objects.open().filter(needs_person=False, problem="")
    return others.exclude(pk=event.pk).exists()


def _handle(event: InboundEvent, handlers: Handlers) -> str:
    if event.payload is None:
        raise Purged
    handler = handlers.get((event.vendor, event.kind))
    return handler(event) if handler else NOBODY_LISTENS


def _fitted(outcome: str) -> str:
    return outcome[: InboundEvent._meta.get_field("outcome").max_length]


def _is_storable(payload: Mapping[str, Any]) -> bool:
    """Tell whether the database keeps what JSON can carry: NUL, half of a surrogate pair, NaN, endless nesting."""
    try:
        text = json.dumps(payload, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError):
        return False
    return not NUL.search(text)
