"""When Calendly's calendars are open, free and busy: weekdays from 9 to 17, clinic time, a start each quarter hour."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from botaniqal.sandbox.calendly.clinic import moment
from botaniqal.sandbox.calendly.events import free_hosts
from botaniqal.sandbox.store import Document, store

OPENS, CLOSES = time(9), time(17)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
STEP = timedelta(minutes=15)


def free_times(event_type: Document, *, start: datetime, end: datetime) -> Iterator[tuple[datetime, int]]:
    """Name each start within the span at which somebody is free, and how many are."""
    zone = ZoneInfo(settings.TIME_ZONE)
    length = timedelta(minutes=event_type["duration"])
    day = start.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        if day.weekday() < len(WEEKDAYS):
            at = datetime.combine(day, OPENS, zone).astimezone(UTC)
            closes = datetime.combine(day, CLOSES, zone).astimezone(UTC)
            while at + length <= closes:
                free = len(list(free_hosts(event_type, at, at + length))) if start <= at <= end else 0
                if free:
                    yield at, free
                at += STEP
        day += timedelta(days=1)


def busy_times(user: str, *, start: datetime, end: datetime) -> Iterator[Document]:
    """Name the spans that a member's events, and entries of the calendars they have connected, take within the span."""
    first, last = moment(start), moment(end)
    for event in store.scan("event", _host=user, status="active"):
        if event["start_time"] < last and event["end_time"] > first:
            yield _busy("calendly", event) | {"event": {"uri": event["uri"]}}
    for entry in store.scan("busy", user=user):
        if entry["start_time"] < last and entry["end_time"] > first:
            yield _busy("external", entry)


def _busy(kind: str, span: Mapping[str, Any]) -> Document:
    start, end = span["start_time"], span["end_time"]
    return {
        "type": kind,
        "start_time": start,
        "end_time": end,
        "buffered_start_time": start,
        "buffered_end_time": end,
    }


def opening_rules() -> list[Document]:
    """Write the opening hours as Calendly's availability rules."""
    hours = [{"from": OPENS.strftime("%H:%M"), "to": CLOSES.strftime("%H:%M")}]
    return [
        {"type": "wday", "wday": weekday, "intervals": hours if weekday in WEEKDAYS else []}
        for weekday in (*WEEKDAYS, "saturday", "sunday")
    ]
