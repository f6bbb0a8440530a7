"""Practitioners as a Django app."""

from django.apps import AppConfig


class Practitioners(AppConfig):
    """Who gives care, and when they are free."""

    name = "practitioners"
    label = "practitioners"
    verbose_name = "Practitioners"
