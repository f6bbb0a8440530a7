"""The public API of the interest list."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botaniqal import names
from botaniqal.api.fields import Name, Phone
from botaniqal.api.idempotency import mark_done, once_per_key
from botaniqal.api.schema import problems
from botaniqal.api.throttles import PublicEmail, PublicJoin, PublicWrite
from botaniqal.errors import Missing

from . import interest
from .models import InterestEntry, Service


class WaitlistRequest(serializers.Serializer):
    """Who would like to hear of a service to come."""

    service = serializers.CharField(max_length=50, help_text="Its slug, words joined by hyphens or underscores.")
    name = Name(max_length=names.LONGEST)
    email = serializers.EmailField(max_length=254)
    phone = Phone(max_length=40, required=False, default="")
    consent = serializers.BooleanField(
        help_text=f"True: they agreed to these words, shown beside the box: “{interest.WORDING}”"
    )

    website = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Left empty: people do not see it, robots fill it in."
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Read an empty phone number as none."""
        return super().to_internal_value(
            {field: said for field, said in data.items() if (field, said) != ("phone", "")}
        )

    def validate_consent(self, consent: bool) -> bool:
        """Refuse whoever did not agree."""
        if not consent:
            raise serializers.ValidationError("Without consent nobody may be written to.")
        return consent


class WaitlistShape(serializers.Serializer):
    """They are on the list, whether since now or since long."""

    service = serializers.SlugField()
    joined = serializers.BooleanField()
    consentWording = serializers.CharField(help_text="What they agreed to, as it is kept.")  # noqa: N815


class Waitlist(APIView):
    """Interest in services to come."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [PublicWrite, PublicEmail, PublicJoin]

    @extend_schema(request=WaitlistRequest, responses={200: WaitlistShape, **problems(400, 404, 422, 429)})
    @once_per_key
    def post(self, request: Request) -> Response:
        """Join the list of a service that is coming soon; joining twice is one entry and has the same answer."""
        form = WaitlistRequest(data=request.data)
        form.is_valid(raise_exception=True)
        said = form.validated_data
        service = Service.objects.public().named(said["service"]).first()
        if service is None:
            raise Missing("There is no such service.")
        wording = interest.wording_for(service)
        answer = Response({"service": service.slug, "joined": True, "consentWording": wording})
        if said["website"].strip():  # a robot, which is told nothing of being found out
            return answer
        with transaction.atomic():
            interest.join(
                service=service,
                name=said["name"],
                email=said["email"],
                phone=said["phone"],
                source=InterestEntry.Source.API,
                wording=wording,
                now=timezone.now(),
            )
            mark_done(request, answer)
        return answer
