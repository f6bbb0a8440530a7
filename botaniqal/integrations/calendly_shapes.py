"""What Calendly answers, as plain values, and how each is read from its JSON."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

Row = dict[str, Any]


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
class BusyTime:
    """When a member is taken; `kind` is calendly, external or reserved, and only the first has an event."""

    kind: str
    starts_at: datetime
    ends_at: datetime
    event_uri: str | None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Opening hours of a weekday (monday …) or of one date, which has the last word; without intervals it is closed."""

    weekday: str | None
    on: date | None
    intervals: tuple[tuple[time, time], ...]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    uri: str
    name: str
    is_default: bool
    timezone: str
    rules: tuple[Rule, ...]


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
    name: str
    email: str
    phone: str | None
    timezone: str | None
    utm_content: str | None
    cancel_url: str
    reschedule_url: str
    old_invitee: str | None
    new_invitee: str | None
    no_show_uri: str | None


@dataclass(frozen=True, kw_only=True)
class WebhookSubscription:
    """An address that Calendly tells of events; one that it gave up on is not active and never becomes so again."""

    uri: str
    url: str
    is_active: bool
    events: frozenset[str]
    scope: str
    retrying_since: datetime | None


def read_user(row: Row) -> User:
    return User(
        uri=row["uri"],
        organization=row["current_organization"],
        name=row["name"],
        email=row["email"],
        timezone=row["timezone"],
    )


def read_event_type(row: Row) -> EventType:
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


def read_available_times(answer: Row) -> list[AvailableTime]:
    return [
        AvailableTime(starts_at=_moment(row["start_time"]), scheduling_url=row["scheduling_url"])
        for row in answer["collection"]
        if row["status"] == "available"
    ]


def read_busy_times(answer: Row) -> list[BusyTime]:
    return [
        BusyTime(
            kind=row["type"],
            starts_at=_moment(row["start_time"]),
            ends_at=_moment(row["end_time"]),
            event_uri=(row.get("event") or {}).get("uri"),
        )
        for row in answer["collection"]
    ]


def read_schedules(answer: Row) -> list[Schedule]:
    return [
        Schedule(
            uri=row["uri"],
            name=row["name"],
            is_default=row["default"],
            timezone=row["timezone"],
            rules=tuple(_rule(rule) for rule in row["rules"]),
        )
        for row in answer["collection"]
    ]


def read_event(row: Row) -> ScheduledEvent:
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


def read_invitee(row: Row) -> Invitee:
    # A booking that was made must not count as unanswered for want of a field that nobody needs.
    return Invitee(
        uri=row["uri"],
        event_uri=row["event"],
        is_active=row["status"] == "active",
        name=row.get("name") or "",
        email=row["email"],
        phone=row.get("text_reminder_number"),
        timezone=row.get("timezone"),
        utm_content=row["tracking"]["utm_content"],
        cancel_url=row["cancel_url"],
        reschedule_url=row["reschedule_url"],
        old_invitee=row.get("old_invitee"),
        new_invitee=row.get("new_invitee"),
        no_show_uri=(row.get("no_show") or {}).get("uri"),
    )


def read_webhook_subscription(row: Row) -> WebhookSubscription:
    return WebhookSubscription(
        uri=row["uri"],
        url=row["callback_url"],
        is_active=row["state"] == "active",
        events=frozenset(row["events"]),
        scope=row["scope"],
        retrying_since=_moment(row["retry_started_at"]) if row["retry_started_at"] else None,
    )


def read_raw(row: Any) -> Row:
    """
    Take a row as it came.

    :raises TypeError: it is no object.
    """
    if not isinstance(row, dict):
        raise TypeError
    return row


def _rule(row: Row) -> Rule:
    return Rule(
        weekday=row["wday"] if row["type"] == "wday" else None,
        on=date.fromisoformat(row["date"]) if row["type"] == "date" else None,
        intervals=tuple(
            (time.fromisoformat(interval["from"]), time.fromisoformat(interval["to"])) for interval in row["intervals"]
        ),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
