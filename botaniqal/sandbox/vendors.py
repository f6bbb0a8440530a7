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
    410: "Gone",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    504: "Gateway Timeout",
}


class Refused(Exception):
    """A call that a vendor turns down: a status, a sentence, and which parameters were wrong."""

    def __init__(
        self,
        status: int,
        message: str,
        faults: Iterable[Fault] = (),
        *,
        code: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.faults = list(faults)
        self.code = code  # the vendor's own word for it, where it has words
        self.headers = headers or {}


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One vendor: how it is called here, who may call it, how it words an error, what else can go wrong with it."""

    name: str
    title: str
    groups: tuple[str, ...]
    admits: Callable[[HttpRequest], bool]
    error: Callable[[Refused], dict[str, Any]]
    troubles: tuple[str, ...] = ()

    def refuse(self, refused: Refused) -> JsonResponse:
        """Answer a refused call the way this vendor does."""
        return JsonResponse(self.error(refused), status=refused.status, headers=refused.headers)


def _bears(key: str) -> Callable[[HttpRequest], bool]:
    """Ask for the key as bearer; where none is set, for any bearer."""

    def admits(request: HttpRequest) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and (token == key if key else bool(token))

    return admits


def _is_signed(request: HttpRequest) -> bool:
    return request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 ")


def _has_jotform_key(request: HttpRequest) -> bool:
    key = request.headers.get("APIKEY") or request.GET.get("apiKey", "")
    return key == settings.JOTFORM_API_KEY if settings.JOTFORM_API_KEY else bool(key)


def _anybody(request: HttpRequest) -> bool:
    return True


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


def _graph_error(refused: Refused) -> dict[str, Any]:
    codes = {401: "InvalidAuthenticationToken", 429: "ApplicationThrottled"}
    code = refused.code or codes.get(refused.status) or TITLES[refused.status].replace(" ", "")
    error: dict[str, Any] = {"code": code, "message": refused.message, "innerError": {}}
    if refused.faults:
        error["details"] = [{"code": code, "message": text, "target": at} for at, text in refused.faults]
    return {"error": error}


def _pagerduty_error(refused: Refused) -> dict[str, Any]:
    status = {400: "invalid event", 429: "throttle exceeded"}.get(refused.status, "error")
    return {"status": status, "message": refused.message, "errors": [f"{at} {text}" for at, text in refused.faults]}


def _jotform_error(refused: Refused) -> dict[str, Any]:
    return {"responseCode": refused.status, "message": refused.message, "content": "", "info": None}


def _stripe_error(refused: Refused) -> dict[str, Any]:
    kinds = {402: "card_error", 409: "idempotency_error", 500: "api_error", 504: "api_error"}
    kind = "idempotency_error" if refused.code == "idempotency_error" else kinds.get(refused.status)
    code = {404: "resource_missing", 429: "rate_limit"}.get(refused.status) or refused.code or None
    param = refused.faults[0][0] if refused.faults else None
    message = "; ".join([refused.message, *(f"{at} {text}" for at, text in refused.faults)])
    code = None if code == "idempotency_error" else code
    return {"error": {"type": kind or "invalid_request_error", "code": code, "message": message, "param": param}}


# What can go wrong with the webhooks of every vendor that sends some.
HOOKS = ("lost", "doubled", "reordered", "late")

CALENDLY = Vendor(
    name="calendly",
    title="Calendly",
    groups=("users", "event_types", "availability", "events", "invitees", "no_shows", "subscriptions", "links"),
    admits=_bears(settings.CALENDLY_API_KEY),
    error=_calendly_error,
    troubles=(*HOOKS, "disabled"),
)
MEDIRECORDS = Vendor(
    name="medirecords",
    title="MediRecords",
    groups=("patients", "appointments", "appointment_types"),
    admits=_bears(settings.MEDIRECORDS_API_KEY),
    error=_medirecords_error,
)
SES = Vendor(name="ses", title="Amazon SES", groups=("messages",), admits=_is_signed, error=_ses_error, troubles=HOOKS)
# Who may call Graph is for its token to say: the stand-in looks at that itself.
GRAPH = Vendor(
    name="graph",
    title="Microsoft Graph",
    groups=("token", "users", "events", "schedule", "delta", "subscriptions"),
    admits=_anybody,
    error=_graph_error,
    troubles=(*HOOKS, "expired", "delta_gone"),
)
PAGERDUTY = Vendor(name="pagerduty", title="PagerDuty", groups=("events",), admits=_anybody, error=_pagerduty_error)
JOTFORM = Vendor(
    name="jotform",
    title="JotForm",
    groups=("submissions", "forms"),
    admits=_has_jotform_key,
    error=_jotform_error,
    troubles=HOOKS,
)
STRIPE = Vendor(
    name="stripe",
    title="Stripe",
    groups=("sessions", "payment_intents", "charges", "refunds", "disputes", "events"),
    admits=_bears(settings.STRIPE_SECRET_KEY),
    error=_stripe_error,
    troubles=(*HOOKS, "refund_fails"),
)

VENDORS = {vendor.name: vendor for vendor in (CALENDLY, MEDIRECORDS, SES, GRAPH, PAGERDUTY, JOTFORM, STRIPE)}
