"""Step 4 of the desk: which times are free, why another is not, and holding one beyond a soft rule."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.api.fields import Day, Moment
from botaniqal.errors import Missing
from practitioners import timegrid
from practitioners.availability import CLINIC
from practitioners.limits import SOFT
from practitioners.models import Practitioner
from services.models import AppointmentType

from .. import booking, overrides, ranking, sessions
from ..api import alternatives_when_taken
from ..models import TriageSession
from . import times_state
from .doors import Named, door, may_see, verb


class TimesQuery(serializers.Serializer):
    """Which free times are asked for."""

    type = Named(slug_field="code", queryset=AppointmentType.objects.on_show().select_related("service"))
    day = Day(required=False, default=None)


class WhyNotQuery(serializers.Serializer):
    """Which time of whom is asked about: a day and a time on the clinic's clock."""

    type = Named(slug_field="code", queryset=AppointmentType.objects.on_show().select_related("service"))
    practitionerId = serializers.UUIDField(source="practitioner_id")
    day = Day()
    time = serializers.TimeField(format="%H:%M", input_formats=["%H:%M"])


class TimeBeyond(serializers.Serializer):
    """A time beyond soft rules, which rules those are, and the reason."""

    practitionerId = serializers.UUIDField(source="practitioner_id")
    type = Named(
        source="appointment_type",
        slug_field="code",
        queryset=AppointmentType.objects.on_show().select_related("service"),
    )
    startsAt = Moment(source="starts_at")
    rules = serializers.ListField(child=serializers.ChoiceField(SOFT), min_length=1, max_length=len(SOFT))
    reason = serializers.CharField(max_length=200, validators=[cards.validate_none])


@door("GET")
def times(request: Request, session_id: UUID) -> Response:
    """Find the free times of an appointment type."""
    query = TimesQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    asked, session = query.validated_data, _call(session_id)
    return Response(
        times_state.times_of(
            asked["type"],
            session=session,
            is_shown=may_see(request, session, request.auth.practitioner),
            first_day=asked["day"],
            now=timezone.now(),
        )
    )


@door("GET")
def why_not(request: Request, session_id: UUID) -> Response:
    """Say why a practitioner's time cannot be had."""
    query = WhyNotQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    asked, consultant = query.validated_data, request.auth.practitioner
    return Response(
        times_state.reason_of(
            asked["type"],
            session=_call(session_id),
            practitioner=booking.practitioner_named(asked["practitioner_id"]),
            starts_at=_on_the_clinics_clock(asked["day"], asked["time"]),
            may_go_beyond=overrides.may_go_beyond(by=request.user, consultant=consultant),
            now=timezone.now(),
        )
    )


@verb(TimeBeyond)
def hold_beyond(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    by: User,
    now: datetime,
    practitioner_id: UUID,
    appointment_type: AppointmentType,
    starts_at: datetime,
    **beyond: Any,
) -> None:
    """Keep a time for the call that soft rules stand in the way of; the reason is written down."""
    practitioner = booking.practitioner_named(practitioner_id)
    booking.freshen(practitioner)
    wanted = {
        "session_id": session_id,
        "consultant": consultant,
        "practitioner": practitioner,
        "appointment_type": appointment_type,
        "starts_at": starts_at,
        "by": by,
    }
    with alternatives_when_taken(practitioner, appointment_type, starts_at), transaction.atomic():
        overrides.go_beyond(**wanted, now=now, **beyond)
        ranking.note_choice(
            session=sessions.locked(session_id),
            appointment_type=appointment_type,
            practitioner=practitioner,
            starts_at=starts_at,
            now=now,
        )
        booking.hold_slot(**wanted)


def _call(session_id: UUID) -> TriageSession:
    session = TriageSession.objects.select_related("patient").filter(pk=session_id).first()
    if session is None:
        raise Missing("There is no such call.")
    return session


def _on_the_clinics_clock(day: date, clock: time) -> datetime:
    return timegrid.wall_time(day, clock, CLINIC)
