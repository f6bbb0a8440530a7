"""A repeated POST with the same ``Idempotency-Key`` does its work once and gets the same answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_429_TOO_MANY_REQUESTS, HTTP_500_INTERNAL_SERVER_ERROR
from rest_framework.views import APIView

from botaniqal.api.models import IdempotentRequest
from botaniqal.errors import Conflict, DomainError, Malformed

LONGEST_KEY = 255
LONGEST_WORK = timedelta(seconds=60)  # who has not answered by then has died on the way


class KeyReused(DomainError):
    """The key came before, with another request."""

    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request. Use a new one."


class InFlight(Conflict):
    """The first request with this key has no answer yet."""

    code = "idempotency_in_flight"
    message = "The first request with this Idempotency-Key is still being worked on. Try again in a moment."


@dataclass(frozen=True)
class Claim:
    """The right to do the work of one key."""

    pk: int
    claimed_at: datetime

    @property
    def row(self) -> QuerySet[IdempotentRequest]:
        """The row, unless somebody else claimed it after ``LONGEST_WORK``: it is ours no more then."""
        return IdempotentRequest.objects.filter(pk=self.pk, created_at=self.claimed_at, status=None)

    def mark(self, response: Response) -> None:
        """Write down, in the transaction of the work, what to answer should nobody be left to do so."""
        marked = self.row.filter(answer__isnull=True).update(
            answer={"status": response.status_code, "answer": _said(response)}
        )
        if not marked:  # somebody else took the key over, and does the work
            raise InFlight

    def keep(self, response: Response) -> None:
        """Keep an answer; one that another try may change is not kept."""
        if response.status_code >= HTTP_500_INTERNAL_SERVER_ERROR or response.status_code == HTTP_429_TOO_MANY_REQUESTS:
            self.give_up()
        else:
            self.row.update(status=response.status_code, answer=_said(response))

    def give_up(self) -> None:
        """Let the next request with this key start afresh; work that is done has its answer already."""
        self.row.filter(answer__isnull=True).delete()
        for row in self.row:
            _answer_as_marked(row)


def once_per_key(post: Callable[..., Response]) -> Callable[..., Response]:
    """Let a view's ``post`` honour ``Idempotency-Key``; it runs outside any transaction."""

    @wraps(post)
    def wrapper(view: APIView, request: Request, *args: Any, **kwargs: Any) -> Response:
        if "Idempotency-Key" not in request.headers:
            return post(view, request, *args, **kwargs)
        claim = _claim(request)
        if isinstance(claim, IdempotentRequest):
            return Response(claim.answer, status=claim.status, headers={"Idempotent-Replayed": "true"})
        request.idempotency = claim
        try:
            try:
                response = post(view, request, *args, **kwargs)
            except Exception as exc:
                response = view.handle_exception(exc)
        except BaseException:
            claim.give_up()
            raise
        claim.keep(response)
        return response

    wrapper.honours_idempotency_key = True
    return wrapper


def mark_done(request: Request, response: Response) -> None:
    """
    Bind an answer to the work: called in the work's transaction, with what can be said by then.

    Whoever repeats the request after a process died between the work and its answer gets this one.
    """
    claim = getattr(request, "idempotency", None)
    if claim is not None:
        claim.mark(response)


def _claim(request: Request) -> Claim | IdempotentRequest:
    """
    Take the key, or find the answer that it had.

    :raises KeyReused: it belongs to another request.
    :raises InFlight: its work is going on.
    """
    key = request.headers["Idempotency-Key"]
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Malformed(f"An Idempotency-Key is 1 to {LONGEST_KEY} printable ASCII characters.")
    caller = f"{request.auth.door} {request.user.pk}" if request.auth else "public"
    fingerprint = _fingerprint(request)
    try:
        row, is_new = IdempotentRequest.objects.get_or_create(
            caller=caller, key=key, defaults={"fingerprint": fingerprint}
        )
    except IntegrityError:  # it was there, and given up before we could read it
        raise InFlight from None
    if is_new:
        return Claim(row.pk, row.created_at)
    if row.fingerprint != fingerprint:
        raise KeyReused
    if row.status is not None:
        return row
    now = timezone.now()
    if row.created_at <= now - LONGEST_WORK and row.answer is not None:
        return _answer_as_marked(row)
    if row.created_at <= now - LONGEST_WORK and Claim(row.pk, row.created_at).row.update(created_at=now):
        return Claim(row.pk, now)
    raise InFlight


def _answer_as_marked(row: IdempotentRequest) -> IdempotentRequest:
    """Make what was marked in the work's transaction the answer."""
    row.status, row.answer = row.answer["status"], row.answer["answer"]
    IdempotentRequest.objects.filter(pk=row.pk, status=None).update(status=row.status, answer=row.answer)
    return row


def _said(response: Response) -> Any:
    """Read an answer as it is rendered: UUIDs, moments and decimals are text by then."""
    return json.loads(JSONRenderer().render(response.data))


def _fingerprint(request: Request) -> str:
    # Keyed, because a body may hold what nobody should be able to guess from the table.
    what = f"{request.method} {request.get_full_path()}\n".encode() + request.body
    return salted_hmac("idempotency", what, algorithm="sha256").hexdigest()


def forget_old(now: datetime) -> int:
    """Delete the answers that nobody will ask for again."""
    deleted, _ = IdempotentRequest.objects.filter(
        created_at__lt=now - timedelta(hours=settings.IDEMPOTENCY_KEEP_HOURS)
    ).delete()
    return deleted
