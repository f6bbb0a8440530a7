"""Services as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from . import first_forms, first_load


class Services(AppConfig):
    """What the clinic offers."""

    name = "services"
    label = "services"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        """Have the first forms, and the first steps of the interest list, made after a migrate."""
        post_migrate.connect(first_forms.load_forms, sender=self, dispatch_uid="forms")
        post_migrate.connect(first_load.load_steps, sender=self, dispatch_uid="nurture-steps")
