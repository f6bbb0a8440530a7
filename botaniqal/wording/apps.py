"""The app of the wording gate."""

from django.apps import AppConfig


class WordingConfig(AppConfig):
    """Risky words and approvals."""

    name = "botaniqal.wording"
    verbose_name = "Wording"
    default_auto_field = "django.db.models.BigAutoField"
