"""Where a booking stands with the vendors and with the patient's e-mail."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botaniqal.api.fields import Moment
from botaniqal.api.schema import problems
from botaniqal.errors import Missing, NotAllowed
from botaniqal.integrations.models import Owed
from practitioners.models import Practitioner
from practitioners.tokens import has_claim

from .models import Booking, SyncRecord
from .vendors import sync

EMAIL = "email"
CALENDARS = (SyncRecord.System.CALENDLY, SyncRecord.System.OUTLOOK)


class SystemShape(serializers.Serializer):
    """What one system was told."""

    system = serializers.ChoiceField([*SyncRecord.System.values, EMAIL])
    state = serializers.ChoiceField(Owed.State.choices)
    externalId = serializers.CharField(allow_null=True, help_text="The system's own id of it.")
    attempts = serializers.IntegerField()
    nextTryAt = Moment(allow_null=True)
    problem = serializers.CharField(allow_null=True, help_text="Why a person has to look at it.")


class SyncShape(serializers.Serializer):
    """Where a booking stands in each system."""

    bookingId = serializers.UUIDField()
    statusUrl = serializers.URLField()
    systems = SystemShape(many=True)


class BookingSync(APIView):
    """Where one booking stands."""

    permission_classes = [has_claim("booking:create")]

    @extend_schema(responses={200: SyncShape, **problems(401, 403, 404)})
    def get(self, request: Request, booking_id: UUID) -> Response:
        """Tell what each vendor and the patient were told of a booking of one's own calls."""
        booking = Booking.objects.filter(pk=booking_id).select_related("call", "triage_session").first()
        if booking is None:
            raise Missing("There is no such booking.")
        if not _is_own(booking, request.auth.practitioner):
            raise NotAllowed("This booking comes from another consultant's call.")
        statement = {"bookingId": booking.pk, "statusUrl": status_url(booking), "systems": sync.statement(booking)}
        return Response(SyncShape(statement).data)


def status_url(booking: Booking) -> str:
    """Say where to ask how a booking stands."""
    return settings.PUBLIC_BASE_URL + reverse("booking-sync", args=[booking.pk])


def is_told(systems: list[dict[str, Any]], *names: str) -> bool:
    """Tell from a statement whether one of these systems has the booking as it is now."""
    return any(each["system"] in names and each["state"] == Owed.State.SYNCED for each in systems)


def _is_own(booking: Booking, consultant: Practitioner | None) -> bool:
    calls = (getattr(booking, "call", None), getattr(booking, "triage_session", None))
    owners = {booking.practitioner_id, *(call.consultant_id for call in calls if call)}
    return consultant is not None and consultant.pk in owners
