"""The app of the alerts."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from . import first_load


class AlertsConfig(AppConfig):
    """Rules, and what became of them."""

    name = "botaniqal.alerts"
    verbose_name = "Alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the first rules made after a migrate."""
        post_migrate.connect(first_load.load_rules, sender=self, dispatch_uid="alert rules")
