"""What changed in a calendar since somebody last read it, page by page."""

import base64
import binascii
import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, JsonResponse

from botaniqal.sandbox import dial
from botaniqal.sandbox.door import query_of
from botaniqal.sandbox.graph import clock, contract, wording
from botaniqal.sandbox.graph.clock import Row
from botaniqal.sandbox.graph.mailboxes import EVENT, HISTORY, mailbox_called
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

PAGE_SIZE = 10
TOKENS = ("$deltatoken", "$skiptoken")


def read(request: HttpRequest, mailbox: str) -> JsonResponse:
    """Answer the next page of changes: from the beginning, or from where a token says."""
    query = query_of(request, contract.DELTA)
    box = mailbox_called(mailbox)
    token = next((query[name] for name in TOKENS if name in query), None)
    state = _state_of(token) if token is not None else _beginning(box, query)
    if token is not None and dial.draws("graph", "delta", "delta_gone"):
        raise _gone()
    if state["mailbox"] != box["id"]:
        raise Refused(400, "The token belongs to another mailbox.", code="ErrorInvalidUrlQuery")
    if state["generation"] != box["_generation"]:
        raise _gone()

    size, zone = wording.page_size_of(request, PAGE_SIZE), wording.zone_of(request)
    events = [row for row in store.scan(EVENT, _mailbox=box["id"]) if row["_number"] > state["number"]]
    events.sort(key=lambda row: row["_number"])
    items = []
    for row in events:
        if len(items) == size:
            name = "$skiptoken"
            break
        item = _item(row, state, zone)
        items += [item] if item else []
        state["number"] = row["_number"]
    else:
        name = "$deltatoken"
    # Graph leaves the dollar as it is.
    address = f"{request.build_absolute_uri(request.path)}?{urlencode({name: _token_of(state)}, safe='$')}"
    link = "@odata.deltaLink" if name == "$deltatoken" else "@odata.nextLink"
    return JsonResponse({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata", "value": items, link: address})


def _item(row: Row, state: dict[str, Any], zone: str) -> dict[str, Any] | None:
    """Word what happened to an event for a reader who knows all up to a number; None where it is none of theirs."""
    if not row["_removed"] and _is_within(*clock.span_of(row), state):
        return wording.event(row, zone=zone)
    # The last thing that the reader can have seen of it.
    known = [entry for entry in row["_history"] if entry[0] <= state["number"]]
    if not known and len(row["_history"]) < HISTORY:
        return None
    # Where it was changed too often to remember, better once too much than never.
    if known and not _is_within(known[-1][1], known[-1][2], state):
        return None
    return {"id": row["id"], "@removed": {"reason": "deleted" if row["_removed"] else "changed"}}


def _is_within(start: str, end: str, state: dict[str, Any]) -> bool:
    return start < state["end"] and (end > state["start"] or start == end == state["start"])


def _beginning(box: Document, query: dict[str, Any]) -> dict[str, Any]:
    if not {"startDateTime", "endDateTime"} <= query.keys():
        raise Refused(400, "startDateTime and endDateTime are needed.", code="ErrorInvalidParameter")
    start, end = (clock.kept(clock.read_moment(query[name])) for name in ("startDateTime", "endDateTime"))
    if end <= start:
        raise Refused(400, "The span ends before it begins.", code="ErrorInvalidParameter")
    return {"mailbox": box["id"], "generation": box["_generation"], "start": start, "end": end, "number": 0}


def _token_of(state: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode()


def _state_of(token: str) -> dict[str, Any]:
    try:
        state = json.loads(base64.urlsafe_b64decode(token))
        well_formed = {name: type(value) for name, value in state.items()} == {
            **dict.fromkeys(("mailbox", "generation", "start", "end"), str),
            "number": int,
        }
    except (ValueError, AttributeError, RecursionError, binascii.Error):
        well_formed = False
    if not well_formed:
        raise Refused(400, "Badly formed token.", code="BadRequest")
    return state


def _gone() -> Refused:
    return Refused(410, "The sync state generation is not found; fullsync required.", code="SyncStateNotFound")
