"""What people do about messages that did not arrive: send them again, or tell somebody in another way."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing, RuleBroken
from botaniqal.integrations import owed
from botaniqal.messages import suppression
from botaniqal.messages.models import Message

LONGEST = Message._meta.get_field("outcome").max_length


class NotAgain(RuleBroken):
    """This message cannot be sent again."""

    code = "not_again"

    def __init__(self, message: str) -> None:
        super().__init__("again", message)


@transaction.atomic
def set_aside(*, message_id: UUID, reason: str, by: User, now: datetime) -> Message:
    """
    Let a message be that nobody has to send any more, and say why.

    :raises Malformed: no reason is given, or a card number in it.
    :raises NotAgain: it is done.
    """
    if not reason.strip():
        raise Malformed("Say how they know, or why they need not.", details={"reason": ["Required."]})
    cards.refuse(reason, "reason")
    message = locked(message_id)
    if message.told >= message.wanted:
        raise NotAgain("Nothing is to be done about this message any more.")
    _settle(message, f"Set aside by {by}: {reason.strip()}")
    return message


@transaction.atomic
def send_copy(*, message: Message, to: str, by: User, now: datetime) -> Message:
    """
    Send the same once more as a message of its own, to ``to``; nobody has to do anything about the locked first one.

    :raises NotAgain: the address is not written to, or the first one has not gone out yet.
    """
    again = Message(
        kind=message.kind,
        reference=message.reference,
        to=to,
        subject=message.subject,
        text=message.text,
        html=message.html,
        calendar=message.calendar,
        good_until=message.good_until,
        next_try_at=now,
    )
    require_ready(message, to)
    again.save()
    replace(message, by=by)
    return again


def require_ready(message: Message, to: str) -> None:
    """
    Let a message be sent again where it has gone out or is stuck, to an address that is written to.

    :raises NotAgain: otherwise.
    """
    if message.stream == Message.Stream.MARKETING:
        raise NotAgain("Marketing is sent once.")
    if not to:
        raise NotAgain("There is no address to send it to.")
    if message.told < message.wanted and not message.needs_person:
        raise NotAgain("It has not gone out yet; it will by itself.")
    if suppression.is_suppressed(to):
        raise NotAgain("This address is not written to. Correct it, or take it off the stopped addresses first.")


def replace(message: Message, *, by: User) -> None:
    """Note of a locked message that another one went out in its place."""
    if message.told < message.wanted:
        _settle(message, f"Sent again by {by}.")


def locked(message_id: UUID) -> Message:
    """
    Read a message for a change.

    :raises Missing: there is no such message.
    """
    message = Message.objects.select_for_update().filter(pk=message_id).first()
    if message is None:
        raise Missing("There is no such message.")
    return message


def _settle(message: Message, outcome: str) -> None:
    # Whoever is at it loses the lease, and with it the last word.
    changes = {"told": F("wanted"), "outcome": outcome[:LONGEST], "leased_until": None, **owed.CLEARED}
    Message.objects.filter(pk=message.pk).update(**changes)
    message.refresh_from_db()
