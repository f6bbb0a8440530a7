"""How states, moments and numbers are written for people."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal import phones

OK, INFO, WAITING, BAD, PLAIN = "ok", "info", "waiting", "bad", ""


def badge(word: object, tone: str = PLAIN) -> SafeString:
    """Show a state by word, sign and colour; the sign comes with the tone."""
    return format_html('<span class="badge {}">{}</span>', tone, word)


def clinic_time(moment: datetime | None) -> str:
    """Write a moment as the clinic's wall clock shows it, with the year only where it is not this one."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    year = "" if local.year == timezone.localdate().year else f" {local:%Y}"
    return f"{local:%a %-d %b}{year} {local:%H:%M}"


def shown_length(span: timedelta) -> str:
    """Write how long something has lasted, in its largest unit: 34 min, 3 h, 2 d."""
    minutes = int(span.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 24 * 60 else f"{minutes // (24 * 60)} d"


def shown_phone(number: str) -> str:
    """Write a phone number in groups, as it is read out; leave what is none as it came."""
    return phones.shown(number) or number
