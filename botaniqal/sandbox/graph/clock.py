"""Outlook's times: a wall clock's reading beside the name of a zone, kept here in UTC."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from botaniqal.sandbox.store import Document
from botaniqal.sandbox.vendors import Refused

# An event as it is kept, to read only.
Row = Mapping[str, Any]

# Read once: to look for them opens every file of the zones, which lasts seconds where other threads are at work.
KNOWN = frozenset(available_timezones())
# Windows' names for the zones that a clinic in Australia meets.
WINDOWS = {
    "UTC": "UTC",
    "AUS Eastern Standard Time": "Australia/Sydney",
    "E. Australia Standard Time": "Australia/Brisbane",
    "Tasmania Standard Time": "Australia/Hobart",
    "Cen. Australia Standard Time": "Australia/Adelaide",
    "AUS Central Standard Time": "Australia/Darwin",
    "W. Australia Standard Time": "Australia/Perth",
    "New Zealand Standard Time": "Pacific/Auckland",
}
FORM = "%Y-%m-%dT%H:%M:%S.%f0"


def zone_called(name: str) -> ZoneInfo:
    """
    Find a zone by its Windows or IANA name.

    :raises Refused: 400 for a name that nobody knows.
    """
    name = WINDOWS.get(name, name)
    if name not in KNOWN:
        raise Refused(400, "A valid TimeZone value must be specified.", code="TimeZoneNotSupportedException")
    return ZoneInfo(name)


def read_time(row: dict[str, str]) -> datetime:
    """
    Read a wall time in its zone as a moment.

    :raises Refused: 400 for a day or an hour that is none.
    """
    zone = zone_called(row["timeZone"])
    try:
        return datetime.fromisoformat(row["dateTime"]).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(400, "The value of dateTime is no date and time.", code="ErrorInvalidRequest") from None


def read_moment(text: str) -> datetime:
    """
    Read a moment of a query; one that names no offset is UTC.

    :raises Refused: 400 for what is none.
    """
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(400, "The value of a date parameter is invalid.", code="ErrorInvalidParameter") from None


def kept(moment: datetime) -> str:
    """Write a moment as it is kept: UTC, seven digits of a second; such texts sort like the moments."""
    return moment.astimezone(UTC).strftime(FORM)


def moment_of(text: str) -> datetime:
    """Read back what `kept` has written."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(text: str, zone_name: str, *, is_all_day: bool) -> dict[str, str]:
    """Write a kept time in a zone; the days of an all-day event are midnights of every zone."""
    if is_all_day:
        return {"dateTime": text, "timeZone": zone_name}
    return {"dateTime": moment_of(text).astimezone(zone_called(zone_name)).strftime(FORM), "timeZone": zone_name}


def span_of(event: Row) -> tuple[str, str]:
    """Tell from when until when an event takes its owner's time, a whole day on the clinic's clock."""
    if not event["isAllDay"]:
        return event["_start"], event["_end"]
    zone = ZoneInfo(settings.TIME_ZONE)
    start, end = (datetime.fromisoformat(event[name]).replace(tzinfo=zone) for name in ("_start", "_end"))
    return kept(start), kept(end)


def begins_and_ends(body: dict[str, Any], former: Document | None) -> dict[str, Any]:
    """
    Read the times of an event that is written, as far as they are named.

    :raises Refused: 400 for an end before its start, or times of day on an all-day event.
    """
    is_all_day = bool(body.get("isAllDay", former and former["isAllDay"]))
    times = dict(former or {})
    for name in ("start", "end"):
        if name in body and is_all_day:
            # A date, whatever the zone.
            times[f"_{name}"] = kept(read_time(body[name] | {"timeZone": "UTC"}))
        elif name in body:
            times[f"_{name}"] = kept(read_time(body[name]))
    if is_all_day and not all(times[name].endswith("T00:00:00.0000000") for name in ("_start", "_end")):
        raise Refused(
            400,
            "The start and end of an all-day event need to be set to midnight.",
            code="ErrorPropertyValidationFailure",
        )
    if times["_end"] < times["_start"] or (is_all_day and times["_end"] == times["_start"]):
        raise Refused(400, "The event ends before it starts.", code="ErrorPropertyValidationFailure")
    return {"_start": times["_start"], "_end": times["_end"], "isAllDay": is_all_day}
