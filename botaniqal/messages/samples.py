"""Every kind of e-mail with made-up facts, for those who write, approve or check its words."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from botaniqal.messages import writing
from botaniqal.messages.models import Message, MessageWords

Kind = Message.Kind
FACTS: Mapping[str, Any] = {
    "first_name": "Leo",
    "practitioner": "Dr Dia",
    "what": "Alternative Medicine – Initial, 15 minutes",
    "day": "Monday 23 November",
    "hour": "9:00 am Perth time (AWST)",
    "when": "Monday 23 November 2026, 9:00 am Perth time (AWST)",
    "clinic_when": "12:00 pm Melbourne time (AEDT)",
    "place": "By video",
    "join_link": "https://meet.example.com/j/8412",
    "number": "BOT-2026-0212",
    "price": "$119.00 (to be paid)",
    "paid": "$119.00",
    "given_back": "$119.00",
    "service_message": "Please have your Medicare card at hand.",
    "amount": "$119.00",
    "until": "Tuesday 24 November, 9:00 am",
    "is_to_card": True,
    "is_reminder": False,
    "own_when": "Monday 30 November, 9:00 am",
    "service": "Counselling",
    "title": "What to expect of counselling",
    "paragraphs": ["You asked us for news of counselling.", "We begin in summer."],
    "patient": "Leo",
    "clinician": "Dr Dia",
    "summary": "Nobody is free: In 14 days nobody is free for GAPS – Initial.",
    "since": "Mon 23 Nov 09:12",
}
LINKS = ("link", "accept_link", "decline_link")
OF_A_VISIT = (
    Kind.PREPARATION,
    Kind.CONFIRMATION,
    Kind.MOVED,
    Kind.OTHER_PRACTITIONER,
    Kind.REMINDER_DAY,
    Kind.REMINDER_SOON,
)
"""What leads to the visit's own page."""
MARKETING = (Kind.INTEREST_JOINED, Kind.LAUNCH, Kind.NURTURE)


def rendered(kind: Kind, *, words: MessageWords | None = None, **facts: Any) -> writing.Rendered:
    """Render a kind of e-mail with made-up facts, and with words that may not be in use yet."""
    page = f"{settings.PUBLIC_BASE_URL}/sample"
    own = dict.fromkeys(("visit_link", "form_link"), page if kind in OF_A_VISIT else "")
    way_out = page if kind in MARKETING else ""
    context = {**FACTS, **dict.fromkeys(LINKS, page), **own, "unsubscribe_link": way_out, **facts}
    return writing.rendered(kind, context, words=words)
