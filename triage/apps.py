"""Triage as a Django app."""

from django.apps import AppConfig


class Triage(AppConfig):
    """The call."""

    name = "triage"
    label = "triage"
    verbose_name = "Triage"
