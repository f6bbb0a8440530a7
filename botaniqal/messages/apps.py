"""Messages as a Django app."""

from django.apps import AppConfig


class Messages(AppConfig):
    """E-mails to patients and staff."""

    name = "botaniqal.messages"
    label = "mail"
    verbose_name = "Messages"
