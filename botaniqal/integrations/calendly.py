"""
Calendly, after its API v2: https://developer.calendly.com/api-docs (as of 2026-10-02).

Ids are full URIs in bodies and queries, bare UUIDs in paths. Nothing is idempotent there: after an ambiguous write look
up before another one.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings

from botaniqal.integrations import calendly_shapes as shapes
from botaniqal.integrations.calendly_shapes import (
    AvailableTime,
    BusyTime,
    EventType,
    Invitee,
    Row,
    Schedule,
    ScheduledEvent,
    User,
    WebhookSubscription,
)
from botaniqal.integrations.http import VendorRefused, Wire, Words
from botaniqal.integrations.limits import Limit

PAGE_SIZE = 100
MAX_PAGES = 1_000
LONGEST_SPAN = timedelta(days=31)
LONGEST_BUSY_SPAN = timedelta(days=7)
# Calendly refuses a span that begins in the past, by its own clock.
AHEAD = timedelta(seconds=30)
TRACKING_SOURCE = "botaniqal"

EVENT = "/scheduled_events/{uuid}"
INVITEES = "/scheduled_events/{uuid}/invitees"

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to a question of the event type; `question` is its text to the letter."""

    question: str
    answer: str
    position: int


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where the meeting is: a kind that the event type offers, with a place or number if that kind wants one."""

    kind: str
    place: str | None = None


@dataclass(frozen=True, kw_only=True)
class InviteeDraft:
    """What is to be booked; `utm_content` is our own booking's id, by which it is found again."""

    event_type_uri: str
    starts_at: datetime
    name: str
    email: str
    timezone: str
    utm_content: str
    phone: str | None = None
    location: Location | None = None
    answers: tuple[Answer, ...] = ()


def client() -> "Calendly":
    """Make the client that the settings describe."""
    return Calendly(
        base_url=settings.CALENDLY_BASE_URL,
        token=settings.CALENDLY_API_KEY,
        timeout=settings.VENDOR_TIMEOUT_SECONDS,
        limit=Limit("calendly", settings.CALENDLY_LIMITS),
        booking_limit=Limit("calendly:invitees", settings.CALENDLY_INVITEE_LIMITS, unit="bookings"),
    )


def uuid_of(uri: str) -> str:
    """Take the id that paths want out of the URI that bodies have."""
    return uri.rstrip("/").rpartition("/")[2]


def event_of(invitee_uri: str) -> str:
    """Take the id of the event out of an invitee's URI."""
    return uuid_of(invitee_uri.partition("/invitees/")[0])


def prefilled(
    url: str,
    *,
    name: str,
    email: str,
    starts_at: datetime,
    timezone: str,
    utm_content: str,
    phone: str | None = None,
) -> str:
    """Fill a booking page in for a patient and open it at a day, which is that of the patient's time zone."""
    page, local = urlsplit(url), starts_at.astimezone(ZoneInfo(timezone))
    words = {
        "name": name,
        "email": email,
        "month": f"{local:%Y-%m}",
        "date": f"{local:%Y-%m-%d}",
        "utm_source": TRACKING_SOURCE,
        "utm_content": utm_content,
    }
    if phone:
        # The place of a meeting by phone; a page of any other kind takes no notice of it.
        words["location"] = phone
    return page._replace(query=urlencode({**dict(parse_qsl(page.query)), **words})).geturl()


class Calendly:
    """Calendly's wire; every call raises VendorUnavailable or VendorRefused and nothing else."""

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        timeout: float,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
        booking_limit: Limit | None = None,
    ) -> None:
        self._wire = Wire(
            vendor="Calendly", base_url=base_url, token=token, timeout=timeout, headers=headers, limit=limit
        )
        self._booking_limit = booking_limit

    def me(self) -> User:
        """Tell who owns the token."""
        return self._wire.get("/users/me", read=_resource(shapes.read_user))

    def event_types(self, *, organization: str) -> list[EventType]:
        """List every event type of an organisation, the retired ones too."""
        return list(self._pages("/event_types", query={"organization": organization}, read=shapes.read_event_type))

    def event_type(self, uuid: str) -> EventType:
        """Fetch one event type."""
        return self._wire.get("/event_types/{uuid}", ids={"uuid": uuid}, read=_resource(shapes.read_event_type))

    def available_times(self, *, event_type: str, start: datetime, end: datetime) -> list[AvailableTime]:
        """List the times that can be booked from `start`, which must lie ahead, until `end`."""
        times: dict[datetime, AvailableTime] = {}
        for span in _spans(start, end, longest=LONGEST_SPAN):
            query = {"event_type": event_type, **span}
            rows = self._wire.get("/event_type_available_times", query=query, read=shapes.read_available_times)
            times.update({row.starts_at: row for row in rows})
        return list(times.values())

    def busy_times(self, *, user: str, start: datetime, end: datetime) -> list[BusyTime]:
        """List when a member is taken from `start`, or from now on where that is past, until `end`; soonest first."""
        times: set[BusyTime] = set()
        for span in _spans(max(start, datetime.now(UTC) + AHEAD), end, longest=LONGEST_BUSY_SPAN):
            times.update(self._wire.get("/user_busy_times", query={"user": user, **span}, read=shapes.read_busy_times))
        return sorted(times, key=lambda row: (row.starts_at, row.ends_at))

    def schedules(self, *, user: str) -> list[Schedule]:
        """List a member's opening hours."""
        return self._wire.get("/user_availability_schedules", query={"user": user}, read=shapes.read_schedules)

    def events(
        self, *, organization: str, min_start: datetime, max_start: datetime, status: str | None = None
    ) -> Iterator[ScheduledEvent]:
        """List the events that begin between two moments, soonest first; `status` is active, canceled or either."""
        query = _beginning(organization, min_start, max_start, status)
        return self._pages("/scheduled_events", query=query, read=shapes.read_event)

    def raw_events(
        self, *, organization: str, min_start: datetime, max_start: datetime, status: str | None = None
    ) -> Iterator[Row]:
        """List the same events as Calendly writes them."""
        query = _beginning(organization, min_start, max_start, status)
        return self._pages("/scheduled_events", query=query, read=shapes.read_raw)

    def event(self, uuid: str) -> ScheduledEvent:
        """Fetch one scheduled event."""
        return self._wire.get(EVENT, ids={"uuid": uuid}, read=_resource(shapes.read_event))

    def raw_event(self, uuid: str) -> Row:
        """Fetch the same event as Calendly writes it."""
        return self._wire.get(EVENT, ids={"uuid": uuid}, read=_resource(shapes.read_raw))

    def invitees(self, event_uuid: str) -> Iterator[Invitee]:
        """List who is or was invited to an event."""
        return self._pages(INVITEES, ids={"uuid": event_uuid}, read=shapes.read_invitee)

    def raw_invitees(self, event_uuid: str) -> Iterator[Row]:
        """List the same people as Calendly writes them: as in a delivery's payload, but for the scheduled event."""
        return self._pages(INVITEES, ids={"uuid": event_uuid}, read=shapes.read_raw)

    def create_invitee(self, draft: InviteeDraft) -> Invitee:
        """
        Book a time for an invitee, by exactly one request.

        :raises VendorBusy: nothing was sent; Calendly allows few bookings a minute, an hour and a day.
        :raises VendorUnavailable: if ambiguous, `find_invitee` tells whether it was booked.
        :raises VendorRefused: not booked; a taken time looks the same as other bad input.
        """
        limit = self._booking_limit
        if limit:
            # Where bookings have to wait, the soonest visit goes first.
            limit = replace(limit, turn=(draft.utm_content, draft.starts_at.timestamp()))
        return self._wire.post("/invitees", json=_invitee_body(draft), limit=limit, read=_resource(shapes.read_invitee))

    def find_invitee(self, *, organization: str, email: str, starts_at: datetime, utm_content: str) -> Invitee | None:
        """Find the standing invitee at a start that carries our mark."""
        minute = timedelta(minutes=1)
        query = {"invitee_email": email, **_beginning(organization, starts_at - minute, starts_at + minute)}
        for event in self._pages("/scheduled_events", query=query, read=shapes.read_event):
            # A moved booking keeps its mark: its former event must not pass for the new one.
            if not event.is_active or event.starts_at != starts_at:
                continue
            for invitee in self.invitees(uuid_of(event.uri)):
                if invitee.is_active and invitee.utm_content == utm_content:
                    return invitee
        return None

    def marked_invitees(
        self, *, organization: str, email: str, since: datetime, until: datetime, utm_content: str
    ) -> Iterator[tuple[ScheduledEvent, Invitee]]:
        """List who carries our mark at the events between two moments, with the event; the cancelled ones too."""
        query = {"invitee_email": email, **_beginning(organization, since, until)}
        for event in self._pages("/scheduled_events", query=query, read=shapes.read_event):
            for invitee in self.invitees(uuid_of(event.uri)):
                if invitee.utm_content == utm_content:
                    yield event, invitee

    def create_link(self, event_type: str) -> str:
        """Make the address of a page on which one person can book an event type once; see `prefilled`."""
        body = {"max_event_count": 1, "owner": event_type, "owner_type": "EventType"}
        return self._wire.post("/scheduling_links", json=body, read=lambda answer: answer["resource"]["booking_url"])

    def cancel_event(self, uuid: str, *, reason: str) -> None:
        """
        Cancel a scheduled event; one that is already cancelled is fine.

        :raises VendorRefused: it still stands, for instance because it is past.
        """
        try:
            self._wire.post(
                "/scheduled_events/{uuid}/cancellation",
                ids={"uuid": uuid},
                json={"reason": reason},
                read=lambda answer: answer["resource"],
            )
        except VendorRefused as refusal:
            # 403 stands for "already canceled" as well as for "not allowed".
            if refusal.status != 403 or self.event(uuid).is_active:
                raise

    def mark_no_show(self, invitee_uri: str) -> str:
        """Note that an invitee did not come, and give the id of the note."""
        return self._wire.post(
            "/invitee_no_shows",
            json={"invitee": invitee_uri},
            read=lambda answer: uuid_of(answer["resource"]["uri"]),
        )

    def unmark_no_show(self, uuid: str) -> None:
        """Take the note back; one that is gone is fine."""
        self._delete("/invitee_no_shows/{uuid}", uuid)

    def webhook_subscriptions(self, *, organization: str) -> list[WebhookSubscription]:
        """List the addresses that are told of an organisation's events, those that Calendly gave up on too."""
        query = {"organization": organization, "scope": "organization"}
        return list(self._pages("/webhook_subscriptions", query=query, read=shapes.read_webhook_subscription))

    def create_webhook_subscription(
        self, *, url: str, events: Collection[str], organization: str, signing_key: str
    ) -> WebhookSubscription:
        """
        Have an address (https only) told of an organisation's events, signed with our key.

        :raises VendorRefused: with status 409 where the address has a subscription already.
        """
        body = {
            "url": url,
            "events": sorted(events),
            "organization": organization,
            "scope": "organization",
            "signing_key": signing_key,
        }
        return self._wire.post("/webhook_subscriptions", json=body, read=_resource(shapes.read_webhook_subscription))

    def webhook_subscription(self, uuid: str) -> WebhookSubscription:
        """Fetch one subscription."""
        return self._wire.get(
            "/webhook_subscriptions/{uuid}", ids={"uuid": uuid}, read=_resource(shapes.read_webhook_subscription)
        )

    def delete_webhook_subscription(self, uuid: str) -> None:
        """End a subscription; one that is gone is fine."""
        self._delete("/webhook_subscriptions/{uuid}", uuid)

    def _delete(self, path: str, uuid: str) -> None:
        try:
            self._wire.delete(path, ids={"uuid": uuid})
        except VendorRefused as refusal:
            if refusal.status != 404:
                raise

    def _pages(
        self, path: str, *, query: Words | None = None, read: Callable[[Any], Item], ids: Words | None = None
    ) -> Iterator[Item]:
        def page(answer: Any) -> tuple[list[Item], str | None]:
            return [read(row) for row in answer["collection"]], answer["pagination"]["next_page"]

        items, link = self._wire.get(path, ids=ids or {}, query={**(query or {}), "count": PAGE_SIZE}, read=page)
        yield from items
        for _ in range(MAX_PAGES):
            if link is None:
                return
            items, link = self._wire.follow(link, path=path, read=page)
            yield from items
        raise self._wire.unusable(path, "a list without an end")


def _resource(read: Callable[[Row], Item]) -> Callable[[Any], Item]:
    return lambda answer: read(answer["resource"])


def _spans(start: datetime, end: datetime, *, longest: timedelta) -> Iterator[dict[str, str]]:
    # Whole seconds, as they are sent: a span that is none by then is refused.
    start, end = start.replace(microsecond=0), end.replace(microsecond=0)
    while start < end:
        until = min(start + longest, end)
        yield {"start_time": _instant(start), "end_time": _instant(until)}
        start = until


def _beginning(organization: str, since: datetime, until: datetime, status: str | None = None) -> dict[str, str]:
    query = {"organization": organization, "min_start_time": _instant(since), "max_start_time": _instant(until)}
    return {**query, "sort": "start_time:asc", **({"status": status} if status else {})}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _invitee_body(draft: InviteeDraft) -> dict[str, Any]:
    invitee = {"name": draft.name, "email": draft.email, "timezone": draft.timezone}
    if draft.phone:
        invitee["text_reminder_number"] = draft.phone
    body: dict[str, Any] = {
        "event_type": draft.event_type_uri,
        "start_time": _instant(draft.starts_at),
        "invitee": invitee,
        # Calendly wants all six keys once there is one.
        "tracking": {
            "utm_campaign": None,
            "utm_source": TRACKING_SOURCE,
            "utm_medium": None,
            "utm_content": draft.utm_content,
            "utm_term": None,
            "salesforce_uuid": None,
        },
    }
    if draft.location:
        body["location"] = {"kind": draft.location.kind}
        if draft.location.place is not None:
            body["location"]["location"] = draft.location.place
    if draft.answers:
        body["questions_and_answers"] = [
            {"question": row.question, "answer": row.answer, "position": row.position} for row in draft.answers
        ]
    return body
