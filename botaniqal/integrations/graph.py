"""
Microsoft Graph, Outlook's calendars: https://learn.microsoft.com/graph/api/resources/event (v1.0, as of 2026-11-21).

A mailbox is named by its address. Ids are the immutable ones; all times are sent and asked for in UTC. An event of ours
carries our booking's id as an extended property, by which it is found again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings

from botaniqal.integrations.graph_tokens import Tokens
from botaniqal.integrations.http import VendorRefused, Wire

EVENTS = "/users/{mailbox}/events"
EVENT = "/users/{mailbox}/events/{id}"
CANCEL = "/users/{mailbox}/events/{id}/cancel"
DELTA = "/users/{mailbox}/calendarView/delta"
SCHEDULE = "/users/{mailbox}/calendar/getSchedule"
SUBSCRIPTIONS = "/subscriptions"
SUBSCRIPTION = "/subscriptions/{id}"
REAUTHORIZE = "/subscriptions/{id}/reauthorize"

PAGE_SIZE = 200
MAX_PAGES = 1_000
MAILBOXES_AT_ONCE = 20
CHANGE_TYPES = "created,updated,deleted"
# Outlook's own names for UTC.
UTC_NAMES = {"UTC", "tzone://Microsoft/Utc"}
LOST_SYNC_STATES = {"syncstatenotfound", "syncstateinvalid", "errorinvalidsyncstatedata", "resyncrequired"}

# Made up once for all that the portal writes on an event; another one would lose what was written before.
PROPERTY_SET = "{9d2c6a54-3b0f-4a55-9d0b-6c1f3f1b7e20}"
BOOKING = f"String {PROPERTY_SET} Name booking"
EXPAND_BOOKING = f"singleValueExtendedProperties($filter=id eq '{BOOKING}')"
HAS_BOOKING = f"singleValueExtendedProperties/Any(ep: ep/id eq '{BOOKING}' and ep/value %s)"

Item = TypeVar("Item")


class SyncStateLost(Exception):
    """Outlook cannot go on from a delta link: read the calendar anew."""


@dataclass(frozen=True, kw_only=True)
class EventDraft:
    """What the practitioner's calendar should say; nothing of a patient."""

    subject: str
    starts_at: datetime
    ends_at: datetime
    body: str
    location: str
    categories: tuple[str, ...]
    booking_id: str
    service: str
    minutes: int
    practitioner: str
    price: Decimal


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of a mailbox; `booking_id` is there on one of ours, `change_key` differs after each change."""

    id: str
    change_key: str
    starts_at: datetime
    ends_at: datetime
    show_as: str
    is_cancelled: bool
    is_all_day: bool
    subject: str
    location: str
    booking_id: str | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a calendar says of one event now; one that `is_removed` has nothing but its id."""

    id: str
    change_key: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    show_as: str = "unknown"
    is_cancelled: bool = False
    is_all_day: bool = False
    is_removed: bool = False
    is_series: bool = False
    series_id: str = ""

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """Tell from when until when it lasts, if it is there; a whole day is one of the owner's zone."""
        if self.starts_at is None or self.ends_at is None:
            return None
        if not self.is_all_day:
            return self.starts_at, self.ends_at
        # Outlook names the days of an all-day event by midnights of whatever zone is asked for.
        return self.starts_at.replace(tzinfo=zone), self.ends_at.replace(tzinfo=zone)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The latest state of each event that changed, and the link by which to go on another time."""

    events: tuple[Change, ...]
    delta_link: str


@dataclass(frozen=True, kw_only=True)
class Busy:
    starts_at: datetime
    ends_at: datetime
    show_as: str


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a mailbox is taken, or Outlook's word for why it cannot be told."""

    mailbox: str
    items: tuple[Busy, ...]
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class Subscription:
    id: str
    resource: str
    notification_url: str
    lifecycle_url: str | None
    expires_at: datetime


def client() -> "Graph":
    """Make the client that the settings describe; all of a process share one key."""
    return Graph(
        base_url=settings.GRAPH_BASE_URL,
        tokens=_tokens(
            settings.GRAPH_LOGIN_URL,
            settings.GRAPH_TENANT,
            settings.GRAPH_CLIENT_ID,
            settings.GRAPH_CLIENT_SECRET,
            settings.VENDOR_TIMEOUT_SECONDS,
        ),
        timeout=settings.VENDOR_TIMEOUT_SECONDS,
    )


class Graph:
    """Graph's wire; every call raises VendorUnavailable or VendorRefused, reading changes also SyncStateLost."""

    def __init__(self, *, base_url: str, tokens: Tokens, timeout: float, prefer: str = "") -> None:
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._timeout = timeout
        preferences = ['IdType="ImmutableId"', 'outlook.timezone="UTC"', f"odata.maxpagesize={PAGE_SIZE}", prefer]
        self._headers = {"Prefer": ", ".join(filter(None, preferences))}
        self._line: tuple[str, Wire] = ("", self._new_wire(""))

    def create_event(self, mailbox: str, draft: EventDraft, *, transaction_id: str) -> Event:
        """
        Write an event into a mailbox; the same `transaction_id` again gives the event of the first time.

        :raises VendorUnavailable: if ambiguous, ask again with the same `transaction_id`, or `find_event`.
        :raises VendorRefused: nothing was written.
        """
        body = _event_body(draft) | {"transactionId": transaction_id}
        try:
            return self._ask(Wire.post, EVENTS, ids={"mailbox": mailbox}, json=body, read=_event)
        except VendorRefused as refusal:
            # How a repeat is answered is not documented: 201 with the first event was seen, 409 would be fair too.
            if refusal.status != 409:
                raise
            conflict = refusal
        found = self.find_event(mailbox, draft.booking_id)
        if found is None:
            raise conflict
        return found

    def update_event(self, mailbox: str, id: str, draft: EventDraft) -> Event:
        """
        Bring an event up to date.

        :raises VendorRefused: with 404, there is no such event any more.
        """
        return self._ask(Wire.patch, EVENT, ids={"mailbox": mailbox, "id": id}, json=_event_body(draft), read=_event)

    def get_event(self, mailbox: str, id: str) -> Event | None:
        """Fetch one event; None for one that is gone."""
        query = {"$expand": EXPAND_BOOKING}
        return self._unless_gone(Wire.get, EVENT, ids={"mailbox": mailbox, "id": id}, query=query, read=_event)

    def find_event(self, mailbox: str, booking_id: str) -> Event | None:
        """Find the standing event that carries a booking's id."""
        events = self._events(mailbox, HAS_BOOKING % f"eq {_quoted(booking_id)}")
        return next((event for event in events if not event.is_cancelled), None)

    def own_events(self, mailbox: str, start: datetime, end: datetime) -> list[Event]:
        """List the events that carry a booking's id and begin from `start` until before `end`."""
        begins = f"start/dateTime ge {_quoted(_wall(start))} and start/dateTime lt {_quoted(_wall(end))}"
        return list(self._events(mailbox, f"{begins} and {HAS_BOOKING % 'ne null'}"))

    def delete_event(self, mailbox: str, id: str) -> None:
        """Take an event out of a mailbox; one that is gone is fine."""
        self._unless_gone(Wire.delete, EVENT, ids={"mailbox": mailbox, "id": id})

    def cancel_event(self, mailbox: str, id: str, *, comment: str = "") -> None:
        """Cancel an event and tell its attendees; one that is gone is fine."""
        ids, body = {"mailbox": mailbox, "id": id}, {"comment": comment}
        self._unless_gone(Wire.post, CANCEL, ids=ids, json=body, read=_nothing)

    def schedule(self, mailboxes: Sequence[str], start: datetime, end: datetime) -> list[Schedule]:
        """Tell when mailboxes are taken, each by itself: one that is unknown does not spoil the others."""
        schedules: list[Schedule] = []
        for first in range(0, len(mailboxes), MAILBOXES_AT_ONCE):
            some = mailboxes[first : first + MAILBOXES_AT_ONCE]
            body = {"schedules": list(some), "startTime": _time(start), "endTime": _time(end)}
            schedules += self._ask(Wire.post, SCHEDULE, ids={"mailbox": some[0]}, json=body, read=_schedules)
        return schedules

    def calendar_view_delta(self, mailbox: str, start: datetime, end: datetime) -> Changes:
        """
        Read the calendar from `start` to `end`, with a link by which to go on.

        :raises SyncStateLost: the reading broke off on Outlook's side; begin anew.
        """
        query = {"startDateTime": f"{_wall(start)}Z", "endDateTime": f"{_wall(end)}Z"}
        return self._changes(Wire.get, DELTA, ids={"mailbox": mailbox}, query=query)

    def go_on(self, delta_link: str) -> Changes:
        """
        Read what changed since a link was given, within the span of the first reading.

        :raises SyncStateLost: read the calendar anew.
        """
        # A link from before the portal's settings pointed here would be refused for ever.
        if not delta_link.startswith(f"{self._base_url}/"):
            raise SyncStateLost
        return self._changes(Wire.follow, delta_link, path=DELTA)

    def subscriptions(self) -> list[Subscription]:
        """List the application's own subscriptions, of all mailboxes."""
        return list(self._pages(SUBSCRIPTIONS, read=_subscription))

    def create_subscription(
        self, *, mailbox: str, notification_url: str, lifecycle_url: str, client_state: str, expires_at: datetime
    ) -> Subscription:
        """
        Ask to be told of every change in a mailbox; Graph tries both addresses before it answers.

        :raises VendorRefused: with 400, one of the addresses did not answer as Graph wants it.
        """
        body = {
            "changeType": CHANGE_TYPES,
            "notificationUrl": notification_url,
            "lifecycleNotificationUrl": lifecycle_url,
            "resource": f"users/{mailbox}/events",
            "expirationDateTime": f"{_wall(expires_at)}Z",
            "clientState": client_state,
        }
        return self._ask(Wire.post, SUBSCRIPTIONS, json=body, read=_subscription)

    def get_subscription(self, id: str) -> Subscription | None:
        """Fetch one subscription; None for one that is gone."""
        return self._unless_gone(Wire.get, SUBSCRIPTION, ids={"id": id}, read=_subscription)

    def renew_subscription(self, id: str, *, expires_at: datetime) -> Subscription:
        """
        Make a subscription last; the answer says until when.

        :raises VendorRefused: with 404, it is gone: make a new one.
        """
        body = {"expirationDateTime": f"{_wall(expires_at)}Z"}
        return self._ask(Wire.patch, SUBSCRIPTION, ids={"id": id}, json=body, read=_subscription)

    def reauthorize_subscription(self, id: str) -> None:
        """
        Say that the portal may still read what it is told of.

        :raises VendorRefused: with 404, it is gone: make a new one.
        """
        self._ask(Wire.post, REAUTHORIZE, ids={"id": id}, read=_nothing)

    def delete_subscription(self, id: str) -> None:
        """End a subscription; one that is gone is fine."""
        self._unless_gone(Wire.delete, SUBSCRIPTION, ids={"id": id})

    def _events(self, mailbox: str, wanted: str) -> Iterator[Event]:
        query = {"$filter": wanted, "$expand": EXPAND_BOOKING, "$top": PAGE_SIZE}
        return self._pages(EVENTS, ids={"mailbox": mailbox}, query=query, read=_event)

    def _pages(self, path: str, *, read: Callable[[Any], Item], **content: Any) -> Iterator[Item]:
        def page(answer: dict[str, Any]) -> tuple[list[Item], str | None]:
            return [read(row) for row in answer["value"]], answer.get("@odata.nextLink")

        items, link = self._ask(Wire.get, path, read=page, **content)
        yield from items
        for _ in range(MAX_PAGES):
            if link is None:
                return
            items, link = self._ask(Wire.follow, link, path=path, read=page)
            yield from items
        raise self._line[1].unusable(path, "a list without an end")

    def _changes(self, call: Callable[..., Any], *place: str, **content: Any) -> Changes:
        changes: list[Change] = []
        is_lost = False
        try:
            for _ in range(MAX_PAGES):
                page, link, delta_link = self._ask(call, *place, read=_delta_page, **content)
                changes += page
                if delta_link is not None:
                    return Changes(events=_latest(changes), delta_link=delta_link)
                call, place, content = Wire.follow, (link,), {"path": DELTA}
        except VendorRefused as refusal:
            if refusal.status != 410 and LOST_SYNC_STATES.isdisjoint(word.lower() for word in refusal.parameters):
                raise
            is_lost = True
        if is_lost:
            raise SyncStateLost
        raise self._line[1].unusable(DELTA, "a list without an end")

    def _unless_gone(self, call: Callable[..., Item], *place: str, **content: Any) -> Item | None:
        try:
            return self._ask(call, *place, **content)
        except VendorRefused as refusal:
            if refusal.status != 404:
                raise
            return None

    def _ask(self, call: Callable[..., Item], *place: str, **content: Any) -> Item:
        token = self._tokens.current()
        try:
            return call(self._wire(token), *place, headers=self._headers, **content)
        except VendorRefused as refusal:
            # The key may have ended early or been taken back; a call that was turned away has changed nothing.
            if refusal.status != 401:
                raise
        return call(self._wire(self._tokens.instead_of(token)), *place, headers=self._headers, **content)

    def _wire(self, token: str) -> Wire:
        if self._line[0] != token:
            self._line = (token, self._new_wire(token))
        return self._line[1]

    def _new_wire(self, token: str) -> Wire:
        return Wire(vendor="Graph", base_url=self._base_url, token=token, timeout=self._timeout)


# Their keys are worth keeping for as long as the process runs, though a client is made for each piece of work.
@lru_cache(maxsize=8)
def _tokens(login_url: str, tenant: str, client_id: str, client_secret: str, timeout: float) -> Tokens:
    return Tokens(login_url=login_url, tenant=tenant, client_id=client_id, client_secret=client_secret, timeout=timeout)


def _wall(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def _time(moment: datetime) -> dict[str, str]:
    return {"dateTime": _wall(moment), "timeZone": "UTC"}


def _moment(row: dict[str, str]) -> datetime:
    # Seven digits of a second, of which Python keeps six.
    wall = datetime.fromisoformat(row["dateTime"])
    if row["timeZone"] not in UTC_NAMES or wall.tzinfo is not None:
        raise ValueError("not the zone that was asked for")
    return wall.replace(tzinfo=UTC)


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _nothing(answer: Any) -> None:
    """Read an answer that is empty, or of no interest."""


def _event_body(draft: EventDraft) -> dict[str, Any]:
    properties = {
        "booking": draft.booking_id,
        "service": draft.service,
        "minutes": str(draft.minutes),
        "practitioner": draft.practitioner,
        "price": str(draft.price),
    }
    return {
        "subject": draft.subject,
        "start": _time(draft.starts_at),
        "end": _time(draft.ends_at),
        # Somebody may have made the event last all day, and Outlook refuses times of day on such a one.
        "isAllDay": False,
        "body": {"contentType": "text", "content": draft.body},
        "location": {"displayName": draft.location},
        "categories": list(draft.categories),
        "sensitivity": "private",
        "showAs": "busy",
        "isOnlineMeeting": False,
        "singleValueExtendedProperties": [
            {"id": f"String {PROPERTY_SET} Name {name}", "value": value} for name, value in properties.items()
        ],
    }


def _event(row: dict[str, Any]) -> Event:
    properties = row.get("singleValueExtendedProperties") or ()
    return Event(
        id=_text(row["id"]),
        change_key=_text(row["changeKey"]),
        starts_at=_moment(row["start"]),
        ends_at=_moment(row["end"]),
        show_as=_text(row.get("showAs") or "busy"),
        is_cancelled=bool(row.get("isCancelled")),
        is_all_day=bool(row.get("isAllDay")),
        subject=row.get("subject") or "",
        location=(row.get("location") or {}).get("displayName") or "",
        booking_id=next((item["value"] for item in properties if item["id"] == BOOKING), None),
    )


def _delta_page(answer: dict[str, Any]) -> tuple[list[Change], str | None, str | None]:
    link, delta_link = answer.get("@odata.nextLink"), answer.get("@odata.deltaLink")
    if not isinstance(delta_link or link, str):
        raise ValueError("neither more to read nor a link to go on by")
    return [_change(row) for row in answer["value"]], link, delta_link


def _change(row: dict[str, Any]) -> Change:
    if "@removed" in row:
        return Change(id=_text(row["id"]), is_removed=True)
    return Change(
        id=_text(row["id"]),
        change_key=_text(row.get("changeKey") or ""),
        starts_at=_moment(row["start"]),
        ends_at=_moment(row["end"]),
        show_as=_text(row.get("showAs") or ""),
        is_cancelled=bool(row.get("isCancelled")),
        is_all_day=bool(row.get("isAllDay")),
        is_series=row.get("type") == "seriesMaster",
        series_id=_text(row.get("seriesMasterId") or ""),
    )


def _latest(changes: list[Change]) -> tuple[Change, ...]:
    """Keep the last word on each event; the visits of a series say little themselves and take it from the series."""
    latest: dict[str, Change] = {}
    for change in changes:
        latest.pop(change.id, None)
        latest[change.id] = change
    found = []
    for change in latest.values():
        if change.is_series:
            continue
        if not change.is_removed and not change.show_as:
            series = latest.get(change.series_id, change)
            # Better busy by mistake than offered to a patient.
            change = replace(change, show_as=series.show_as or "busy", is_all_day=series.is_all_day)
        found.append(change)
    return tuple(found)


def _schedules(answer: dict[str, Any]) -> list[Schedule]:
    return [
        Schedule(
            mailbox=_text(row["scheduleId"]),
            items=tuple(
                Busy(starts_at=_moment(item["start"]), ends_at=_moment(item["end"]), show_as=_text(item["status"]))
                for item in row.get("scheduleItems") or ()
            ),
            problem=_text(row["error"].get("responseCode") or "Error") if row.get("error") else None,
        )
        for row in answer["value"]
    ]


def _subscription(row: dict[str, Any]) -> Subscription:
    return Subscription(
        id=_text(row["id"]),
        resource=_text(row["resource"]),
        notification_url=_text(row["notificationUrl"]),
        lifecycle_url=row.get("lifecycleNotificationUrl"),
        expires_at=_instant(row["expirationDateTime"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.year in (1, 9999):
        raise ValueError("not a moment")
    return moment.astimezone(UTC)
