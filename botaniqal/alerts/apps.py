"""The app of the alerts."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Rules, and what became of them."""

    name = "botaniqal.alerts"
    verbose_name = "Alerts"
    default_auto_field = "django.db.models.BigAutoField"
