"""The public API of the catalogue: the website's grid of services, and the page of one."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch
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

from . import catalogue_words
from .catalogue_words import ShownService
from .models import AppointmentType, Service, ServiceQuerySet
from .prices import clinic_day, prices_as_of


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
    today = clinic_day(timezone.now())
    prices = prices_as_of(today)
    types = Prefetch("appointment_types", AppointmentType.objects.on_show().in_catalogue_order())
    rows = services.prefetch_related(types)
    words = catalogue_words.shown(rows)
    return [_service(row, words[row.slug], prices, today) for row in rows if row.slug in words]


def _service(row: Service, words: ShownService, prices: dict[int, Decimal], today: date) -> dict[str, Any]:
    has_date = row.status == Service.Status.COMING_SOON and row.launches_on and row.launches_on >= today
    return {
        "slug": row.slug,
        "name": words.name,
        "description": words.description,
        "status": row.status,
        "launchDate": row.launches_on if has_date else None,
        "launch": row.launch_words(today) or None,
        "waitlist": row.has_waitlist,
        "colour": row.colour,
        "appointmentTypes": [
            _appointment_type(each, words.types[each.code], prices.get(each.pk))
            for each in row.appointment_types.all()
            if each.code in words.types
        ],
    }


def _appointment_type(row: AppointmentType, name: str, price: Decimal | None) -> dict[str, Any]:
    reason = row.public_obstacle or (AppointmentType.NO_PRICE if price is None else "")
    return {
        "code": row.code,
        "name": name,
        "kind": row.kind,
        "mode": row.mode,
        "minutes": row.minutes,
        "price": None if price is None else float(price),  # exact: eight digits at most
        "bookable": not reason,
        "reason": reason or None,
    }
