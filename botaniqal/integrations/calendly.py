"""
Calendly, after its API v2: https://developer.calendly.com/api-docs (as of 2026-10-02).

Ids are full URIs in bodies and queries, bare UUIDs in paths. Nothing is idempotent there: after an ambiguous write look
up before another one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings

from botaniqal.integrations.http import VendorRefused, Wire, Words

PAGE_SIZE = 100
MAX_PAGES = 1_000
LONGEST_SPAN = timedelta(days=31)
TRACKING_SOURCE = "botaniqal"

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class User:
    uri: str
    organization: str
    name: str
    email: str
    timezone: str


@dataclass(frozen=True, kw_only=True)
class Question:
    text: str
    position: int
    is_required: bool


@dataclass(frozen=True, kw_only=True)
class EventType:
    uri: str
    name: str
    is_active: bool
    minutes: int
    scheduling_url: str
    owner_uri: str | None
    owner_name: str | None
    pooling_type: str | None
    location_kinds: tuple[str, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, kw_only=True)
class AvailableTime:
    starts_at: datetime
    scheduling_url: str


@dataclass(frozen=True, kw_only=True)
class Member:
    uri: str
    email: str | None


@dataclass(frozen=True, kw_only=True)
class ScheduledEvent:
    uri: str
    event_type_uri: str
    is_active: bool
    starts_at: datetime
    ends_at: datetime
    join_url: str | None
    members: tuple[Member, ...]


@dataclass(frozen=True, kw_only=True)
class Invitee:
    uri: str
    event_uri: str
    is_active: bool
    email: str
    utm_content: str | None
    cancel_url: str
    reschedule_url: str


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
    )


def uuid_of(uri: str) -> str:
    """Take the id that paths want out of the URI that bodies have."""
    return uri.rstrip("/").rpartition("/")[2]


class Calendly:
    """Calendly's wire; every call raises VendorUnavailable or VendorRefused and nothing else."""

    def __init__(self, *, base_url: str, token: str, timeout: float, headers: Mapping[str, str] | None = None) -> None:
        self._wire = Wire(vendor="Calendly", base_url=base_url, token=token, timeout=timeout, headers=headers)

    def me(self) -> User:
        """Tell who owns the token."""
        return self._wire.get("/users/me", read=lambda answer: _user(answer["resource"]))

    def event_types(self, *, organization: str) -> list[EventType]:
        """List every event type of an organisation, the retired ones too."""
        return list(self._pages("/event_types", query={"organization": organization}, read=_event_type))

    def available_times(self, *, event_type: str, start: datetime, end: datetime) -> list[AvailableTime]:
        """List the times that can be booked from `start`, which must lie ahead, until `end`."""
        times: dict[datetime, AvailableTime] = {}
        while start < end:
            until = min(start + LONGEST_SPAN, end)
            query = {"event_type": event_type, "start_time": _instant(start), "end_time": _instant(until)}
            rows = self._wire.get("/event_type_available_times", query=query, read=_available_times)
            times.update({row.starts_at: row for row in rows})
            start = until
        return list(times.values())

    def event(self, uuid: str) -> ScheduledEvent:
        """Fetch one scheduled event."""
        return self._wire.get(
            "/scheduled_events/{uuid}", ids={"uuid": uuid}, read=lambda answer: _event(answer["resource"])
        )

    def create_invitee(self, draft: InviteeDraft) -> Invitee:
        """
        Book a time for an invitee, by exactly one request.

        :raises VendorUnavailable: if ambiguous, `find_invitee` tells whether it was booked.
        :raises VendorRefused: not booked; a taken time looks the same as other bad input.
        """
        return self._wire.post("/invitees", json=_invitee_body(draft), read=lambda answer: _invitee(answer["resource"]))

    def find_invitee(self, *, organization: str, email: str, starts_at: datetime, utm_content: str) -> Invitee | None:
        """Find the standing invitee at a start that carries our mark."""
        query = {
            "organization": organization,
            "invitee_email": email,
            "min_start_time": _instant(starts_at - timedelta(minutes=1)),
            "max_start_time": _instant(starts_at + timedelta(minutes=1)),
        }
        for event in self._pages("/scheduled_events", query=query, read=_event):
            # A moved booking keeps its mark: its former event must not pass for the new one.
            if not event.is_active or event.starts_at != starts_at:
                continue
            for invitee in self._pages(
                "/scheduled_events/{uuid}/invitees", ids={"uuid": uuid_of(event.uri)}, query={}, read=_invitee
            ):
                if invitee.is_active and invitee.utm_content == utm_content:
                    return invitee
        return None

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

    def _pages(
        self, path: str, *, query: Words, read: Callable[[Any], Item], ids: Words | None = None
    ) -> Iterator[Item]:
        def page(answer: Any) -> tuple[list[Item], str | None]:
            return [read(row) for row in answer["collection"]], answer["pagination"]["next_page"]

        items, link = self._wire.get(path, ids=ids or {}, query={**query, "count": PAGE_SIZE}, read=page)
        yield from items
        for _ in range(MAX_PAGES):
            if link is None:
                return
            items, link = self._wire.follow(link, path=path, read=page)
            yield from items
        raise self._wire.unusable(path, "a list without an end")


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


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


def _user(row: dict[str, Any]) -> User:
    return User(
        uri=row["uri"],
        organization=row["current_organization"],
        name=row["name"],
        email=row["email"],
        timezone=row["timezone"],
    )


def _event_type(row: dict[str, Any]) -> EventType:
    profile = row["profile"] or {}
    return EventType(
        uri=row["uri"],
        name=row["name"] or "",
        is_active=row["active"] and row["deleted_at"] is None,
        minutes=int(row["duration"]),
        scheduling_url=row["scheduling_url"],
        owner_uri=profile.get("owner"),
        owner_name=profile.get("name"),
        pooling_type=row["pooling_type"],
        location_kinds=tuple(location["kind"] for location in row["locations"] or ()),
        questions=tuple(
            Question(text=question["name"], position=question["position"], is_required=question["required"])
            for question in row["custom_questions"]
            if question["enabled"]
        ),
    )


def _available_times(answer: dict[str, Any]) -> list[AvailableTime]:
    return [
        AvailableTime(starts_at=_moment(row["start_time"]), scheduling_url=row["scheduling_url"])
        for row in answer["collection"]
        if row["status"] == "available"
    ]


def _event(row: dict[str, Any]) -> ScheduledEvent:
    return ScheduledEvent(
        uri=row["uri"],
        event_type_uri=row["event_type"],
        is_active=row["status"] == "active",
        starts_at=_moment(row["start_time"]),
        ends_at=_moment(row["end_time"]),
        # Null while Calendly is still asking Zoom for the meeting.
        join_url=(row["location"] or {}).get("join_url"),
        members=tuple(
            Member(uri=member["user"], email=member.get("user_email")) for member in row["event_memberships"]
        ),
    )


def _invitee(row: dict[str, Any]) -> Invitee:
    return Invitee(
        uri=row["uri"],
        event_uri=row["event"],
        is_active=row["status"] == "active",
        email=row["email"],
        utm_content=row["tracking"]["utm_content"],
        cancel_url=row["cancel_url"],
        reschedule_url=row["reschedule_url"],
    )
