"""The words and rules that a new portal begins with; from then on operations manage them."""

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps

from botaniqal import first_load

CANCEL_REASONS = [
    ("patient_unwell", "Patient is unwell", False, True),
    ("time_does_not_suit", "Time does not suit any more", False, True),
    ("not_wanted", "Not wanted any more", False, True),
    ("price", "Price", False, True),
    ("practitioner_away", "Practitioner is away", False, False),
    ("not_paid", "Not paid", False, False),
    ("mistake", "Mistake", False, False),
    ("other", "Other", True, True),
]
REFUND_RULES = [(24, 100), (2, 50)]
"""From so many hours before the visit on, so many per cent are suggested to be given back."""
CONSENTS = [
    (
        "privacy",
        "We write down what you tell us, so that the practitioner can care for you. It is kept in Australia and shown "
        "only to those who look after you. Is that all right?",
        True,
    ),
    (
        "telehealth",
        "Your visit may take place by phone or video. The practitioner will tell you if you have to be seen in person. "
        "Do you agree?",
        True,
    ),
    ("sharing", "May we send a summary of the visit to your GP?", False),
]


def load_words(sender: AppConfig, *, using: str, apps: Apps = installed_apps, **kwargs: object) -> None:
    """Make the first reasons, consents and refund rules where there are none."""
    reasons = (
        {"code": code, "label": label, "asks_for_detail": asks, "is_for_patients": theirs, "position": place}
        for place, (code, label, asks, theirs) in enumerate(CANCEL_REASONS)
    )
    consents = ({"kind": kind, "version": 1, "text": text, "is_required": needed} for kind, text, needed in CONSENTS)
    rules = ({"hours": hours, "percent": percent} for hours, percent in REFUND_RULES)
    first_load.fill(apps, using, "bookings.CancelReason", reasons)
    first_load.fill(apps, using, "bookings.ConsentWording", consents)
    first_load.fill(apps, using, "bookings.RefundRule", rules)
