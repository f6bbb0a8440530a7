"""Bookings as a Django app."""

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate

from . import checks, first_load


class Bookings(AppConfig):
    """Patients, bookings and money."""

    name = "bookings"
    label = "bookings"
    verbose_name = "Bookings"

    def ready(self) -> None:
        """Have the first reasons and consents made after a migrate, and the settings looked at."""
        register(checks.check_reminders)
        post_migrate.connect(first_load.load_words, sender=self, dispatch_uid="words")
