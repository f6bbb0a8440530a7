"""The risky words that a new portal begins with; from then on operations manage them."""

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps

from botaniqal import first_load

REFUSED, WARNED = "refused", "warned"
MEDICINE = "It names or hints at a prescription medicine, which may not be advertised to the public in Australia."
PROMISE = "It promises a result; advertising of health services must not create unreasonable expectations."
PRAISE = "It compares or praises without proof, which advertising of health services must not."
HARMLESS = "It says that a treatment does no harm; every treatment has risks, which must not be hidden."
HURRY = "It presses people to use a health service without need."

RISKY_WORDS = [
    *((words, REFUSED, MEDICINE) for words in ("medicinal cannabis", "medical cannabis", "cannabis", "marijuana")),
    *((words, REFUSED, MEDICINE) for words in ("cannabinoid*", "cannabidiol", "THC", "Ozempic", "Wegovy")),
    *((words, REFUSED, MEDICINE) for words in ("semaglutide", "Mounjaro", "tirzepatide", "Saxenda", "liraglutide")),
    *((words, REFUSED, MEDICINE) for words in ("weight-loss injection*", "weight-loss jab*", "skinny jab*")),
    ("weight-loss medic*", REFUSED, MEDICINE),
    ("GLP-1", REFUSED, MEDICINE),
    ("CBD", WARNED, f"{MEDICINE} Where it is the middle of a city, say so."),
    ("plant medicine*", WARNED, MEDICINE),
    ("testimonial*", REFUSED, "The National Law forbids testimonials about health services."),
    ("miracle*", REFUSED, PROMISE),
    ("risk-free", REFUSED, HARMLESS),
    ("no risk*", REFUSED, HARMLESS),
    ("no side effect*", REFUSED, HARMLESS),
    ("without side effect*", REFUSED, HARMLESS),
    ("cure*", WARNED, PROMISE),
    ("guarantee*", WARNED, PROMISE),
    ("100 per cent", WARNED, PROMISE),
    ("permanent result*", WARNED, PROMISE),
    ("safe and effective", WARNED, HARMLESS),
    ("painless*", WARNED, HARMLESS),
    ("best doctor*", WARNED, PRAISE),
    ("best clinic*", WARNED, PRAISE),
    ("leading doctor*", WARNED, PRAISE),
    ("number one", WARNED, PRAISE),
    ("specialist*", WARNED, "Only a practitioner with specialist registration may be called one."),
    ("before and after", WARNED, "Pictures and stories of before and after create unreasonable expectations."),
    ("limited offer*", WARNED, HURRY),
    ("don't miss out", WARNED, HURRY),
]


def load_words(sender: AppConfig, *, using: str, apps: Apps = installed_apps, **kwargs: object) -> None:
    """Make the first risky words where there are none."""
    rows = ({"words": words, "weight": weight, "why": why} for words, weight, why in RISKY_WORDS)
    first_load.fill(apps, using, "wording.RiskyWord", rows)
