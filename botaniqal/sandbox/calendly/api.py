"""Calendly's API v2 as far as the portal reads and books: members, event types, times, events, invitees."""

from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from botaniqal.sandbox.calendly import contract, events, plan
from botaniqal.sandbox.calendly.clinic import ORGANIZATION, Host, id_of, learn_member, moment, public, uri
from botaniqal.sandbox.calendly.free_times import busy_times, free_times, opening_rules
from botaniqal.sandbox.calendly.paging import page
from botaniqal.sandbox.door import body_of, query_of
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

NOT_FOUND = "The server could not find the requested resource."


def show_me(request: HttpRequest) -> JsonResponse:
    """Show the member to whom the key belongs."""
    return resource(learn_member(Host(email="clinic@example.com", name="Botaniqal")))


def list_event_types(request: HttpRequest) -> JsonResponse:
    """List the event types of the organisation or of one member."""
    query = query_of(request, contract.LIST_EVENT_TYPES)
    rows = store.scan("event_type")
    if "user" in query:
        rows = [row for row in rows if query["user"] in row["_hosts"]]
    else:
        ask_for_organization(query)
    if "active" in query:
        rows = [row for row in rows if row["active"] == (query["active"] == "true")]
    if "admin_managed" in query:
        rows = [row for row in rows if row["admin_managed"] == (query["admin_managed"] == "true")]
    return page(request, sorted(rows, key=lambda row: row["name"]), query)


def show_event_type(request: HttpRequest, uuid: str) -> JsonResponse:
    """Show one event type."""
    return resource(_find("event_type", uuid))


def list_available_times(request: HttpRequest) -> JsonResponse:
    """List the starts at which an event type can be booked, in a span of at most 31 days."""
    query = query_of(request, contract.LIST_AVAILABLE_TIMES)
    event_type = _find("event_type", id_of(query["event_type"]))
    start, end = _span(query, most=timedelta(days=31))
    rows = [
        {
            "status": "available",
            "invitees_remaining": free,
            "start_time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "scheduling_url": f"{event_type['scheduling_url']}/{at:%Y-%m-%dT%H:%M:%SZ}",
        }
        for at, free in free_times(event_type, start=start, end=end)
    ]
    return JsonResponse({"collection": rows})


def list_busy_times(request: HttpRequest) -> JsonResponse:
    """List when a member is busy, in a span of at most 7 days."""
    query = query_of(request, contract.LIST_BUSY_TIMES)
    start, end = _span(query, most=timedelta(days=7))
    rows = busy_times(_find("user", id_of(query["user"]))["uri"], start=start, end=end)
    return JsonResponse({"collection": sorted(rows, key=lambda row: row["start_time"])})


def list_availability_schedules(request: HttpRequest) -> JsonResponse:
    """List a member's opening hours: the same for everybody here."""
    query = query_of(request, contract.LIST_AVAILABILITY_SCHEDULES)
    user = _find("user", id_of(query["user"]))
    schedule = {
        "uri": uri("user_availability_schedules", str(uuid5(NAMESPACE_URL, user["uri"]))),
        "default": True,
        "name": "Working hours",
        "user": user["uri"],
        "timezone": settings.TIME_ZONE,
        "rules": opening_rules(),
    }
    return JsonResponse({"collection": [schedule]})


def list_events(request: HttpRequest) -> JsonResponse:
    """List scheduled events of the organisation or a member by time, state and invitee."""
    query = query_of(request, contract.LIST_EVENTS)
    if not {"user", "group"} & query.keys():
        ask_for_organization(query)
    if "invitee_email" in query:
        theirs = store.scan("invitee", _email=query["invitee_email"].lower())
        rows = [store.get("event", id_of(uri)) for uri in dict.fromkeys(row["event"] for row in theirs)]
    else:
        rows = store.scan("event", **{"_host": query["user"]} if "user" in query else {})
    for name, value in (("_host", query.get("user")), ("status", query.get("status"))):
        rows = [row for row in rows if value in (None, row[name])]
    if "min_start_time" in query:
        earliest = _moment_in(query, "min_start_time")
        rows = [row for row in rows if row["start_time"] >= earliest]
    if "max_start_time" in query:
        latest = _moment_in(query, "max_start_time")
        rows = [row for row in rows if row["start_time"] <= latest]
    rows.sort(key=lambda row: row["start_time"], reverse=query.get("sort") == "start_time:desc")
    return page(request, rows, query)


def show_event(request: HttpRequest, uuid: str) -> JsonResponse:
    """Show one scheduled event with its meeting link."""
    return resource(events.get_event(uuid))


def cancel_event(request: HttpRequest, uuid: str) -> JsonResponse:
    """Cancel a scheduled event on the host's behalf."""
    body = body_of(request, contract.CANCEL)
    cancellation = events.cancel(uuid, reason=body.get("reason"), canceled_by="Botaniqal", canceler_type="host")
    return resource(cancellation, status=201)


def list_invitees(request: HttpRequest, uuid: str) -> JsonResponse:
    """List who is invited to an event."""
    query = query_of(request, contract.LIST_INVITEES)
    rows = store.scan("invitee", event=events.get_event(uuid)["uri"])
    if "status" in query:
        rows = [row for row in rows if row["status"] == query["status"]]
    if "email" in query:
        rows = [row for row in rows if row["email"].lower() == query["email"].lower()]
    return page(request, rows, query)


def show_invitee(request: HttpRequest, event_uuid: str, invitee_uuid: str) -> JsonResponse:
    """Show one invitee of an event."""
    invitee = _find("invitee", invitee_uuid)
    if id_of(invitee["event"]) != event_uuid:
        raise Refused(404, NOT_FOUND)
    return resource(invitee)


def create_invitee(request: HttpRequest) -> JsonResponse:
    """Book a time for somebody, where the plan allows it."""
    plan.ask_for_booking()
    return resource(events.book(body_of(request, contract.CREATE_INVITEE), method="api"), status=201)


def create_no_show(request: HttpRequest) -> JsonResponse:
    """Mark an invitee as not come."""
    return resource(events.mark_no_show(body_of(request, contract.CREATE_NO_SHOW)["invitee"]), status=201)


def show_no_show(request: HttpRequest, uuid: str) -> JsonResponse:
    """Show one no-show mark."""
    return resource(_find("no_show", uuid))


def delete_no_show(request: HttpRequest, uuid: str) -> HttpResponse:
    """Take a no-show mark back."""
    events.unmark_no_show(uuid)
    return HttpResponse(status=204)


def create_link(request: HttpRequest) -> JsonResponse:
    """Make a link by which one person can book once."""
    body = body_of(request, contract.CREATE_LINK)
    owner = _find("event_type", id_of(body["owner"]))
    id = str(uuid4())
    # Where we were called, so that the link can be followed without any setting.
    address = f"{settings.SANDBOX_URL}/d/{id}" if settings.SANDBOX_URL else request.build_absolute_uri(f"/d/{id}")
    link = {"booking_url": address, "owner": owner["uri"], "owner_type": "EventType"}
    return resource(store.put("link", id, link), status=201)


def resource(document: Document, *, status: int = 200) -> JsonResponse:
    """Answer one object the way Calendly wraps it."""
    return JsonResponse({"resource": public(document)}, status=status)


def ask_for_organization(query: dict[str, Any]) -> None:
    """
    Insist on the clinic's own organisation.

    :raises Refused: 400 where none is named, 403 for another's.
    """
    if "organization" not in query:
        raise Refused(400, "The supplied parameters are invalid.", [("organization", "is missing")])
    if query["organization"] != ORGANIZATION:
        raise Refused(403, "You do not have permission to access this resource.")


def _find(kind: str, id: str) -> Document:
    document = store.get(kind, id)
    if document is None:
        raise Refused(404, NOT_FOUND)
    return document


def _moment_in(query: dict[str, Any], name: str) -> str:
    return moment(datetime.fromisoformat(query[name]))


def _span(query: dict[str, Any], *, most: timedelta) -> tuple[datetime, datetime]:
    """
    Read a span that begins in the future.

    :raises Refused: 400 for one that is past, reversed or too long.
    """
    start, end = (datetime.fromisoformat(query[name]) for name in ("start_time", "end_time"))
    if start < timezone.now():
        raise Refused(400, "The supplied parameters are invalid.", [("start_time", "must be in the future")])
    if not start < end <= start + most:
        sentence = f"must come after start_time, by at most {most.days} days"
        raise Refused(400, "The supplied parameters are invalid.", [("end_time", sentence)])
    return start, end
