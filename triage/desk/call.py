"""The desk's bar and notes: beginning the call, taking it over, writing down."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from botaniqal.accounts.models import User
from practitioners.models import Practitioner
from services.models import Service

from .. import sessions
from . import state
from .doors import Named, door, state_for, verb


class Written(serializers.Serializer):
    """What was typed, on which version; what is left out stays as it is."""

    version = serializers.IntegerField(min_value=1)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=20_000, trim_whitespace=False)
    primaryConcern = serializers.CharField(
        source="primary_concern", required=False, allow_blank=True, max_length=5000, trim_whitespace=False
    )
    recommendedService = Named(
        source="recommended_service",
        slug_field="slug",
        queryset=Service.objects.public(),
        required=False,
        allow_null=True,
    )


@door("GET")
def show_state(request: Request, session_id: UUID) -> Response:
    """Say where the call stands."""
    return Response(state_for(request, session_id))


start = verb()(sessions.start)
take_over = verb()(sessions.take_over)


@verb(Written)
def write(
    *, session_id: UUID, consultant: Practitioner | None, by: User, now: datetime, version: int, **changes: Any
) -> None:
    """Write down what was typed; if somebody else did meanwhile, their text comes with the refusal."""
    try:
        sessions.write(session_id=session_id, consultant=consultant, version=version, changes=changes, by=by)
    except sessions.StaleVersion as stale:
        stale.extra["written"] = state.written_in(stale.session)
        raise
