"""Messages about visits, sent again as things stand now, to the address that the patient has now."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from botaniqal.accounts.models import User
from botaniqal.messages import afterwards
from botaniqal.messages.afterwards import NotAgain
from botaniqal.messages.models import Message

from . import notices
from .models import Booking

Kind = Message.Kind
OF_A_VISIT = (*notices.WITH_LINK, *notices.REMINDERS)
"""Written anew, so that they say what holds now."""
WITH_AN_END = (Kind.PAYMENT_LINK, Kind.PORTAL_LINK, Kind.EARLIER_OFFER)
"""Their links end by themselves: an old one sent again would be of no use."""


def address_of(message: Message) -> str:
    """Give the address that whoever it was for has now."""
    booking = _booking_of(message)
    return booking.patient.email if booking and is_for_patient(message) else message.to


def is_for_patient(message: Message) -> bool:
    """Tell a message to a patient from one to the staff."""
    return message.kind not in (Kind.ESCALATION, Kind.UNREAD_CARD)


@transaction.atomic
def send_again(*, message_id: UUID, to: str, by: User, now: datetime) -> Message:
    """
    Send a message once more, to the address that was shown to whoever asks for it.

    :raises NotAgain: it would say what holds no more, the address is another one by now or is not written to.
    """
    message = afterwards.locked(message_id)
    if to != address_of(message):
        raise NotAgain("The address was changed meanwhile. Look at it again.")
    if message.kind in WITH_AN_END:
        raise NotAgain("Its link ends by itself. Send a new one from where this one came.")
    booking = _booking_of(message)
    if booking is None or message.kind not in (*OF_A_VISIT, *notices.OF_NO_VISIT):
        return afterwards.send_copy(message=message, to=to, by=by, now=now)
    afterwards.require_ready(message, to)
    _require_true(message, booking, now)
    again = notices.send_anew(kind=message.kind, booking=booking, now=now)
    afterwards.replace(message, by=by)
    return again


def _require_true(message: Message, booking: Booking, now: datetime) -> None:
    is_ahead = booking.state == Booking.State.CONFIRMED and booking.starts_at > now
    if message.kind in OF_A_VISIT and not is_ahead:
        raise NotAgain("That visit does not lie ahead any more.")
    if message.kind in notices.OF_NO_VISIT and booking.state != Booking.State.CANCELLED:
        raise NotAgain("That visit is not cancelled any more.")


def _booking_of(message: Message) -> Booking | None:
    related = ("patient", "practitioner", "appointment_type__service", "payment")
    return Booking.objects.select_related(*related).filter(pk=message.reference).first()
