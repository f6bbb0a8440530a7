"""Step 5 of the desk: holding a time, and booking it."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from rest_framework import serializers

from bookings.models import Payment
from bookings.money.payments import Taken, no_card_number, require_reference
from botaniqal.api.fields import Moment
from botaniqal.errors import DomainError
from practitioners import diary
from practitioners.models import Practitioner
from services.models import AppointmentType

from .. import booking, ranking, sessions
from ..api import alternatives_when_taken
from .doors import Named, verb

CARD, LATER, LINK = "card", "later", "link"


class WantedTime(serializers.Serializer):
    """A time, with whom and what for."""

    practitionerId = serializers.UUIDField(source="practitioner_id")
    type = Named(
        source="appointment_type",
        slug_field="code",
        queryset=AppointmentType.objects.on_show().select_related("service"),
    )
    startsAt = Moment(source="starts_at")


class Held(serializers.Serializer):
    """One of the times that the call keeps."""

    hold = serializers.UUIDField()


class Agreed(WantedTime):
    """The visit that was agreed on, and how it is paid."""

    payment = serializers.ChoiceField([CARD, LATER, LINK])
    reference = serializers.CharField(required=False, allow_blank=True, max_length=100, default="")
    amount = serializers.DecimalField(max_digits=8, decimal_places=2, min_value=0, help_text="The price that was said.")
    amountReason = serializers.CharField(
        source="amount_reason",
        required=False,
        allow_blank=True,
        max_length=200,
        default="",
        validators=[no_card_number],
        help_text="Why another amount than the price book's; needs the right to charge it.",
    )

    def validate_payment(self, payment: str) -> str:
        """Refuse a link where none can be made."""
        if payment == LINK and not settings.STRIPE_SECRET_KEY:
            raise serializers.ValidationError("Payment links are not set up.")
        return payment


@verb(WantedTime)
def hold(
    *,
    session_id: UUID,
    practitioner_id: UUID,
    appointment_type: AppointmentType,
    starts_at: datetime,
    now: datetime,
    **who: Any,
) -> None:
    """Keep a time for the call, beside the one that it may keep already."""
    practitioner = booking.practitioner_named(practitioner_id)
    booking.freshen(practitioner)
    wanted = {"practitioner": practitioner, "appointment_type": appointment_type, "starts_at": starts_at}
    with alternatives_when_taken(practitioner, appointment_type, starts_at), transaction.atomic():
        ranking.note_choice(session=sessions.locked(session_id), **wanted, now=now)
        booking.hold_slot(session_id=session_id, **wanted, **who)


@verb(Held)
def keep(*, session_id: UUID, consultant: Practitioner | None, hold: UUID, **_: Any) -> None:
    """
    Keep a held time for longer, as every verb does.

    :raises HoldLapsed: it ran out before.
    """
    with transaction.atomic():
        sessions.require_own(sessions.locked(session_id), consultant)
    if hold not in {held.pk for held in diary.living_holds(held_for=session_id)}:
        raise diary.HoldLapsed


@verb(Held)
def let_go(*, session_id: UUID, consultant: Practitioner | None, hold: UUID, **_: Any) -> None:
    """Give back one of the times that the call keeps."""
    with transaction.atomic():
        sessions.require_own(sessions.locked(session_id), consultant)
        booking.let_go(entry_id=hold, consultant=consultant)


@verb(Agreed)
def confirm(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    practitioner_id: UUID,
    appointment_type: AppointmentType,
    starts_at: datetime,
    payment: str,
    amount: Decimal,
    amount_reason: str,
    reference: str,
    **who: Any,
) -> None:
    """Book the visit that was agreed on, once however often it is asked; the call goes to wrap-up."""
    visit = {"practitioner_id": practitioner_id, "appointment_type": appointment_type, "starts_at": starts_at}
    if booking.is_booked(session_id=session_id, consultant=consultant, **visit):
        return
    practitioner = booking.practitioner_named(practitioner_id)
    taken = Taken(
        is_collected=payment == CARD,
        method=Payment.Method.STRIPE_LINK if payment == LINK else Payment.Method.CREDIT_CARD_PHONE,
        amount=amount,
        amount_reason=amount_reason,
        reference=reference,
    )
    require_reference(taken=taken, amount=amount)
    try:
        with alternatives_when_taken(practitioner, appointment_type, starts_at):
            booking.book_by_phone(
                session_id=session_id,
                consultant=consultant,
                practitioner=practitioner,
                appointment_type=appointment_type,
                starts_at=starts_at,
                taken=taken,
                ends_call=False,
                **who,
            )
    except DomainError:
        # The other tab, or this one before its time-out, was quicker with the same visit.
        if not booking.is_booked(session_id=session_id, consultant=consultant, **visit):
            raise
