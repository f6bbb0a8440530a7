"""Free times for the website and for consultants, and the consultants' tokens."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import authenticate
from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botaniqal.api.fields import Day, Moment, Query, Zone, in_utc
from botaniqal.api.schema import problems
from botaniqal.api.throttles import Login, PublicRead
from botaniqal.errors import Missing
from services.models import AppointmentType, Service
from services.offering import NotOffered, require_offered

from . import availability, demand, timegrid, tokens
from .models import Practitioner

MOST_DAYS = 31


class Credentials(serializers.Serializer):
    """Who somebody is, and the proof."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
    otp = serializers.CharField(
        max_length=20, required=False, help_text="The second factor, for those who have one set up."
    )


class TokenShape(serializers.Serializer):
    """A consultant's token."""

    token = serializers.CharField(source="text")
    expiresAt = Moment(source="expires_at")
    permissions = serializers.ListField(child=serializers.CharField(), source="claims")


class TokenView(APIView):
    """
    Where practitioners log in for the API.

    Repeating this is harmless, so it keeps no answer for an Idempotency-Key: tokens do not belong in a table.
    """

    authentication_classes = []  # an expired token in the header must not stand in the way of a new one
    permission_classes = [AllowAny]
    throttle_classes = [Login]

    def get_authenticate_header(self, request: Request) -> str:
        """Let a wrong password be a 401, which DRF gives only with this header."""
        return tokens.ConsultantToken().authenticate_header(request)

    @extend_schema(request=Credentials, responses={200: TokenShape, **problems(400, 401, 403, 429)})
    def post(self, request: Request) -> Response:
        """Give a practitioner a token for eight hours."""
        credentials = Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = authenticate(
            request,
            username=credentials.validated_data["email"],
            password=credentials.validated_data["password"],
        )
        if user is None:
            raise AuthenticationFailed("E-mail or password is wrong.")
        return Response(TokenShape(tokens.issue_token(user=user, now=timezone.now())).data)


class AvailabilityQuery(serializers.Serializer):
    """Which free times are asked for."""

    service = serializers.CharField(max_length=100, help_text="A service's slug, with hyphens or underscores.")
    date = Day(help_text="The first day, of the clinic or of the zone given.")
    days = serializers.IntegerField(min_value=1, max_value=MOST_DAYS, default=1)
    appointmentType = serializers.CharField(
        max_length=100, default=AppointmentType.Kind.INITIAL, help_text="initial, followup, or a type's code."
    )
    timezone = Zone(required=False, help_text="The zone whose days are meant; the clinic's when not given.")


QUERY = Query(AvailabilityQuery)


class SlotShape(serializers.Serializer):
    """A free time."""

    time = Moment()
    duration = serializers.IntegerField(help_text="Minutes.")


class PractitionerSlots(serializers.Serializer):
    """Whom one can see, and when."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    type = serializers.ChoiceField(Practitioner._meta.get_field("type").choices)
    location = serializers.ChoiceField(Practitioner.Location.choices)
    appointmentType = serializers.CharField()
    nextAvailable = Moment(allow_null=True)
    availableSlots = SlotShape(many=True)
    stale = serializers.BooleanField(
        required=False, help_text="The outside calendar was not read for long: these times may be taken. Staff only."
    )
    calendarReadAt = Moment(
        required=False, allow_null=True, help_text="When the outside calendar was last read. Staff only."
    )


class AvailabilityShape(serializers.Serializer):
    """The practitioners who give the service."""

    practitioners = PractitionerSlots(many=True)


class Availability(APIView):
    """When somebody is free."""

    permission_classes = [AllowAny]
    throttle_classes = [PublicRead]

    @extend_schema(
        parameters=[AvailabilityQuery], responses={200: AvailabilityShape, **problems(400, 401, 404, 422, 429, 503)}
    )
    def get(self, request: Request) -> Response:
        """List free times of everybody who gives a service; doubtful ones are marked for staff, hidden from others."""
        asked, is_public = QUERY.read(request.query_params), request.auth is None
        found = availability.find_slots(
            offers=_offers(asked["service"], asked["appointmentType"], is_public=is_public),
            first_day=asked["date"],
            days=asked["days"],
            zone=asked.get("timezone", ZoneInfo(settings.CLINIC_TIME_ZONE)),
            hides_stale=is_public,
        )
        demand.note(found, now=timezone.now())
        # Plain dictionaries: the website asks this more often than anything else.
        rows = [_slots(each) for each in found]
        if not is_public:
            for row, each in zip(rows, found, strict=True):
                row["stale"], row["calendarReadAt"] = each.is_stale, each.read_at and in_utc(each.read_at)
        return Response({"practitioners": rows})


def service_named(name: str) -> Service:
    """
    Find a service by its slug, written with hyphens or underscores.

    :raises Missing: there is no such service, or none any more.
    """
    service = Service.objects.exclude(status=Service.Status.RETIRED).named(name).first()
    if service is None:
        raise Missing("There is no such service.")
    return service


def _offers(name: str, kind: str, *, is_public: bool) -> list[availability.Offer]:
    """
    Find who gives what is asked for.

    :raises Missing: there is no such service, or no such appointment type in it.
    :raises NotOffered: the service is not offered now, or what is asked for of it cannot be.
    """
    offers = availability.offers_of(service=name.replace("_", "-"), kind=kind)
    if offers:
        return offers
    service = service_named(name)
    if service.status != Service.Status.ACTIVE:
        raise NotOffered(f"{service} is not offered at the moment.")
    is_meant = Q(kind=kind) | Q(code=kind)
    types = service.appointment_types.filter(is_meant, is_active=True).select_related("service").in_catalogue_order()
    if not types and kind not in AppointmentType.Kind:
        raise Missing("There is no such appointment type.")
    if types and all(each.obstacle for each in types):
        require_offered(types[0], is_public=is_public)
    return availability.offers_of(service=service.slug, kind=kind)


def _slots(found: availability.Slots) -> dict[str, object]:
    person, appointment_type = found.practitioner, found.appointment_type
    texts, minutes = timegrid.texts(found.window), appointment_type.minutes
    return {
        "id": str(person.pk),
        "name": person.name,
        "type": person.type,
        "location": person.location,
        "appointmentType": appointment_type.code,
        "nextAvailable": in_utc(found.next_available) if found.next_available else None,
        "availableSlots": [{"time": texts[cell], "duration": minutes} for cell in timegrid.set_bits(found.starts)],
    }
