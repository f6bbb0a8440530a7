"""What Calendly accepts: the request side of its published contract, as far as the portal uses it."""

from botaniqal.sandbox.calendly.events import TRACKING
from botaniqal.sandbox.contracts import Schema

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
URI: Schema = {"type": "string", "format": "uri"}
EMAIL: Schema = {"type": "string", "format": "email"}
DATE_TIME: Schema = {"type": "string", "format": "date-time"}
STATUS: Schema = {"type": "string", "enum": ["active", "canceled"]}
PAGING: dict[str, Schema] = {
    "count": {"type": "integer", "minimum": 1, "maximum": 100},
    "page_token": TEXT,
    "sort": TEXT,
}
SCOPE: Schema = {"type": "string", "enum": ["organization", "user", "group"]}
HOOKS = [
    "invitee.created",
    "invitee.canceled",
    "invitee_no_show.created",
    "invitee_no_show.deleted",
    "routing_form_submission.created",
    "event_type.created",
    "event_type.deleted",
    "event_type.updated",
    "meeting_recap.created",
    "meeting_recap.updated",
    "meeting_recap.deleted",
    "contact.created",
    "contact.updated",
    "contact.deleted",
]
VALUED = ["physical", "outbound_call", "ask_invitee", "custom"]
LOCATION_KINDS = [
    *VALUED,
    "inbound_call",
    "zoom_conference",
    "google_conference",
    "gotomeeting_conference",
    "microsoft_teams_conference",
    "webex_conference",
]

CREATE_INVITEE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["event_type", "start_time", "invitee"],
    "properties": {
        "event_type": URI | {"pattern": r"/event_types/[^/]+$"},
        "start_time": DATE_TIME,
        "invitee": {
            "type": "object",
            "additionalProperties": False,
            "required": ["email", "timezone"],
            "anyOf": [{"required": ["name"]}, {"required": ["first_name"]}],
            "properties": {
                "name": TEXT,
                "first_name": TEXT,
                "last_name": TEXT,
                "email": EMAIL,
                "timezone": {"type": "string", "minLength": 1},
                "text_reminder_number": TEXT,
            },
        },
        "location": {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"type": "string", "enum": LOCATION_KINDS}, "location": TEXT},
            "anyOf": [
                {"properties": {"kind": {"enum": [kind for kind in LOCATION_KINDS if kind not in VALUED]}}},
                {"required": ["kind", "location"]},
            ],
        },
        "questions_and_answers": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["question", "answer", "position"],
                "properties": {"question": TEXT, "answer": TEXT, "position": {"type": "integer"}},
            },
        },
        "tracking": {
            "type": "object",
            "required": list(TRACKING),
            "properties": dict.fromkeys(TRACKING, TEXT_OR_NULL),
        },
        "event_guests": {"type": "array", "maxItems": 10, "items": EMAIL},
    },
}
CANCEL: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"reason": {"type": "string", "maxLength": 10_000}},
}
CREATE_NO_SHOW: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["invitee"],
    "properties": {"invitee": URI},
}
CREATE_LINK: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["max_event_count", "owner", "owner_type"],
    "properties": {
        "max_event_count": {"type": "integer", "enum": [1]},
        "owner": URI,
        "owner_type": {"type": "string", "enum": ["EventType"]},
    },
}
CREATE_SUBSCRIPTION: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["url", "events", "organization", "scope"],
    "properties": {
        # The vendor takes https alone; the demo's portal stands next door without a certificate.
        "url": URI | {"pattern": r"^https://|^http://(127\.0\.0\.1|localhost)[:/]"},
        "events": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": HOOKS}},
        "organization": URI,
        "user": URI,
        "group": URI,
        "scope": SCOPE,
        "signing_key": TEXT,
    },
}


def _query(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


FLAG: Schema = {"type": "string", "enum": ["true", "false"]}
LIST_EVENT_TYPES = _query(
    organization=URI, user=URI, user_availability_schedule=URI, active=FLAG, admin_managed=FLAG, **PAGING
)
LIST_AVAILABLE_TIMES = _query(
    "event_type", "start_time", "end_time", event_type=URI, start_time=DATE_TIME, end_time=DATE_TIME
)
LIST_BUSY_TIMES = _query("user", "start_time", "end_time", user=URI, start_time=DATE_TIME, end_time=DATE_TIME)
LIST_AVAILABILITY_SCHEDULES = _query("user", user=URI)
LIST_EVENTS = _query(
    organization=URI,
    user=URI,
    group=URI,
    invitee_email=EMAIL,
    status=STATUS,
    min_start_time=DATE_TIME,
    max_start_time=DATE_TIME,
    **PAGING,
)
LIST_INVITEES = _query(status=STATUS, email=EMAIL, **PAGING)
LIST_SUBSCRIPTIONS = _query("organization", "scope", organization=URI, user=URI, group=URI, scope=SCOPE, **PAGING)
SAMPLE = _query("event", "organization", "scope", event=TEXT, organization=URI, user=URI, group=URI, scope=SCOPE)
