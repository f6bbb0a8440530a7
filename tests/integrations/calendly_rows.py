"""Rows as Calendly writes them."""

from datetime import UTC, datetime
from typing import Any

API = "https://api.calendly.com"
ORGANIZATION = f"{API}/organizations/OR1"
START = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)


def event_row(**kwargs: Any) -> dict[str, Any]:
    return {
        "uri": f"{API}/scheduled_events/EV1",
        "event_type": f"{API}/event_types/ET1",
        "status": "active",
        "start_time": "2026-12-01T03:00:00.000000Z",
        "end_time": "2026-12-01T03:15:00.000000Z",
        "location": {"type": "zoom_conference", "join_url": "https://zoom.us/j/1"},
        "event_memberships": [{"user": f"{API}/users/US1", "user_email": "dia@example.com"}],
        **kwargs,
    }


def invitee_row(utm_content: str | None = "B1", **kwargs: Any) -> dict[str, Any]:
    return {
        "uri": f"{API}/scheduled_events/EV1/invitees/IV1",
        "event": f"{API}/scheduled_events/EV1",
        "status": "active",
        "email": "pat@example.com",
        "tracking": {"utm_content": utm_content},
        "cancel_url": "https://calendly.com/cancellations/IV1",
        "reschedule_url": "https://calendly.com/reschedulings/IV1",
        **kwargs,
    }


def page(*rows: dict[str, Any], next_page: str | None = None) -> dict[str, Any]:
    return {"collection": list(rows), "pagination": {"next_page": next_page}}
