"""Accounts as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from botaniqal.accounts import roles


class Accounts(AppConfig):
    """People who log in."""

    name = "botaniqal.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        """Have the table of roles applied after every migrate."""
        post_migrate.connect(roles.apply_roles, dispatch_uid="roles")
