"""Integrations as a Django app."""

from django.apps import AppConfig
from django.core.checks import register

from botaniqal.integrations.checks import check_lease


class Integrations(AppConfig):
    """The outside world."""

    name = "botaniqal.integrations"
    label = "integrations"
    verbose_name = "Vendors"

    def ready(self) -> None:
        """Have the settings looked at before anything is sent."""
        register(check_lease)
