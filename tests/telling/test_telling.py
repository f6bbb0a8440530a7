"""What Sentry and OpenTelemetry hear of errors and of what goes on, over real HTTP."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
import requests
from django.db import connection
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from botaniqal.celery import app
from tests.stack import eventually, free_port
from tests.telling.broken import JOB_ID, SECRET

ID = "from-the-website-1"
HIDDEN = (SECRET, "+61400000009", "cookie-of-somebody", "Browser of somebody", "198.51.100.7")


class Receiver:
    """Sentry, a collector and a vendor in one: takes all that is posted and keeps it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[tuple[str, bytes]] = []
        self.asked: list[dict[str, str]] = []

    @property
    def errors(self) -> list[dict]:
        """The errors that Sentry heard of, as far as they came in."""
        lines = [line for path, body in self.heard if "/envelope/" in path for line in body.splitlines()]
        return [event for event in map(json.loads, lines) if "event_id" in event and "level" in event]

    @property
    def spans(self) -> list[Span]:
        """The spans that the collector heard of, as far as they came in."""
        bodies = [ExportTraceServiceRequest.FromString(body) for path, body in self.heard if path == "/v1/traces"]
        groups = [group for body in bodies for of in body.resource_spans for group in of.scope_spans]
        return [span for group in groups for span in group.spans]

    def words(self) -> str:
        """All that was told, to look for what must not be."""
        return "\n".join(body.decode(errors="replace") for _, body in self.heard)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_packed = self.headers.get("Content-Encoding") == "gzip"
            receiver.heard.append((self.path, gzip.decompress(body) if is_packed else body))
            self.answer()

        def do_GET(self) -> None:
            receiver.asked.append(dict(self.headers))
            self.answer()

        def answer(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield receiver
    server.shutdown()


@contextmanager
def running(receiver: Receiver, *command: str) -> Iterator[None]:
    """Run a process of the portal's that tells the receiver, and let it say the last before it ends."""
    env = os.environ | {
        "SENTRY_DSN": f"{receiver.url.replace('http://', 'http://key@')}/1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "VENDOR_URL": receiver.url,
        "RELEASE": "2026.11-test",
        "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}",
    }
    process = subprocess.Popen([sys.executable, "-m", *command], env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        process.terminate()
        process.communicate(timeout=20)


def ask(address: str) -> str:
    """Read a page over a connection of its own, as far as somebody answers."""
    try:
        return requests.get(address, timeout=10).text
    except requests.ConnectionError:
        return ""


def attributes(span: Span) -> dict[str, object]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def pages(receiver: Receiver) -> list[Span]:
    """The spans of the page that breaks."""
    return [span for span in receiver.spans if attributes(span).get("http.route") == "visit/<str:token>/broken"]


@pytest.mark.slow
@pytest.mark.django_db
class TestWeb:
    TIMES = 10

    @pytest.fixture(scope="class")
    @classmethod
    def heard(cls, receiver: Receiver, django_db_setup: None) -> Receiver:
        """What is told of a page that breaks in one of two processes, several times."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        web = ["granian", "--interface", "wsgi", "tests.telling.wsgi:application", "--port", str(port)]
        with running(receiver, *web, "--workers", "2", "--blocking-threads", "2"):
            eventually(lambda: ask(f"{url}/number"), within=60)
            processes: set[str] = set()
            eventually(lambda: processes.add(ask(f"{url}/number")) or len(processes) == 2, within=30)
            for _ in range(cls.TIMES):
                answer = requests.post(
                    f"{url}/visit/{SECRET}/broken?name={SECRET}",
                    data={"phone": "+61400000009"},
                    headers={
                        "X-Request-ID": ID,
                        "User-Agent": "Browser of somebody",
                        "X-Forwarded-For": "198.51.100.7",
                        "Cookie": "botaniqal_session=cookie-of-somebody",
                        "baggage": f"name={SECRET}",
                    },
                    timeout=10,
                )
                assert answer.status_code == 500
            eventually(lambda: len(receiver.errors) >= 2 * cls.TIMES, within=10)
            eventually(lambda: len(pages(receiver)) >= cls.TIMES, within=10)
        return receiver

    def test_tells_sentry_of_each_error_by_kind_and_place(self, heard: Receiver) -> None:
        raised = [event for event in heard.errors if "exception" in event]
        logged = [event for event in heard.errors if "logentry" in event]

        assert (len(raised), len(logged)) == (self.TIMES, self.TIMES)
        [error] = raised[0]["exception"]["values"]
        assert error["type"] == "ValueError"
        assert error["stacktrace"]["frames"][-1]["function"] == "break_down"
        assert raised[0]["tags"] == {"request_id": ID}
        assert raised[0]["release"] == "2026.11-test"
        assert raised[0]["transaction"] == "tests.telling.broken.break_down"
        assert logged[0]["logentry"] == {"message": "no number for %s"}

    def test_tells_the_collector_of_page_query_and_call(self, heard: Receiver) -> None:
        page = pages(heard)[0]
        under = [span for span in heard.spans if span.parent_span_id == page.span_id]

        assert len(pages(heard)) == self.TIMES
        assert {attributes(span)["botaniqal.request_id"] for span in [page, *under]} == {ID}
        assert {span.name for span in under} == {"SELECT", "GET"}
        queries = [attributes(span)["db.statement"] for span in under if span.name == "SELECT"]
        assert any('"accounts_user"."email" = %s' in query for query in queries)

    def test_says_no_word_of_anybody(self, heard: Receiver) -> None:
        told = heard.words()

        assert heard.errors
        assert heard.spans
        assert [word for word in HIDDEN if word in told] == []

    def test_sends_a_vendor_nothing_but_ids(self, heard: Receiver) -> None:
        asked = {name.lower(): value for name, value in heard.asked[0].items()}

        assert asked["x-request-id"] == ID
        assert asked.keys() & {"baggage", "sentry-trace"} == set()


@pytest.mark.slow
@pytest.mark.django_db
class TestWorker:
    def test_tells_of_a_job_that_fails(self, receiver: Receiver) -> None:
        receiver.heard.clear()
        queue = f"telling-{uuid4()}"
        worker = ["celery", "-A", "botaniqal.celery", "worker", "-P", "threads", "-c", "2", "-Q", queue]

        with running(receiver, *worker, "--include", "tests.telling.broken", "--without-gossip", "--without-mingle"):
            app.send_task("tests.telling.broken.job", [SECRET], queue=queue)
            eventually(lambda: any("exception" in event for event in receiver.errors), within=60)
            eventually(lambda: any(span.name == "GET" for span in receiver.spans), within=10)

        [failed] = [event for event in receiver.errors if "exception" in event]
        assert failed["exception"]["values"][-1]["type"] == "ValueError"
        assert failed["transaction"] == "tests.telling.broken.job"
        assert JOB_ID in {attributes(span).get("botaniqal.request_id") for span in receiver.spans}
        assert any(span.name == "run/tests.telling.broken.job" for span in receiver.spans)
        assert [word for word in HIDDEN if word in receiver.words()] == []


class TestWithoutSettings:
    def test_loads_nothing_of_it(self) -> None:
        """The libraries cost memory and time, and nobody who is not asked for should be able to tell anything."""
        # Redis's own client looks whether OpenTelemetry is there, and takes its interfaces.
        ours = "'sentry_sdk', 'opentelemetry.instrumentation', 'opentelemetry.exporter', 'opentelemetry.sdk.trace'"
        loaded = f"[name for name in sys.modules if name.startswith(({ours}))]"
        code = f"import sys; from botaniqal.wsgi import application; from botaniqal import tasks; print({loaded})"

        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

        assert told.stdout == "[]\n"
