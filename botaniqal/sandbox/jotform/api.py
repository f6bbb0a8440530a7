"""JotForm's API as far as the portal reads it: one submission, and the submissions of a form."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from botaniqal.sandbox.contracts import Schema
from botaniqal.sandbox.door import query_of
from botaniqal.sandbox.jotform import forms
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

# Its times carry no offset: they are an account's, and an account's are New York's unless it says otherwise.
ZONE = ZoneInfo("America/New_York")
FORM = "%Y-%m-%d %H:%M:%S"
LIST: Schema = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
        "offset": {"type": "integer", "minimum": 0},
        "orderby": {"type": "string", "enum": ["id", "created_at", "updated_at"]},
        "filter": {"type": "string"},
    },
}
COMPARE = {
    "gt": lambda kept, wanted: kept > wanted,
    "lt": lambda kept, wanted: kept < wanted,
    "ne": lambda kept, wanted: kept != wanted,
    "eq": lambda kept, wanted: kept == wanted,
}


def show_submission(request: HttpRequest, id: str) -> JsonResponse:
    """Show one submission."""
    submission = store.get("submission", id)
    if submission is None:
        # It tells nobody which numbers exist.
        raise Refused(401, f"You're not authorized to use (/submission/{id})")
    return _success(_content(submission))


def list_submissions(request: HttpRequest, id: str) -> JsonResponse:
    """List the submissions of a form, newest first."""
    if id not in form_ids():
        raise Refused(401, f"You're not authorized to use (/form/{id}/submissions)")
    query = query_of(request, LIST)
    limit, offset = query.get("limit", 20), query.get("offset", 0)
    rows = [row for row in store.find("submission", form_id=id) if _fits(row, query.get("filter", "{}"))]
    rows.sort(key=lambda row: (row[query.get("orderby", "id")] or "", row["id"]), reverse=True)
    shown = rows[offset : offset + limit]
    result = {"offset": offset, "limit": limit, "count": len(shown)}
    return _success([_content(row) for row in shown], resultSet=result)


def form_ids() -> list[str]:
    """Name the clinic's forms, one made up where the environment names none."""
    return settings.JOTFORM_FORM_IDS or ["240000000000000"]


def now() -> str:
    """Write the present moment as JotForm does."""
    return timezone.now().astimezone(ZONE).strftime(FORM)


def moment_of(text: str) -> datetime:
    """Read a moment that JotForm has written."""
    return datetime.strptime(text, FORM).replace(tzinfo=ZONE)


def _content(submission: Document) -> Document:
    fields = {name: value for name, value in submission.items() if not name.startswith("_")}
    return fields | {"answers": forms.as_content(submission["_answers"])}


def _fits(row: Document, filter: str) -> bool:
    """
    Hold a submission against a filter such as {"created_at:gt": "2026-11-01 00:00:00"}.

    :raises Refused: 400 for one that is no JSON object.
    """
    try:
        wanted = json.loads(filter)
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise Refused(400, "The filter is not valid JSON", [("filter", "must be a JSON object")])
    for key, value in wanted.items():
        name, _, comparison = key.partition(":")
        if name not in row or comparison not in {"", *COMPARE}:
            raise Refused(400, "The filter is not known here", [("filter", f"does not know {key}")])
        if not COMPARE[comparison or "eq"](str(row[name] or ""), str(value)):
            return False
    return True


def _success(content: Any, **more: Any) -> JsonResponse:
    return JsonResponse(
        {"responseCode": 200, "message": "success", "content": content, "duration": "10ms", "limit-left": 9999, **more}
    )
