"""PagerDuty's one call: an event opens, acknowledges or resolves the incident of its key."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from botaniqal.sandbox.contracts import Schema
from botaniqal.sandbox.door import body_of
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

LARGEST_BYTES = 512 * 1024
TEXT: Schema = {"type": "string"}
URI: Schema = {"type": "string", "format": "uri"}
EVENT: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["routing_key", "event_action"],
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"type": "string", "enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "maxLength": 255},
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": {"type": "string", "minLength": 1},
                "severity": {"type": "string", "enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string", "format": "date-time"},
                "component": TEXT,
                "group": TEXT,
                "class": TEXT,
                "custom_details": {"type": "object"},
            },
        },
        "client": TEXT,
        "client_url": URI,
        "links": {
            "type": "array",
            "items": {"type": "object", "required": ["href"], "properties": {"href": URI, "text": TEXT}},
        },
        "images": {
            "type": "array",
            "items": {"type": "object", "required": ["src"], "properties": {"src": TEXT, "href": TEXT, "alt": TEXT}},
        },
    },
}
DONE = {"trigger": "open", "acknowledge": "acknowledged", "resolve": "resolved"}


def enqueue(request: HttpRequest) -> JsonResponse:
    """Take an event: a key that is open already is merged into, one that is resolved opens anew."""
    if len(request.body) > LARGEST_BYTES:
        raise Refused(413, "Event object is too large")
    body = body_of(request, EVENT)
    faults = _faults(body)
    if faults:
        raise Refused(400, "Event object is invalid", faults)
    key = body.get("dedup_key") or uuid4().hex
    with store.transaction():
        if body["event_action"] == "trigger":
            _trigger(key, body)
        elif incident := unresolved(key):
            change(incident, body["event_action"], by="the portal")
    return JsonResponse({"status": "success", "message": "Event processed", "dedup_key": key}, status=202)


def change(incident: Document, action: str, *, by: str) -> Document:
    """Acknowledge or resolve an incident."""
    incident["state"] = DONE[action]
    return _log(incident, action, by)


def unresolved(key: str) -> Document | None:
    """Find the incident of a key that is not over."""
    return next((row for row in store.find("incident", dedup_key=key) if row["state"] != "resolved"), None)


def _faults(body: dict[str, Any]) -> list[tuple[str, str]]:
    if settings.PAGERDUTY_ROUTING_KEY and body["routing_key"] != settings.PAGERDUTY_ROUTING_KEY:
        return [("routing_key", "is invalid")]
    if body["event_action"] == "trigger":
        return [] if "payload" in body else [("payload", "is missing")]
    return [] if body.get("dedup_key") else [("dedup_key", "is missing")]


def _trigger(key: str, body: dict[str, Any]) -> None:
    incident = unresolved(key)
    if incident is None:
        payload = body["payload"]
        incident = {
            "id": str(uuid4()),
            "dedup_key": key,
            "state": "open",
            "summary": payload["summary"],
            "severity": payload["severity"],
            "source": payload["source"],
            "opened_at": timezone.now().isoformat(),
            "events": [],
            "log": [],
        }
    # The key is a secret: whoever has it can page.
    incident["events"].append({name: value for name, value in body.items() if name != "routing_key"})
    _log(incident, "trigger", "the portal")


def _log(incident: Document, action: str, by: str) -> Document:
    incident["log"].append({"at": timezone.now().isoformat(), "action": action, "by": by})
    return store.put("incident", incident["id"], incident)
