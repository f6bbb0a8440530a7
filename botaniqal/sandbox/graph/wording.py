"""How Graph words an event: in the zone and with the fields that were asked for."""

import re
from typing import Any

from django.http import HttpRequest

from botaniqal.sandbox.graph import clock
from botaniqal.sandbox.graph.clock import Row

PREFERRED_ZONE = re.compile(r'outlook\.timezone\s*=\s*"([^"]*)"', re.IGNORECASE)
PREFERRED_SIZE = re.compile(r"odata\.maxpagesize\s*=\s*(\d{1,6})", re.IGNORECASE)
NAMED = re.compile(r"'((?:[^']|'')*)'")
PREVIEW_LENGTH = 255


def zone_of(request: HttpRequest) -> str:
    """
    Read in which zone the caller wants times.

    :raises Refused: 400 for a zone that nobody knows.
    """
    preferred = PREFERRED_ZONE.search(request.headers.get("Prefer", ""))
    name = preferred[1] if preferred else "UTC"
    clock.zone_called(name)
    return name


def page_size_of(request: HttpRequest, default: int) -> int:
    """Read how many rows a page is to have."""
    preferred = PREFERRED_SIZE.search(request.headers.get("Prefer", ""))
    return min(max(int(preferred[1]), 1), 1000) if preferred else default


def event(row: Row, *, zone: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write an event for the wire; its extended properties only where the query asks for them."""
    query = query or {}
    shown = {name: value for name, value in row.items() if not name.startswith("_")}
    properties = shown.pop("singleValueExtendedProperties")
    text = (row["body"] or {}).get("content") or ""
    shown |= {
        "start": clock.shown(row["_start"], zone, is_all_day=row["isAllDay"]),
        "end": clock.shown(row["_end"], zone, is_all_day=row["isAllDay"]),
        "originalStartTimeZone": zone,
        "originalEndTimeZone": zone,
        "bodyPreview": text[:PREVIEW_LENGTH],
        "hasAttachments": False,
        "isCancelled": False,
        "isDraft": False,
        "isOrganizer": True,
        "type": "singleInstance",
        "seriesMasterId": None,
        "recurrence": None,
        "organizer": {"emailAddress": {"name": row["_mailbox"], "address": row["_mailbox"]}},
        "webLink": "https://outlook.office365.com/owa/?itemid=" + row["id"],
    }
    selected = query.get("$select")
    if selected:
        wanted = {"id", "@odata.etag", *selected.replace(" ", "").split(",")}
        shown = {name: value for name, value in shown.items() if name in wanted}
    expanded = query.get("$expand", "")
    if expanded.startswith("singleValueExtendedProperties"):
        wanted = {name.replace("''", "'").lower() for name in NAMED.findall(expanded)}
        found = [row for row in properties if row["id"].lower() in wanted]
        # Where an event has none of them, the field is missing.
        shown |= {"singleValueExtendedProperties": found} if found else {}
    return shown
