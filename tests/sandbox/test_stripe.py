"""The stand-in Stripe, over HTTP."""

import hashlib
import hmac
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.sandbox_server import ENVIRONMENT

SESSION = {
    "mode": "payment",
    "success_url": "https://portal.example.com/paid?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://portal.example.com/left",
    "client_reference_id": "booking-1",
    "customer_email": "ava@example.com",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "aud",
    "line_items[0][price_data][unit_amount]": "11900",
    "line_items[0][price_data][product_data][name]": "Initial visit",
    "metadata[booking_id]": "booking-1",
    "payment_intent_data[metadata][booking_id]": "booking-2",
}


@pytest.fixture
def stripe(sandbox):
    def call(method, path, *, key="", secret=ENVIRONMENT["STRIPE_SECRET_KEY"], **arguments):
        headers = {"Authorization": f"Bearer {secret}"} | ({"Idempotency-Key": key} if key else {})
        return requests.request(method, f"{sandbox.stripe_url}/v1/{path}", headers=headers, timeout=10, **arguments)

    return call


@pytest.fixture
def session(stripe):
    return stripe("POST", "checkout/sessions", data=SESSION).json()


@pytest.fixture
def paid(stripe, session, browser):
    browser.press(session["url"], press="pay")
    return stripe("GET", f"checkout/sessions/{session['id']}").json()


class TestCreateSession:
    def test_opens_a_page_for_the_amount(self, session, browser):
        assert (session["status"], session["payment_status"], session["amount_total"]) == ("open", "unpaid", 11900)
        assert session["metadata"] == {"booking_id": "booking-1"}
        assert session["payment_intent"] is None
        assert "119.00 AUD" in browser.get(session["url"]).text

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("mode", "gift"),
            ("success_url", ""),
            ("customer_email", "ava"),
            ("line_items[0][quantity]", "0"),
            ("line_items[0][price_data][currency]", "AUD"),
            ("line_items[0][price_data][unit_amount]", "119.00"),
            ("colour", "green"),
            ("metadata[a[b]", "x"),
            ("metadata[x]", "y" * 501),
            ("expires_at", "1"),
        ],
    )
    def test_refuses_a_bad_form(self, stripe, sandbox, name, value):
        answer = stripe("POST", "checkout/sessions", data=SESSION | {name: value})

        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert sandbox.state("stripe")["sessions"] == []

    def test_refuses_a_body_that_is_no_form(self, stripe):
        assert stripe("POST", "checkout/sessions", data=b"\xff\xfe").status_code == 400
        assert stripe("POST", "checkout/sessions", json=SESSION).status_code == 400

    def test_asks_for_the_key(self, stripe):
        answer = stripe("POST", "checkout/sessions", data=SESSION, secret="sk_test_wrong")

        assert answer.status_code == 401


class TestIdempotency:
    def test_answers_a_repeated_key_with_the_first_answer(self, stripe, sandbox):
        first, second = (stripe("POST", "checkout/sessions", data=SESSION, key="k1") for _ in range(2))

        assert first.json() == second.json()
        assert second.headers["Idempotent-Replayed"] == "true"
        assert len(sandbox.state("stripe")["sessions"]) == 1

    def test_refuses_a_key_for_something_else(self, stripe):
        stripe("POST", "checkout/sessions", data=SESSION, key="k1")

        other = stripe("POST", "checkout/sessions", data=SESSION | {"client_reference_id": "booking-9"}, key="k1")

        assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")

    def test_lets_a_corrected_call_have_the_key_of_a_refused_one(self, stripe):
        stripe("POST", "checkout/sessions", data=SESSION | {"mode": "gift"}, key="k1")

        assert stripe("POST", "checkout/sessions", data=SESSION, key="k1").ok

    def test_finds_what_was_done_although_the_answer_was_lost(self, stripe, sandbox):
        sandbox.faults("stripe", "error_after", calls=1)
        lost = stripe("POST", "checkout/sessions", data=SESSION, key="k1")

        again = stripe("POST", "checkout/sessions", data=SESSION, key="k1")

        assert (lost.status_code, again.status_code) == (500, 200)
        assert len(sandbox.state("stripe")["sessions"]) == 1

    def test_does_it_once_for_many_who_come_at_once(self, stripe, sandbox):
        with ThreadPoolExecutor(10) as people:
            call = lambda _: stripe("POST", "checkout/sessions", data=SESSION, key="k1").status_code  # noqa: E731
            statuses = set(people.map(call, range(10)))

        assert statuses <= {200, 409}
        assert len(sandbox.state("stripe")["sessions"]) == 1


class TestCheckout:
    def test_is_paid_and_told_of(self, paid, stripe, portal, browser):
        intent = stripe("GET", f"payment_intents/{paid['payment_intent']}").json()

        assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
        assert (intent["status"], intent["amount_received"]) == ("succeeded", 11900)
        assert intent["metadata"] == {"booking_id": "booking-2"}

    def test_tells_signed(self, session, browser, portal, stripe):
        browser.press(session["url"], press="pay")

        told = {delivery["body"]["type"]: delivery for delivery in portal.wait_for(2)}
        delivery = told["checkout.session.completed"]
        stamp, digest = (part.split("=")[1] for part in delivery["headers"]["Stripe-Signature"].split(","))
        key = ENVIRONMENT["STRIPE_WEBHOOK_SECRET"].encode()
        assert delivery["path"] == "/webhooks/stripe"
        assert digest == hmac.new(key, f"{stamp}.".encode() + delivery["raw"], hashlib.sha256).hexdigest()
        assert delivery["body"]["data"]["object"]["payment_status"] == "paid"
        assert stripe("GET", f"events/{delivery['body']['id']}").json() == delivery["body"]

    def test_leads_back_with_the_session(self, session, browser):
        page = browser.press(session["url"], press="pay")

        assert f"https://portal.example.com/paid?session={session['id']}" in page.text

    def test_stays_open_when_the_card_is_declined(self, session, browser, portal, stripe):
        browser.press(session["url"], press="decline")

        intent = portal.wait_for(1)[0]["body"]
        after = stripe("GET", f"checkout/sessions/{session['id']}").json()
        paid = browser.press(session["url"], press="pay")
        assert intent["type"] == "payment_intent.payment_failed"
        assert after["status"] == "open"
        assert paid.ok

    def test_takes_one_payment(self, paid, session, browser, sandbox):
        again = browser.press(session["url"], press="pay")

        assert again.status_code == 409
        assert len(sandbox.state("stripe")["payment_intents"]) == 1

    def test_is_closed_by_the_portal(self, session, stripe, browser):
        closed = stripe("POST", f"checkout/sessions/{session['id']}/expire")
        again = stripe("POST", f"checkout/sessions/{session['id']}/expire")

        assert (closed.json()["status"], again.status_code) == ("expired", 400)
        assert browser.press(session["url"], press="pay").status_code == 409

    def test_knows_no_other_press(self, session, browser):
        assert browser.press(session["url"], press="steal").status_code == 404
        assert browser.get("pay/unknown").status_code == 404


class TestRefund:
    def test_gives_back_in_parts_but_not_more(self, paid, stripe, portal):
        def refund(**fields):
            return stripe("POST", "refunds", data={"payment_intent": paid["payment_intent"], **fields})

        part, rest, more = refund(amount="1900", reason="requested_by_customer"), refund(), refund()

        assert [part.json()["amount"], rest.json()["amount"]] == [1900, 10000]
        assert (more.status_code, more.json()["error"]["code"]) == (400, "charge_already_refunded")
        assert stripe("GET", f"refunds/{part.json()['id']}").json() == part.json()
        listed = stripe("GET", "refunds", params={"payment_intent": paid["payment_intent"]}).json()["data"]
        assert [row["amount"] for row in listed] == [10000, 1900]

    @pytest.mark.parametrize("fields", [{"amount": "0"}, {"amount": "11901"}, {"reason": "whim"}])
    def test_refuses_what_is_not_possible(self, paid, stripe, fields):
        answer = stripe("POST", "refunds", data={"payment_intent": paid["payment_intent"], **fields})

        assert answer.status_code == 400

    @pytest.mark.parametrize("fields", [{"payment_intent": "pi_unknown"}, {"charge": "ch_unknown"}, {}])
    def test_does_not_know_other_payments(self, stripe, fields):
        assert stripe("POST", "refunds", data=fields).status_code == 404

    def test_fails_afterwards_where_the_dial_says_so(self, paid, stripe, portal, sandbox):
        sandbox.faults("stripe", "refund_fails", calls=1)

        made = stripe("POST", "refunds", data={"payment_intent": paid["payment_intent"]}).json()

        failed = stripe("GET", f"refunds/{made['id']}").json()
        assert (made["status"], failed["status"]) == ("pending", "failed")
        assert failed["failure_reason"] == "expired_or_canceled_card"
        assert sandbox.state("stripe")["charges"][0]["amount_refunded"] == 0
        assert stripe("POST", "refunds", data={"payment_intent": paid["payment_intent"]}).json()["status"] == (
            "succeeded"
        )

    def test_is_made_at_stripe_itself(self, paid, browser, portal, sandbox):
        browser.press(f"payments/{paid['id']}/refund")

        assert sandbox.state("stripe")["refunds"][0]["amount"] == 11900
        assert browser.press(f"payments/{paid['id']}/refund").status_code == 404


class TestExpiry:
    def test_has_to_lie_half_an_hour_ahead_at_least(self, stripe):
        soon = SESSION | {"expires_at": str(int(time.time()) + 60)}

        assert stripe("POST", "checkout/sessions", data=soon).status_code == 400


class TestDebit:
    @pytest.fixture
    def agreed(self, session, browser, stripe):
        browser.press(session["url"], press="debit")
        return stripe("GET", f"checkout/sessions/{session['id']}").json()

    def intent(self, stripe, agreed):
        return stripe("GET", f"payment_intents/{agreed['payment_intent']}").json()["status"]

    def test_is_complete_at_once_and_not_paid(self, agreed, stripe, portal):
        assert (agreed["status"], agreed["payment_status"]) == ("complete", "unpaid")
        assert self.intent(stripe, agreed) == "processing"

    def test_brings_the_money_later(self, agreed, stripe, browser, sandbox):
        browser.press(f"payments/{agreed['id']}/arrive")

        after = stripe("GET", f"checkout/sessions/{agreed['id']}").json()
        kinds = [event["type"] for event in sandbox.state("stripe")["events"]]
        assert (after["payment_status"], self.intent(stripe, agreed)) == ("paid", "succeeded")
        assert kinds[-1] == "checkout.session.async_payment_succeeded"
        assert browser.press(f"payments/{agreed['id']}/bounce").status_code == 404

    def test_may_be_refused_by_the_bank(self, agreed, stripe, browser, sandbox):
        browser.press(f"payments/{agreed['id']}/bounce")

        after = stripe("GET", f"checkout/sessions/{agreed['id']}").json()
        assert (after["status"], after["payment_status"]) == ("complete", "unpaid")
        assert self.intent(stripe, agreed) == "requires_payment_method"
        assert sandbox.state("stripe")["charges"] == []


class TestDispute:
    @pytest.mark.parametrize("outcome", ["won", "lost"])
    def test_is_opened_by_the_bank_and_decided(self, paid, stripe, browser, sandbox, outcome):
        browser.press(f"payments/{paid['id']}/dispute")
        opened = sandbox.state("stripe")["disputes"][0]
        browser.press(f"payments/{paid['id']}/{outcome}")

        closed = stripe("GET", f"disputes/{opened['id']}").json()
        kinds = [event["type"] for event in sandbox.state("stripe")["events"]][-2:]
        assert (opened["status"], opened["amount"], closed["status"]) == ("needs_response", 11900, outcome)
        assert kinds == ["charge.dispute.created", "charge.dispute.closed"]
        assert browser.press(f"payments/{paid['id']}/dispute").status_code == 404


class TestLists:
    def test_are_cut_by_when_it_was_and_go_on_after_a_row(self, stripe, browser):
        for _ in range(3):
            browser.press(stripe("POST", "checkout/sessions", data=SESSION).json()["url"], press="pay")
        now = int(time.time())

        def listed(**query):
            answer = stripe("GET", "charges", params=query).json()
            return [row["id"] for row in answer["data"]], answer["has_more"]

        whole, _ = listed()
        first, is_more = listed(limit=2)
        rest, is_more_then = listed(limit=2, starting_after=first[-1])
        assert (first + rest, is_more, is_more_then) == (whole, True, False)
        assert listed(**{"created[gte]": now - 60, "created[lt]": now + 60})[0] == whole
        assert listed(**{"created[gte]": now + 60})[0] == []
        assert stripe("GET", "charges", params={"starting_after": "ch_unknown"}).status_code == 400


class TestPage:
    def test_adds_up_what_came_and_went(self, paid, stripe, browser):
        stripe("POST", "refunds", data={"payment_intent": paid["payment_intent"], "amount": "1900"})
        browser.press(f"payments/{paid['id']}/dispute")

        page = browser.get("payments").text
        assert [words in page for words in ("119.00 AUD", "19.00 AUD", "100.00 AUD", "Disputed")] == [True] * 4

    def test_knows_no_other_verb(self, paid, browser):
        assert browser.press(f"payments/{paid['id']}/steal").status_code == 404
        assert browser.press("payments/cs_unknown/refund").status_code == 404


class TestBehindThePortalsBack:
    def test_lets_somebody_have_paid_before_without_telling_anybody(self, sandbox, stripe, session):
        before = len(sandbox.state("stripe")["deliveries"])

        sandbox.control("POST", "stripe/payments", json={"session": session["id"], "at": 1_700_000_000})

        after = stripe("GET", f"checkout/sessions/{session['id']}").json()
        [charge] = sandbox.state("stripe")["charges"]
        assert (after["payment_status"], charge["payment_intent"]) == ("paid", after["payment_intent"])
        assert charge["created"] == 1_700_000_000
        assert len(sandbox.state("stripe")["deliveries"]) == before

    def test_lets_a_bank_ask_money_back(self, sandbox, stripe, paid):
        answer = sandbox.control("POST", "stripe/disputes", json={"payment_intent": paid["payment_intent"]})

        [opened] = sandbox.state("stripe")["disputes"]
        assert opened["payment_intent"] == paid["payment_intent"]
        assert answer == {"id": opened["id"]}
