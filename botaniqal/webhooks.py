"""
Where vendors knock: verify, keep once, answer; and who works which event afterwards.

The event type decides what an event is about, never the address that it came to: an organisation's subscription sends
everything to each.
"""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from bookings import hooks as visits
from botaniqal.errors import Malformed
from botaniqal.integrations import calendly_events, inbox, subscriptions
from botaniqal.integrations.calendly_events import Kind
from botaniqal.integrations.models import InboundEvent
from botaniqal.integrations.owed import NeedsPerson
from practitioners import event_types
from triage import hooks as consultations

log = logging.getLogger(__name__)

CALENDLY = InboundEvent.Vendor.CALENDLY
UNKNOWN_TYPE = "Nobody here knows this Calendly event type. Add it to a practitioner, then try again."


@csrf_exempt
def calendly(request: HttpRequest) -> JsonResponse:
    """Take a delivery from Calendly."""
    if request.method != "POST":
        refusal = _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Deliveries are posted here.")
        refusal["Allow"] = "POST"
        return refusal
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


def _refusal(status: HTTPStatus, code: str, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence, "code": code, "details": {}}, status=status)


def _by_event_type(consultation: visits.Handler, visit: visits.Handler) -> Callable[[InboundEvent], str]:
    def work(row: InboundEvent) -> str:
        event = calendly_events.parse(row.payload)
        event_type = event_types.find(event.event_type_id or "")
        if event_type is None:
            raise NeedsPerson(UNKNOWN_TYPE)
        handle = consultation if event_type.appointment_type.is_free_consultation else visit
        return handle(event, event_type, timezone.now())

    return work


HANDLERS: dict[tuple[str, str], Callable[[InboundEvent], str]] = {
    (CALENDLY, Kind.CREATED): _by_event_type(consultations.consultation_created, visits.visit_created),
    (CALENDLY, Kind.CANCELED): _by_event_type(consultations.consultation_cancelled, visits.visit_cancelled),
    (CALENDLY, Kind.NO_SHOW_CREATED): _by_event_type(consultations.consultation_no_show, visits.visit_no_show),
    (CALENDLY, Kind.NO_SHOW_DELETED): _by_event_type(
        consultations.consultation_no_show_undone, visits.visit_no_show_undone
    ),
}
"""From a vendor and a kind of event to the function that works it and says in a sentence what came of it."""
