"""Triage as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from . import first_load


class Triage(AppConfig):
    """The call."""

    name = "triage"
    label = "triage"
    verbose_name = "Triage"

    def ready(self) -> None:
        """Have the first dispositions made after a migrate."""
        post_migrate.connect(first_load.load_dispositions, sender=self, dispatch_uid="dispositions")
