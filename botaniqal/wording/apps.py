"""The app of the wording gate."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from . import first_load


class WordingConfig(AppConfig):
    """Risky words and approvals."""

    name = "botaniqal.wording"
    verbose_name = "Wording"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the first risky words made after a migrate."""
        post_migrate.connect(first_load.load_words, sender=self, dispatch_uid="risky-words")
