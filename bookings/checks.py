"""What must hold between settings before patients may be reminded."""

from typing import Any

from django.conf import settings
from django.core.checks import Error


def check_reminders(**_: Any) -> list[Error]:
    """Say so where the settings do not tell when either reminder is due."""
    hours = settings.REMINDER_HOURS
    if len(hours) == 2 and hours[0] > hours[1] > 0:
        return []
    return [
        Error(
            "REMINDER_HOURS does not say when the two reminders are due.",
            hint="Name two spans in hours, the longer one first, as in REMINDER_HOURS=24,2.",
            id="bookings.E001",
        )
    ]
