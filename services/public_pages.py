"""The public's pages of the catalogue: the grid of services, and the page of one with what can be booked."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from botaniqal.errors import Missing
from botaniqal.public import shared_page

from .models import Service
from .showing import shown


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
