import json
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import stripe as library
from pytest_django import Settings

from botaniqal import logs
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.stripe_client import (
    MalformedEvent,
    SignatureRefused,
    Stripe,
    cents,
    client,
    dollars,
    read_event,
)
from tests.integrations.conftest import Vendor

SECRET = "whsec_of_this_test"
NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "status": "open",
    "payment_status": "unpaid",
    "amount_total": 11_900,
    "currency": "aud",
    "client_reference_id": "checkout-1",
    "payment_intent": None,
    "url": "https://checkout.example.com/cs_1",
    "expires_at": int(NOW.timestamp()),
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "status": "succeeded",
    "amount": 5_950,
    "currency": "aud",
    "payment_intent": "pi_1",
    "failure_reason": None,
    "metadata": {"decision": "d-1"},
    "created": int(NOW.timestamp()),
}
TERMS = {
    "key": "k1",
    "reference": "checkout-1",
    "booking": "booking-1",
    "name": "Appointment BOT-2026-0001",
    "amount": 11_900,
    "email": "leo@example.com",
    "expires_at": NOW,
    "return_url": "https://portal.example.com/visit/abc",
}


@pytest.fixture
def stripe(vendor: Vendor) -> Stripe:
    return Stripe(base_url=vendor.url, key="sk_test_1", timeout=0.5)


class TestMoney:
    @pytest.mark.parametrize(("amount", "counted"), [("119.00", 11_900), ("0.07", 7), ("119", 11_900)])
    def test_is_counted_in_whole_cents(self, amount: str, counted: int) -> None:
        assert (cents(Decimal(amount)), dollars(counted)) == (counted, Decimal(amount))


class TestClient:
    def test_goes_where_the_settings_say(self, vendor: Vendor, settings: Settings) -> None:
        settings.STRIPE_BASE_URL, settings.STRIPE_SECRET_KEY = vendor.url, "sk_test_2"
        vendor.answers_with(SESSION)

        client().session("cs_1")

        assert vendor.seen[0].path == "/v1/checkout/sessions/cs_1"
        assert vendor.seen[0].headers["Authorization"] == "Bearer sk_test_2"

    def test_tells_stripe_the_requests_id(self, vendor: Vendor, stripe: Stripe) -> None:
        vendor.answers_with(SESSION)

        with logs.under("from-the-website-1"):
            stripe.open_session(**TERMS)

        assert vendor.seen[0].headers["X-Request-ID"] == "from-the-website-1"


class TestOpenSession:
    def test_asks_for_the_amount_under_its_key_with_our_ids_on_both(self, vendor: Vendor, stripe: Stripe) -> None:
        vendor.answers_with(SESSION)

        session = stripe.open_session(**TERMS)

        [seen] = vendor.seen
        assert seen.headers["Idempotency-Key"] == "k1"
        assert seen.json == {
            "mode": "payment",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "aud",
            "line_items[0][price_data][unit_amount]": "11900",
            "line_items[0][price_data][product_data][name]": "Appointment BOT-2026-0001",
            "client_reference_id": "checkout-1",
            "metadata[checkout]": "checkout-1",
            "metadata[booking]": "booking-1",
            "payment_intent_data[metadata][checkout]": "checkout-1",
            "payment_intent_data[metadata][booking]": "booking-1",
            "payment_intent_data[description]": "Appointment BOT-2026-0001",
            "expires_at": str(int(NOW.timestamp())),
            "success_url": TERMS["return_url"],
            "cancel_url": TERMS["return_url"],
            "customer_email": "leo@example.com",
        }
        assert (session.url, session.is_open, session.is_paid) == (SESSION["url"], True, False)
        assert session.expires_at == NOW

    def test_asks_again_by_itself_under_the_same_key(self, vendor: Vendor, stripe: Stripe) -> None:
        in_use = {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}
        vendor.answers_with(in_use, status=409)
        vendor.answers_with(SESSION)

        stripe.open_session(**TERMS)

        assert [seen.headers["Idempotency-Key"] for seen in vendor.seen] == ["k1", "k1"]


class TestRefusals:
    def refused(self, stripe: Stripe) -> Exception:
        with pytest.raises((VendorUnavailable, VendorRefused)) as caught:
            stripe.open_session(**TERMS)
        return caught.value

    @pytest.mark.parametrize("status", [500, 503, 409])
    def test_are_tried_later(self, vendor: Vendor, stripe: Stripe, status: int) -> None:
        for _ in range(2):
            vendor.answers_with({"error": {"type": "api_error", "message": "leo@example.com"}}, status=status)

        error = self.refused(stripe)

        assert isinstance(error, VendorUnavailable)
        assert (str(error), error.is_ambiguous) == (f"Stripe POST /v1/checkout/sessions: {status}", True)

    def test_wait_as_long_as_stripe_asks(self, vendor: Vendor, stripe: Stripe) -> None:
        error = {"error": {"type": "invalid_request_error", "code": "rate_limit"}}
        vendor.answers_with(error, status=429, headers={"Retry-After": "7"})

        error = self.refused(stripe)

        assert (error.retry_after, error.is_ambiguous) == (7, False)

    @pytest.mark.parametrize("way", ["hangs", "hangs_up"])
    def test_tell_of_no_answer(self, vendor: Vendor, stripe: Stripe, way: str) -> None:
        for _ in range(2):
            getattr(vendor, way)()

        error = self.refused(stripe)

        assert isinstance(error, VendorUnavailable)
        assert str(error) == "Stripe POST /v1/checkout/sessions: no answer"
        assert error.__context__ is None or error.__suppress_context__

    @pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"id": "cs_1"}', b"null"])
    def test_tell_of_an_answer_that_is_none(self, vendor: Vendor, stripe: Stripe, raw: bytes) -> None:
        vendor.answers_with(raw=raw)

        assert isinstance(self.refused(stripe), VendorUnavailable)

    def test_name_stripes_own_words_and_nobody(self, vendor: Vendor, stripe: Stripe) -> None:
        error = {"type": "invalid_request_error", "code": "email_invalid", "param": "customer_email"}
        vendor.answers_with({"error": {**error, "message": "leo@example.com is none"}}, status=400)

        refusal = self.refused(stripe)

        assert isinstance(refusal, VendorRefused)
        assert str(refusal) == "Stripe POST /v1/checkout/sessions: 400 (email_invalid, customer_email)"
        assert "leo" not in repr(refusal)

    def test_are_logged_without_what_was_sent(
        self, vendor: Vendor, stripe: Stripe, caplog: pytest.LogCaptureFixture
    ) -> None:
        vendor.answers_with({"error": {"type": "invalid_request_error", "message": "leo@example.com"}}, status=400)

        with caplog.at_level(logging.INFO):
            self.refused(stripe)

        assert "leo" not in caplog.text


class TestLists:
    def test_are_read_to_their_end(self, vendor: Vendor, stripe: Stripe) -> None:
        for has_more, id in ((True, "re_1"), (False, "re_2")):
            rows = [REFUND | {"id": id}]
            vendor.answers_with({"object": "list", "url": "/v1/refunds", "has_more": has_more, "data": rows})

        found = stripe.refunds(since=NOW, until=NOW + timedelta(days=1))

        assert [refund.id for refund in found] == ["re_1", "re_2"]
        assert vendor.seen[0].query["created[gte]"] == str(int(NOW.timestamp()))
        assert vendor.seen[1].query["starting_after"] == "re_1"

    def test_leave_out_charges_that_brought_no_money(self, vendor: Vendor, stripe: Stripe) -> None:
        charge = {"object": "charge", "amount": 11_900, "currency": "aud", "payment_intent": "pi_1"}
        charge |= {"created": int(NOW.timestamp())}
        rows = [
            charge | {"id": "ch_1", "status": "succeeded", "paid": True},
            charge | {"id": "ch_2", "status": "failed", "paid": False},
        ]
        vendor.answers_with({"object": "list", "url": "/v1/charges", "has_more": False, "data": rows})

        assert [row.id for row in stripe.charges(since=NOW, until=NOW)] == ["ch_1"]


class TestRefund:
    def test_knows_whose_decision_it_is(self, vendor: Vendor, stripe: Stripe) -> None:
        rows = [REFUND, REFUND | {"metadata": {}, "status": "failed", "failure_reason": "expired_or_canceled_card"}]
        vendor.answers_with({"object": "list", "url": "/v1/refunds", "has_more": False, "data": rows})

        ours, theirs = stripe.refunds_of("pi_1")

        assert (ours.reference, ours.has_failed) == ("d-1", False)
        assert (theirs.reference, theirs.has_failed, theirs.failure_reason) == ("", True, "expired_or_canceled_card")


def signed(body: str, secret: str = SECRET, at: datetime | None = None) -> str:
    stamp = int((at or datetime.now(UTC)).timestamp())
    return library.WebhookSignature.generate_signature_header(body, secret, stamp)


class TestReadEvent:
    BODY = json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": "checkout.session.completed",
            "data": {"object": {**SESSION, "customer_details": {"name": "Leo Martin"}}},
        }
    )

    def read(self, body: str = BODY, **change: object) -> object:
        terms = {"raw_body": body.encode(), "signature": signed(body), "secret": SECRET, "tolerance": 180}
        return read_event(**terms | change)

    def test_keeps_what_it_is_about_and_nobodys_name(self) -> None:
        event = self.read()

        assert (event.id, event.kind) == ("evt_1", "checkout.session.completed")
        assert event.about == {"id": "cs_1", "object": "checkout.session", "client_reference_id": "checkout-1"}

    @pytest.mark.parametrize(
        "change",
        [
            {"signature": ""},
            {"signature": "t=1,v1=00"},
            {"signature": "nonsense"},
            {"signature": signed(BODY, "whsec_of_another")},
            {"signature": signed(BODY, at=datetime.now(UTC) - timedelta(minutes=4))},
            {"secret": ""},
            {"raw_body": BODY.encode() + b" "},
            {"raw_body": b"\xff\xfe"},
        ],
        ids=["none", "false", "nonsense", "of_another", "old", "no_secret", "changed", "no_text"],
    )
    def test_refuses_what_stripe_did_not_sign(self, change: dict[str, object]) -> None:
        with pytest.raises(SignatureRefused):
            self.read(**change)

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "[]",
            "null",
            "{}",
            '{"id": "evt_1", "type": "x"}',
            '{"id": "evt_1", "type": "x", "data": {"object": 1}}',
            '{"id": "' + "x" * 300 + '", "type": "x", "data": {"object": {}}}',
            '{"id": "evt_1", "type": "' + "x" * 60 + '", "data": {"object": {}}}',
            "[" * 5_000,
        ],
    )
    def test_refuses_what_is_no_event(self, body: str) -> None:
        with pytest.raises(MalformedEvent):
            self.read(body)
