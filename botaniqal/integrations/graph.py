"""
Microsoft Graph, Outlook's calendars: https://learn.microsoft.com/graph/api/resources/event (v1.0, as of 2026-11-21).

A mailbox is named by its address. Ids are the immutable ones; all times are sent and asked for in UTC. An event of ours
carries our booking's id as an extended property, by which it is found again.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import unquote

from django.conf import settings

from botaniqal.integrations.graph_shapes import (
    BOOKING,
    Change,
    Changes,
    Event,
    EventDraft,
    Schedule,
    Subscription,
    event_body,
    latest,
    read_delta_page,
    read_event,
    read_schedules,
    read_subscription,
    time_of,
    wall,
)
from botaniqal.integrations.graph_tokens import Tokens
from botaniqal.integrations.http import VendorRefused, Wire
from botaniqal.integrations.limits import Limit

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
# Graph turns the fifth call to a mailbox away while four are under way, and others read calendars too.
AT_ONCE = 3
MAILBOX_IN_LINK = re.compile(r"/users(?:/|\(')([^/'?{}]+)")
CHANGE_TYPES = "created,updated,deleted"
# Its words for a mailbox that is not there: no event of it may pass for deleted.
NO_MAILBOX = {"errorinvaliduser", "request_resourcenotfound", "mailboxnotenabledforrestapi"}
LOST_SYNC_STATES = {"syncstatenotfound", "syncstateinvalid", "errorinvalidsyncstatedata", "resyncrequired"}

EXPAND_BOOKING = f"singleValueExtendedProperties($filter=id eq '{BOOKING}')"
HAS_BOOKING = f"singleValueExtendedProperties/Any(ep: ep/id eq '{BOOKING}' and ep/value %s)"

Item = TypeVar("Item")


class SyncStateLost(Exception):
    """Outlook cannot go on from a delta link: read the calendar anew."""


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
        # A worker that is killed in a call holds its place for no longer than the call could have lasted.
        limit=Limit("graph", settings.GRAPH_LIMITS, at_once=AT_ONCE, place_seconds=2 * settings.VENDOR_TIMEOUT_SECONDS),
    )


class Graph:
    """
    Graph's wire; every call raises VendorUnavailable or VendorRefused, reading changes also SyncStateLost.

    The limit holds for each mailbox by itself, as Graph's own does.
    """

    def __init__(
        self, *, base_url: str, tokens: Tokens, timeout: float, prefer: str = "", limit: Limit | None = None
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._timeout = timeout
        self._limit = limit
        preferences = ['IdType="ImmutableId"', 'outlook.timezone="UTC"', f"odata.maxpagesize={PAGE_SIZE}", prefer]
        self._headers = {"Prefer": ", ".join(filter(None, preferences))}
        self._line: tuple[str, Wire] = ("", self._new_wire(""))

    def create_event(self, mailbox: str, draft: EventDraft, *, transaction_id: str) -> Event:
        """
        Write an event into a mailbox; the same `transaction_id` again gives the event of the first time.

        :raises VendorUnavailable: if ambiguous, ask again with the same `transaction_id`, or `find_event`.
        :raises VendorRefused: nothing was written.
        """
        body = event_body(draft) | {"transactionId": transaction_id}
        try:
            event = self._ask(Wire.post, EVENTS, ids={"mailbox": mailbox}, json=body, read=read_event)
        except VendorRefused as refusal:
            # How a repeat is answered is not documented: 201 with the first event was seen, 409 would be fair too.
            if refusal.status != 409:
                raise
            conflict = refusal
        else:
            # Graph leaves extended properties out of what it answers to a write.
            return replace(event, booking_id=draft.booking_id)
        found = self.find_event(mailbox, draft.booking_id)
        if found is None:
            raise conflict
        return found

    def update_event(self, mailbox: str, id: str, draft: EventDraft) -> Event:
        """
        Bring an event up to date.

        :raises VendorRefused: with 404, there is no such event any more.
        """
        ids = {"mailbox": mailbox, "id": id}
        event = self._ask(Wire.patch, EVENT, ids=ids, json=event_body(draft), read=read_event)
        return replace(event, booking_id=draft.booking_id)

    def get_event(self, mailbox: str, id: str) -> Event | None:
        """
        Fetch one event; None for one that is gone.

        :raises VendorRefused: with 404, there is no such mailbox.
        """
        ids, query = {"mailbox": mailbox, "id": id}, {"$expand": EXPAND_BOOKING}
        try:
            return self._ask(Wire.get, EVENT, ids=ids, query=query, read=read_event)
        except VendorRefused as refusal:
            if refusal.status != 404 or _words(refusal) & NO_MAILBOX:
                raise
            return None

    def find_event(self, mailbox: str, booking_id: str) -> Event | None:
        """Find the standing event that carries a booking's id."""
        events = self._events(mailbox, HAS_BOOKING % f"eq {_quoted(booking_id)}")
        return next((event for event in events if not event.is_cancelled), None)

    def own_events(self, mailbox: str, start: datetime, end: datetime) -> list[Event]:
        """List the events that carry a booking's id and begin from `start` until before `end`."""
        begins = f"start/dateTime ge {_quoted(wall(start))} and start/dateTime lt {_quoted(wall(end))}"
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
            body = {"schedules": list(some), "startTime": time_of(start), "endTime": time_of(end)}
            schedules += self._ask(Wire.post, SCHEDULE, ids={"mailbox": some[0]}, json=body, read=read_schedules)
        return schedules

    def calendar_view_delta(self, mailbox: str, start: datetime, end: datetime) -> Changes:
        """
        Read the calendar from `start` to `end`, with a link by which to go on.

        :raises SyncStateLost: the reading broke off on Outlook's side; begin anew.
        """
        query = {"startDateTime": f"{wall(start)}Z", "endDateTime": f"{wall(end)}Z"}
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
        return list(self._pages(SUBSCRIPTIONS, read=read_subscription))

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
            "expirationDateTime": f"{wall(expires_at)}Z",
            "clientState": client_state,
        }
        return self._ask(Wire.post, SUBSCRIPTIONS, json=body, read=read_subscription)

    def get_subscription(self, id: str) -> Subscription | None:
        """Fetch one subscription; None for one that is gone."""
        return self._unless_gone(Wire.get, SUBSCRIPTION, ids={"id": id}, read=read_subscription)

    def renew_subscription(self, id: str, *, expires_at: datetime) -> Subscription:
        """
        Make a subscription last; the answer says until when.

        :raises VendorRefused: with 404, it is gone: make a new one.
        """
        body = {"expirationDateTime": f"{wall(expires_at)}Z"}
        return self._ask(Wire.patch, SUBSCRIPTION, ids={"id": id}, json=body, read=read_subscription)

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
        return self._pages(EVENTS, ids={"mailbox": mailbox}, query=query, read=read_event)

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
                page, link, delta_link = self._ask(call, *place, read=read_delta_page, **content)
                changes += page
                if delta_link is not None:
                    return Changes(events=latest(changes), delta_link=delta_link)
                call, place, content = Wire.follow, (link,), {"path": DELTA}
        except VendorRefused as refusal:
            if refusal.status != 410 and not _words(refusal) & LOST_SYNC_STATES:
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
        content |= {"headers": self._headers, "limit": self._limit_of(place, content)}
        token = self._tokens.current()
        try:
            return call(self._wire(token), *place, **content)
        except VendorRefused as refusal:
            # The key may have ended early or been taken back; a call that was turned away has changed nothing.
            if refusal.status != 401:
                raise
        return call(self._wire(self._tokens.instead_of(token)), *place, **content)

    def _limit_of(self, place: tuple[str, ...], content: dict[str, Any]) -> Limit | None:
        mailbox = content.get("ids", {}).get("mailbox")
        if self._limit is None:
            return None
        if mailbox is None:
            in_link = MAILBOX_IN_LINK.search(place[0])
            mailbox = in_link and unquote(in_link[1])
        return replace(self._limit, name=f"{self._limit.name}:{mailbox.lower()}") if mailbox else self._limit

    def _wire(self, token: str) -> Wire:
        if self._line[0] != token:
            self._line = (token, self._new_wire(token))
        return self._line[1]

    def _new_wire(self, token: str) -> Wire:
        return Wire(vendor="Graph", base_url=self._base_url, token=token, timeout=self._timeout)


# Their keys are worth keeping for as long as the process runs, though a client is made for each piece of work.
@lru_cache(maxsize=8)
def _tokens(login_url: str, tenant: str, client_id: str, client_secret: str, timeout: float) -> Tokens:
    return Tokens(
        login_url=login_url,
        tenant=tenant,
        client_id=client_id,
        client_secret=client_secret,
        timeout=timeout,
        limit=Limit("microsoft"),
    )


def _words(refusal: VendorRefused) -> set[str]:
    return {word.lower() for word in refusal.parameters}


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _nothing(answer: Any) -> None:
    """Read an answer that is empty, or of no interest."""
