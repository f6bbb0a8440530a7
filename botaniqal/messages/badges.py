"""How far a message is, in a word and a sign."""

from django.utils.safestring import SafeString

from botaniqal.admin import BAD, OK, PLAIN, WAITING, badge
from botaniqal.integrations.admin import state_badge

from .models import Message

Delivery = Message.Delivery
TONES = {
    Delivery.DELIVERED: OK,
    Delivery.DELAYED: WAITING,
    Delivery.BOUNCED: BAD,
    Delivery.COMPLAINED: BAD,
    Delivery.REJECTED: BAD,
}


def delivery_badge(message: Message) -> SafeString | str:
    """Show what became of a message that went out, where the mail service has told."""
    return badge(message.get_delivery_display(), TONES[message.delivery]) if message.delivery else "–"


def message_badge(message: Message) -> SafeString:
    """Show how far a message is: on its way, sent, arrived or not."""
    is_done = message.told >= message.wanted
    if is_done and message.sent_at is None:
        return badge("Not sent", PLAIN)
    return delivery_badge(message) if message.delivery else state_badge(message, done="Sent")
