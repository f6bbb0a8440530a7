"""How long answers take and what they come to, by the name of the view that gave them, never by the address."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from botaniqal import counters

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER, NO_VIEW = "other", "none"


class Timing:
    """The middleware that counts each answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        began = time.perf_counter()
        answer = self._get_response(request)
        view = request.resolver_match.view_name if request.resolver_match else NO_VIEW
        method = request.method if request.method in METHODS else OTHER
        counters.count("http_requests", view=view, method=method, status=str(answer.status_code))
        counters.observe("http_request_duration_seconds", time.perf_counter() - began, view=view)
        return answer


def answers_vendor(vendor: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Note how long a vendor waits for the answer of a view at which it knocks."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def timed(*args: Any, **kwargs: Any) -> HttpResponse:
            with counters.timed(
                "webhook_processing_time_seconds", vendor=vendor, stage="answered", outcome="failed"
            ) as told:
                try:
                    answer = view(*args, **kwargs)
                except Http404:
                    told["outcome"] = "refused"
                    raise
                told["outcome"] = "ok" if answer.status_code < 400 else "refused"
                return answer

        return timed

    return decorate
