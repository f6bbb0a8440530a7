"""The mailboxes and the events in them: what is written there, by the portal or by hand, and in which order."""

import secrets
from typing import Any
from uuid import uuid4

from django.utils import timezone

from botaniqal.sandbox.graph import clock
from botaniqal.sandbox.graph.clock import Row
from botaniqal.sandbox.graph.notices import notify
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

MAILBOX, EVENT = "outlook_mailbox", "outlook_event"
# How many former times of an event are remembered, for a delta that comes after all of them.
HISTORY = 50
FRESH: dict[str, Any] = {
    "categories": [],
    "body": {"contentType": "text", "content": ""},
    "location": {"displayName": ""},
    "attendees": [],
    "showAs": "busy",
    "sensitivity": "normal",
    "importance": "normal",
    "isReminderOn": True,
    "reminderMinutesBeforeStart": 15,
    "isOnlineMeeting": False,
    "responseRequested": True,
    "allowNewTimeProposals": True,
    "hideAttendees": False,
    "singleValueExtendedProperties": [],
}


def mailbox_called(address: str) -> Document:
    """
    Open a mailbox; any address is one from the first time it is used.

    :raises Refused: 404 for what is no address, or a mailbox that was taken away.
    """
    id = address.strip().lower()
    with store.transaction():
        mailbox = store.get(MAILBOX, id)
        if mailbox is None and "@" in id and len(id) <= 254:
            mailbox = store.put(MAILBOX, id, {"id": id, "exists": True, "_generation": uuid4().hex, "_number": 0})
    if mailbox is None or not mailbox["exists"]:
        raise Refused(404, "The requested user is invalid.", code="ErrorInvalidUser")
    return mailbox


def events_of(address: str) -> list[Row]:
    """
    List the events that stand in a mailbox, by their start, to read only.

    :raises Refused: 404 as for `mailbox_called`.
    """
    mailbox = mailbox_called(address)
    return sorted(store.scan(EVENT, _mailbox=mailbox["id"], _removed=False), key=lambda event: event["_start"])


def event_called(address: str, id: str) -> Document:
    """
    Read one event.

    :raises Refused: 404 for one that is not there.
    """
    mailbox, event = mailbox_called(address), store.get(EVENT, id)
    if event is None or event["_mailbox"] != mailbox["id"] or event["_removed"]:
        raise Refused(404, "The specified object was not found in the store.", code="ErrorItemNotFound")
    return event


def create(address: str, body: dict[str, Any], *, by_hand: bool = False) -> Document:
    """
    Write an event; the same transactionId again gives the event of the first time, whatever the body says.

    :raises Refused: 404 for the mailbox, 400 for impossible times.
    """
    with store.transaction():
        mailbox = mailbox_called(address)
        transaction_id = body.get("transactionId")
        known = transaction_id and store.find(
            EVENT, _mailbox=mailbox["id"], _removed=False, transactionId=transaction_id
        )
        if known:
            return known[0]
        times = clock.begins_and_ends(body, None)
        event = {
            **FRESH,
            **_plain(body),
            **times,
            "id": f"AAkALg{secrets.token_urlsafe(48)}=",
            "transactionId": transaction_id,
            "iCalUId": secrets.token_hex(28).upper(),
            "createdDateTime": _now(),
            "_mailbox": mailbox["id"],
            "_removed": False,
            "_by_hand": by_hand,
            "_history": [],
        }
        event = _write(mailbox, event)
    notify(mailbox["id"], event["id"], "created")
    return event


def change(address: str, id: str, body: dict[str, Any], *, expected: str = "") -> Document:
    """
    Write some of an event anew; `expected` is the changeKey or etag that it must still have.

    :raises Refused: 404 for the event, 409 for another changeKey, 400 for impossible times.
    """
    with store.transaction():
        event = event_called(address, id)
        _insist(event, expected)
        times = clock.begins_and_ends(body, event)
        properties = {row["id"]: row for row in event["singleValueExtendedProperties"]}
        properties |= {row["id"]: row for row in body.get("singleValueExtendedProperties", [])}
        event |= {**_plain(body), **times, "singleValueExtendedProperties": list(properties.values())}
        event = _write(mailbox_called(address), event)
    notify(event["_mailbox"], id, "updated")
    return event


def remove(address: str, id: str, *, expected: str = "") -> None:
    """
    Take an event out of a mailbox.

    :raises Refused: 404 for the event, 409 for another changeKey.
    """
    with store.transaction():
        event = event_called(address, id)
        _insist(event, expected)
        _write(mailbox_called(address), event | {"_removed": True})
    notify(event["_mailbox"], id, "deleted")


def lose_sync_state(address: str) -> None:
    """Forget how far anybody has read a mailbox: every delta token that it gave out is gone."""
    with store.transaction():
        mailbox = mailbox_called(address)
        store.put(MAILBOX, mailbox["id"], mailbox | {"_generation": uuid4().hex})


def set_existence(address: str, *, exists: bool) -> Document:
    """
    Take a mailbox away, or bring it back with what was in it.

    :raises Refused: 404 for what is no address.
    """
    id = address.strip().lower()
    with store.transaction():
        mailbox = store.get(MAILBOX, id) or mailbox_called(id)
        return store.put(MAILBOX, id, mailbox | {"exists": exists})


def _write(mailbox: Document, event: Document) -> Document:
    """Keep an event as the latest change of its mailbox, with a new changeKey."""
    number = mailbox["_number"] + 1
    store.put(MAILBOX, mailbox["id"], mailbox | {"_number": number})
    change_key = secrets.token_urlsafe(18)
    start, end = clock.span_of(event)
    return store.put(
        EVENT,
        event["id"],
        event
        | {
            "changeKey": change_key,
            "@odata.etag": f'W/"{change_key}"',
            "lastModifiedDateTime": _now(),
            "_number": number,
            "_history": [*event["_history"], [number, start, end]][-HISTORY:],
        },
    )


def _insist(event: Document, expected: str) -> None:
    if expected not in {"", "*", event["changeKey"], event["@odata.etag"]}:
        raise Refused(
            409,
            "The change key passed in the request does not match the current change key for the item.",
            code="ErrorIrresolvableConflict",
        )


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is kept in another form."""
    return {name: value for name, value in body.items() if name not in {"start", "end", "isAllDay", "transactionId"}}


def _now() -> str:
    return timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
