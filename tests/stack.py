"""The whole portal as a fixture: what `./dev` starts, with a database, a broker and ports of its own."""

import os
import random
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import jwt
import requests
from psycopg import sql

from botaniqal.accounts.login import DEMO_PASSWORD
from practitioners.models import Practitioner
from tests import migrated
from tests.sandbox_server import Sandbox
from tools.dev import demo, environment, valkey
from tools.dev.processes import Child, Children

MELBOURNE = ZoneInfo("Australia/Melbourne")
# Short where a test would wait for it, long where a slow machine must not change an answer.
TIME_SPANS = {
    "SWEEP_SECONDS": "1",
    "SYNC_BACKOFF_SECONDS": "1",
    "SYNC_LEASE_SECONDS": "8",
    "SYNC_WAIT_SECONDS": "20",
    "VENDOR_TIMEOUT_SECONDS": "4",
}
UNTHROTTLED = dict.fromkeys(
    ("PUBLIC_READ_RATE", "PUBLIC_WRITE_RATE", "PUBLIC_EMAIL_RATE", "PUBLIC_BOOK_RATE", "LOGIN_RATE"), "100000/min"
)

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A running portal with its vendors: what people and programs do with it."""

    url: str
    sandbox: Sandbox
    database: str
    env: dict[str, str] = field(repr=False)
    folder: Path
    at_end: ExitStack

    def call(
        self, method: str, path: str, *, token: str = "", headers: dict[str, str] | None = None, **content: Any
    ) -> requests.Response:
        """Call the API, as whoever has this token."""
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + path, headers=bearer | (headers or {}), timeout=60, **content)

    def token(self, name: str) -> str:
        """Log in for the API as one of the demo's people."""
        credentials = {"email": f"{name}@botaniqal.example", "password": DEMO_PASSWORD}
        answer = self.call("POST", "/api/auth/token", json=credentials)
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]

    def signed_token(self, consultant: Practitioner, **others: Any) -> str:
        """Make the token that generateConsultantToken of the clinic's first specification makes, or one with others."""
        claims = {
            "sub": str(consultant.pk),
            "role": "consultant",
            "permissions": ["triage:read", "triage:update", "booking:create", "practitioner:availability"],
            "exp": int(time.time()) + 8 * 60 * 60,
        }
        return jwt.encode(claims | others, self.env["CONSULTANT_JWT_SECRET"], algorithm="HS256")

    def free_times(
        self, practitioner: str, *, service: str = "alternative_medicine", kind: str = "initial"
    ) -> list[str]:
        """List the free times of a practitioner from tomorrow on, as the API does."""
        query = {"service": service, "appointmentType": kind, "date": f"{date_ahead(1)}", "days": "14"}
        answer = self.call("GET", "/api/practitioners/availability", params=query)
        [found] = [row for row in answer.json()["practitioners"] if row["name"] == practitioner]
        return [slot["time"] for slot in found["availableSlots"]]

    def browser(self, name: str) -> requests.Session:
        """Log in to the portal's pages as one of the demo's people."""
        browser = requests.Session()
        browser.trust_env = False
        login = f"{self.url}/admin/login/"
        browser.get(login, timeout=60)
        form = {
            "username": f"{name}@botaniqal.example",
            "password": DEMO_PASSWORD,
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        answer = browser.post(login, data=form, timeout=60, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return browser

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        """Let worker and scheduler stand still."""
        standing = [self._pid(name) for name in ("worker", "beat")]
        for pid in standing:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in standing:
                os.kill(pid, signal.SIGCONT)

    def kill_worker(self) -> None:
        """End the worker in the middle of whatever it does, and start another."""
        os.killpg(self._pid("worker"), signal.SIGKILL)
        another = Child("worker", demo.WORKER, env=self.env, folder=self.folder, is_shown=False)
        self.at_end.enter_context(Children()).add(another)

    @contextmanager
    def without_broker(self) -> Iterator[None]:
        """Stop the broker, which forgets what it was told."""
        os.killpg(self._pid("valkey"), signal.SIGKILL)
        try:
            yield
        finally:
            valkey.start(self.at_end.enter_context(Children()), self.folder, self.folder / "run", is_durable=False)

    @contextmanager
    def second_door(self, **settings: str) -> Iterator["Stack"]:
        """Serve the same portal at another address, with other settings."""
        port = free_port()
        web = demo.server("botaniqal.wsgi", port, workers=1, threads=16)
        with Children() as children:
            children.add(Child("second-door", web, env=self.env | settings, folder=self.folder, is_shown=False))
            door = Stack(**vars(self) | {"url": f"http://127.0.0.1:{port}"})
            eventually(door.is_up, within=60)
            yield door

    def in_calendly(self, booking_id: UUID) -> list[dict[str, Any]]:
        """List the events that the sandbox's Calendly has of a booking."""
        state = self.sandbox.state("calendly")
        uris = {each["event"] for each in state["invitees"] if each["tracking"]["utm_content"] == str(booking_id)}
        return [event for event in state["events"] if event["uri"] in uris]

    def in_medirecords(self, booking_id: UUID) -> list[dict[str, Any]]:
        """List the appointments that the sandbox's MediRecords has of a booking."""
        rows = self.sandbox.state("medirecords")["appointments"]
        return [row for row in rows if str(booking_id) in (row.get("notes") or "")]

    def is_up(self) -> bool:
        """Tell whether somebody answers."""
        try:
            return self.call("GET", "/healthz").ok
        except requests.ConnectionError:
            return False

    def _pid(self, name: str) -> int:
        return int((self.folder / "run" / f"{name}.pid").read_text().split()[0])


def eventually(read: Callable[[], Value], *, within: float = 30) -> Value:
    """Read until there is something true to read, for so many seconds at most, and return it."""
    limit = time.monotonic() + within
    while not (value := read()):
        assert time.monotonic() < limit, f"It did not come true within {within:g} s."
        time.sleep(0.05)
    return value


def date_ahead(days: int) -> date:
    """The clinic's day so many days from today."""
    return datetime.now(MELBOURNE).date() + timedelta(days=days)


def free_port(count: int = 1) -> int:
    """Find a free port with as many free ones behind it, out of the range that the system gives to callers."""
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            for number in range(port, port + count):
                with socket.socket() as server:
                    server.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port


@contextmanager
def _database() -> Iterator[str]:
    """Make a database beside that of the tests, for as long as it is needed."""
    name = f"stack_{secrets.token_hex(6)}"
    with migrated.server() as server:
        migrated.copy(server, name)
        try:
            yield name
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def started_stack(folder: Path) -> Iterator[Stack]:
    """Start all of it, for as long as it is needed: its worker and scheduler are never idle."""
    port = free_port(2)
    url, sandbox = f"http://127.0.0.1:{port}", Sandbox(f"http://127.0.0.1:{port + 1}")
    (folder / "run").mkdir(mode=0o700)
    with _database() as database, ExitStack() as at_end:
        valkey.start(at_end.enter_context(Children()), folder, folder / "run", is_durable=False)
        env = {
            **os.environ,
            **{name: make() for name, make in environment.NEEDED.items()},
            **TIME_SPANS,
            **UNTHROTTLED,
            "DEMO": "1",
            "PUBLIC_BASE_URL": url,
            "PORTAL_URL": url,
            "SANDBOX_URL": sandbox.url,
            **environment.vendors_at(sandbox.url),
            "SANDBOX_STATE": ":memory:",
            "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{database}",
            "REDIS_URL": valkey.address(folder / "run"),
        }
        demo.start(at_end.enter_context(Children()), env, port=port, folder=folder)
        yield Stack(url=url, sandbox=sandbox, database=database, env=env, folder=folder, at_end=at_end)
