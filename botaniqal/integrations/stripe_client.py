"""
Stripe's API through its own library: https://docs.stripe.com/api (version 2026-10-28.endive).

Money is whole cents in Australian dollars. A patient's e-mail address goes to Stripe, for the receipt; nothing about
anybody's health does. The card is typed there and never here.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import stripe
from django.conf import settings

from botaniqal import logs
from botaniqal.integrations.http import MACHINE_WORD, VendorRefused, VendorUnavailable, counted, retry_after

CURRENCY = "aud"
SESSIONS = "/v1/checkout/sessions"
SESSION = "/v1/checkout/sessions/{id}"
EXPIRE = "/v1/checkout/sessions/{id}/expire"
INTENT = "/v1/payment_intents/{id}"
REFUNDS = "/v1/refunds"
CHARGES = "/v1/charges"
DISPUTE = "/v1/disputes/{id}"

# A session is open for half an hour at least and for a day at most, by Stripe's clock.
SHORTEST = timedelta(minutes=30)
LONGEST = timedelta(hours=24)
# The library asks once more by itself, under the same key: after no answer, a 5xx, or while the same key is at work.
RETRIES = 1
PAGE_SIZE = 100
# So many rows a day are no clinic's.
LONGEST_LIST = 10_000

# It writes addresses down, and what was sent.
logging.getLogger("stripe").setLevel(logging.ERROR)
log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Session:
    """A way to pay at Stripe; `url` is there while it is open. Paid and complete are two things: a debit takes days."""

    id: str
    status: str
    payment_status: str
    amount: int
    currency: str
    reference: str
    payment_intent: str | None
    url: str | None
    expires_at: datetime

    @property
    def is_open(self) -> bool:
        """True while somebody can pay."""
        return self.status == "open"

    @property
    def is_paid(self) -> bool:
        """True when the money has come."""
        return self.payment_status == "paid"


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What became of an attempt to pay; `reference` is the checkout's, as far as it is one of ours."""

    id: str
    status: str
    reference: str

    @property
    def is_over(self) -> bool:
        """True when no money will come of it, as after a debit that the bank refused."""
        return self.status in ("canceled", "requires_payment_method")


@dataclass(frozen=True, kw_only=True)
class Refund:
    """Money that goes back; `reference` is our decision's, empty for one that was made at Stripe."""

    id: str
    status: str
    amount: int
    currency: str
    payment_intent: str | None
    failure_reason: str
    reference: str
    created_at: datetime

    @property
    def has_failed(self) -> bool:
        """True when the money stays."""
        return self.status in ("failed", "canceled")


@dataclass(frozen=True, kw_only=True)
class Charge:
    """Money that came."""

    id: str
    amount: int
    currency: str
    payment_intent: str | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class StripeDispute:
    """A bank that asks for a payment back."""

    id: str
    status: str
    reason: str
    amount: int
    currency: str
    payment_intent: str | None
    created_at: datetime
    answer_by: datetime | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a delivery is about; the thing itself is read again before anything is done."""

    id: str
    kind: str
    about: dict[str, str]


class SignatureRefused(Exception):
    """A delivery in Stripe's name that Stripe did not sign, or too long ago."""


class MalformedEvent(Exception):
    """A signed delivery that is no event."""


def cents(amount: Decimal) -> int:
    """Write dollars as Stripe counts them."""
    return int(amount * 100)


def dollars(amount: int) -> Decimal:
    """Write Stripe's cents as dollars."""
    return Decimal(amount).scaleb(-2)


def client() -> "Stripe":
    """Make the client that the settings describe."""
    return Stripe(
        base_url=settings.STRIPE_BASE_URL, key=settings.STRIPE_SECRET_KEY, timeout=settings.VENDOR_TIMEOUT_SECONDS
    )


def read_event(*, raw_body: bytes, signature: str, secret: str, tolerance: float) -> Event:
    """
    Verify a delivery on its raw body, and say what it is about.

    :raises SignatureRefused: the signature is missing, wrong or older than ``tolerance`` seconds.
    :raises MalformedEvent: it is signed, and no event.
    """
    try:
        read = stripe.Webhook.construct_event(raw_body, signature, secret, int(tolerance)).to_dict()
        subject = read["data"]["object"]
        about = {name: subject.get(name) for name in ("id", "object", "payment_intent", "client_reference_id")}
        event = Event(
            id=str(read["id"]), kind=str(read["type"]), about={k: v for k, v in about.items() if isinstance(v, str)}
        )
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise SignatureRefused from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise MalformedEvent from None
    if not 0 < len(event.id) <= 255 or len(event.kind) > 50 or any(len(word) > 255 for word in event.about.values()):
        raise MalformedEvent
    return event


class Stripe:
    """Stripe's wire; every call raises VendorUnavailable or VendorRefused and nothing else."""

    def __init__(self, *, base_url: str, key: str, timeout: float) -> None:
        self._api = stripe.StripeClient(
            key or "none",
            base_addresses={"api": base_url},
            max_network_retries=RETRIES,
            http_client=_Named(timeout=timeout),
        ).v1

    def open_session(
        self,
        *,
        key: str,
        reference: str,
        booking: str,
        name: str,
        amount: int,
        email: str,
        expires_at: datetime,
        return_url: str,
    ) -> Session:
        """Open a session, once however often it is asked for under one key; `name` is what the patient pays for."""
        ours = {"checkout": reference, "booking": booking}
        price = {"currency": CURRENCY, "unit_amount": amount, "product_data": {"name": name}}
        params: dict[str, Any] = {
            "mode": "payment",
            "line_items": [{"quantity": 1, "price_data": price}],
            "client_reference_id": reference,
            "metadata": ours,
            # A session's own are not copied to its payment.
            "payment_intent_data": {"metadata": ours, "description": name},
            "expires_at": int(expires_at.timestamp()),
            "success_url": return_url,
            "cancel_url": return_url,
        }
        if email:
            params["customer_email"] = email
        return self._post(SESSIONS, _session, lambda: self._api.checkout.sessions.create(params, _under(key)))

    def session(self, id: str) -> Session:
        """Read a session as it stands now."""
        return self._get(SESSION, _session, lambda: self._api.checkout.sessions.retrieve(id))

    def close_session(self, id: str) -> Session:
        """Let nobody pay by a session any more; one that is not open is refused."""
        return self._post(EXPIRE, _session, lambda: self._api.checkout.sessions.expire(id))

    def intent(self, id: str) -> Intent:
        """Read what became of an attempt to pay."""
        return self._get(INTENT, _intent, lambda: self._api.payment_intents.retrieve(id))

    def give_back(self, *, key: str, reference: str, payment_intent: str, amount: int) -> Refund:
        """Give money back, once however often it is asked for under one key."""
        params: Any = {"payment_intent": payment_intent, "amount": amount, "metadata": {"decision": reference}}
        return self._post(REFUNDS, _refund, lambda: self._api.refunds.create(params, _under(key)))

    def refunds_of(self, payment_intent: str) -> list[Refund]:
        """List what was given back of a payment."""
        return self._list(REFUNDS, _refund, self._api.refunds.list, payment_intent=payment_intent)

    def refunds(self, *, since: datetime, until: datetime) -> list[Refund]:
        """List what was given back in a span."""
        return self._list(REFUNDS, _refund, self._api.refunds.list, created=_within(since, until))

    def charges(self, *, since: datetime, until: datetime) -> list[Charge]:
        """List the money that came in a span."""

        def read(row: Row) -> Charge | None:
            return _charge(row) if row["status"] == "succeeded" and row["paid"] else None

        return self._list(CHARGES, read, self._api.charges.list, created=_within(since, until))

    def dispute(self, id: str) -> StripeDispute:
        """Read a dispute as it stands now."""
        return self._get(DISPUTE, _dispute, lambda: self._api.disputes.retrieve(id))

    def _get(self, path: str, read: Callable[[Row], Answer], call: Callable[[], Any]) -> Answer:
        return self._ask("GET", path, lambda: read(call().to_dict()))

    def _post(self, path: str, read: Callable[[Row], Answer], call: Callable[[], Any]) -> Answer:
        return self._ask("POST", path, lambda: read(call().to_dict()))

    def _list(
        self, path: str, read: Callable[[Row], Answer | None], call: Callable[..., Any], **query: Any
    ) -> list[Answer]:
        def read_all() -> list[Answer]:
            found: list[Answer] = []
            for number, row in enumerate(call({"limit": PAGE_SIZE, **query}).auto_paging_iter()):
                if number == LONGEST_LIST:
                    raise VendorUnavailable(f"Stripe GET {path}: a list without an end")
                if item := read(row.to_dict()):
                    found.append(item)
            return found

        return self._ask("GET", path, read_all)

    def _ask(self, method: str, path: str, call: Callable[[], Answer]) -> Answer:
        # Nothing is raised with the library's own words: they quote what was sent and what came back.
        with counted("Stripe"):
            try:
                answer = call()
            except stripe.StripeError as error:
                refusal = _verdict(method, path, error)
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
                said = f"Stripe {method} {path}: not what it promised"
                refusal = VendorUnavailable(said, is_ambiguous=method == "POST")
            else:
                log.info("Stripe %s %s: answered", method, path)
                return answer
            log.info("%s", refusal)
            raise refusal


class _Named(stripe.RequestsClient):
    """Stripe's wire, on which each call goes under the request's id."""

    def request(self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None) -> Any:
        return super().request(method, url, {**(headers or {}), **logs.to_send()}, post_data)


def _verdict(method: str, path: str, error: stripe.StripeError) -> VendorUnavailable | VendorRefused:
    """Make our error of the library's: 409 is a repeat that came while the first was under way."""
    status, is_write = error.http_status, method == "POST"
    if status is None:
        return VendorUnavailable(f"Stripe {method} {path}: no answer", is_ambiguous=is_write)
    if status in (409, 429) or status >= 500 or status < 400:
        wait = retry_after(status, error.headers)
        return VendorUnavailable(
            f"Stripe {method} {path}: {status}", is_ambiguous=is_write and status != 429, retry_after=wait
        )
    words = (error.code, getattr(error, "param", None))
    parameters = tuple(word for word in words if isinstance(word, str) and MACHINE_WORD.fullmatch(word))
    said = f"{status} ({', '.join(parameters)})" if parameters else str(status)
    return VendorRefused(f"Stripe {method} {path}: {said}", status=status, parameters=parameters)


def _under(key: str) -> Any:
    return {"idempotency_key": key}


def _within(since: datetime, until: datetime) -> dict[str, int]:
    return {"gte": int(since.timestamp()), "lt": int(until.timestamp())}


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _session(row: Row) -> Session:
    return Session(
        id=row["id"],
        status=row["status"],
        payment_status=row["payment_status"],
        amount=row["amount_total"],
        currency=row["currency"],
        reference=row.get("client_reference_id") or "",
        payment_intent=row["payment_intent"],
        url=row["url"],
        expires_at=_moment(row["expires_at"]),
    )


def _intent(row: Row) -> Intent:
    return Intent(id=row["id"], status=row["status"], reference=(row.get("metadata") or {}).get("checkout", ""))


def _refund(row: Row) -> Refund:
    return Refund(
        id=row["id"],
        status=row["status"] or "pending",
        amount=row["amount"],
        currency=row["currency"],
        payment_intent=row.get("payment_intent"),
        failure_reason=_word(row.get("failure_reason")),
        reference=(row.get("metadata") or {}).get("decision", ""),
        created_at=_moment(row["created"]),
    )


def _charge(row: Row) -> Charge:
    return Charge(
        id=row["id"],
        amount=row["amount"],
        currency=row["currency"],
        payment_intent=row["payment_intent"],
        created_at=_moment(row["created"]),
    )


def _dispute(row: Row) -> StripeDispute:
    answer_by = row["evidence_details"].get("due_by")
    return StripeDispute(
        id=row["id"],
        status=row["status"],
        reason=_word(row["reason"]),
        amount=row["amount"],
        currency=row["currency"],
        payment_intent=row["payment_intent"],
        created_at=_moment(row["created"]),
        answer_by=_moment(answer_by) if answer_by else None,
    )


def _word(word: Any) -> str:
    """Keep one of Stripe's machine words, and nothing else."""
    return word if isinstance(word, str) and MACHINE_WORD.fullmatch(word) else ""
