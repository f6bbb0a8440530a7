"""Each request under its id, and a line in the log of what became of it; never its address, which may be secret."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject, empty

from botaniqal import logs

# Asked every few seconds by machines; only what is wrong with them is news.
ROUTINE = {"healthz", "readyz", "metrics"}

log = logging.getLogger(__name__)


class RequestLog:
    """The outermost middleware: takes or makes the request's id, answers with it, and writes the line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        began = time.perf_counter()
        with logs.under(logs.sane(request.headers.get(logs.HEADER, ""))) as request_id:
            request.request_id = request_id
            answer = self._get_response(request)
            answer[logs.HEADER] = request_id
            _write(request, answer, seconds=time.perf_counter() - began)
        return answer


def _write(request: HttpRequest, answer: HttpResponse, *, seconds: float) -> None:
    match = request.resolver_match
    if match is None and answer.status_code < 400:  # a file that is the same for everybody
        return
    route = match.route if match else "unknown address"
    if route in ROUTINE and answer.status_code < 400:
        return
    fields = {
        "method": (request.method or "")[:20],
        "route": route,
        "status": answer.status_code,
        "ms": round(seconds * 1000),
        "user": _user_id(request),
    }
    log.info("%(method)s %(route)s %(status)d %(ms)d ms, user %(user)s", fields, extra={"fields": fields})


def _user_id(request: HttpRequest) -> int | None:
    """Tell who asked, if anybody looked: nobody is looked up for a line in the log."""
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject) and user._wrapped is empty:
        return None
    return getattr(user, "pk", None)
