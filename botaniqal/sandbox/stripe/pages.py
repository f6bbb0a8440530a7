"""Stripe's checkout page, where somebody pays, fails or leaves; and all payments for whoever rehearses."""

from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.stripe import payments
from botaniqal.sandbox.vendors import Refused

ROWS = 100
PRESSES = {"pay": payments.pay, "decline": payments.decline, "expire": payments.expire}


@require_GET
def list_payments(request: HttpRequest) -> HttpResponse:
    """List the checkout sessions with what became of each, newest first."""
    payments.expire_due()
    context = {"sessions": [_shown(row) for row in store.latest("stripe_session", ROWS)]}
    return render(request, "sandbox/payments.html", context)


@require_http_methods(["GET", "POST"])
def checkout(request: HttpRequest, id: str) -> HttpResponse:
    """Show the page on which a patient pays, and take their press."""
    problem = ""
    if request.method == "POST":
        press = PRESSES.get(request.POST.get("press", ""))
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
def give_back(request: HttpRequest, id: str) -> HttpResponse:
    """Refund a session's payment from Stripe's side, as somebody with a log-in there might."""
    intent = store.get("stripe_payment_intent", _found(id)["payment_intent"] or "")
    if intent is None or payments.refunded(intent["id"]) == intent["amount_received"]:
        raise Http404
    payments.refund(intent, amount=None, reason="requested_by_customer", metadata={})
    return redirect(f"{reverse('payments')}?did=refunded")


def _found(id: str) -> Document:
    payments.expire_due()
    session = store.get("stripe_session", id)
    if session is None:
        raise Http404
    return session


def _shown(session: Document) -> dict[str, Any]:
    intent = store.get("stripe_payment_intent", session["_intent_id"] or "")
    back = payments.refunded(intent["id"]) if intent else 0
    paid = session["payment_status"] == "paid"
    return session | {
        "product": session["_product"],
        "price": _money(session["amount_total"], session["currency"]),
        "refunded": _money(back, session["currency"]) if back else "",
        "can_refund": paid and back < session["amount_total"],
        "declined": bool(intent and intent["last_payment_error"]),
        "state": "paid" if paid else session["status"],
        "made_at": datetime.fromtimestamp(session["created"], UTC),
        "ends_at": datetime.fromtimestamp(session["expires_at"], UTC),
        "after": session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]),
    }


def _money(cents: int, currency: str) -> str:
    return f"{cents / 100:,.2f} {currency.upper()}"
