"""What the desk does for callers who have to wait: for a service to come, or for an earlier time."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework import serializers

from bookings.models import EarlierTimeRequest
from bookings.waiting import earlier
from botaniqal.accounts.models import User
from botaniqal.api.fields import Day
from botaniqal.errors import Conflict, RuleBroken
from practitioners.models import Practitioner
from services import interest
from services.models import AppointmentType, InterestEntry, Service

from .. import booking, linking
from .doors import Named, verb


class WordsChanged(Conflict):
    """What was read out is not what is agreed to any more."""

    code = "words_changed"
    message = "The words changed meanwhile. Load the page again, and read out the new ones."


class Joined(serializers.Serializer):
    """Which list the caller joins, and the words that were read out to them and agreed to."""

    service = Named(slug_field="slug", queryset=Service.objects.public())
    wording = serializers.CharField(max_length=1000, trim_whitespace=False)
    agrees = serializers.BooleanField()

    def validate_agrees(self, agrees: bool) -> bool:
        """Refuse whoever was not asked."""
        if not agrees:
            raise serializers.ValidationError("Read the words out first, and tick that the caller agrees.")
        return agrees


class Wishes(serializers.Serializer):
    """What the caller would take instead; nothing chosen is any."""

    type = Named(source="appointment_type", slug_field="code", queryset=AppointmentType.objects.on_show())
    urgency = serializers.ChoiceField(EarlierTimeRequest.Urgency.choices)
    dayparts = serializers.ListField(
        child=serializers.ChoiceField(EarlierTimeRequest.Daypart.choices), max_length=3, default=list
    )
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), max_length=7, default=list
    )
    untilOn = Day(source="until_on", required=False, allow_null=True, default=None)
    practitionerId = serializers.UUIDField(source="practitioner_id", required=False, allow_null=True, default=None)


@verb(Joined)
@transaction.atomic
def join_list(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    service: Service,
    wording: str,
    agrees: bool,
    by: User,
    now: datetime,
) -> None:
    """Put the caller on the list of a service to come, with their spoken consent."""
    patient = linking.own_call(session_id, consultant).patient
    if wording != interest.wording_for(service):
        raise WordsChanged
    if not patient.email:
        raise RuleBroken("email", "No e-mail address is known, so nobody could be told. Ask for one first.")
    interest.join(
        service=service,
        name=patient.name,
        email=patient.email,
        phone=patient.phone,
        source=InterestEntry.Source.DESK,
        wording=wording,
        now=now,
    )


@verb(Wishes)
@transaction.atomic
def ask_earlier(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    appointment_type: AppointmentType,
    practitioner_id: UUID | None,
    until_on: date | None,
    by: User,
    now: datetime,
    **wishes: Any,
) -> None:
    """Put the caller on the list for an earlier time: instead of what this call booked, or where none was free."""
    session = linking.own_call(session_id, consultant)
    booked = session.booking
    earlier.ask(
        patient=session.patient,
        appointment_type=appointment_type,
        booking=booked if booked and booked.appointment_type_id == appointment_type.pk else None,
        practitioner=booking.practitioner_named(practitioner_id) if practitioner_id else None,
        until_on=until_on,
        session_id=session_id,
        by=by,
        now=now,
        **wishes,
    )
