"""
What Amazon SES reports of our e-mails: delivered, bounced, complained of.

Amazon SNS posts the reports; Anymail parses them, and does not verify SNS's signature. The secret of the address does:
without one every report is refused. What reports say:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from anymail.exceptions import AnymailError
from anymail.signals import AnymailTrackingEvent
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBasicAuthMixin
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from botaniqal.integrations import owed
from botaniqal.messages import suppression
from botaniqal.messages.models import Message, MessageReport
from botaniqal.timing import answers_vendor

LARGEST = 300_000  # SNS sends 256 KiB at most
LONGEST_ID = MessageReport._meta.get_field("event_id").max_length
UNREADABLE = (AnymailError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
Delivery = Message.Delivery
KINDS = {
    "Delivery": (Delivery.DELIVERED, "delivery"),
    "DeliveryDelay": (Delivery.DELAYED, "deliveryDelay"),
    "Bounce": (Delivery.BOUNCED, "bounce"),
    "Complaint": (Delivery.COMPLAINED, "complaint"),
    "Reject": (Delivery.REJECTED, "reject"),
}
"""What is kept, and under which name it says more; who opened a message is nobody's business."""
WEIGHTS = [
    (Delivery.DELAYED, False),
    (Delivery.BOUNCED, False),  # less than delivered: an answer that somebody is away is reported like that, too
    (Delivery.DELIVERED, False),
    (Delivery.REJECTED, False),
    (Delivery.BOUNCED, True),
    (Delivery.COMPLAINED, True),
]
"""What counts for more than what comes before it, in whatever order it is heard; and whether it will last."""
PROBLEMS = {
    (Delivery.BOUNCED, True): "It bounced: there is no such address. Ask for the right one and send it again.",
    (Delivery.BOUNCED, False): "The mailbox did not take it. Send it again later, or tell them in another way.",
    (Delivery.REJECTED, False): "The mail service held it to be harmful. Tell them in another way.",
}
CAUSES = {Delivery.BOUNCED: suppression.Cause.BOUNCED, Delivery.COMPLAINED: suppression.Cause.COMPLAINED}

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What Amazon tells of one of our messages."""

    event_id: str
    message_id: UUID
    kind: Delivery
    is_lasting: bool
    at: datetime


class Reports(AmazonSESTrackingWebhookView):
    """The door for Amazon SNS: the secret, then what can be read, then a quick answer."""

    warn_if_no_basic_auth = False  # nothing is let in without

    @answers_vendor("ses")
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.basic_auth:
            return HttpResponse(status=HTTPStatus.FORBIDDEN)
        if "Authorization" not in request.headers:  # SNS gives the secret only after it was asked for it
            return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": 'Basic realm="reports"'})
        try:
            AnymailBasicAuthMixin.validate_request(self, request)  # before anything is read
            if int(request.headers.get("Content-Length") or 0) > LARGEST:
                return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            self.run_validators(request)
            reports = [report for event in self.parse_events(request) if (report := _report_of(event))]
        except SuspiciousOperation:
            log.warning("a report in Amazon's name was refused")
            return HttpResponse(status=HTTPStatus.FORBIDDEN)
        except UNREADABLE as error:
            log.warning("a report of Amazon's could not be read: %s", type(error).__name__)
            return HttpResponse(status=HTTPStatus.BAD_REQUEST)
        for report in reports:
            note(report=report, now=timezone.now())
        return HttpResponse()

    def get_boto_client(self, service_name: str, **kwargs: Any) -> Any:
        """Confirm a subscription at SNS itself, not at the address that is set for SES."""
        return super().get_boto_client(service_name, **{"endpoint_url": None, **kwargs})


@transaction.atomic
def note(*, report: Report, now: datetime) -> None:
    """
    Keep a report once, and act where it weighs more than what was known; one of no message of ours is let be.

    What did not arrive is somebody's work from then on. An address that does not exist, or whose owner complained, is
    written to no more.
    """
    message = Message.objects.select_for_update().filter(pk=report.message_id).first()
    if message is None:
        return
    known = max((_weight(kept) for kept in message.reports.all()), default=-1)
    fields = {"message": message, "kind": report.kind, "is_lasting": report.is_lasting, "at": report.at}
    _, is_new = MessageReport.objects.get_or_create(event_id=report.event_id, defaults=fields)
    if not is_new or _weight(report) <= known:
        return
    # A report may be quicker than the answer that the mail service took the message.
    changes = {"delivery": report.kind, "delivery_at": report.at, "sent_at": message.sent_at or now}
    problem = PROBLEMS.get((report.kind, report.is_lasting))
    if problem and message.stream == Message.Stream.FACTUAL:
        changes |= {"wanted": F("wanted") + 1, "needs_person": True, "problem": problem, "leased_until": None}
    elif report.kind == Delivery.DELIVERED and message.delivery == Delivery.BOUNCED:  # as was heard too early
        changes |= {"told": F("wanted"), **owed.CLEARED}
    Message.objects.filter(pk=message.pk).update(**changes)
    if report.is_lasting:
        suppression.suppress(address=message.to, cause=CAUSES[report.kind], by=None, now=now)


def _weight(report: Report | MessageReport) -> int:
    return WEIGHTS.index((report.kind, report.is_lasting))


def _report_of(event: AnymailTrackingEvent) -> Report | None:
    """
    Read what a report says; None where that is nothing that is kept, or of no message of ours.

    :raises ValueError: it has no name, or none that can be kept.
    """
    told = event.esp_event
    word = told.get("eventType") or told.get("notificationType")
    tags = told["mail"].get("tags") or {}
    ours = tags["message"][0] if "message" in tags else event.metadata.get("message")
    if word not in KINDS or not ours:
        return None
    if not isinstance(event.event_id, str) or not 0 < len(event.event_id) <= LONGEST_ID or "\0" in event.event_id:
        raise ValueError("no name")
    kind, name = KINDS[word]
    more = told[name]
    is_lasting = kind == Delivery.COMPLAINED or (kind == Delivery.BOUNCED and more.get("bounceType") == "Permanent")
    at = parse_datetime(more.get("timestamp") or "")
    return Report(
        event_id=event.event_id,
        message_id=UUID(ours),
        kind=kind,
        is_lasting=is_lasting,
        at=at if at and timezone.is_aware(at) else timezone.now(),
    )
