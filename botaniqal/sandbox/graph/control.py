"""What no Graph has: verbs by which tests and rehearsals act as a mailbox's owner, or as Microsoft."""

from django.http import HttpRequest, JsonResponse

from botaniqal.sandbox.contracts import Schema
from botaniqal.sandbox.door import body_of
from botaniqal.sandbox.graph import mailboxes, notices, tokens, wording
from botaniqal.sandbox.graph.contract import EVENT_FIELDS
from botaniqal.sandbox.store import Document, store

# It stands in the addresses of pages.
MAILBOX: Schema = {"type": "string", "minLength": 1, "pattern": r"^[^/\s]+$"}


def _of(required: tuple[str, ...], **properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


CREATE = _of(("mailbox", "start", "end"), mailbox=MAILBOX, **EVENT_FIELDS)
CHANGE = _of(("mailbox", "id"), mailbox=MAILBOX, id=MAILBOX, **EVENT_FIELDS)
REMOVE = _of(("mailbox", "id"), mailbox=MAILBOX, id=MAILBOX)
EXISTENCE = _of(("mailbox", "exists"), mailbox=MAILBOX, exists={"type": "boolean"})
SYNC_STATE = _of(("mailbox",), mailbox=MAILBOX)
LIFE = _of(("event",), mailbox=MAILBOX, event={"type": "string", "enum": ["expired", *notices.LIFECYCLE]})
TOKENS = _of(("seconds",), seconds={"type": "integer", "minimum": 0, "maximum": 86_400})


def create_event(request: HttpRequest) -> JsonResponse:
    """Write an event into a mailbox as its owner."""
    body = {"subject": "Private", **body_of(request, CREATE)}
    return JsonResponse(_worded(mailboxes.create(body.pop("mailbox"), body, by_hand=True)))


def change_event(request: HttpRequest) -> JsonResponse:
    """Change or move an event as its owner."""
    body = body_of(request, CHANGE)
    return JsonResponse(_worded(mailboxes.change(body.pop("mailbox"), body.pop("id"), body)))


def remove_event(request: HttpRequest) -> JsonResponse:
    """Delete an event as its owner."""
    body = body_of(request, REMOVE)
    mailboxes.remove(body["mailbox"], body["id"])
    return JsonResponse({})


def set_existence(request: HttpRequest) -> JsonResponse:
    """Take a mailbox away or bring it back."""
    body = body_of(request, EXISTENCE)
    mailbox = mailboxes.set_existence(body["mailbox"], exists=body["exists"])
    return JsonResponse({"mailbox": mailbox["id"], "exists": mailbox["exists"]})


def lose_sync_state(request: HttpRequest) -> JsonResponse:
    """Forget how far a mailbox was read: its delta tokens are gone."""
    mailboxes.lose_sync_state(body_of(request, SYNC_STATE)["mailbox"])
    return JsonResponse({})


def live(request: HttpRequest) -> JsonResponse:
    """Let the subscriptions of a mailbox, or all, expire unheard, be removed aloud, or hear of their life."""
    body = body_of(request, LIFE)
    wanted = body.get("mailbox", "").strip().lower()
    met = [row for row in notices.listening() if wanted in ("", row["_mailbox"])]
    for subscription in met:
        if body["event"] in {"expired", "subscriptionRemoved"}:
            notices.end(subscription, aloud=body["event"] == "subscriptionRemoved")
        else:
            notices.tell_of_life(subscription, body["event"])
    return JsonResponse({"subscriptions": [row["id"] for row in met]})


def take_tokens_back(request: HttpRequest) -> JsonResponse:
    """Let all keys end now."""
    tokens.take_back()
    return JsonResponse({})


def set_token_life(request: HttpRequest) -> JsonResponse:
    """Give keys for so many seconds from now on, until the sandbox is emptied."""
    seconds = body_of(request, TOKENS)["seconds"]
    return JsonResponse(store.put("setting", "outlook_token_life", {"value": seconds}))


def state() -> dict[str, list[Document]]:
    """Put together all that Outlook knows: mailboxes, the events that stand in them, who listens."""
    boxes = store.find(mailboxes.MAILBOX)
    return {
        "mailboxes": [{"address": box["id"], "exists": box["exists"]} for box in boxes],
        "events": [_worded(row) for row in store.find(mailboxes.EVENT, _removed=False)],
        "subscriptions": [
            {name: value for name, value in row.items() if not name.startswith("_")}
            | {"mailbox": row["_mailbox"], "clientState": row["_client_state"]}
            for row in notices.listening()
        ],
    }


def _worded(event: Document) -> Document:
    extra = {
        "mailbox": event["_mailbox"],
        "by_hand": event["_by_hand"],
        "singleValueExtendedProperties": event["singleValueExtendedProperties"],
    }
    return wording.event(event, zone="UTC") | extra
