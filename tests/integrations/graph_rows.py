"""What Graph says and is told, for the tests of its client."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from botaniqal.integrations.graph import EventDraft
from botaniqal.integrations.graph_tokens import Tokens

MAILBOX = "dr.dia@example.com"
START = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
SECRET = "graph-secret"
KEY = {"token_type": "Bearer", "expires_in": 3599, "access_token": "key-1"}
OTHER_KEY = KEY | {"access_token": "key-2"}
DELTA = f"/users/{MAILBOX}/calendarView/delta"


def tokens_of(url: str, **kwargs: Any) -> Tokens:
    words = {"tenant": "contoso", "client_id": "app", "client_secret": SECRET, "timeout": 5}
    return Tokens(login_url=url, **{**words, **kwargs})


def draft(**kwargs: Any) -> EventDraft:
    return EventDraft(
        **{
            "subject": "Visit B-1042",
            "starts_at": START,
            "ends_at": START + timedelta(minutes=15),
            "body": "B-1042 in the portal.",
            "location": "https://zoom.us/j/1",
            "categories": ("Alternative medicine",),
            "booking_id": "b1",
            "service": "Alternative medicine",
            "minutes": 15,
            "practitioner": "Dr Dia",
            "price": Decimal("119.00"),
            **kwargs,
        }
    )


def time_row(moment: datetime, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": f"{moment:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": zone}


def event_row(**kwargs: Any) -> dict[str, Any]:
    return {
        "id": "E1",
        "changeKey": "k1",
        "subject": "Visit",
        "showAs": "busy",
        "isCancelled": False,
        "isAllDay": False,
        "type": "singleInstance",
        "start": time_row(START),
        "end": time_row(START + timedelta(minutes=15)),
        **kwargs,
    }


def refusal(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "Pat Example is not here"}}


def page(*rows: dict[str, Any], **links: str) -> dict[str, Any]:
    return {"value": list(rows), **{f"@odata.{name}": link for name, link in links.items()}}
