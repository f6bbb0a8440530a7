"""The portal itself as Django apps: its admin site, and what belongs to no app of the clinic."""

from django.apps import AppConfig
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
