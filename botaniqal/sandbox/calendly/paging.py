"""Calendly's lists: a page of the collection and a token for the next one."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, JsonResponse

from botaniqal.sandbox.calendly.clinic import public
from botaniqal.sandbox.vendors import Refused


def page(request: HttpRequest, rows: Sequence[Mapping[str, Any]], query: dict[str, Any]) -> JsonResponse:
    """
    Answer the page that the query asks for.

    :raises Refused: 400 for a token that is none of ours.
    """
    token = query.get("page_token", "from-0")
    if not token.startswith("from-") or not token[5:].isdecimal():
        raise Refused(400, "The supplied parameters are invalid.", [("page_token", "is invalid")])
    first, count = int(token[5:]), query.get("count", 20)
    shown = rows[first : first + count]
    following = f"from-{first + count}" if first + count < len(rows) else None
    earlier = f"from-{max(first - count, 0)}" if first else None
    pagination = {
        "count": len(shown),
        "next_page": _address(request, query, following),
        "previous_page": _address(request, query, earlier),
        "next_page_token": following,
        "previous_page_token": earlier,
    }
    return JsonResponse({"collection": [public(row) for row in shown], "pagination": pagination})


def _address(request: HttpRequest, query: dict[str, Any], token: str | None) -> str | None:
    # On the host that was called, unlike the names of objects: a client follows it and gives its key to no other host.
    return token and f"{request.build_absolute_uri(request.path)}?{urlencode(query | {'page_token': token})}"
