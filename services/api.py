"""The public API of the catalogue: the website's grid of services, and the page of one."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botaniqal.api.schema import problems
from botaniqal.api.throttles import PublicRead
from botaniqal.errors import Missing

from . import interest, showing
from .models import AppointmentType, Service, ServiceQuerySet
from .showing import Offer


class AppointmentTypeShape(serializers.Serializer):
    """What can be booked, and for how much today."""

    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(AppointmentType.Kind.choices)
    mode = serializers.ChoiceField(AppointmentType.Mode.choices)
    minutes = serializers.IntegerField()
    price = serializers.FloatField(allow_null=True, help_text="AUD, GST free.")
    bookable = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True, help_text="Why it cannot be booked.")


class ServiceShape(serializers.Serializer):
    """A line of care; one that is coming soon has no appointment types yet."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField()
    status = serializers.ChoiceField(["active", "coming_soon"])
    launchDate = serializers.DateField(allow_null=True, help_text="Empty once it has passed.")
    launch = serializers.CharField(allow_null=True, help_text="When it begins, in words: a day, or soon.")
    waitlist = serializers.BooleanField()
    waitlistWording = serializers.CharField(
        allow_null=True, help_text="What is agreed to by whoever joins its list; empty when there is none to join."
    )
    colour = serializers.CharField()
    appointmentTypes = AppointmentTypeShape(many=True)


class ServicesShape(serializers.Serializer):
    """All services that the website shows."""

    results = ServiceShape(many=True)
    next = serializers.URLField(allow_null=True, help_text="Always empty: they are few.")


class PublicCatalogue(APIView):
    """Open to everybody."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [PublicRead]


class ServiceList(PublicCatalogue):
    """The services that are offered or coming soon."""

    @extend_schema(operation_id="services_list", responses={200: ServicesShape, **problems(429)})
    def get(self, request: Request) -> Response:
        """List the services with today's prices."""
        return Response({"results": _shown(Service.objects.public()), "next": None})


class ServiceDetail(PublicCatalogue):
    """One service."""

    @extend_schema(operation_id="services_retrieve", responses={200: ServiceShape, **problems(404, 429)})
    def get(self, request: Request, slug: str) -> Response:
        """Show one service with today's prices; its slug may be written with hyphens or underscores."""
        found = _shown(Service.objects.public().named(slug))
        if not found:
            raise Missing("There is no such service.")
        return Response(found[0])


def _shown(services: ServiceQuerySet) -> list[dict[str, Any]]:
    return [
        {
            "slug": service.row.slug,
            "name": service.name,
            "description": service.description,
            "status": service.row.status,
            "launchDate": service.launches_on,
            "launch": service.launch or None,
            "waitlist": service.row.has_waitlist,
            "waitlistWording": interest.WORDING.format(service=service.name) if service.has_list else None,
            "colour": service.row.colour,
            "appointmentTypes": [_appointment_type(offer) for offer in service.offers],
        }
        for service in showing.shown(services, now=timezone.now())
    ]


def _appointment_type(offer: Offer) -> dict[str, Any]:
    return {
        "code": offer.row.code,
        "name": offer.name,
        "kind": offer.row.kind,
        "mode": offer.row.mode,
        "minutes": offer.row.minutes,
        "price": None if offer.price is None else float(offer.price),  # exact: eight digits at most
        "bookable": not offer.why_not,
        "reason": offer.why_not or None,
    }
