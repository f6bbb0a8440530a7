"""The vendors the sandbox stands in for: their names, their keys and the form of their errors."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse

from botaniqal.sandbox.contracts import Fault

TITLES = {
    400: "Invalid Argument",
    401: "Unauthenticated",
    403: "Permission Denied",
    404: "Resource Not Found",
    405: "Method Not Allowed",
    409: "Already Exists",
    429: "Too Many Requests",
    500: "Internal Server Error",
    504: "Gateway Timeout",
}


class Refused(Exception):
    """A call that a vendor turns down: a status, a sentence, and which parameters were wrong."""

    def __init__(self, status: int, message: str, faults: Iterable[Fault] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.faults = list(faults)


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One vendor: how it is called here, who may call it, how it words an error and what every answer carries."""

    name: str
    title: str
    groups: tuple[str, ...]
    admits: Callable[[HttpRequest], bool]
    error: Callable[[Refused], dict[str, Any]]
    headers: dict[str, str]

    def refuse(self, refused: Refused) -> JsonResponse:
        """Answer a refused call the way this vendor does."""
        return JsonResponse(self.error(refused), status=refused.status)


def _bears(key: str) -> Callable[[HttpRequest], bool]:
    """Ask for the key as bearer; where none is set, for any bearer."""

    def admits(request: HttpRequest) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and (token == key if key else bool(token))

    return admits


def _is_signed(request: HttpRequest) -> bool:
    return request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 ")


def _calendly_error(refused: Refused) -> dict[str, Any]:
    error: dict[str, Any] = {"title": TITLES[refused.status], "message": refused.message}
    if refused.faults:
        error["details"] = [{"parameter": at, "message": message} for at, message in refused.faults]
    return error


def _medirecords_error(refused: Refused) -> dict[str, Any]:
    faults = refused.faults or [(None, refused.message)]
    return {"errors": [{"parameter": at, "message": message} for at, message in faults]}


def _ses_error(refused: Refused) -> dict[str, Any]:
    return {"message": refused.message}


CALENDLY = Vendor(
    name="calendly",
    title="Calendly",
    groups=("users", "event_types", "availability", "events", "invitees", "no_shows", "subscriptions", "links"),
    admits=_bears(settings.CALENDLY_API_KEY),
    error=_calendly_error,
    headers={"X-RateLimit-Limit": "500", "X-RateLimit-Remaining": "499", "X-RateLimit-Reset": "60"},
)
MEDIRECORDS = Vendor(
    name="medirecords",
    title="MediRecords",
    groups=("patients", "appointments", "appointment_types"),
    admits=_bears(settings.MEDIRECORDS_API_KEY),
    error=_medirecords_error,
    headers={},
)
SES = Vendor(name="ses", title="Amazon SES", groups=("messages",), admits=_is_signed, error=_ses_error, headers={})

VENDORS = {vendor.name: vendor for vendor in (CALENDLY, MEDIRECORDS, SES)}
