"""What the API says of itself, common to all endpoints."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Same key and body: the first answer again, with Idempotent-Replayed: true. Kept for a day.",
)

MEANING = {
    400: "Malformed or missing input.",
    401: "Nobody is logged in, or the token is not valid.",
    403: "No right to this.",
    404: "No such thing.",
    409: "Taken or changed meanwhile.",
    422: "Understood, but against a rule; details.rule names it.",
    429: "Too many requests; Retry-After says when to try again.",
    503: "Too busy; Retry-After says when to try again.",
}


class Problem(serializers.Serializer):
    """The one shape of everything that goes wrong."""

    error = serializers.CharField(help_text="A sentence for people.")
    code = serializers.CharField(help_text="A word for machines.")
    details = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="The fields at fault."
    )


def problems(*statuses: int) -> dict[int, OpenApiResponse]:
    """Describe what else an endpoint may answer."""
    return {HTTPStatus(status): OpenApiResponse(Problem, description=MEANING[status]) for status in statuses}


class PortalSchema(AutoSchema):
    """What every endpoint's description has in common."""

    def get_override_parameters(self) -> list[OpenApiParameter]:
        """Add the header of those that work once per key."""
        handler = getattr(self.view, self.method.lower())
        return [IDEMPOTENCY_KEY] if getattr(handler, "honours_idempotency_key", False) else []


class ConsultantTokenInSchema(OpenApiAuthenticationExtension):
    """How the schema tells of a consultant's token."""

    target_class = "practitioners.tokens.ConsultantToken"
    name = "consultantToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Describe it."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class PhoneSystemKeyInSchema(OpenApiAuthenticationExtension):
    """How the schema tells of the phone system's key and its consultant: both headers together."""

    target_class = "practitioners.tokens.PhoneSystemKey"
    name = ["phoneSystemKey", "phoneSystemConsultant"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[Any]]:
        """Ask for both."""
        return {name: [] for name in self.name}

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        """Describe both."""
        return [
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            {"type": "apiKey", "in": "header", "name": "X-Consultant", "description": "The consultant's id or e-mail."},
        ]


class PortalSessionInSchema(OpenApiAuthenticationExtension):
    """How the schema tells of somebody logged in to the portal."""

    target_class = "practitioners.tokens.PortalSession"
    name = "portalSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Describe it."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
