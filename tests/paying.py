"""Paying at the stand-in Stripe, as patients and the clinic's people do there."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import requests
import stripe
from django.db import transaction
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from bookings import lifecycle, locking
from bookings.models import Booking, Checkout, Payment, RefundDecision
from bookings.money import checkouts, payments, settlement
from practitioners import diary
from practitioners.models import Practitioner
from tests.factories import AppointmentTypeFactory, PatientFactory, PractitionerFactory, next_morning
from tests.sandbox_server import ENVIRONMENT, Sandbox

DUE = payments.Taken(method=Payment.Method.STRIPE_LINK)


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

    def fail(self, checkout: Checkout) -> None:
        """Let a refund come back after all."""
        assert self.press(f"payments/{checkout.external_id}/fail").ok

    def forget_keys(self) -> None:
        """Let a day go by, after which Stripe knows no Idempotency-Key any more."""
        self.sandbox.control("DELETE", "stripe/keys")

    def session(self, checkout: Checkout) -> dict[str, Any]:
        """Read a session as Stripe knows it."""
        checkout.refresh_from_db()
        return next(row for row in self.known("sessions") if row["id"] == checkout.external_id)

    def sell_something_else(self) -> str:
        """Sell something that the portal knows nothing of, and give its session's name."""
        words = {
            "mode": "payment",
            "success_url": "https://elsewhere.example.com",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "aud",
            "line_items[0][price_data][unit_amount]": "5000",
            "line_items[0][price_data][product_data][name]": "A book",
        }
        key = {"Authorization": f"Bearer {ENVIRONMENT['STRIPE_SECRET_KEY']}"}
        address = f"{self.sandbox.stripe_url}/v1/checkout/sessions"
        session = self._session.post(address, data=words, headers=key, timeout=10).json()["id"]
        assert self.press(f"pay/{session}", press="pay").ok
        return session

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


def kept_visit(
    *,
    practitioner: Practitioner | None = None,
    starts_at: datetime | None = None,
    seconds: float = 1_900,
    price: Decimal = Decimal(119),
) -> Booking:
    """Book a visit that waits for its payment, on a time that is held so long for it."""
    kind = practitioner.appointment_types.first() if practitioner else AppointmentTypeFactory()
    practitioner = practitioner or PractitionerFactory(gives=[kind])
    starts_at, key, now = starts_at or next_morning(10), uuid4(), timezone.now()
    span = diary.Span(starts_at, starts_at + timedelta(minutes=15))
    booking = lifecycle.book(
        id=key,
        patient=PatientFactory(),
        practitioner=practitioner,
        appointment_type=kind,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        entry=diary.hold(practitioner=practitioner, span=span, held_for=key, by=None, seconds=seconds),
        price=price,
        source=Booking.Source.ONLINE,
        by=None,
        now=now,
        pays_until=now + timedelta(seconds=seconds),
    )
    payments.record(booking=booking, taken=DUE, by=None, now=now)
    return booking


def sure_visit(**fields: Any) -> Booking:
    """Book a visit that is sure, and still to be paid."""
    booking = kept_visit(**fields)
    return lifecycle.confirm(booking_id=booking.pk, by=None, now=timezone.now())


@transaction.atomic
def asked(booking: Booking, **terms: Any) -> Checkout:
    """Give a booking a way to pay."""
    booking = locking.locked(booking.pk)
    usual = {"door": Checkout.Door.ONLINE, "by": None, "now": timezone.now()}
    return checkouts.ask(booking=booking, **usual | terms)


def opened(booking: Booking, **terms: Any) -> Checkout:
    """Give a booking a way to pay that is open at Stripe."""
    checkout = asked(booking, **terms)
    settlement.open_now(checkout.pk)
    checkout.refresh_from_db()
    return checkout


def looked(checkout: Checkout) -> Checkout:
    """Look at a checkout now."""
    return settlement.look(checkout.pk, timezone.now())


def soon(rows: QuerySet | None = None) -> None:
    """Have what is owed due now."""
    (Checkout.objects.all() if rows is None else rows).update(next_try_at=timezone.now())


def work() -> int:
    """Let a worker do what is due now, as often as there is something."""
    soon(Checkout.objects.filter(status__in=[Checkout.Status.NEW, Checkout.Status.OPEN, Checkout.Status.VOID]))
    return settlement.work_due()


def standing(booking: Booking) -> tuple[str, str]:
    """Say how a booking and its payment stand."""
    booking = Booking.objects.select_related("payment").get(pk=booking.pk)
    return booking.state, booking.payment.status


def decisions(booking: Booking) -> list[tuple[str, str, Decimal]]:
    """List what was or has to be decided of a booking's money: cause, state, and how much there is."""
    rows = RefundDecision.objects.filter(payment__booking=booking).order_by("created_at")
    return list(rows.values_list("cause", "status", "paid"))
