"""The portal itself as Django apps: its admin site, and what belongs to no app of the clinic."""

import logging
from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.utils.module_loading import autodiscover_modules


class PortalAdminConfig(AdminConfig):
    """Django's admin with the portal's own site."""

    default_site = "botaniqal.reports.site.Portal"

    def ready(self) -> None:
        """Find what an app shows beside its admin.py, too."""
        super().ready()
        autodiscover_modules("subscriptions_admin")


class Portal(AppConfig):
    """Commands, reports and the wiring of the whole."""

    name = "botaniqal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """
        See to the logs, and tell those outside who want to know of errors and of what takes how long.

        What is not set is not even loaded. Every process comes through here, and those of a server after it forked.
        """
        logging.captureWarnings(settings.LOG_FORMAT == "json")  # they would stand there as they are
        wanted = {"botaniqal.sentry": settings.SENTRY_DSN, "botaniqal.traces": settings.OTEL_EXPORTER_OTLP_ENDPOINT}
        for module, address in wanted.items():
            if address:
                import_module(module).start()
