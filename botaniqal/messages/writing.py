"""Writing e-mails: rendered when what they tell of is decided, and kept until they are sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.template.loader import render_to_string

from botaniqal.celery import ring
from botaniqal.integrations.models import OwedQuerySet
from botaniqal.messages.models import Message, MessageWords
from botaniqal.messages.suppression import is_suppressed
from botaniqal.messages.words import filled, said

Stream = Message.Stream
GAP = re.compile(r"\n{3,}")
LONGEST_SUBJECT = Message._meta.get_field("subject").max_length


def write(
    *,
    kind: Message.Kind,
    reference: UUID,
    to: str,
    context: Mapping[str, Any],
    send_at: datetime,
    calendar: str = "",
    key: str | None = None,
    stream: Stream = Stream.FACTUAL,
    unsubscribe_link: str = "",
    good_until: datetime | None = None,
) -> Message | None:
    """
    Write an e-mail that goes out once the transaction is through, not before ``send_at`` nor after ``good_until``.

    One with a ``key`` is written once, whoever tries again: then, and where marketing would go to an address that is
    suppressed, nothing is written and None comes back. Marketing needs an ``unsubscribe_link``.
    """
    if stream == Stream.MARKETING and is_suppressed(to):
        return None
    message = Message(
        kind=kind,
        reference=reference,
        to=to,
        key=key,
        stream=stream,
        unsubscribe_link=unsubscribe_link,
        good_until=good_until,
    )
    _fill(message, context, calendar, send_at)
    # Two workers may write the same at once: the second waits for the first, and neither's transaction breaks.
    Message.objects.bulk_create([message], ignore_conflicts=key is not None)
    return message if key is None or Message.objects.filter(pk=message.pk).exists() else None


def rewrite(*, message: Message, context: Mapping[str, Any], calendar: str, send_at: datetime) -> None:
    """Write an e-mail anew that has not been sent."""
    _fill(message, context, calendar, send_at)
    message.save(update_fields=["subject", "text", "html", "calendar", "next_try_at"])


def unsent(*, reference: UUID) -> OwedQuerySet:
    """Pick the e-mails about something that have not gone out; one under a lease is on its way."""
    return Message.objects.open().filter(reference=reference, leased_until=None, sent_at=None)


@transaction.atomic
def take_back(messages: OwedQuerySet) -> int:
    """Delete those of some unsent e-mails that still are, and count them: they tell of something that no longer is."""
    # Locked first: a deletion reads before it deletes, and in between one could go out.
    taken = list(messages.select_for_update().values_list("pk", flat=True))
    Message.objects.filter(pk__in=taken).delete()
    return len(taken)


@dataclass(frozen=True, slots=True)
class Rendered:
    """An e-mail as it is read."""

    subject: str
    text: str
    html: str


def rendered(kind: Message.Kind, context: Mapping[str, Any], *, words: MessageWords | None = None) -> Rendered:
    """Write out an e-mail: the portal's facts, and between them the clinic's words, those in use unless others come."""
    own = filled(words, context) if words else said(kind, context)
    template = f"messages/{kind}"
    context = {**context, "opening": own.opening, "closing": own.closing}
    subject = own.subject or render_to_string(f"{template}.subject.txt", context)
    subject = " ".join(subject.split())[:LONGEST_SUBJECT]
    return Rendered(
        subject=subject,
        text=GAP.sub("\n\n", render_to_string(f"{template}.txt", context)).strip() + "\n",
        html=render_to_string(f"{template}.html", {**context, "subject": subject}),
    )


def _fill(message: Message, context: Mapping[str, Any], calendar: str, send_at: datetime) -> None:
    shown = rendered(message.kind, {**context, "unsubscribe_link": message.unsubscribe_link})
    message.subject, message.text, message.html = shown.subject, shown.text, shown.html
    message.calendar = calendar
    message.next_try_at = send_at
    transaction.on_commit(partial(ring, "send_messages"))
