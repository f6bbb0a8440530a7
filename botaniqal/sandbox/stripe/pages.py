"""Stripe's checkout page, where somebody pays, fails or leaves; and all payments for whoever rehearses."""

from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.stripe import afterwards, payments
from botaniqal.sandbox.vendors import Refused

ROWS = 100
VERBS = {
    "arrive": lambda session, intent: payments.arrive(session["id"]),
    "bounce": lambda session, intent: payments.bounce(session["id"]),
    "refund": lambda session, intent: _refund(intent),
    "fail": lambda session, intent: afterwards.fail_refund(intent),
    "dispute": lambda session, intent: afterwards.dispute(intent),
    "won": lambda session, intent: afterwards.close_dispute(intent, "won"),
    "lost": lambda session, intent: afterwards.close_dispute(intent, "lost"),
}
"""What Stripe's people, the patient or the patient's bank may do with a payment afterwards."""


@require_GET
def list_payments(request: HttpRequest) -> HttpResponse:
    """List the checkout sessions with what became of each, newest first."""
    payments.expire_due()
    context = {"sessions": [_shown(row) for row in store.latest("stripe_session", ROWS)], "sums": _sums()}
    return render(request, "sandbox/payments.html", context)


@require_http_methods(["GET", "POST"])
def checkout(request: HttpRequest, id: str) -> HttpResponse:
    """Show the page on which a patient pays, and take their press."""
    problem = ""
    if request.method == "POST":
        press = payments.PRESSES.get(request.POST.get("press", ""))
        if press is None:
            raise Http404
        try:
            press(_found(id)["id"])
        except Refused as refused:
            problem = refused.message
        else:
            return redirect(f"{reverse('checkout', args=[id])}?did={request.POST['press']}")
    context = {"session": _shown(_found(id)), "problem": problem}
    return render(request, "sandbox/checkout.html", context, status=409 if problem else 200)


@require_POST
def do(request: HttpRequest, id: str, verb: str) -> HttpResponse:
    """Do with a session's payment what may happen to it from outside the portal."""
    session = _found(id)
    intent = store.get("stripe_payment_intent", session["payment_intent"] or "")
    if intent is None or verb not in VERBS:
        raise Http404
    try:
        VERBS[verb](session, intent)
    except Refused as refused:
        raise Http404(refused.message) from None
    return redirect(f"{reverse('payments')}?did={verb}")


def _refund(intent: Document) -> None:
    afterwards.refund(intent, amount=None, reason="requested_by_customer", metadata={})


def _found(id: str) -> Document:
    payments.expire_due()
    session = store.get("stripe_session", id)
    if session is None:
        raise Http404
    return session


def _shown(session: Document) -> dict[str, Any]:
    intent = store.get("stripe_payment_intent", session["_intent_id"] or "")
    back = afterwards.refunded(intent["id"]) if intent else 0
    disputes = store.find("stripe_dispute", payment_intent=intent["id"]) if intent else []
    refunds = store.find("stripe_refund", payment_intent=intent["id"]) if intent else []
    return session | {
        "product": session["_product"],
        "price": _money(session["amount_total"], session["currency"]),
        "refunded": _money(back, session["currency"]) if back else "",
        "has_failed_refund": any(refund["status"] == "failed" for refund in refunds),
        "declined": bool(intent and intent["last_payment_error"]),
        "state": _state(session, intent),
        "dispute": disputes[0]["status"] if disputes else "",
        "verbs": _verbs(session, intent, back, disputes),
        "made_at": datetime.fromtimestamp(session["created"], UTC),
        "ends_at": datetime.fromtimestamp(session["expires_at"], UTC),
        "after": session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]),
    }


def _state(session: Document, intent: Document | None) -> str:
    if session["payment_status"] == "paid":
        return "paid"
    if session["status"] != "complete":
        return session["status"]
    return "processing" if intent and intent["status"] == "processing" else "bounced"


def _verbs(session: Document, intent: Document | None, back: int, disputes: list[Document]) -> list[tuple[str, str]]:
    """List what may happen to a payment now, with its words."""
    state = _state(session, intent)
    if state == "processing":
        return [("arrive", "The money comes"), ("bounce", "The bank refuses")]
    if state != "paid":
        return []
    verbs = [("refund", "Give it back")] if back < session["amount_total"] else []
    if back:
        verbs.append(("fail", "The refund comes back"))
    if not disputes:
        return [*verbs, ("dispute", "The bank disputes it")]
    is_open = disputes[0]["status"] == "needs_response"
    return [*verbs, ("won", "The clinic wins"), ("lost", "The clinic loses")] if is_open else verbs


def _sums() -> list[dict[str, str]]:
    """Add up what came, what went back, and what a bank asks back."""
    came = sum(row["amount"] for row in store.scan("stripe_charge"))
    back = sum(row["amount"] for row in store.scan("stripe_refund") if row["status"] in ("pending", "succeeded"))
    asked = sum(row["amount"] for row in store.scan("stripe_dispute", status="needs_response"))
    rows = (("Taken", came), ("Given back", back), ("Left", came - back), ("Disputed", asked))
    return [{"label": label, "amount": _money(amount, "aud")} for label, amount in rows]


def _money(cents: int, currency: str) -> str:
    return f"{cents / 100:,.2f} {currency.upper()}"
