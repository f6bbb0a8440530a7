"""The stand-in for Amazon SES v2: every message ends in the mailbox page."""

import base64
import binascii
import email.policy
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from botaniqal.sandbox import mail_reports
from botaniqal.sandbox.contracts import Schema
from botaniqal.sandbox.door import body_of
from botaniqal.sandbox.store import store
from botaniqal.sandbox.vendors import Refused

ADDRESSES: Schema = {"type": "array", "items": {"type": "string", "minLength": 3}}
SEND_EMAIL: Schema = {
    "type": "object",
    "required": ["Content"],
    "properties": {
        "FromEmailAddress": {"type": "string"},
        "EmailTags": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "type": "object",
                "required": ["Name", "Value"],
                "properties": {"Name": {"type": "string"}, "Value": {"type": "string"}},
            },
        },
        "Destination": {
            "type": "object",
            "properties": {"ToAddresses": ADDRESSES, "CcAddresses": ADDRESSES, "BccAddresses": ADDRESSES},
        },
        "Content": {
            "type": "object",
            "required": ["Raw"],
            "properties": {"Raw": {"type": "object", "required": ["Data"], "properties": {"Data": {"type": "string"}}}},
        },
    },
}


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that came with a message."""

    name: str
    content_type: str
    content: bytes


def send_email(request: HttpRequest) -> JsonResponse:
    """Take a raw message as SES does."""
    body = body_of(request, SEND_EMAIL)
    raw = body["Content"]["Raw"]["Data"]
    try:
        message = _parse(raw)
    except binascii.Error:
        raise Refused(400, "Content.Raw.Data is not base64") from None
    id = str(uuid4())
    destination: dict[str, Any] = body.get("Destination", {})
    recipients = [address for group in destination.values() for address in group]
    kept = store.put(
        "message",
        id,
        {
            "id": id,
            "at": timezone.now().isoformat(),
            "from": str(message.get("From", body.get("FromEmailAddress", ""))),
            "to": recipients or [str(message.get("To", ""))],
            "subject": str(message.get("Subject", "")),
            "text": _part(message, "plain"),
            "html": _part(message, "html"),
            "attachments": [attachment.name for attachment in _attachments(message)],
            "headers": [[name, str(value)] for name, value in message.items()],
            "tags": {tag["Name"]: [tag["Value"]] for tag in body.get("EmailTags", [])},
        },
    )
    # Apart, since the mailbox lists many messages and opens few.
    store.put("raw_message", id, {"data": raw})
    mail_reports.report_by_address(kept)
    return JsonResponse({"MessageId": id})


def attachments(id: str) -> list[Attachment]:
    """List the files of a message in the mailbox."""
    raw = store.get("raw_message", id)
    return _attachments(_parse(raw["data"])) if raw else []


def _parse(raw: str) -> EmailMessage:
    return message_from_bytes(base64.b64decode(raw, validate=True), policy=email.policy.default)


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return body.get_content() if body else ""


def _attachments(message: EmailMessage) -> list[Attachment]:
    """Collect the files of the message; the appointment stands beside text and HTML as well, for mail clients alone."""
    shown = [message.get_body(("plain",)), message.get_body(("html",))]
    return [
        Attachment(
            name=part.get_filename() or f"part-{number}.{part.get_content_subtype()}",
            content_type=part.get_content_type(),
            content=part.get_payload(decode=True),
        )
        for number, part in enumerate(message.walk())
        if not part.is_multipart() and part not in shown
        if part.get_filename() or part.get_content_type() != "text/calendar"
    ]
