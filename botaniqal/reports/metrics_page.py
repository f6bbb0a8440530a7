"""The address /metrics: for whoever has the token, in the format that their Accept header asks for."""

from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import choose_encoder

from .metrics import Portal

LOOPBACK = ("127.0.0.1", "::1")
LONGEST_ACCEPT = 500


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell what is counted and measured; without a token it is nowhere, but for the demo on its own machine."""
    if not settings.METRICS_TOKEN and not _is_demo_at_home(request):
        raise Http404
    if settings.METRICS_TOKEN and not _has_token(request):
        answer = HttpResponse("Send the metrics' token.\n", status=HTTPStatus.UNAUTHORIZED, content_type="text/plain")
        answer["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return answer
    try:
        encode, content_type = choose_encoder(request.headers.get("Accept", "")[:LONGEST_ACCEPT])
    except (ValueError, TypeError):  # a version that is none
        encode, content_type = choose_encoder("")
    answer = HttpResponse(encode(Portal()), content_type=content_type)
    patch_vary_headers(answer, ["Accept"])
    return answer


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and constant_time_compare(token.strip(), settings.METRICS_TOKEN)


def _is_demo_at_home(request: HttpRequest) -> bool:
    # Behind a proxy everybody comes from this machine.
    is_direct = "X-Forwarded-For" not in request.headers and "Forwarded" not in request.headers
    return settings.DEMO and is_direct and request.META.get("REMOTE_ADDR") in LOOPBACK
