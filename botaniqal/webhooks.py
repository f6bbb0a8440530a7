"""
Where vendors knock: verify, keep once, answer; and who works which event afterwards.

The event type decides what an event is about, never the address that it came to: an organisation's subscription sends
everything to each.
"""

import hmac
import json
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from bookings.intake import form_answers
from bookings.money import stripe_hooks
from bookings.vendors import hooks as visits
from botaniqal.errors import Malformed, Missing
from botaniqal.integrations import calendly_events, graph_notices, inbox, stripe_client, subscriptions
from botaniqal.integrations.calendly_events import Kind
from botaniqal.integrations.models import InboundEvent, Subscription
from botaniqal.integrations.owed import NeedsPerson, NotYet
from botaniqal.timing import answers_vendor
from practitioners import calendars, event_types
from triage import hooks as consultations

log = logging.getLogger(__name__)

CALENDLY, JOTFORM, STRIPE = InboundEvent.Vendor.CALENDLY, InboundEvent.Vendor.JOTFORM, InboundEvent.Vendor.STRIPE
SUBMISSION = "submission"
SUBMISSION_ID = re.compile(r"[0-9]{1,50}")
LONGEST_TOKEN = 2_000
UNKNOWN_TYPE = "Nobody here knows this Calendly event type. Add it to a practitioner, then try again."


@csrf_exempt
@answers_vendor("calendly")
def calendly(request: HttpRequest) -> JsonResponse:
    """Take a delivery from Calendly."""
    if request.method != "POST":
        return _not_posted()
    try:
        calendly_events.verify(
            headers=request.headers,
            raw_body=request.body,
            key=settings.CALENDLY_WEBHOOK_SIGNING_KEY,
            now=timezone.now(),
            tolerance=timedelta(seconds=settings.WEBHOOK_TOLERANCE_SECONDS),
        )
    except calendly_events.SignatureRefused as refused:
        log.warning("a delivery in Calendly's name was refused: %s", refused.reason)
        return _refusal(HTTPStatus.UNAUTHORIZED, "signature_refused", "The signature is missing, wrong or too old.")
    try:
        payload = json.loads(request.body)
        event = calendly_events.parse(payload)
    except (ValueError, RecursionError, AttributeError, calendly_events.MalformedEvent) as error:
        sentence = str(error) if isinstance(error, calendly_events.MalformedEvent) else "The body is not a JSON object."
        return _refusal(HTTPStatus.BAD_REQUEST, "invalid", sentence)

    known = event.kind == Kind.OTHER or event_types.find(event.event_type_id or "") is not None
    try:
        _, is_new = inbox.keep(
            vendor=CALENDLY,
            key=event.delivery_key,
            kind=event.kind,
            payload=payload,
            problem="" if known else UNKNOWN_TYPE,
        )
    except Malformed as refusal:
        return _refusal(refusal.status, refusal.code, refusal.message)
    subscriptions.heard(vendor=subscriptions.Vendor.CALENDLY, now=timezone.now())
    if is_new and not known:
        return _refusal(HTTPStatus.BAD_REQUEST, "unknown_event_type", UNKNOWN_TYPE)
    return JsonResponse({"kept": True})


@csrf_exempt
@answers_vendor("graph")
def graph(request: HttpRequest) -> HttpResponse:
    """
    Take what Graph tells, of changes and of its subscriptions alike, or shake hands with it.

    Nothing of it is kept but that somebody has to look.
    """
    if "validationToken" in request.GET:
        return _handshake(request.GET["validationToken"])
    if request.method != "POST":
        return _not_posted()
    try:
        notices = graph_notices.parse(request.body)
    except graph_notices.TooManyNotices as refused:
        return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", str(refused))
    except graph_notices.MalformedNotices as refused:
        return _refusal(HTTPStatus.BAD_REQUEST, "invalid", str(refused))
    told = graph_notices.vouched(notices)
    if not told:
        log.warning("a delivery in Graph's name was refused")
        return _refusal(HTTPStatus.UNAUTHORIZED, "signature_refused", "No subscription of ours vouches for this.")
    for subscription, what in told.items():
        _hear(subscription, what)
    return HttpResponse(status=HTTPStatus.ACCEPTED)


@csrf_exempt
@answers_vendor("jotform")
def jotform(request: HttpRequest, secret: str) -> JsonResponse:
    """
    Take JotForm's word that a form was filled or changed: where to look, and nothing else.

    JotForm signs nothing, so the address itself is the secret; whoever does not know it finds nothing here.
    """
    given = secret.encode(errors="replace")
    # Each is looked at, also when one before it fits: the time that it takes tells nothing.
    verdicts = [hmac.compare_digest(given, name.encode()) for name in settings.JOTFORM_WEBHOOK_SECRETS if name]
    if not any(verdicts):
        raise Http404
    if request.method != "POST":
        return _not_posted()
    form_id, submission_id = (request.POST.get(name, "") for name in ("formID", "submissionID"))
    if form_id not in settings.JOTFORM_FORM_IDS or not SUBMISSION_ID.fullmatch(submission_id):
        return _refusal(HTTPStatus.BAD_REQUEST, "invalid", "This is no submission of a form that is fetched here.")
    payload = {"formID": form_id, "submissionID": submission_id}
    inbox.keep_again(vendor=JOTFORM, key=submission_id, kind=SUBMISSION, payload=payload, now=timezone.now())
    return JsonResponse({"kept": True})


@csrf_exempt
@answers_vendor("stripe")
def stripe(request: HttpRequest) -> JsonResponse:
    """Take a delivery from Stripe: which thing it is about, and nothing of what it says about it."""
    if request.method != "POST":
        return _not_posted()
    try:
        event = stripe_client.read_event(
            raw_body=request.body,
            signature=request.headers.get("Stripe-Signature", ""),
            secret=settings.STRIPE_WEBHOOK_SECRET,
            tolerance=settings.WEBHOOK_TOLERANCE_SECONDS,
        )
        inbox.keep(vendor=STRIPE, key=event.id, kind=event.kind, payload=event.about)
    except stripe_client.SignatureRefused:
        log.warning("a delivery in Stripe's name was refused")
        return _refusal(HTTPStatus.UNAUTHORIZED, "signature_refused", "The signature is missing, wrong or too old.")
    except (stripe_client.MalformedEvent, Malformed):
        return _refusal(HTTPStatus.BAD_REQUEST, "invalid", "The body is no event.")
    return JsonResponse({"kept": True})


def _handshake(token: str) -> HttpResponse:
    """Prove that the address is ours, by saying the token back as what it is: text, and nothing that a browser runs."""
    if not 0 < len(token) <= LONGEST_TOKEN:
        return _refusal(HTTPStatus.BAD_REQUEST, "invalid", "That is no validation token.")
    return HttpResponse(token, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})


@transaction.atomic
def _hear(subscription: Subscription, what: set[str]) -> None:
    now, row = timezone.now(), Subscription.objects.filter(pk=subscription.pk)
    if graph_notices.CHANGED in what:
        subscriptions.heard(vendor=subscription.vendor, resource=subscription.resource, now=now)
    if graph_notices.REAUTHORIZE in what:
        subscriptions.check_soon(rows=row, now=now, is_ending=True)
    if what - {graph_notices.CHANGED, graph_notices.REAUTHORIZE}:  # it was removed, or something was not delivered
        subscriptions.fetch_since(rows=row, since=subscription.heard_at or now, now=now)
    if what != {graph_notices.REAUTHORIZE}:
        calendars.look(mailbox=subscription.resource, now=now)


def _not_posted() -> JsonResponse:
    refusal = _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Deliveries are posted here.")
    refusal["Allow"] = "POST"
    return refusal


def _refusal(status: HTTPStatus, code: str, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence, "code": code, "details": {}}, status=status)


def _by_event_type(consultation: visits.Handler, visit: visits.Handler) -> Callable[[InboundEvent], str]:
    def work(row: InboundEvent) -> str:
        event = calendly_events.parse(row.payload)
        calendars.look(calendly_users=event.member_uris, now=timezone.now())
        event_type = event_types.find(event.event_type_id or "")
        if event_type is None:
            raise NeedsPerson(UNKNOWN_TYPE)
        handle = consultation if event_type.appointment_type.is_free_consultation else visit
        try:
            return handle(event, event_type, timezone.now())
        except Missing:
            # Two that turned out to be one visit became one booking between our reading and our locking it.
            raise NotYet("Its booking became another one at this moment") from None

    return work


_SESSION = inbox.AsksVendor(stripe_hooks.session_told, would="Would ask Stripe how the payment stands.")
_REFUND = inbox.AsksVendor(stripe_hooks.refund_told, would="Would ask Stripe what was given back of the payment.")
_DISPUTE = inbox.AsksVendor(stripe_hooks.dispute_told, would="Would ask Stripe how the dispute stands.")

HANDLERS: dict[tuple[str, str], inbox.Handler] = {
    (CALENDLY, Kind.CREATED): _by_event_type(consultations.consultation_created, visits.visit_created),
    (CALENDLY, Kind.CANCELED): _by_event_type(consultations.consultation_cancelled, visits.visit_cancelled),
    (CALENDLY, Kind.NO_SHOW_CREATED): _by_event_type(consultations.consultation_no_show, visits.visit_no_show),
    (CALENDLY, Kind.NO_SHOW_DELETED): _by_event_type(
        consultations.consultation_no_show_undone, visits.visit_no_show_undone
    ),
    (JOTFORM, SUBMISSION): inbox.AsksVendor(
        form_answers.fetch, would="Would fetch the submission from JotForm and keep its answers."
    ),
    (STRIPE, "checkout.session.completed"): _SESSION,
    (STRIPE, "checkout.session.async_payment_succeeded"): _SESSION,
    (STRIPE, "checkout.session.async_payment_failed"): _SESSION,
    (STRIPE, "checkout.session.expired"): _SESSION,
    (STRIPE, "payment_intent.payment_failed"): stripe_hooks.intent_failed,
    (STRIPE, "charge.refunded"): _REFUND,
    (STRIPE, "refund.created"): _REFUND,
    (STRIPE, "refund.updated"): _REFUND,
    (STRIPE, "refund.failed"): _REFUND,
    (STRIPE, "charge.dispute.created"): _DISPUTE,
    (STRIPE, "charge.dispute.updated"): _DISPUTE,
    (STRIPE, "charge.dispute.closed"): _DISPUTE,
}
"""From a vendor and a kind of event to the function that works it and says in a sentence what came of it."""
