"""The words for how a call ends that a new portal begins with; from then on operations manage them."""

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps

from botaniqal import first_load

DISPOSITIONS = [
    ("referred", "gp", "To a GP", "letter"),
    ("referred", "emergency", "To emergency care", "nothing"),
    ("referred", "clinician", "To a clinician here", "nothing"),
    ("referred", "other_service", "To another service", "letter"),
    ("rejected", "not_eligible", "Not eligible", "nothing"),
    ("rejected", "declined", "Declined", "nothing"),
    ("rejected", "price", "Price", "nothing"),
    ("rejected", "no_suitable_time", "No suitable time", "nothing"),
    ("no_show", "no_answer", "No answer", "nothing"),
    ("no_show", "voicemail", "Voicemail", "nothing"),
    ("no_show", "wrong_number", "Wrong number", "nothing"),
]


def load_dispositions(sender: AppConfig, *, using: str, apps: Apps = installed_apps, **kwargs: object) -> None:
    """Make the first dispositions where there are none."""
    rows = (
        {"outcome": outcome, "code": code, "label": label, "asks_for": asks_for, "position": place}
        for place, (outcome, code, label, asks_for) in enumerate(DISPOSITIONS)
    )
    first_load.fill(apps, using, "triage.Disposition", rows)
