"""The HTTP interface as a Django app."""

from django.apps import AppConfig


class Api(AppConfig):
    """The HTTP interface."""

    name = "botaniqal.api"
    label = "api"
    verbose_name = "HTTP API"
