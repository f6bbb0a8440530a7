"""Pages for the public: throttled, never cached, quiet to robots; a refusal is a page with a sentence."""

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from math import ceil

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.http import conditional_page, require_http_methods, require_safe

from botaniqal.api.throttles import PublicRead, PublicWrite
from botaniqal.errors import DomainError, TooBusy

log = logging.getLogger(__name__)

View = Callable[..., HttpResponse]
TRAP = "website"
"""A field that people do not see and robots fill in."""

TITLES = {
    HTTPStatus.NOT_FOUND: "There is no such page",
    HTTPStatus.GONE: "This is over",
    HTTPStatus.TOO_MANY_REQUESTS: "Please wait a little",
    HTTPStatus.SERVICE_UNAVAILABLE: "Please try again in a moment",
}


class TooManyTries(DomainError):
    """Somebody knocks too often."""

    code = "throttled"
    status = HTTPStatus.TOO_MANY_REQUESTS
    message = "Too many tries in a short time. Please wait a minute."


class LinkOver(DomainError):
    """The link was good once."""

    code = "link_over"
    status = HTTPStatus.GONE


def public_page(view: View) -> View:
    """Make a page that anybody may open, where what a verb refuses is said on a page of its own."""

    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def page(request: HttpRequest, **kwargs: object) -> HttpResponse:
        return _answered(view, request, **kwargs)

    return page


def shared_page(view: View) -> View:
    """Make a page that is the same for everybody, so that browsers may keep it for a minute."""

    @require_safe
    @conditional_page
    @wraps(view)
    def page(request: HttpRequest, **kwargs: object) -> HttpResponse:
        answer = _answered(view, request, **kwargs)
        if answer.status_code == HTTPStatus.OK:
            patch_cache_control(answer, public=True, max_age=60)
        else:
            add_never_cache_headers(answer)
        return answer

    return page


def _answered(view: View, request: HttpRequest, **kwargs: object) -> HttpResponse:
    throttle = PublicWrite() if request.method == "POST" else PublicRead()
    try:
        if not throttle.allow_request(request, None):
            raise TooManyTries
        return view(request, **kwargs)
    except DomainError as refusal:
        answer = sorry(request, refusal)
    except OperationalError as error:  # a lock not had in time, a dead-lock, a lost connection: all of these pass
        log.warning("the database could not answer: %s", getattr(error.__cause__, "sqlstate", None))
        answer = sorry(request, TooBusy())
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        answer["Retry-After"] = str(max(1, ceil(throttle.wait())))
    return answer


def sorry(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """Say what cannot be done, and why."""
    shown = {"title": TITLES.get(refusal.status, "This cannot be done"), "problem": refusal.message}
    return render(request, "public/sorry.html", shown, status=refusal.status)


def is_robot(request: HttpRequest) -> bool:
    """True when a field was filled in that people do not see; it is told nothing of being found out."""
    return bool(request.POST.get(TRAP, "").strip())
