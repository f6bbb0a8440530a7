"""Graph's calendars as far as the portal reads and writes them: events, the view of a span, who is free."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse

from botaniqal.sandbox.door import body_of, query_of
from botaniqal.sandbox.graph import clock, contract, mailboxes, wording
from botaniqal.sandbox.graph.clock import Row
from botaniqal.sandbox.graph.filters import fitting
from botaniqal.sandbox.vendors import Refused

PAGE_SIZE = 10
LONGEST_SCHEDULE = timedelta(days=62)
DIGITS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4", "unknown": "2"}


def list_events(request: HttpRequest, mailbox: str) -> JsonResponse:
    """List the events of a mailbox."""
    query = query_of(request, contract.LIST)
    rows = mailboxes.events_of(mailbox)
    if "$filter" in query:
        rows = fitting(rows, query["$filter"])
    return _page(request, rows, query)


def create_event(request: HttpRequest, mailbox: str) -> JsonResponse:
    """Write an event."""
    row = mailboxes.create(mailbox, body_of(request, contract.CREATE_EVENT))
    return JsonResponse(wording.event(row, zone=wording.zone_of(request)), status=201)


def show_event(request: HttpRequest, mailbox: str, id: str) -> JsonResponse:
    """Show one event."""
    query = query_of(request, contract.SHOW)
    row = mailboxes.event_called(mailbox, id)
    return JsonResponse(wording.event(row, zone=wording.zone_of(request), query=query))


def change_event(request: HttpRequest, mailbox: str, id: str) -> JsonResponse:
    """Write some of an event anew."""
    body = body_of(request, contract.PATCH_EVENT)
    row = mailboxes.change(mailbox, id, body, expected=request.headers.get("If-Match", ""))
    return JsonResponse(wording.event(row, zone=wording.zone_of(request)))


def delete_event(request: HttpRequest, mailbox: str, id: str) -> HttpResponse:
    """Take an event out of its mailbox."""
    mailboxes.remove(mailbox, id, expected=request.headers.get("If-Match", ""))
    return HttpResponse(status=204)


def cancel_event(request: HttpRequest, mailbox: str, id: str) -> HttpResponse:
    """Cancel an event, which takes it out of its owner's mailbox too."""
    body_of(request, contract.CANCEL)
    mailboxes.remove(mailbox, id)
    return HttpResponse(status=202)


def list_view(request: HttpRequest, mailbox: str) -> JsonResponse:
    """List the events that take some of a span."""
    query = query_of(request, contract.VIEW)
    start, end = (clock.kept(clock.read_moment(query[name])) for name in ("startDateTime", "endDateTime"))
    rows = mailboxes.events_of(mailbox)
    return _page(request, [row for row in rows if _is_within(row, start, end)], query)


def get_schedule(request: HttpRequest, mailbox: str) -> JsonResponse:
    """Tell when each of some mailboxes is taken; one that is unknown gets an error of its own."""
    body = body_of(request, contract.SCHEDULE)
    mailboxes.mailbox_called(mailbox)
    start, end = clock.read_time(body["startTime"]), clock.read_time(body["endTime"])
    if not start < end <= start + LONGEST_SCHEDULE:
        raise Refused(400, "The requested time duration is invalid.", code="ErrorInvalidRequest")
    zone, minutes = wording.zone_of(request), body.get("availabilityViewInterval", 30)
    rows = [_schedule(address, start, end, zone, minutes) for address in body["schedules"]]
    return JsonResponse({"value": rows})


def _schedule(address: str, start: datetime, end: datetime, zone: str, minutes: int) -> dict[str, Any]:
    try:
        events = mailboxes.events_of(address)
    except Refused:
        error = {"message": "Unable to resolve recipient.", "responseCode": "ErrorMailRecipientNotFound"}
        return {"scheduleId": address, "availabilityView": "", "scheduleItems": [], "error": error}
    events = [row for row in events if _is_within(row, clock.kept(start), clock.kept(end))]
    view, at = "", start
    while at < end:
        after = at + timedelta(minutes=minutes)
        digits = [DIGITS[row["showAs"]] for row in events if _is_within(row, clock.kept(at), clock.kept(after))]
        view += max(digits, default="0")
        at = after
    return {
        "scheduleId": address,
        "availabilityView": view,
        "scheduleItems": [_schedule_item(row, zone) for row in events],
    }


def _schedule_item(row: Row, zone: str) -> dict[str, Any]:
    start, end = clock.span_of(row)
    item = {
        "status": row["showAs"],
        "start": clock.shown(start, zone, is_all_day=False),
        "end": clock.shown(end, zone, is_all_day=False),
        "isPrivate": row["sensitivity"] == "private",
    }
    if item["isPrivate"]:
        return item
    return item | {"subject": row["subject"], "location": (row["location"] or {}).get("displayName") or ""}


def _is_within(row: Row, start: str, end: str) -> bool:
    begins, ends = clock.span_of(row)
    return begins < end and ends > start


def _page(request: HttpRequest, rows: list[Row], query: dict[str, Any]) -> JsonResponse:
    if query.get("$orderby", "").endswith(" desc"):
        rows = rows[::-1]
    first = query.get("$skip", 0)
    size = query.get("$top") or wording.page_size_of(request, PAGE_SIZE)
    zone = wording.zone_of(request)
    answer: dict[str, Any] = {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata",
        "value": [wording.event(row, zone=zone, query=query) for row in rows[first : first + size]],
    }
    if first + size < len(rows):
        following = urlencode(query | {"$skip": first + size}, safe="$")
        answer["@odata.nextLink"] = f"{request.build_absolute_uri(request.path)}?{following}"
    return JsonResponse(answer)
