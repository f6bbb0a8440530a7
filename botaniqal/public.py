"""Pages for the public: throttled, never cached, quiet to robots; a refusal is a page with a sentence."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from botaniqal.api.throttles import PublicRead, PublicWrite
from botaniqal.errors import DomainError

View = Callable[..., HttpResponse]
ZONES = frozenset(available_timezones())
TRAP = "website"
"""A field that people do not see and robots fill in."""


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
        throttle = PublicWrite() if request.method == "POST" else PublicRead()
        try:
            if not throttle.allow_request(request, None):
                raise TooManyTries
            return view(request, **kwargs)
        except DomainError as refusal:
            return sorry(request, refusal)

    return page


def sorry(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """Say what cannot be done, and why."""
    return render(request, "public/sorry.html", {"problem": refusal.message}, status=refusal.status)


def is_robot(request: HttpRequest) -> bool:
    """True when a field was filled in that people do not see; it is told nothing of being found out."""
    return bool(request.POST.get(TRAP, "").strip())


def zone_of(request: HttpRequest) -> ZoneInfo:
    """Read by which clock the visitor reads times: ``zone`` as they or their browser chose it, else the clinic's."""
    name = request.POST.get("zone") or request.GET.get("zone") or settings.CLINIC_TIME_ZONE
    return ZoneInfo(name if name in ZONES else settings.CLINIC_TIME_ZONE)
