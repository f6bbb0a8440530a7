"""What happens to scheduled events: booked, canceled, moved, missed; the API and the pages both come here."""

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from botaniqal.sandbox.calendly.clinic import SITE, id_of, moment, uri
from botaniqal.sandbox.calendly.deliveries import announce
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

TRACKING = ("utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term", "salesforce_uuid")


def book(
    wanted: dict[str, Any], *, method: str | None, instead_of: Document | None = None, host: str | None = None
) -> Document:
    """
    Book what a checked `POST /invitees` body asks for, `instead_of` an earlier invitee; answers the invitee.

    `host` is the member who has to have it, where it must not be just anybody of the event type.

    :raises Refused: 404 for an unknown event type, 400 for a time that is past or taken.
    """
    start = datetime.fromisoformat(wanted["start_time"]).astimezone(UTC)
    with store.transaction():
        event_type = store.get("event_type", id_of(wanted["event_type"]))
        if event_type is None or not event_type["active"]:
            raise Refused(404, "The server could not find the requested resource.")
        if start <= timezone.now():
            raise Refused(400, "The supplied parameters are invalid.", [("start_time", "must be in the future")])
        end = start + timedelta(minutes=event_type["duration"])
        given_up = instead_of["event"] if instead_of else None
        free = free_hosts(event_type, start, end, but=given_up)
        host = next((member for member in free if host in (None, member)), None)
        if host is None:
            raise Refused(
                400,
                "The supplied parameters are invalid.",
                [("start_time", "The event type is not available at this time.")],
            )
        event = _new_event(event_type, host, start, end, wanted)
        invitee = _new_invitee(event, wanted, method=method, old_invitee=instead_of and instead_of["uri"])
    announce("invitee.created", invitee, event)
    return invitee


def cancel(
    id: str, *, reason: str | None, canceled_by: str, canceler_type: str, new_invitee: str | None = None
) -> Document:
    """
    Cancel an event; answers the cancellation.

    :raises Refused: 404 for an unknown event, 403 for one that is over or canceled.
    """
    with store.transaction():
        event = get_event(id)
        if event["status"] == "canceled":
            raise Refused(403, "Event is already canceled")
        if event["start_time"] <= moment(timezone.now()):
            raise Refused(403, "You cannot cancel an event that is in the past")
        now = moment(timezone.now())
        cancellation = {
            "canceled_by": canceled_by,
            "reason": reason,
            "canceler_type": canceler_type,
            "created_at": now,
        }
        counter = event["invitees_counter"] | {"active": 0}
        event |= {"status": "canceled", "updated_at": now, "cancellation": cancellation, "invitees_counter": counter}
        store.put("event", id, event)
        invitee = invitee_of(event)
        invitee |= {
            "status": "canceled",
            "updated_at": now,
            "cancellation": cancellation,
            "rescheduled": new_invitee is not None,
            "new_invitee": new_invitee,
        }
        store.put("invitee", id_of(invitee["uri"]), invitee)
    announce("invitee.canceled", invitee, event)
    return cancellation


def move(id: str, *, start: datetime, by: str = "invitee", host: str | None = None) -> Document:
    """
    Reschedule into a new event that is linked to the old one, to another host if one is named; answers the new invitee.

    :raises Refused: as `book` and `cancel` do.
    """
    with store.transaction():
        event = get_event(id)
        old = invitee_of(event)
        if event["status"] == "canceled":
            raise Refused(403, "Event is already canceled")
        wanted = {
            "event_type": event["event_type"],
            "start_time": moment(start),
            "invitee": {name: old[name] for name in ("name", "first_name", "last_name", "email", "timezone")}
            | {"text_reminder_number": old["text_reminder_number"]},
            "questions_and_answers": old["questions_and_answers"],
            "tracking": old["tracking"],
        }
        new = book(wanted, method=None, instead_of=old, host=host)
        canceled_by = old["name"] if by == "invitee" else event["event_memberships"][0]["user_name"]
        cancel(id, reason=None, canceled_by=canceled_by, canceler_type=by, new_invitee=new["uri"])
    return new


def mark_no_show(invitee_uri: str) -> Document:
    """
    Note that an invitee did not come; answers the note.

    :raises Refused: 404 for an unknown invitee, 400 for one already marked.
    """
    with store.transaction():
        invitee = store.get("invitee", id_of(invitee_uri))
        if invitee is None:
            raise Refused(404, "The server could not find the requested resource.")
        if invitee["no_show"]:
            raise Refused(400, "The supplied parameters are invalid.", [("invitee", "is already marked as no-show")])
        id = str(uuid4())
        note = {"uri": uri("invitee_no_shows", id), "invitee": invitee["uri"], "created_at": moment(timezone.now())}
        store.put("no_show", id, note)
        invitee["no_show"] = {"uri": note["uri"], "created_at": note["created_at"]}
        store.put("invitee", id_of(invitee["uri"]), invitee)
    announce("invitee_no_show.created", invitee, get_event(id_of(invitee["event"])))
    return note


def unmark_no_show(id: str) -> None:
    """
    Take such a note back.

    :raises Refused: 404 for an unknown note.
    """
    with store.transaction():
        note = store.get("no_show", id)
        if note is None:
            raise Refused(404, "The server could not find the requested resource.")
        invitee = store.get("invitee", id_of(note["invitee"]))
        invitee["no_show"] = None
        store.put("invitee", id_of(note["invitee"]), invitee)
        store.delete("no_show", id)
    announce("invitee_no_show.deleted", invitee, get_event(id_of(invitee["event"])))


def set_no_show(id: str, *, missed: bool) -> None:
    """
    Mark an event's invitee as not come, or take the mark back; one that is so already stays so.

    :raises Refused: 404 for an unknown event.
    """
    with store.transaction():
        invitee = invitee_of(get_event(id))
        if missed and not invitee["no_show"]:
            mark_no_show(invitee["uri"])
        elif not missed and invitee["no_show"]:
            unmark_no_show(id_of(invitee["no_show"]["uri"]))


def get_event(id: str) -> Document:
    """
    Read one event.

    :raises Refused: 404 for an unknown one.
    """
    event = store.get("event", id)
    if event is None:
        raise Refused(404, "The server could not find the requested resource.")
    return event


def invitee_of(event: Document) -> Document:
    """Read the one invitee of an event."""
    return store.find("invitee", event=event["uri"])[0]


def free_hosts(event_type: Document, start: datetime, end: datetime, *, but: str | None = None) -> Iterator[str]:
    """Name the hosts who are free then but for one event, in the order of their priority."""
    first, last = moment(start), moment(end)

    def is_in_the_way(span: Mapping[str, Any]) -> bool:
        return span["start_time"] < last and span["end_time"] > first and span.get("uri", "") != but

    for host in event_type["_hosts"]:
        is_busy = store.has("event", is_in_the_way, _host=host, status="active")
        if not is_busy and not store.has("busy", is_in_the_way, user=host):
            yield host


def _new_event(event_type: Document, host: str, start: datetime, end: datetime, wanted: dict[str, Any]) -> Document:
    id, now, member = str(uuid4()), moment(timezone.now()), store.get("user", id_of(host))
    return store.put(
        "event",
        id,
        {
            "_host": host,
            "uri": uri("scheduled_events", id),
            "name": event_type["name"],
            "status": "active",
            "start_time": moment(start),
            "end_time": moment(end),
            "event_type": event_type["uri"],
            "location": _location(wanted.get("location") or event_type["locations"][0]),
            "invitees_counter": {"total": 1, "active": 1, "limit": 1},
            "created_at": now,
            "updated_at": now,
            "event_memberships": [{"user": host, "user_email": member["email"], "user_name": member["name"]}],
            "event_guests": [
                {"email": email, "created_at": now, "updated_at": now} for email in wanted.get("event_guests", [])
            ],
        },
    )


def _location(location: dict[str, Any]) -> Document:
    if not location["kind"].endswith("_conference"):
        return {"type": location["kind"], "location": location.get("location")}
    number = str(80_000_000_000 + secrets.randbelow(10_000_000_000))
    return {
        "type": location["kind"],
        "status": "pushed",
        "join_url": f"https://meet.example.com/j/{number}",
        "data": {"id": number},
    }


def _new_invitee(event: Document, wanted: dict[str, Any], *, method: str | None, old_invitee: str | None) -> Document:
    id, now, person = str(uuid4()), moment(timezone.now()), wanted["invitee"]
    names = (person.get("first_name"), person.get("last_name"))
    return store.put(
        "invitee",
        id,
        {
            "_email": person["email"].lower(),
            "uri": f"{event['uri']}/invitees/{id}",
            "email": person["email"],
            "first_name": names[0],
            "last_name": names[1],
            "name": person.get("name") or " ".join(filter(None, names)),
            "status": "active",
            "questions_and_answers": wanted.get("questions_and_answers", []),
            "timezone": person["timezone"],
            "event": event["uri"],
            "created_at": now,
            "updated_at": now,
            "tracking": wanted.get("tracking") or dict.fromkeys(TRACKING),
            "text_reminder_number": person.get("text_reminder_number"),
            "rescheduled": False,
            "old_invitee": old_invitee,
            "new_invitee": None,
            "cancel_url": f"{SITE}/cancellations/{id}",
            "reschedule_url": f"{SITE}/reschedulings/{id}",
            "routing_form_submission": None,
            "payment": None,
            "no_show": None,
            "reconfirmation": None,
            "scheduling_method": method,
            "invitee_scheduled_by": None,
        },
    )
