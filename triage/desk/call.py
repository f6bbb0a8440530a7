"""The desk's bar and notes: whose call it is, ringing later, writing down."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from botaniqal.accounts.models import User
from botaniqal.api.fields import FIRST_YEAR, LAST_YEAR
from practitioners import availability, timegrid
from practitioners.models import Practitioner
from services.models import Service

from .. import claims, no_answer, sessions
from . import call_state, state
from .doors import Named, door, find_call, state_for, verb


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


class WallTime(serializers.DateTimeField):
    """A moment as a field of the page has it: by the clinic's wall clock."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=None, input_formats=["%Y-%m-%dT%H:%M"], **kwargs)

    def to_internal_value(self, value: Any) -> datetime:
        """Read it; a time that daylight saving skips is the moment of the jump."""
        local = super().to_internal_value(value)
        if not FIRST_YEAR <= local.year <= LAST_YEAR:
            self.fail("invalid", format="2026-12-01T10:00")
        return timegrid.wall_time(local.date(), local.time(), availability.CLINIC)


class CallBack(serializers.Serializer):
    """When to ring back, and who does."""

    at = WallTime()
    owner = serializers.PrimaryKeyRelatedField(queryset=Practitioner.objects.consulting(), required=False)


class Unanswered(serializers.Serializer):
    """Which try it was, and when to try again; after the last one there is no other."""

    number = serializers.IntegerField(min_value=1)
    at = WallTime(required=False)


@door("GET")
def show_state(request: Request, session_id: UUID) -> Response:
    """Say where the call stands."""
    return Response(state_for(request, session_id))


@door("GET")
def later(request: Request, session_id: UUID) -> Response:
    """Suggest when to ring again."""
    session = find_call(session_id)
    sessions.require_own(session, request.auth.practitioner)
    return Response(call_state.later_times(session, timezone.now()))


start = verb()(sessions.start)
claim = verb()(claims.claim)
take_over = verb()(claims.take_over)
park = verb()(claims.park)
call_back = verb(CallBack)(claims.call_back)
unanswered = verb(Unanswered)(no_answer.note_try)


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
