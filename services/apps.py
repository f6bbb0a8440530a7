"""Services as a Django app."""

from django.apps import AppConfig


class Services(AppConfig):
    """What the clinic offers."""

    name = "services"
    label = "services"
    verbose_name = "Catalogue"
