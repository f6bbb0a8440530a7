"""Services as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from . import first_forms


class Services(AppConfig):
    """What the clinic offers."""

    name = "services"
    label = "services"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        """Have the first forms made after a migrate."""
        post_migrate.connect(first_forms.load_forms, sender=self, dispatch_uid="forms")
