from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import stripe as library
from stripe.params import ChargeListParams

from botaniqal.integrations.http import VendorRefused
from botaniqal.integrations.stripe_client import Stripe
from tests.contracts.conftest import breaches, prism, untested

NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
TERMS = {
    "key": "checkout:0b8f0000:1",
    "reference": "0b8f0000-0000-4000-8000-000000000001",
    "booking": "0b8f0000-0000-4000-8000-000000000002",
    "name": "Appointment BOT-2026-0001",
    "amount": 11_900,
    "email": "pat@example.com",
    "expires_at": NOW,
    "return_url": "https://portal.example.com/visit/abc",
}
SPAN = {"since": NOW, "until": NOW + timedelta(days=1)}

OPERATIONS: dict[str, Callable[[Stripe], Any]] = {
    "open_session": lambda stripe: stripe.open_session(**TERMS),
    "open_session_without_email": lambda stripe: stripe.open_session(**TERMS | {"email": ""}),
    "session": lambda stripe: stripe.session("cs_test_a1MOCK"),
    "close_session": lambda stripe: stripe.close_session("cs_test_a1MOCK"),
    "intent": lambda stripe: stripe.intent("pi_3MOCK"),
    "give_back": lambda stripe: stripe.give_back(
        key="refund:1", reference="1", payment_intent="pi_3MOCK", amount=5_950
    ),
    "refunds_of": lambda stripe: stripe.refunds_of("pi_3MOCK"),
    "refunds": lambda stripe: stripe.refunds(**SPAN),
}
# The contract at hand leaves these out: they are held to the types in Stripe's own library instead.
BY_THE_LIBRARY = {"charges", "dispute"}


@pytest.fixture(scope="session")
def stripe_url():
    with prism("stripe") as url:
        yield url


def stripe_at(url: str) -> Stripe:
    return Stripe(base_url=url, key="sk_test_mock", timeout=10)


class TestRequests:
    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    def test_keep_to_the_contract(
        self, stripe_url: str, answers: list[requests.Response], operation: Callable[[Stripe], Any]
    ) -> None:
        operation(stripe_at(stripe_url))

        assert answers
        assert breaches(answers) == []

    def test_are_all_here(self) -> None:
        assert untested(Stripe, OPERATIONS.values()) == BY_THE_LIBRARY

    def test_are_held_to_the_contract_at_all(self, stripe_url: str) -> None:
        with pytest.raises(VendorRefused) as caught:
            stripe_at(stripe_url).open_session(**TERMS | {"reference": "x" * 201})

        assert caught.value.status == 422

    def test_carry_the_version_of_the_library_and_the_key(
        self, stripe_url: str, answers: list[requests.Response]
    ) -> None:
        stripe_at(stripe_url).open_session(**TERMS)

        headers = answers[0].request.headers
        assert headers["Idempotency-Key"] == TERMS["key"]
        assert headers["Stripe-Version"] == "2026-10-28.endive"


class TestTypesOfTheLibrary:
    def test_know_what_is_asked_of_charges(self) -> None:
        assert {"created", "limit", "starting_after"} <= set(ChargeListParams.__annotations__)

    @pytest.mark.parametrize(
        ("kind", "fields"),
        [
            (library.Charge, {"id", "amount", "currency", "payment_intent", "status", "paid", "created"}),
            (
                library.Dispute,
                {"id", "status", "reason", "amount", "currency", "payment_intent", "created", "evidence_details"},
            ),
            (library.Dispute.EvidenceDetails, {"due_by"}),
        ],
    )
    def test_know_what_is_read(self, kind: type, fields: set[str]) -> None:
        assert fields <= set(kind.__annotations__)
