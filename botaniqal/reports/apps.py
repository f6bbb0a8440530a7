"""The app of the figures."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """What the clinic did, day by day."""

    name = "botaniqal.reports"
    verbose_name = "Reports"
    default_auto_field = "django.db.models.BigAutoField"
