"""The public API of the catalogue: the website's grid of services, and the page of one."""

from decimal import Decimal
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botaniqal.api.throttles import PublicRead
from botaniqal.errors import Missing

from .models import AppointmentType, Service, ServiceQuerySet
from .prices import clinic_day, prices_as_of

NO_PRICE = "There is no price for it yet."


APPOINTMENT_TYPE = inline_serializer(
    "CatalogueAppointmentType",
    {
        "code": serializers.CharField(),
        "name": serializers.CharField(),
        "kind": serializers.ChoiceField(choices=AppointmentType.Kind.choices),
        "mode": serializers.ChoiceField(choices=AppointmentType.Mode.choices),
        "minutes": serializers.IntegerField(),
        "price": serializers.DecimalField(8, 2, coerce_to_string=False, allow_null=True, help_text="AUD, GST free."),
        "bookable": serializers.BooleanField(),
        "reason": serializers.CharField(allow_null=True, help_text="Why it cannot be booked."),
    },
    many=True,
)
SERVICE = {
    "slug": serializers.SlugField(),
    "name": serializers.CharField(),
    "description": serializers.CharField(),
    "status": serializers.ChoiceField(choices=["active", "coming_soon"]),
    "launchDate": serializers.DateField(allow_null=True),
    "waitlist": serializers.BooleanField(),
    "colour": serializers.CharField(),
    "appointmentTypes": APPOINTMENT_TYPE,
}
SERVICES = {
    "results": inline_serializer("CatalogueService", SERVICE, many=True),
    "next": serializers.URLField(allow_null=True),
}


class PublicCatalogue(APIView):
    """Open to everybody."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [PublicRead]


class ServiceList(PublicCatalogue):
    """The services that are offered or coming soon."""

    @extend_schema(operation_id="services_list", responses=inline_serializer("CatalogueServices", SERVICES))
    def get(self, request: Request) -> Response:
        """List the services with today's prices."""
        return Response({"results": _shown(Service.objects.public()), "next": None})


class ServiceDetail(PublicCatalogue):
    """One service."""

    @extend_schema(operation_id="services_retrieve", responses=inline_serializer("CatalogueService", SERVICE))
    def get(self, request: Request, slug: str) -> Response:
        """Show one service with today's prices; its slug may be written with hyphens or underscores."""
        found = _shown(Service.objects.public().named(slug))
        if not found:
            raise Missing("There is no such service.")
        return Response(found[0])


def _shown(services: ServiceQuerySet) -> list[dict[str, Any]]:
    types = Prefetch("appointment_types", AppointmentType.objects.offered().in_catalogue_order())
    prices = prices_as_of(clinic_day(timezone.now()))
    return [
        {
            "slug": service.slug,
            "name": service.name,
            "description": service.description,
            "status": service.status,
            "launchDate": service.launches_on,
            "waitlist": service.has_waitlist,
            "colour": service.colour,
            "appointmentTypes": [
                _appointment_type(each, prices.get(each.pk)) for each in service.appointment_types.all()
            ],
        }
        for service in services.prefetch_related(types)
    ]


def _appointment_type(row: AppointmentType, price: Decimal | None) -> dict[str, Any]:
    return {
        "code": row.code,
        "name": row.name,
        "kind": row.kind,
        "mode": row.mode,
        "minutes": row.minutes,
        "price": None if price is None else float(price),  # exact: eight digits at most
        "bookable": price is not None,
        "reason": NO_PRICE if price is None else None,
    }
