"""Everything that goes wrong below ``/api/`` and ``/webhooks/``, told in one shape."""

import logging
import math
from http import HTTPStatus
from typing import Any

import psycopg
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse
from django.template.loader import render_to_string
from django.views import csrf, defaults
from rest_framework import exceptions
from rest_framework.response import Response

from botaniqal import logs
from botaniqal.errors import DomainError, Malformed, Missing, NotAllowed, TooBusy

JSON_DOORS = ("/api/", "/webhooks/")
STAFF_DOORS = ("/admin/",)

log = logging.getLogger(__name__)


class TooLarge(DomainError):
    """The body is larger than anything the portal reads."""

    code = "too_large"
    message = "The body is too large."
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def answer(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn whatever an API view raised into the API's one error shape; a fault of ours stays an exception."""
    if isinstance(exc, exceptions.APIException):
        return _answer_framework(exc)
    refusal = _as_refusal(exc)
    if refusal is None:
        return None
    headers = {"Retry-After": "1"} if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    body = {"error": refusal.message, "code": refusal.code, "details": refusal.details, **refusal.extra}
    return Response(body, status=refusal.status, headers=headers)


def _as_refusal(exc: Exception) -> DomainError | None:
    match exc:
        case DomainError():
            return exc
        case Http404():
            return Missing()
        case PermissionDenied():
            return NotAllowed()
        case RequestDataTooBig():
            return TooLarge()
        case SuspiciousOperation():
            return Malformed()
        case ValidationError():
            return Malformed(details=_fields(exc.message_dict if hasattr(exc, "error_dict") else exc.messages))
        # A lock not had in time, a dead-lock, a lost connection: all of these pass.
        case OperationalError() | InterfaceError() | psycopg.OperationalError() | psycopg.InterfaceError():
            log.warning("the database could not answer: %s", getattr(exc.__cause__ or exc, "sqlstate", None))
            return TooBusy()
    return None


def _answer_framework(exc: exceptions.APIException) -> Response:
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    details: dict[str, list[str]] = {}
    match exc:
        case exceptions.ValidationError():
            details = _fields(exc.detail)
            sentence, code = f"Some of the input is not valid: {', '.join(details)}.", Malformed.code
        case exceptions.Throttled():
            seconds = max(1, math.ceil(exc.wait or 1))
            headers["Retry-After"] = str(seconds)
            sentence, code = f"Too many requests. Try again in {seconds} s.", "throttled"
        case exceptions.NotAuthenticated():
            sentence, code = "Log in, or send a consultant's token.", "not_authenticated"
        case exceptions.PermissionDenied():
            sentence = NotAllowed.message if exc.detail == exc.default_detail else str(exc.detail)
            code = NotAllowed.code
        case exceptions.ParseError():
            sentence, code = str(exc.detail), Malformed.code
        case _:
            sentence, code = str(exc.detail), exc.default_code
    return Response({"error": sentence, "code": code, "details": details}, status=exc.status_code, headers=headers)


def _fields(detail: Any) -> dict[str, list[str]]:
    """Name each faulty field once, with all that is wrong in and below it."""
    if not isinstance(detail, dict):
        return {"body": _sentences(detail)}
    return {"body" if name == "non_field_errors" else str(name): _sentences(faults) for name, faults in detail.items()}


def _sentences(faults: Any) -> list[str]:
    if isinstance(faults, dict):
        faults = list(faults.values())
    if not isinstance(faults, list):
        # It may quote half of a surrogate pair, which no answer can carry.
        return [str(faults).encode(errors="replace").decode()]
    return list(dict.fromkeys(sentence for fault in faults for sentence in _sentences(fault)))


def _outside_of_views(request: HttpRequest, status: HTTPStatus, sentence: str, code: str) -> HttpResponse | None:
    if not request.path.startswith(JSON_DOORS):
        return None
    return JsonResponse({"error": sentence, "code": code, "details": {}}, status=status)


def _page(request: HttpRequest, name: str) -> str:
    """Choose the page in staff's frame, or that in the public's."""
    return name if request.path.startswith(STAFF_DOORS) else f"public/{name}"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that could not even be read."""
    refusal = TooLarge if isinstance(exception, RequestDataTooBig) else Malformed
    return _outside_of_views(request, refusal.status, refusal.message, refusal.code) or defaults.bad_request(
        request, exception, _page(request, "400.html")
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer somebody who has no right to what they asked for."""
    return _outside_of_views(
        request, HTTPStatus.FORBIDDEN, NotAllowed.message, NotAllowed.code
    ) or defaults.permission_denied(request, exception, _page(request, "403.html"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request for an address that does not exist."""
    return _outside_of_views(
        request, HTTPStatus.NOT_FOUND, "There is no such address.", Missing.code
    ) or defaults.page_not_found(request, exception, _page(request, "404.html"))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when the portal itself is at fault."""
    return _outside_of_views(
        request, HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side.", "server_error"
    ) or HttpResponseServerError(render_to_string(_page(request, "500.html"), {"request_id": logs.request_id()}))


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that did not come from a page of ours, or from one that was open too long."""
    return csrf.csrf_failure(request, reason, _page(request, "403_csrf.html"))
