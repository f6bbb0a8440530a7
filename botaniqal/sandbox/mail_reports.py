"""
What SES reports of a message through SNS: delivered, bounced, complained of; nothing vouches for it but a secret.

The addresses of SES's own simulator do here as there, at whatever host: bounce@, complaint@, ooto@ (somebody is away)
and suppressionlist@, each also with a label after a plus.
"""

import base64
import json
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from botaniqal.sandbox import deliveries
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import SES

PATH = "/anymail/amazon_ses/tracking/"
TOPIC = "arn:aws:sns:ap-southeast-2:123456789012:mail-reports"
DELIVERED = "delivered"
KINDS = {
    DELIVERED: "Delivered",
    "delayed": "Delayed",
    "full": "Mailbox full",
    "bounced": "Bounced",
    "complained": "Complained of",
}
"""What may become of a message, in words."""
TONES = {DELIVERED: "ok", "delayed": "wait", "full": "wait", "bounced": "bad", "complained": "bad"}
SIMULATED = {
    "bounce": ("bounced",),
    "suppressionlist": ("bounced",),
    "complaint": (DELIVERED, "complained"),
    "ooto": (DELIVERED, "full"),  # SES reports the answer of somebody who is away as a bounce that does not last
}
BOUNCES = {
    "bounced": ("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"),
    "full": ("Transient", "MailboxFull", "5.2.2", "smtp; 552 5.2.2 mailbox full"),
}


def report_by_address(message: Document) -> None:
    """Report what becomes of a message that was just sent, by the address that it goes to."""
    local = message["to"][0].partition("@")[0].partition("+")[0].lower() if message["to"] else ""
    for kind in SIMULATED.get(local, (DELIVERED,)):
        report(message, kind)


def report(message: Document, kind: str) -> None:
    """Report one thing of a message, where a topic of the clinic's is listening."""
    store.put("mail_report", message["id"], {"kinds": [*reported(message["id"]), kind]})
    if not settings.ANYMAIL_WEBHOOK_SECRET:
        return
    event = {**_event(message, kind), "mail": _mail(message)}
    envelope = {
        "Type": "Notification",
        "MessageId": str(uuid4()),
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": json.dumps(event),
        "Timestamp": _now(),
        "SignatureVersion": "1",
        "Signature": "c2FuZGJveA==",
        "SigningCertURL": "https://sns.ap-southeast-2.amazonaws.com/SimpleNotificationService-sandbox.pem",
        "UnsubscribeURL": f"https://sns.ap-southeast-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={TOPIC}",
    }
    deliveries.send(
        SES.name,
        event=event["eventType"],
        url=deliveries.portal_url() + PATH,
        body=json.dumps(envelope),
        name=", ".join(message["to"]),
    )


def reported(id: str) -> list[str]:
    """List what was reported of a message, the latest last."""
    kept = store.get("mail_report", id)
    return kept["kinds"] if kept else []


def _event(message: Document, kind: str) -> Document:
    to, at = message["to"], _now()
    if kind == DELIVERED:
        told = {"timestamp": at, "processingTimeMillis": 420, "recipients": to, "smtpResponse": "250 2.6.0 Received"}
        return {"eventType": "Delivery", "delivery": told | {"reportingMTA": "mta.example.com"}}
    if kind == "complained":
        told = {"timestamp": at, "complainedRecipients": [{"emailAddress": address} for address in to]}
        return {
            "eventType": "Complaint",
            "complaint": told | {"feedbackId": str(uuid4()), "complaintFeedbackType": "abuse"},
        }
    if kind == "delayed":
        told = {"timestamp": at, "delayType": "TransientCommunicationFailure", "expirationTime": at}
        delayed = [{"emailAddress": address, "status": "4.4.1"} for address in to]
        return {"eventType": "DeliveryDelay", "deliveryDelay": told | {"delayedRecipients": delayed}}
    bounce_type, sub_type, status, said = BOUNCES[kind]
    bounced = [
        {"emailAddress": address, "action": "failed", "status": status, "diagnosticCode": said} for address in to
    ]
    told = {"bounceType": bounce_type, "bounceSubType": sub_type, "bouncedRecipients": bounced, "timestamp": at}
    return {
        "eventType": "Bounce",
        "bounce": told | {"feedbackId": str(uuid4()), "reportingMTA": "dsn; mta.example.com"},
    }


def _mail(message: Document) -> Document:
    return {
        "timestamp": message["at"],
        "source": message["from"],
        "messageId": message["id"],
        "destination": message["to"],
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in message["headers"]],
        "tags": message["tags"],
    }


def _now() -> str:
    return timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _headers(delivery: Document, body: bytes) -> dict[str, str]:
    envelope = json.loads(body)
    secret = base64.b64encode(settings.ANYMAIL_WEBHOOK_SECRET.encode()).decode()
    return {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "Authorization": f"Basic {secret}",
        "x-amz-sns-message-type": envelope["Type"],
        "x-amz-sns-message-id": envelope["MessageId"],
        "x-amz-sns-topic-arn": TOPIC,
    }


deliveries.open_channel(deliveries.Channel(vendor=SES.name, headers=_headers, hours=(0, 1, 2, 4)))
