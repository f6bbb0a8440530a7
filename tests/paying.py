"""Paying at the stand-in Stripe, as patients and the clinic's people do there."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import stripe
from django.test import Client

from bookings.models import Checkout
from tests.sandbox_server import ENVIRONMENT, Sandbox


class Till:
    """Stripe from its own side: its pages, what it knows, and what it tells."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._session = requests.Session()

    def press(self, path: str, **fields: Any) -> requests.Response:
        """Press a button of one of Stripe's pages."""
        self._session.get(self.sandbox.url, timeout=10)
        fields["csrfmiddlewaretoken"] = self._session.cookies["sandbox_csrf"]
        return self._session.post(f"{self.sandbox.url}/{path}", data=fields, timeout=10)

    def pay(self, checkout: Checkout, press: str = "pay") -> None:
        """Pay by card, or press another button of the checkout's page."""
        checkout.refresh_from_db()
        answer = self.press(f"pay/{checkout.external_id}", press=press)
        assert answer.ok, answer.text

    def refund(self, checkout: Checkout) -> None:
        """Give all of it back by hand."""
        assert self.press(f"payments/{checkout.external_id}/refund").ok

    def session(self, checkout: Checkout) -> dict[str, Any]:
        """Read a session as Stripe knows it."""
        checkout.refresh_from_db()
        return next(row for row in self.known("sessions") if row["id"] == checkout.external_id)

    def known(self, what: str) -> list[dict[str, Any]]:
        """List sessions, payment_intents, refunds, disputes or events."""
        return self.sandbox.state("stripe")[what]

    def told(self, kind: str) -> dict[str, Any]:
        """Give the last event of a kind."""
        return [event for event in self.known("events") if event["type"] == kind][-1]

    def deliver(self, event: dict[str, Any], **change: Any) -> Any:
        """Deliver an event to the portal, signed."""
        body = json.dumps(event | change)
        signed = stripe.WebhookSignature.generate_signature_header(
            body, ENVIRONMENT["STRIPE_WEBHOOK_SECRET"], int(time.time())
        )
        return Client().post(
            "/webhooks/stripe", body, content_type="application/json", headers={"Stripe-Signature": signed}
        )


@pytest.fixture
def till(settings: Any, sandbox: Sandbox) -> Iterator[Till]:
    """Stripe as the sandbox plays it, empty and well."""
    sandbox.reset()
    settings.STRIPE_BASE_URL = sandbox.stripe_url
    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"):
        setattr(settings, name, ENVIRONMENT[name])
    settings.VENDOR_TIMEOUT_SECONDS = 2
    settings.SYNC_BACKOFF_SECONDS = 0
    yield Till(sandbox)
    sandbox.clear_faults()
