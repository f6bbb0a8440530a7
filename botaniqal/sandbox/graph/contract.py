"""What Graph accepts: the request side of its published contract, as far as the portal uses it."""

from botaniqal.sandbox.contracts import Schema

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": ["boolean", "null"]}
WALL_TIME: Schema = {
    "type": "object",
    "required": ["dateTime", "timeZone"],
    "properties": {
        # Without an offset: beside a zone it would be ambiguous.
        "dateTime": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?$"},
        "timeZone": {"type": "string", "minLength": 1},
    },
}
BODY: Schema = {
    "type": ["object", "null"],
    "properties": {"contentType": {"type": "string", "enum": ["text", "html"]}, "content": TEXT_OR_NULL},
}
LOCATION: Schema = {
    "type": ["object", "null"],
    "properties": {"displayName": TEXT_OR_NULL, "locationUri": TEXT_OR_NULL},
}
PROPERTIES: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "value"],
        "properties": {
            "id": {
                "type": "string",
                "pattern": (
                    r"^(String|Integer|Boolean|SystemTime|Double|Guid) \{[0-9a-fA-F-]{36}\}"
                    r" (Name .+|Id 0x[0-9A-Fa-f]+)$"
                ),
            },
            "value": TEXT_OR_NULL,
        },
    },
}
EVENT_FIELDS: dict[str, Schema] = {
    "subject": TEXT_OR_NULL,
    "start": WALL_TIME,
    "end": WALL_TIME,
    "isAllDay": FLAG,
    "body": BODY,
    "location": LOCATION,
    "locations": {"type": "array", "items": LOCATION},
    "categories": {"type": "array", "items": TEXT},
    "showAs": {"type": "string", "enum": ["free", "tentative", "busy", "oof", "workingElsewhere", "unknown"]},
    "sensitivity": {"type": "string", "enum": ["normal", "personal", "private", "confidential"]},
    "importance": {"type": "string", "enum": ["low", "normal", "high"]},
    "isReminderOn": FLAG,
    "reminderMinutesBeforeStart": {"type": ["integer", "null"]},
    "attendees": {"type": "array", "maxItems": 500},
    "isOnlineMeeting": FLAG,
    "responseRequested": FLAG,
    "allowNewTimeProposals": FLAG,
    "hideAttendees": FLAG,
    "singleValueExtendedProperties": PROPERTIES,
}
CREATE_EVENT: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["subject", "start", "end"],
    "properties": {**EVENT_FIELDS, "transactionId": TEXT_OR_NULL},
}
PATCH_EVENT: Schema = {"type": "object", "additionalProperties": False, "properties": EVENT_FIELDS}
CANCEL: Schema = {"type": "object", "additionalProperties": False, "properties": {"comment": TEXT}}

COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 1000}
LIST: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "$filter": TEXT,
        "$expand": TEXT,
        "$select": TEXT,
        "$orderby": {"type": "string", "pattern": r"^(start|end)/dateTime( asc| desc)?$"},
        "$top": COUNT,
        "$skip": COUNT,
    },
}
SHOW: Schema = {"type": "object", "additionalProperties": False, "properties": {"$expand": TEXT, "$select": TEXT}}
VIEW: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["startDateTime", "endDateTime"],
    "properties": {name: schema for name, schema in LIST["properties"].items() if name not in {"$filter", "$expand"}}
    | {"startDateTime": TEXT, "endDateTime": TEXT},
}
DELTA: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": dict.fromkeys(("startDateTime", "endDateTime", "$deltatoken", "$skiptoken"), TEXT),
}
SCHEDULE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["schedules", "startTime", "endTime"],
    "properties": {
        "schedules": {"type": "array", "minItems": 1, "maxItems": 20, "items": TEXT},
        "startTime": WALL_TIME,
        "endTime": WALL_TIME,
        "availabilityViewInterval": {"type": "integer", "minimum": 5, "maximum": 1440},
    },
}

# A portal next door has no certificate; Graph itself takes https only.
HOOK: Schema = {"type": "string", "pattern": r"^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
CREATE_SUBSCRIPTION: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["changeType", "notificationUrl", "resource", "expirationDateTime"],
    "properties": {
        "changeType": {"type": "string", "pattern": r"^(created|updated|deleted)(,(created|updated|deleted))*$"},
        "notificationUrl": HOOK,
        "lifecycleNotificationUrl": HOOK,
        "resource": {"type": "string", "pattern": r"^/?users/[^/]+/events$"},
        "expirationDateTime": MOMENT,
        "clientState": {"type": "string", "maxLength": 128},
    },
}
PATCH_SUBSCRIPTION: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["expirationDateTime"],
    "properties": {"expirationDateTime": MOMENT, "notificationUrl": HOOK},
}
