"""An empty sandbox for each test, the vendors' doors, and a portal that only listens."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from tests.sandbox.graph_door import GraphDoor, Hook, handler_of
from tests.sandbox_server import ENVIRONMENT, Sandbox

DOCTOR = "https://api.calendly.com/event_types/7c9a1b52-0f0e-4a86-9d55-2f1d8e6b7a10"
# The environment may name it by its bare id.
TRIAGE = f"https://api.calendly.com/event_types/{ENVIRONMENT['CALENDLY_TRIAGE_CALENDAR_ID'].rpartition('/')[2]}"


@dataclass(frozen=True)
class Door:
    """A vendor's base address and the key it asks for."""

    url: str
    key: str

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Call the vendor as the portal would."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.request(method, f"{self.url}/{path}", headers=headers, timeout=10, **arguments)


@dataclass
class Portal:
    """What arrived at the portal's address, and how it answers."""

    url: str = ""
    status: int = 200
    arrived: list[dict[str, Any]] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many webhooks have arrived."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.arrived) >= count, timeout=10), self.arrived
            return list(self.arrived)


@pytest.fixture(autouse=True)
def _empty(sandbox: Sandbox) -> None:
    sandbox.reset()
    sandbox.register_event_type(
        uri=DOCTOR,
        name="Initial visit",
        minutes=15,
        owner_email="dr.dia@example.com",
        owner_name="Dr Dia",
        owner_uri="https://api.calendly.com/users/0d0a1c6e-9b0c-4a3a-8d5f-55d6a7f0b001",
    )


@pytest.fixture
def calendly(sandbox: Sandbox) -> Door:
    """Calendly's address with its key."""
    return Door(sandbox.calendly_url, ENVIRONMENT["CALENDLY_API_KEY"])


@pytest.fixture
def medirecords(sandbox: Sandbox) -> Door:
    """MediRecords' address with its key."""
    return Door(sandbox.medirecords_url, ENVIRONMENT["MEDIRECORDS_API_KEY"])


@dataclass
class Browser:
    """Somebody at the sandbox's pages."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, address: str) -> requests.Response:
        """Open a page, by its path or its whole address."""
        return self.session.get(urljoin(f"{self.url}/", address), timeout=10)

    def press(self, address: str, **fields: Any) -> requests.Response:
        """Press a button of a page, with the page's token."""
        self.session.get(self.url, timeout=10)
        fields["csrfmiddlewaretoken"] = self.session.cookies["sandbox_csrf"]
        return self.session.post(urljoin(f"{self.url}/", address), data=fields, timeout=10)


@pytest.fixture
def browser(sandbox: Sandbox) -> Iterator[Browser]:
    """A browser without a script."""
    browser = Browser(sandbox.url)
    yield browser
    browser.session.close()


@pytest.fixture
def portal(sandbox: Sandbox) -> Iterator[Portal]:
    """A portal that takes webhooks and keeps them."""
    portal = Portal()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with portal.news:
                is_json = "json" in self.headers["Content-Type"]
                content = json.loads(body) if is_json else body
                delivery = {"path": self.path, "headers": self.headers, "raw": body, "body": content}
                portal.arrived.append(delivery)
                portal.news.notify_all()
            self.send_response(portal.status)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    portal.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    sandbox.point_at(portal.url)
    yield portal
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def graph(sandbox: Sandbox) -> GraphDoor:
    """Graph's address with a key of its own."""
    return GraphDoor(sandbox.graph_url, sandbox.microsoft_url)


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A portal that listens to Graph."""
    hook = Hook()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(hook))
    hook.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hook
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def booking() -> Callable[..., dict[str, Any]]:
    """Write a `POST /invitees` body for some minutes past tomorrow's beginning."""

    def write(*, minutes: int = 0, event_type: str = DOCTOR, **fields: Any) -> dict[str, Any]:
        tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return {
            "event_type": event_type,
            "start_time": (tomorrow + timedelta(minutes=minutes)).isoformat(),
            "invitee": {"name": "Ava Nguyen", "email": "ava@example.com", "timezone": "Australia/Melbourne"},
            **fields,
        }

    return write
