"""Integrations as a Django app."""

from django.apps import AppConfig


class Integrations(AppConfig):
    """The outside world."""

    name = "botaniqal.integrations"
    label = "integrations"
    verbose_name = "Vendors"
