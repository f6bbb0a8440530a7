"""The portal's admin site with its working pages."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path

from botaniqal.admin import PortalSite
from botaniqal.webhooks import HANDLERS
from practitioners import publish_check
from services.prices import clinic_day

from . import today


class Portal(PortalSite):
    """The admin whose first page is Today."""

    inbound_handlers = HANDLERS

    pages: list[Callable[[AdminSite], list[URLPattern]]] = []
    """Who lists further pages' addresses; given by the table of all addresses, for they know the lists' pages."""

    @staticmethod
    def look_at_offer(now: datetime) -> None:
        """Have the publish check say now what can be offered: verbs that depend on it wait for no worker."""
        publish_check.refresh(day=clinic_day(now), now=now)

    def get_urls(self) -> list:
        """Put the working pages before Django's own."""
        queue = path("today/queue/", self.admin_view(today.queue), name="today_queue")
        told = path("today/told/", self.admin_view(today.note_told), name="today_told")
        return [queue, told, *(url for urls in self.pages for url in urls(self)), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show Today."""
        return today.page(self, request)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None):
        """Send whoever shortens an address to Today; the sidebar has the lists."""
        return redirect(f"{self.name}:index")
