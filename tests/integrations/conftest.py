import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from botaniqal.integrations.graph import Graph
from botaniqal.integrations.graph_tokens import Tokens
from tests.integrations.graph_rows import KEY, tokens_of
from tests.sandbox_server import ENVIRONMENT, Sandbox


@dataclass(frozen=True)
class Seen:
    """A request as it reached the vendor."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    json: Any


@dataclass
class Vendor:
    """A vendor on a real socket: it gives the answers that it was told, in order, and keeps what it was asked."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def answers_with(
        self, body: Any = None, *, status: int = 200, headers: dict[str, str] | None = None, raw: bytes | None = None
    ) -> None:
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        self.answers.append({"status": status, "headers": headers or {}, "content": content})

    def hangs(self) -> None:
        self.answers.append({"hangs": True})

    def hangs_up(self) -> None:
        self.answers.append({"hangs_up": True})


def _read(body: bytes, content_type: str) -> Any:
    """Read a form as the words in it, and everything else as JSON."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode()))
    return json.loads(body) if body else None


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            address = urlsplit(self.path)
            vendor.seen.append(
                Seen(
                    self.command,
                    address.path,
                    dict(parse_qsl(address.query)),
                    dict(self.headers.items()),
                    _read(body, self.headers.get("Content-Type", "")),
                )
            )
            answer = vendor.answers.pop(0)
            if "hangs" in answer:
                vendor.released.wait()
            if "status" not in answer:
                return
            self.send_response(answer["status"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer["content"])))
            self.end_headers()
            self.wfile.write(answer["content"])

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield vendor
    vendor.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tokens(vendor: Vendor) -> Tokens:
    return tokens_of(vendor.url)


@pytest.fixture
def graph(vendor: Vendor, tokens: Tokens) -> Graph:
    """Graph's client, which will ask for its key first."""
    vendor.answers_with(KEY)
    return Graph(base_url=f"{vendor.url}/v1.0", tokens=tokens, timeout=5)


@pytest.fixture
def stand_in(sandbox: Sandbox) -> Iterator[Graph]:
    """The client at the sandbox, whose Outlook is empty."""
    sandbox.reset()
    names = {"tenant": "GRAPH_TENANT", "client_id": "GRAPH_CLIENT_ID", "client_secret": "GRAPH_CLIENT_SECRET"}
    tokens = tokens_of(sandbox.microsoft_url, **{word: ENVIRONMENT[name] for word, name in names.items()})
    yield Graph(base_url=sandbox.graph_url, tokens=tokens, timeout=5)
    sandbox.reset()
