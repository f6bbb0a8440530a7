"""How the tests call the stand-in for Graph, and what listens for its notifications."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.sandbox_server import ENVIRONMENT

MAILBOX = "dr.dia@example.com"
BOOKING = "String {9d2c6a54-3b0f-4a55-9d0b-6c1f3f1b7e20} Name booking"
START = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
VIEW = {"startDateTime": "2026-12-01T00:00:00Z", "endDateTime": "2026-12-08T00:00:00Z"}
IN_UTC = 'IdType="ImmutableId", outlook.timezone="UTC"'


def wall_time(moment: datetime, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": moment.strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": zone}


def event_body(at: datetime = START, *, minutes: int = 15, **fields: Any) -> dict[str, Any]:
    """Write a `POST …/events` body."""
    return {
        "subject": "Visit",
        "start": wall_time(at),
        "end": wall_time(at + timedelta(minutes=minutes)),
        **fields,
    }


def subscription_body(hook: "Hook", **fields: Any) -> dict[str, Any]:
    """Write a `POST /subscriptions` body."""
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": f"{hook.url}/changes",
        "lifecycleNotificationUrl": f"{hook.url}/lifecycle",
        "resource": f"users/{MAILBOX}/events",
        "expirationDateTime": (datetime.now(UTC) + timedelta(days=2)).isoformat(),
        "clientState": "only-graph-knows",
        **fields,
    }


@dataclass(frozen=True)
class GraphDoor:
    """Graph's address, called with a key of its own."""

    url: str
    login_url: str

    def ask_for_token(self, **fields: str) -> requests.Response:
        """Ask for a key as the clinic's application, or with other words."""
        form = {
            "client_id": ENVIRONMENT["GRAPH_CLIENT_ID"],
            "client_secret": ENVIRONMENT["GRAPH_CLIENT_SECRET"],
            "scope": "https://graph.microsoft.com/.default",
            "grant_type": "client_credentials",
            **fields,
        }
        address = f"{self.login_url}/{ENVIRONMENT['GRAPH_TENANT']}/oauth2/v2.0/token"
        return requests.post(address, data=form, timeout=10)

    @cached_property
    def token(self) -> str:
        return self.ask_for_token().json()["access_token"]

    def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, prefer: str = "", **arguments: Any
    ) -> requests.Response:
        """Call Graph as the portal would."""
        return self.follow(f"{self.url}/{path}", method=method, headers=headers, prefer=prefer, **arguments)

    def follow(
        self,
        link: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        prefer: str = "",
        **arguments: Any,
    ) -> requests.Response:
        """Follow a link."""
        words = {
            "Authorization": f"Bearer {self.token}",
            "Prefer": ", ".join(filter(None, [IN_UTC, prefer])),
            **(headers or {}),
        }
        return requests.request(method, link, headers=words, timeout=15, **arguments)

    def create(self, *arguments: Any, mailbox: str = MAILBOX, **fields: Any) -> dict[str, Any]:
        """Write an event."""
        response = self.call("POST", f"users/{mailbox}/events", json=event_body(*arguments, **fields))
        assert response.status_code == 201, response.text
        return response.json()

    def delta(self, **arguments: Any) -> dict[str, Any]:
        """Begin to read a calendar."""
        response = self.call("GET", f"users/{MAILBOX}/calendarView/delta", params=VIEW, **arguments)
        assert response.status_code == 200, response.text
        return response.json()

    def since(self, page: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        """Go on reading where a page says."""
        response = self.follow(page.get("@odata.nextLink") or page["@odata.deltaLink"], **arguments)
        assert response.status_code == 200, response.text
        return response.json()


@dataclass
class Hook:
    """A portal that shakes hands with Graph, or not, and keeps what it is told."""

    url: str = ""
    shakes: dict[str, Any] = field(default_factory=dict)
    status: int = 202
    tokens: list[tuple[str, str]] = field(default_factory=list)
    arrived: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many notices have arrived, in whatever batches."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.notices) >= count, timeout=10), self.arrived
            return self.notices

    @property
    def notices(self) -> list[dict[str, Any]]:
        return [notice | {"path": path} for path, body in self.arrived for notice in body["value"]]


def handler_of(hook: Hook) -> type[BaseHTTPRequestHandler]:
    """Make a listener for a hook."""

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            address = urlsplit(self.path)
            query = parse_qs(address.query)
            if "validationToken" in query:
                self.shake_hands(address.path, query["validationToken"][0])
                return
            with hook.news:
                hook.arrived.append((address.path, json.loads(body)))
                hook.news.notify_all()
            self.send_response(hook.status)
            self.end_headers()

        def shake_hands(self, path: str, token: str) -> None:
            hook.tokens.append((path, token))
            answer = {"status": 200, "type": "text/plain", "body": token} | hook.shakes.get(path, {})
            self.send_response(answer["status"])
            self.send_header("Content-Type", answer["type"])
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        def log_message(self, *words: object) -> None:
            pass

    return Listener
