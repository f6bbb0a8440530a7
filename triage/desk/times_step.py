"""Step 4 of the desk: which times are free."""

from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from botaniqal.api.fields import Day
from services.models import AppointmentType

from . import state
from .doors import Named, door


class TimesQuery(serializers.Serializer):
    """Which free times are asked for."""

    type = Named(slug_field="code", queryset=AppointmentType.objects.offered().select_related("service"))
    day = Day(required=False, default=None)


@door("GET")
def times(request: Request, session_id: UUID) -> Response:
    """Find the free times of an appointment type."""
    query = TimesQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    asked = query.validated_data
    return Response(state.times_of(asked["type"], first_day=asked["day"], now=timezone.now()))
