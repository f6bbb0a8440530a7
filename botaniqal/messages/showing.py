"""How messages are shown to people: how far they are in a word and a sign, and what they say."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, OK, PLAIN, WAITING, badge
from botaniqal.integrations.admin import state_badge

from .models import Message, MessageReport

Delivery = Message.Delivery
TONES = {
    Delivery.DELIVERED: OK,
    Delivery.DELAYED: WAITING,
    Delivery.BOUNCED: BAD,
    Delivery.COMPLAINED: BAD,
    Delivery.REJECTED: BAD,
}


def shown_pre(label: str, text: str) -> SafeString:
    """Show a text as it stands; where it is longer than its frame, the keyboard moves it too."""
    return format_html('<pre tabindex="0" role="region" aria-label="{}">{}</pre>', label, text)


def delivery_badge(message: Message) -> SafeString | str:
    """Show what became of a message that went out, where the mail service has told."""
    return badge(message.get_delivery_display(), TONES[message.delivery]) if message.delivery else "–"


def report_badge(report: MessageReport) -> SafeString:
    """Show one thing that the mail service told."""
    delivery = Delivery(report.kind)
    is_for_now = delivery == Delivery.BOUNCED and not report.is_lasting
    return badge("Bounced this time" if is_for_now else delivery.label, WAITING if is_for_now else TONES[delivery])


def message_badge(message: Message) -> SafeString:
    """Show how far a message is: on its way, sent, arrived or not."""
    is_done = message.told >= message.wanted
    if is_done and message.sent_at is None:
        return badge("Not sent", PLAIN)
    return delivery_badge(message) if message.delivery else state_badge(message, done="Sent")
