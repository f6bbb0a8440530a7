"""The sandbox as a fixture: a process of its own, so that everything goes over real HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

# What lets the portal in: as the environment of the test run says, since the portal's settings come from there.
DEFAULTS = {
    "CALENDLY_API_KEY": "calendly-key-of-the-tests",
    "CALENDLY_ORGANIZATION": "https://api.calendly.com/organizations/6f1f5a0e-58a5-4c44-9a3c-3a1c5dd3f0a1",
    "CALENDLY_WEBHOOK_SIGNING_KEY": "signing-key-of-the-tests",
    "CALENDLY_TRIAGE_CALENDAR_ID": "https://api.calendly.com/event_types/0e2b9f5c-1a53-4c0e-8b62-6d3b8a1f4c01",
    "MEDIRECORDS_API_KEY": "medirecords-key-of-the-tests",
    "MEDIRECORDS_PRACTICE_ID": "55555555-5555-4555-8555-555555555555",
    "GRAPH_TENANT": "tenant-of-the-tests",
    "GRAPH_CLIENT_ID": "application-of-the-tests",
    "GRAPH_CLIENT_SECRET": "graph-secret-of-the-tests",
    "PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
    "JOTFORM_API_KEY": "jotform-key-of-the-tests",
    "JOTFORM_WEBHOOK_SECRETS": "jotform-secret-of-the-tests,the-one-before",
    "JOTFORM_FORM_IDS": "240001,240002",
    "ANYMAIL_WEBHOOK_SECRET": "ses:secret-of-the-tests",
    "STRIPE_SECRET_KEY": "sk_test_of_the_tests",
    "STRIPE_WEBHOOK_SECRET": "whsec_of_the_tests",
}
ENVIRONMENT = {name: os.environ.get(name) or value for name, value in DEFAULTS.items()}
# Nobody listens there; a test that has a portal points the sandbox at it.
NOWHERE = "http://127.0.0.1:9"
START_SECONDS = 30


class Sandbox:
    """A running sandbox: where each vendor is, and what the tests may do behind the portal's back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calendly_url = f"{url}/calendly"
        self.medirecords_url = f"{url}/medirecords"
        self.ses_url = f"{url}/ses"
        self.graph_url = f"{url}/graph/v1.0"
        self.microsoft_url = f"{url}/microsoft"
        self.pagerduty_url = f"{url}/pagerduty"
        self.jotform_url = f"{url}/jotform"
        self.stripe_url = f"{url}/stripe"
        self._session = requests.Session()
        self._session.trust_env = False

    def reset(self) -> None:
        """Empty the state, the fault dial and the call log; event types stay."""
        self.control("POST", "reset")

    def faults(self, vendor: str, fault: str, **turns: Any) -> None:
        """
        Turn the fault dial.

        `fault` is latency, throttled, error_before, error_after, timeout_before or timeout_after; for webhooks lost,
        doubled, reordered or late; disabled (Calendly's subscriptions), expired or delta_gone (Graph). `turns` may say
        `operation` (all, read, write, or a group such as `appointments` or `appointments.write`), `calls` (how
        many), `rate` (0 to 1), `milliseconds`, `retry_after`.
        """
        self.control("POST", "faults", json={"vendor": vendor, "fault": fault, **turns})

    def seed(self, seed: int | str) -> None:
        """Make what the dial's rates let happen the same for the same sequence of calls."""
        self.control("POST", "seed", json={"seed": seed})

    def plan(self, plan: str) -> None:
        """Change Calendly's plan to paid or free_no_booking."""
        self.control("POST", "plan", json={"plan": plan})

    def limits(self, *, invitees: str | None = None, calls: str | None = None) -> None:
        """Set Calendly's limits, such as "10/60 50/3600" or "off"."""
        limits = {"invitees": invitees, "calls": calls}
        self.control("POST", "limits", json={name: value for name, value in limits.items() if value is not None})

    def subscriptions(self, vendor: str, state: str) -> int:
        """Bring all subscriptions at a vendor into a state, such as disabled; answers how many there are."""
        return self.control("POST", "subscriptions", json={"vendor": vendor, "state": state})["subscriptions"]

    def clear_faults(self) -> None:
        """Turn all faults off and let go of calls that are kept waiting."""
        self.control("DELETE", "faults")

    def state(self, vendor: str) -> dict[str, Any]:
        """Read all that a vendor knows."""
        return self.control("GET", "state", params={"vendor": vendor})

    def file(self, message_id: str, number: int = 0) -> bytes:
        """Fetch one file that came with an e-mail, such as its invitation."""
        response = self._session.get(f"{self.url}/mailbox/{message_id}/files/{number}", timeout=10)
        assert response.ok, response.text
        return response.content

    def calls(self, vendor: str | None = None) -> list[dict[str, Any]]:
        """Read the latest calls: vendor, method, path, status (None while unanswered), milliseconds, request_id, at."""
        return self.control("GET", "calls", params={"vendor": vendor})["calls"]

    def point_at(self, portal_url: str) -> None:
        """Send webhooks to this portal until the next reset."""
        self.control("POST", "portal", json={"url": portal_url})

    def register_event_type(
        self,
        *,
        uri: str,
        name: str,
        minutes: int,
        owner_email: str,
        owner_uri: str | None = None,
        owner_name: str = "",
        inbound: bool = False,
    ) -> dict[str, Any]:
        """Make an event type known; an inbound one brings free consultations in."""
        host = {"email": owner_email, "name": owner_name or owner_email}
        if owner_uri:
            host["uri"] = owner_uri
        event_type = {"uri": uri, "name": name, "minutes": minutes, "hosts": [host], "inbound": inbound}
        return self.control("POST", "event-types", json={"event_types": [event_type]})["event_types"][0]

    def control(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Use the sandbox's own interface; `botaniqal/sandbox/control.py` opens with a table of it."""
        response = self._session.request(method, f"{self.url}/_control/{path}", timeout=10, **arguments)
        assert response.ok, response.text
        return response.json()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Start a sandbox on a free port; one for each process of the test run."""
    with running_sandbox() as sandbox:
        yield sandbox


@contextmanager
def running_sandbox(**environment: str) -> Iterator[Sandbox]:
    """Run a sandbox with some settings of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1", "--blocking-threads", "64"]
    fixed = {"DEMO": "1", "SANDBOX_STATE": ":memory:", "PORTAL_URL": NOWHERE}
    process = subprocess.Popen(
        [*command, "--port", str(port), "--log-level", "warning", "botaniqal.sandbox.wsgi:application"],
        env=os.environ | ENVIRONMENT | fixed | environment,
    )
    try:
        yield started(process, Sandbox(f"http://127.0.0.1:{port}"))
    finally:
        process.terminate()
        process.wait(timeout=10)


def started(process: subprocess.Popen[bytes], sandbox: Sandbox) -> Sandbox:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            sandbox.calls()
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return sandbox
    raise RuntimeError("The sandbox did not start; its output says why.")
