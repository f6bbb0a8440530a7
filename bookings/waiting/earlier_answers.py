"""What patients answer to an earlier time that they are offered: they take it, or let it go to the next."""

from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from botaniqal.errors import Conflict, DomainError, Missing
from botaniqal.public import LinkOver
from botaniqal.signed import pieces_of
from practitioners import availability, diary

from .. import lifecycle
from ..models import Booking, Checkout, EarlierTimeOffer, EarlierTimeRequest
from ..money import payments
from ..self_service import online
from . import earlier

Offer = EarlierTimeOffer.State

signer = signing.Signer(salt="an earlier time")


class TimeGone(Conflict):
    """What was kept cannot be had after all."""

    code = "slot_taken"
    message = "We are sorry: that time cannot be had any more. What you have booked stays as it is."


def link_to(offer: EarlierTimeOffer) -> str:
    """Write the address at which an offer is answered; it ends with the offer."""
    return settings.PUBLIC_BASE_URL + reverse("earlier-offer", args=[signer.sign(offer.pk.hex)])


def offer_of(token: str) -> EarlierTimeOffer:
    """
    Find the offer that a link is for, whatever became of it.

    :raises Missing: nobody here wrote that link.
    """
    [pk] = pieces_of(token, signer=signer)
    related = ("freed__practitioner", "request__patient", "request__appointment_type__service", "request__booking")
    offer = EarlierTimeOffer.objects.select_related(*related, "booking").filter(pk=UUID(pk)).first()
    if offer is None:
        raise Missing("There is no such offer.")
    return offer


def require_open(offer: EarlierTimeOffer, *, now: datetime) -> None:
    """
    Make sure that an offer can still be answered.

    :raises LinkOver: it was answered, taken back, or not answered in time.
    """
    if offer.state == Offer.WITHDRAWN:
        raise LinkOver("This offer was taken back. What you have booked stays as it is.")
    if offer.state == Offer.ACCEPTED:
        raise LinkOver("You took this time.")
    if offer.state == Offer.DECLINED:
        raise LinkOver("You let this time go. What you have booked stays as it is.")
    if offer.state == Offer.LAPSED or now >= offer.expires_at:
        raise LinkOver("This offer is over: it was not answered in time. What you have booked stays as it is.")


def accept(*, offer_id: UUID, now: datetime) -> Booking:
    """
    Take an offered time: the patient's visit is moved onto it, or where they have none, a new one is booked.

    A visit that has to be paid first is kept for as long as that may take. Accepting twice is accepting once.

    :raises Missing: there is no such offer.
    :raises LinkOver: it is over, or was answered otherwise.
    :raises TimeGone: the time, or the visit that would be moved, was lost meanwhile; the next one is asked.
    """
    try:
        return _accept(offer_id, now)
    except (LinkOver, Missing):
        raise
    except DomainError as refusal:
        _give_up(offer_id, now)
        raise TimeGone from refusal


@transaction.atomic
def decline(*, offer_id: UUID, now: datetime, leaves: bool = False) -> EarlierTimeOffer:
    """
    Let an offered time go to the next, and go on waiting; or with ``leaves``, be taken off the list.

    :raises Missing: there is no such offer.
    :raises LinkOver: it is over, or was accepted.
    """
    offer = earlier.locked_offer(offer_id)
    if offer.state != Offer.DECLINED:
        require_open(offer, now=now)
        earlier.end_offer(offer=offer, state=Offer.DECLINED, now=now)
    if leaves and offer.request.state == EarlierTimeRequest.State.OPEN:
        earlier.close(request=offer.request, state=EarlierTimeRequest.State.WITHDRAWN, now=now)
    return offer


@transaction.atomic
def _accept(offer_id: UUID, now: datetime) -> Booking:
    offer = earlier.locked_offer(offer_id)
    if offer.state == Offer.ACCEPTED and offer.booking:
        return offer.booking
    require_open(offer, now=now)
    freed, request = offer.freed, offer.request
    if request.booking_id:
        booking = lifecycle.move(
            booking_id=request.booking_id,
            starts_at=freed.starts_at,
            practitioner=freed.practitioner,
            held_for=offer.pk,
            by=None,
            now=now,
            by_patient=True,
        )
    else:
        booking = _book(offer, now)
    offer.state, offer.answered_at, offer.booking = Offer.ACCEPTED, now, booking
    offer.save(update_fields=["state", "answered_at", "booking"])
    if booking.is_promised:
        earlier.settle(offer=offer, now=now)
    else:
        freed.next_look_at = now + earlier.WHILE_PAYING
        freed.save(update_fields=["next_look_at"])
    return booking


def _book(offer: EarlierTimeOffer, now: datetime) -> Booking:
    """Book a visit for who had none; one that is paid first is kept as any other that is booked online."""
    freed, kind, patient = offer.freed, offer.request.appointment_type, offer.request.patient
    while patient.merged_into:
        patient = patient.merged_into
    price = payments.amount_due(appointment_type=kind, taken=payments.Taken(), by=None, now=now)
    pays_until = online.paid_until(kind, price, now=now)
    visit = {"key": uuid4(), "appointment_type": kind, "practitioner": freed.practitioner}
    visit |= {"starts_at": freed.starts_at, "pays_until": pays_until, "by": None, "now": now}
    room = availability.check(
        practitioner=freed.practitioner, appointment_type=kind, starts_at=freed.starts_at, held_for=offer.pk
    )
    if pays_until:
        # It is held once more, for longer; nobody comes between: whoever wants the time waits for this transaction.
        diary.release(entry=offer.entry)
    entry = online.take_time(**visit, room=room, held_for=offer.pk)
    return online.keep(**visit, patient=patient, entry=entry, price=price, door=Checkout.Door.PATIENT)


@transaction.atomic
def _give_up(offer_id: UUID, now: datetime) -> None:
    offer = earlier.locked_offer(offer_id)
    if offer.state == Offer.OPEN:
        earlier.end_offer(offer=offer, state=Offer.WITHDRAWN, now=now)
