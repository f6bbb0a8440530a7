"""Stripe's calls: sessions, payment intents, charges, refunds, disputes, events; each POST once per key."""

import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.http import HttpRequest, JsonResponse

from botaniqal.sandbox import contracts
from botaniqal.sandbox.contracts import Schema
from botaniqal.sandbox.door import query_of
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.stripe import afterwards, contract, payments
from botaniqal.sandbox.vendors import Refused

SHORTEST, LONGEST = 30 * 60, 24 * 60 * 60
Verb = Callable[..., JsonResponse]

_under_way: set[str] = set()
_lock = threading.Lock()


def once_per_key(verb: Verb) -> Verb:
    """Answer a repeated Idempotency-Key with what was answered first, and refuse the key for anything else."""

    @wraps(verb)
    def view(request: HttpRequest, **path: str) -> JsonResponse:
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > 255:
            raise Refused(400, "The Idempotency-Key is too long", code="idempotency_error")
        if not key:
            return verb(request, **path)
        with _lock:
            if key in _under_way:
                message = "There is currently another in-progress request using this Idempotent Key."
                raise Refused(409, message, code="idempotency_key_in_use")
            _under_way.add(key)
        try:
            return _kept_or_new(key, verb, request, path)
        finally:
            with _lock:
                _under_way.discard(key)

    return view


@once_per_key
def create_session(request: HttpRequest) -> JsonResponse:
    """Open a checkout session."""
    form, now = _form(request, contract.CREATE_SESSION), int(time.time())
    expires_at = int(form.get("expires_at", now + LONGEST))
    # A minute of grace, for the way here.
    if not now + SHORTEST - 60 <= expires_at <= now + LONGEST + 60:
        raise Refused(400, "It must be between 30 minutes and 24 hours from now", [("expires_at", "is out of range")])
    price = f"{contract.ITEM}[price_data]"
    amount = int(form[f"{price}[unit_amount]"]) * int(form[f"{contract.ITEM}[quantity]"])
    id = payments.new_id("cs_test")
    session = {
        "_payment_intent_data": {
            "metadata": _bracketed(form, "payment_intent_data[metadata]"),
            "description": form.get("payment_intent_data[description]"),
            "receipt_email": form.get("payment_intent_data[receipt_email]"),
        },
        "_intent_id": None,
        "_product": form[f"{price}[product_data][name]"],
        "id": id,
        "object": "checkout.session",
        "status": "open",
        "payment_status": "unpaid" if amount else "no_payment_required",
        "mode": "payment",
        "ui_mode": "hosted_page",
        "url": f"{settings.SANDBOX_URL}/pay/{id}" if settings.SANDBOX_URL else request.build_absolute_uri(f"/pay/{id}"),
        "amount_subtotal": amount,
        "amount_total": amount,
        "currency": form[f"{price}[currency]"],
        "client_reference_id": form.get("client_reference_id"),
        "customer": form.get("customer"),
        "customer_email": form.get("customer_email"),
        "customer_details": None,
        "payment_intent": None,
        "expires_at": expires_at,
        "created": now,
        "livemode": False,
        "metadata": _bracketed(form, "metadata"),
        "success_url": form["success_url"],
        "cancel_url": form.get("cancel_url"),
    }
    return _answer(payments.keep("session", session))


def list_sessions(request: HttpRequest) -> JsonResponse:
    """List sessions, newest first."""
    payments.expire_due()
    return _list(request, "session")


def show_session(request: HttpRequest, id: str) -> JsonResponse:
    """Show one session."""
    return _answer(payments.get("session", id))


@once_per_key
def expire_session(request: HttpRequest, id: str) -> JsonResponse:
    """Close an open session."""
    _form(request, contract.NOTHING)
    return _answer(payments.expire(id))


def show_payment_intent(request: HttpRequest, id: str) -> JsonResponse:
    """Show one payment."""
    return _answer(payments.get("payment_intent", id))


def list_charges(request: HttpRequest) -> JsonResponse:
    """List the money that came, newest first."""
    return _list(request, "charge")


def show_dispute(request: HttpRequest, id: str) -> JsonResponse:
    """Show one dispute."""
    return _answer(payments.get("dispute", id))


@once_per_key
def create_refund(request: HttpRequest) -> JsonResponse:
    """Give money back."""
    form = _form(request, contract.CREATE_REFUND)
    if "payment_intent" in form:
        intent = payments.get("payment_intent", form["payment_intent"])
    else:
        found = store.find("stripe_payment_intent", latest_charge=form.get("charge", "none"))
        if not found:
            raise Refused(404, "No such charge", [("charge", "is unknown")])
        intent = found[0]
    amount = int(form["amount"]) if "amount" in form else None
    made = afterwards.refund(intent, amount=amount, reason=form.get("reason"), metadata=_bracketed(form, "metadata"))
    return _answer(made)


def list_refunds(request: HttpRequest) -> JsonResponse:
    """List refunds, newest first."""
    return _list(request, "refund")


def show_refund(request: HttpRequest, id: str) -> JsonResponse:
    """Show one refund."""
    return _answer(payments.get("refund", id))


def show_event(request: HttpRequest, id: str) -> JsonResponse:
    """Show one event."""
    return _answer(payments.get("event", id))


def _kept_or_new(key: str, verb: Verb, request: HttpRequest, path: dict[str, str]) -> JsonResponse:
    asked = hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.body).hexdigest()
    kept = store.get("stripe_key", key)
    if kept and kept["asked"] != asked:
        message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
        raise Refused(400, message, code="idempotency_error")
    if kept:
        return JsonResponse(kept["answer"], status=kept["status"], headers={"Idempotent-Replayed": "true"})
    # What is refused before it is begun is not kept: the same key may be used for the corrected call.
    response = verb(request, **path)
    answer = {"id": key, "asked": asked, "status": response.status_code, "answer": json.loads(response.content)}
    store.put("stripe_key", key, answer)
    return response


def _form(request: HttpRequest, schema: Schema) -> dict[str, str]:
    """
    Read a form with bracketed names and hold it against the contract.

    :raises Refused: 400, naming each breach.
    """
    try:
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise Refused(400, "The body is not a form") from None
    # Stripe's libraries may leave the index of a list out.
    form = {re.sub(r"\[\]", "[0]", name): value for name, value in pairs}
    faults = list(contracts.faults(form, schema))
    if faults:
        raise Refused(400, "Invalid request", faults, code="parameter_invalid")
    return form


def _bracketed(form: dict[str, str], name: str) -> dict[str, str]:
    """Collect `name[key]=value` as a table."""
    start = f"{name}["
    return {key[len(start) : -1]: value for key, value in form.items() if key.startswith(start)}


def _list(request: HttpRequest, kind: str) -> JsonResponse:
    query: dict[str, Any] = query_of(request, contract.LIST)
    wanted = {name: query[name] for name in ("payment_intent", "status") if name in query}
    first, end = query.get("created[gte]", 0), query.get("created[lt]", math.inf)
    rows = [row for row in reversed(store.find(f"stripe_{kind}", **wanted)) if first <= row["created"] < end]
    if after := query.get("starting_after"):
        ids = [row["id"] for row in rows]
        if after not in ids:
            raise Refused(400, f"No such {kind}: '{after}'", [("starting_after", "is unknown")])
        rows = rows[ids.index(after) + 1 :]
    limit = query.get("limit", 10)
    data = [_public(row) for row in rows[:limit]]
    return JsonResponse({"object": "list", "url": request.path, "has_more": len(rows) > limit, "data": data})


def _answer(document: Document) -> JsonResponse:
    return JsonResponse(_public(document), headers={"Request-Id": payments.new_id("req")})


def _public(document: Document) -> Document:
    return {name: value for name, value in document.items() if not name.startswith("_")}
