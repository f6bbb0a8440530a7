"""Writing e-mails: rendered when what they tell of is decided, and kept until they are sent."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.template.loader import render_to_string

from botaniqal.celery import ring
from botaniqal.messages.models import Message


def write(
    *, kind: Message.Kind, reference: UUID, to: str, context: Mapping[str, Any], calendar: str, send_at: datetime
) -> Message:
    """Write an e-mail that goes out once the transaction is through, not before ``send_at``."""
    message = Message(kind=kind, reference=reference, to=to)
    _fill(message, context, calendar, send_at)
    message.save()
    return message


def rewrite(*, message: Message, context: Mapping[str, Any], calendar: str, send_at: datetime) -> None:
    """Write an e-mail anew that has not been sent."""
    _fill(message, context, calendar, send_at)
    message.save(update_fields=["subject", "text", "html", "calendar", "next_try_at"])


def _fill(message: Message, context: Mapping[str, Any], calendar: str, send_at: datetime) -> None:
    template = f"messages/{message.kind}"
    message.subject = " ".join(render_to_string(f"{template}.subject.txt", context).split())[:200]
    message.text = render_to_string(f"{template}.txt", context).strip() + "\n"
    message.html = render_to_string(f"{template}.html", {**context, "subject": message.subject})
    message.calendar = calendar
    message.next_try_at = send_at
    transaction.on_commit(partial(ring, "send_messages"))
