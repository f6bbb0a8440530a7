"""
Work that is owed to the outside: lease a row, do the work, settle it, put it off, or hand it to a person.

The work is done outside any transaction and may be cut off anywhere; the lease then runs out and the row is due again.
"""

import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from botaniqal import logs
from botaniqal.errors import DomainError
from botaniqal.integrations.http import VendorBusy, VendorRefused, VendorUnavailable
from botaniqal.integrations.models import Owed, OwedQuerySet, Turn

# After so many rows in a row without an answer the vendor is down: the next sweep tries again, no thread waits for it.
OUTAGE = 3
CLEARED = {"attempts": 0, "needs_person": False, "problem": ""}

Row = TypeVar("Row", bound=Owed)
Changes = Mapping[str, Any]

log = logging.getLogger(__name__)


class NeedsPerson(DomainError):
    """No machine can go on with this work; the message says what a person has to do."""

    code = "needs_person"


class WaitFor(Exception):
    """The work goes on when something outside has happened; it is looked at again after `seconds`."""

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class NotYet(Exception):
    """It failed for a reason that should go by itself: tried again with back-off, then a person looks."""


class LeaseLost(Exception):
    """The work took so long that somebody else may do it now."""


def work(rows: OwedQuerySet, do: Callable[[Row], Changes | None]) -> int:
    """
    Do what is due, one row after the other, and count what got done.

    ``do`` brings the outside to the present state of what the row stands for and answers with fields to write down. It
    may raise VendorUnavailable or NotYet (tried again later), WaitFor (looked at again later, however often), and
    VendorRefused or a DomainError (a person looks).
    """
    done = unanswered = 0
    while unanswered < OUTAGE and (row := _lease(rows)):
        with logs.under(row.request_id):
            if row.attempts > settings.SYNC_TRIES:
                _hand_over(row, "This was cut off again and again. Try again, and tell whoever looks after the portal.")
                continue
            try:
                _settle(row, do(row) or {})
            except VendorBusy as limit:
                _let_wait(row, str(limit), seconds=limit.retry_after or settings.SWEEP_SECONDS)
            except WaitFor as other:
                _let_wait(row, str(other), seconds=other.seconds)
            except VendorUnavailable as error:
                unanswered += 1
                _put_off(row, str(error), wait=error.retry_after or 0)
                continue
            except NotYet as reason:
                _put_off(row, str(reason))
            except VendorRefused as refusal:
                _hand_over(row, f"{refusal}. Check what it is about, then try again.")
            except DomainError as error:
                _hand_over(row, error.message)
            except LeaseLost:
                log.warning("%s %s took longer than its lease", row._meta.label, row.pk)
            except Exception as error:
                # The text of an error may quote what somebody typed, so neither it nor a traceback is logged.
                place = traceback.extract_tb(error.__traceback__)[-1]
                name = type(error).__name__
                log.error("%s %s: %s at %s:%s", row._meta.label, row.pk, name, place.filename, place.lineno)
                _put_off(row, f"The portal failed at this ({name})")
            else:
                done += 1
            unanswered = 0
    return done


def renew(row: Owed, **changes: Any) -> None:
    """
    Keep the work for another full lease before something is sent, and write down what a later try has to know.

    :raises LeaseLost: somebody else may be doing the work by now, so nothing must be sent.
    """
    until = timezone.now() + _lease_time()
    if not _held(row).update(leased_until=until, **changes):
        raise LeaseLost
    for field, value in {"leased_until": until, **changes}.items():
        setattr(row, field, value)


def want_again(rows: OwedQuerySet, *, now: datetime) -> int:
    """Owe a newer change: due now, whatever became of the older ones; a lease that is under way goes on."""
    return rows.update(**newly_wanted(now))


def newly_wanted(now: datetime) -> Changes:
    """Give the fields of a row to which a newer change is owed, for whoever writes more fields along with them."""
    return {"wanted": F("wanted") + 1, "next_try_at": now, "request_id": logs.request_id(), **CLEARED}


def retry(row: Owed, *, now: datetime) -> None:
    """Let a machine try again what a person has looked after."""
    if _of(row).open().filter(pk=row.pk).update(next_try_at=now, request_id=logs.request_id(), **CLEARED):
        row.note(Turn.TRIED_AGAIN, row.problem)


def _lease(rows: OwedQuerySet) -> Any:
    with transaction.atomic():
        now = timezone.now()
        row = rows.due(now).select_for_update(skip_locked=True, of=("self",)).first()
        if row:
            row.attempts += 1
            row.leased_until = row.next_try_at = now + _lease_time()
            row.save(update_fields=["attempts", "leased_until", "next_try_at"])
        return row


def _settle(row: Owed, changes: Changes) -> None:
    # Only what was wanted when the work began is told: a newer change keeps the row due.
    told = Greatest("told", row.wanted)
    if not _held(row).update(told=told, leased_until=None, **CLEARED, **changes):
        raise LeaseLost
    _write_down(row, "done")


def _put_off(row: Owed, problem: str, *, wait: float = 0) -> None:
    if row.attempts >= settings.SYNC_TRIES:
        _hand_over(row, f"Given up after {row.attempts} tries. The last one: {problem}.")
        return
    backoff = min(settings.SYNC_BACKOFF_SECONDS * 2 ** (row.attempts - 1), settings.SYNC_BACKOFF_MAX_SECONDS)
    next_try_at = timezone.now() + timedelta(seconds=max(backoff, wait))
    problem = _fitted(f"{problem}. It is tried again by itself.")
    _give_back(row, next_try_at=next_try_at, problem=problem)
    row.note(Turn.PUT_OFF, problem)
    _write_down(row, "put off")


def _let_wait(row: Owed, problem: str, *, seconds: float) -> None:
    # Waiting is no failed try: it may go on for as long as it takes, and is remembered once.
    is_news = row.problem != _fitted(problem)
    next_try_at = timezone.now() + timedelta(seconds=seconds)
    _give_back(row, next_try_at=next_try_at, attempts=0, problem=_fitted(problem))
    if is_news:
        row.note(Turn.WAITING, _fitted(problem))
        _write_down(row, "waits")


def _hand_over(row: Owed, problem: str) -> None:
    _give_back(row, needs_person=True, problem=_fitted(problem))
    row.note(Turn.HANDED_OVER, _fitted(problem))
    _write_down(row, "handed to a person")


def _write_down(row: Owed, what: str) -> None:
    # Why stands in the row: it may name a patient.
    log.info("%s %s: %s", row._meta.label, row.pk, what)


def _give_back(row: Owed, **verdict: Any) -> None:
    held = _held(row)
    # A newer change is due now and has not failed: the older failure has no say in it.
    if not held.filter(wanted=row.wanted).update(leased_until=None, **verdict):
        held.update(leased_until=None)


def _held(row: Owed) -> OwedQuerySet:
    """The row, as long as our lease is the last one."""
    return _of(row).filter(pk=row.pk, leased_until=row.leased_until)


def _of(row: Owed) -> OwedQuerySet:
    return type(row)._default_manager.all()


def _fitted(problem: str) -> str:
    return problem[: Owed._meta.get_field("problem").max_length]


def _lease_time() -> timedelta:
    return timedelta(seconds=settings.SYNC_LEASE_SECONDS)
