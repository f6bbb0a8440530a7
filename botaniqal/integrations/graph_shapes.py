"""What Outlook's calendars are told and answer, as plain values, and how each is written in Graph's JSON."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

# Outlook's own names for UTC.
UTC_NAMES = {"UTC", "tzone://Microsoft/Utc"}

# Made up once for all that the portal writes on an event; another one would lose what was written before.
PROPERTY_SET = "{9d2c6a54-3b0f-4a55-9d0b-6c1f3f1b7e20}"
BOOKING = f"String {PROPERTY_SET} Name booking"

Row = dict[str, Any]


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


def wall(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def time_of(moment: datetime) -> dict[str, str]:
    return {"dateTime": wall(moment), "timeZone": "UTC"}


def _moment(row: dict[str, str]) -> datetime:
    # Seven digits of a second, of which Python keeps six.
    moment = datetime.fromisoformat(row["dateTime"])
    if row["timeZone"] not in UTC_NAMES or moment.tzinfo is not None:
        raise ValueError("not the zone that was asked for")
    return moment.replace(tzinfo=UTC)


def event_body(draft: EventDraft) -> dict[str, Any]:
    properties = {
        "booking": draft.booking_id,
        "service": draft.service,
        "minutes": str(draft.minutes),
        "practitioner": draft.practitioner,
        "price": str(draft.price),
    }
    return {
        "subject": draft.subject,
        "start": time_of(draft.starts_at),
        "end": time_of(draft.ends_at),
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


def read_event(row: dict[str, Any]) -> Event:
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


def read_delta_page(answer: dict[str, Any]) -> tuple[list[Change], str | None, str | None]:
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


def latest(changes: list[Change]) -> tuple[Change, ...]:
    """Keep the last word on each event; the visits of a series say little themselves and take it from the series."""
    by_id = {change.id: change for change in changes}
    found = []
    for change in by_id.values():
        if change.is_series:
            continue
        if not change.is_removed and not change.show_as:
            series = by_id.get(change.series_id, change)
            # Better busy by mistake than offered to a patient.
            change = replace(change, show_as=series.show_as or "busy", is_all_day=series.is_all_day)
        found.append(change)
    return tuple(found)


def read_schedules(answer: dict[str, Any]) -> list[Schedule]:
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


def read_subscription(row: dict[str, Any]) -> Subscription:
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
