"""Accounts as a Django app."""

from django.apps import AppConfig


class Accounts(AppConfig):
    """People who log in."""

    name = "botaniqal.accounts"
    label = "accounts"
    verbose_name = "People"
