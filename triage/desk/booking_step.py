"""Step 5 of the desk: holding a time, and booking it."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework import serializers

from bookings.payments import Taken
from botaniqal.accounts.models import User
from botaniqal.api.fields import Moment
from practitioners import diary
from practitioners.models import Practitioner
from services.models import AppointmentType

from .. import booking, sessions
from ..api import alternatives_when_taken
from .doors import Named, verb

CARD, LATER = "card", "later"


class WantedTime(serializers.Serializer):
    """A time, with whom and what for."""

    practitionerId = serializers.UUIDField(source="practitioner_id")
    type = Named(
        source="appointment_type",
        slug_field="code",
        queryset=AppointmentType.objects.offered().select_related("service"),
    )
    startsAt = Moment(source="starts_at")


class Agreed(WantedTime):
    """The visit that was agreed on, and how it is paid."""

    payment = serializers.ChoiceField([CARD, LATER])
    reference = serializers.CharField(required=False, allow_blank=True, max_length=100, default="")
    amount = serializers.DecimalField(
        max_digits=8, decimal_places=2, min_value=0, help_text="The price that was said; another one is refused."
    )


@verb(WantedTime)
def hold(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    by: User,
    now: datetime,
    practitioner_id: UUID,
    appointment_type: AppointmentType,
    starts_at: datetime,
) -> None:
    """Keep a time for the call in place of what it keeps; when that fails, what it keeps stays."""
    practitioner = booking.practitioner_named(practitioner_id)
    booking.freshen(practitioner)
    with alternatives_when_taken(practitioner, appointment_type, starts_at), transaction.atomic():
        # A call may keep two times at once, but the desk shows one: choosing another lets the first go. It goes first,
        # because the new one may overlap it.
        sessions.require_own(sessions.locked(session_id), consultant)
        diary.release_holds(held_for=session_id)
        booking.hold_slot(
            session_id=session_id,
            consultant=consultant,
            practitioner=practitioner,
            appointment_type=appointment_type,
            starts_at=starts_at,
            by=by,
        )


@verb()
def keep(*, session_id: UUID, consultant: Practitioner | None, **_: Any) -> None:
    """
    Keep the held time for longer, as every verb does.

    :raises HoldLapsed: it ran out before.
    """
    with transaction.atomic():
        sessions.require_own(sessions.locked(session_id), consultant)
    if not diary.living_holds(held_for=session_id):
        raise diary.HoldLapsed


@verb()
@transaction.atomic
def let_go(*, session_id: UUID, consultant: Practitioner | None, **_: Any) -> None:
    """Give back the time that the call keeps."""
    sessions.require_own(sessions.locked(session_id), consultant)
    diary.release_holds(held_for=session_id)


@verb(Agreed)
def confirm(*, practitioner_id: UUID, appointment_type: AppointmentType, starts_at: datetime, **agreed: Any) -> None:
    """Book the visit that was agreed on; the call goes to wrap-up."""
    practitioner = booking.practitioner_named(practitioner_id)
    taken = Taken(
        is_collected=agreed.pop("payment") == CARD, amount=agreed.pop("amount"), reference=agreed.pop("reference")
    )
    with alternatives_when_taken(practitioner, appointment_type, starts_at):
        booking.book_by_phone(
            practitioner=practitioner,
            appointment_type=appointment_type,
            starts_at=starts_at,
            taken=taken,
            ends_call=False,
            **agreed,
        )
