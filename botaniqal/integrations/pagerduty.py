"""
PagerDuty's Events API v2: https://developer.pagerduty.com/docs/events-api-v2-overview (as of 2026-11-21).

An event with the same key while an alert is open adds nothing, so that everything here may be repeated. There is no
field for details: nothing about a patient has a place in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from botaniqal.integrations.http import Wire
from botaniqal.integrations.limits import Limit

ENQUEUE = "/v2/enqueue"
LONGEST_SUMMARY = 1_024


@dataclass(frozen=True, kw_only=True)
class Link:
    """Where whoever is paged can look."""

    url: str
    text: str


def client() -> "PagerDuty":
    """Make the client that the settings describe."""
    return PagerDuty(
        base_url=settings.PAGERDUTY_BASE_URL,
        routing_key=settings.PAGERDUTY_ROUTING_KEY,
        timeout=settings.VENDOR_TIMEOUT_SECONDS,
        limit=Limit("pagerduty"),
    )


class PagerDuty:
    """PagerDuty's wire; every call raises VendorUnavailable or VendorRefused and nothing else."""

    def __init__(
        self,
        *,
        base_url: str,
        routing_key: str,
        timeout: float,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
    ) -> None:
        self._wire = Wire(
            vendor="PagerDuty", base_url=base_url, token="", timeout=timeout, headers=headers, limit=limit
        )
        self._routing_key = routing_key

    def trigger(
        self,
        *,
        key: str,
        summary: str,
        severity: str,
        source: str,
        at: datetime,
        component: str = "",
        link: Link | None = None,
    ) -> None:
        """Page whoever is on call; `severity` is critical, error, warning or info."""
        payload = {
            "summary": summary[:LONGEST_SUMMARY],
            "source": source,
            "severity": severity,
            "timestamp": at.astimezone(UTC).isoformat(),
        }
        if component:
            payload["component"] = component
        body: dict[str, Any] = {"payload": payload}
        if link:
            body["links"] = [{"href": link.url, "text": link.text}]
        self._send("trigger", key, body)

    def acknowledge(self, *, key: str) -> None:
        """Note that somebody looks after it."""
        self._send("acknowledge", key, {})

    def resolve(self, *, key: str) -> None:
        """Note that it is over."""
        self._send("resolve", key, {})

    def _send(self, action: str, key: str, body: dict[str, Any]) -> None:
        said = {"routing_key": self._routing_key, "event_action": action, "dedup_key": key, **body}
        self._wire.post(ENQUEUE, json=said, read=lambda answer: answer["dedup_key"])
