"""The public's pages of the catalogue: the grid of services, and the page of one with what can be booked."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from botaniqal.errors import Missing
from botaniqal.public import shared_page

from .models import Service
from .showing import shown

EMBED = (settings.BASE_DIR / "static" / "embed.js").read_bytes()


@shared_page
def grid(request: HttpRequest) -> HttpResponse:
    """Show all services."""
    services = shown(Service.objects.public(), now=timezone.now())
    return render(request, "public/services.html", {"services": services})


@shared_page
def funnel(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one service with what can be booked; its slug may be written with hyphens or underscores."""
    found = shown(Service.objects.public().named(slug), now=timezone.now())
    if not found:
        raise Missing("There is no such service, or it is not offered any more.")
    return render(request, "public/service.html", {"service": found[0]})


@require_safe
@conditional_page
@cache_control(public=True, max_age=3600)
def embed(request: HttpRequest) -> HttpResponse:
    """Give the script that shows the services on the clinic's website, at an address that stays the same."""
    headers = {"Cross-Origin-Resource-Policy": "cross-origin"}
    return HttpResponse(EMBED, content_type="text/javascript; charset=utf-8", headers=headers)
