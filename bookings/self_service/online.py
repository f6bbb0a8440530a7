"""
Booking online: a time is kept while somebody pays, and sure with the money; what is not paid in time lapses by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from botaniqal import cards, locks
from botaniqal.accounts.models import User
from botaniqal.errors import Conflict, Missing, RuleBroken
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.owed import NeedsPerson
from practitioners import availability, diary, limits, schedule
from practitioners.models import DiaryEntry, Practitioner, Room
from services import prices
from services.models import AppointmentType, Service

from .. import lifecycle, locking, notices, reasons
from ..models import Booking, Checkout, Consent, ConsentWording, Patient, Payment
from ..money import checkouts, payments, settlement
from ..patients import consents
from . import online_notices

AT_ONCE = 200
UNPAID = "Not paid in time."
GRACE = timedelta(minutes=2)
"""How much longer a time is kept than somebody may pay, so that money of the last second still finds it."""


class NotOnline(RuleBroken):
    """This cannot be booked online, or not now."""

    code = "not_online"

    def __init__(self, appointment_type: AppointmentType, message: str) -> None:
        self.appointment_type = appointment_type
        super().__init__("online", message)


class PriceChanged(Conflict):
    """It costs something else than was shown."""

    code = "price_changed"

    def __init__(self, price: Decimal) -> None:
        self.price = price
        super().__init__(f"The price has changed to ${price} since you chose. Please look at it again.")


class AgreementNeeded(RuleBroken):
    """Something was not agreed to without which there is no booking."""

    code = "consent_refused"

    def __init__(self, wordings: list[ConsentWording]) -> None:
        kinds = " and ".join(wording.get_kind_display().lower() for wording in wordings)
        super().__init__("consent", f"We need your agreement to book: {kinds}.")


class NobodyFree(diary.SlotTaken):
    """Whoever gives it has something else then."""

    message = "That time was taken a moment ago. Please choose another one."


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who books, as they say themselves; nobody has asked for three identifiers yet."""

    name: str
    email: str
    phone: str
    zone: str
    date_of_birth: date | None = None


def online(code: str, *, now: datetime) -> tuple[AppointmentType, Decimal]:
    """
    Find what can be booked online by a code, with what it costs when booked now.

    :raises Missing: nothing that the public may know of has that code.
    :raises NotOnline: it is booked otherwise, or not now.
    """
    known = AppointmentType.objects.exclude(service__status=Service.Status.RETIRED).filter(is_active=True)
    kind = known.select_related("service").filter(code=code).first()
    if kind is None:
        raise Missing("There is no such appointment.")
    service = kind.service
    if service.status == Service.Status.COMING_SOON:
        raise NotOnline(kind, "This is coming soon. It cannot be booked yet.")
    if service.status == Service.Status.PAUSED:
        raise NotOnline(kind, "This is not offered at the moment.")
    if kind.is_free_consultation:
        raise NotOnline(kind, "The free consultation has a page of its own.")
    if not kind.is_bookable_online:
        raise NotOnline(kind, "This appointment is booked with us on the phone. It begins with a free consultation.")
    price = prices.price_of(kind, prices.clinic_day(now))
    if price is None or not AppointmentType.objects.offered().filter(pk=kind.pk).exists():
        raise NotOnline(kind, "This appointment cannot be booked at the moment.")
    return kind, price


def is_paid_first(appointment_type: AppointmentType, price: Decimal) -> bool:
    """Tell whether a visit is sure only once it is paid."""
    return bool(price) and appointment_type.is_payment_required


def paid_until(appointment_type: AppointmentType, price: Decimal, *, now: datetime) -> datetime | None:
    """Say until when a visit that is booked now has to be paid; None where it is sure at once."""
    return now + timedelta(minutes=settings.CHECKOUT_MINUTES) if is_paid_first(appointment_type, price) else None


def take_time(
    *,
    key: UUID,
    appointment_type: AppointmentType,
    practitioner: Practitioner,
    starts_at: datetime,
    room: Room | None,
    pays_until: datetime | None,
    by: User | None,
    now: datetime,
    held_for: UUID | None = None,
) -> DiaryEntry:
    """
    Take a visit's time for good, or hold it for the visit of that key until it is paid and a little longer.

    ``held_for`` is whose hold becomes the visit's time, where it was held before.

    :raises SlotTaken: something else takes part of it.
    :raises HoldLapsed: it is not held any more for whom it was held.
    """
    span = availability.occupied_span(appointment_type, starts_at)
    taken = {"practitioner": practitioner, "span": span, "room": room, "by": by}
    if pays_until is None:
        return diary.take(**taken, held_for=held_for)
    seconds = (pays_until + GRACE - now).total_seconds()
    return diary.hold(**taken, held_for=key, appointment_type=appointment_type, seconds=seconds)


def keep(
    *,
    key: UUID,
    patient: Patient,
    appointment_type: AppointmentType,
    practitioner: Practitioner,
    starts_at: datetime,
    entry: DiaryEntry,
    price: Decimal,
    pays_until: datetime | None,
    door: Checkout.Door,
    by: User | None,
    now: datetime,
) -> Booking:
    """Book the visit whose time was taken: with a way to pay it in time, or sure and confirmed."""
    booking = lifecycle.book(
        id=key,
        patient=patient,
        practitioner=practitioner,
        appointment_type=appointment_type,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=appointment_type.minutes),
        entry=entry,
        price=price,
        source=Booking.Source.ONLINE,
        by=by,
        now=now,
        is_numbered=False,
        pays_until=pays_until,
    )
    payments.record(booking=booking, taken=payments.Taken(method=Payment.Method.STRIPE_LINK), by=by, now=now)
    if pays_until:
        checkouts.ask(booking=booking, door=door, by=by, now=now)
    lifecycle.give_number(booking=booking, now=now)
    if not pays_until:
        notices.send_confirmation(booking=booking, now=now)
    return booking


def begin(
    *,
    key: UUID,
    code: str,
    practitioner_id: UUID | None,
    starts_at: datetime,
    price: Decimal,
    person: Person,
    answers: Mapping[int, bool],
    by: User | None,
    now: datetime,
) -> Booking:
    """
    Book what somebody chose online: kept until it is paid, or sure at once where nothing has to be paid first.

    ``key`` is this one booking's, so that a form that is sent twice books once. Without a practitioner it is whoever is
    free then, the one with the fewest visits that day. ``price`` is what was shown, ``answers`` are to the wordings of
    consents by their keys.

    :raises Missing: there is no such appointment, or nobody of that key gives it.
    :raises NotOnline: it cannot be booked online.
    :raises Malformed: a card number stands in a detail.
    :raises PriceChanged: it costs something else by now.
    :raises OldWording: another version of a consent is in use by now.
    :raises AgreementNeeded: something was not agreed to that a booking needs.
    :raises RuleBroken: the time cannot be offered.
    :raises SlotTaken: the time went to somebody else; other times come with it.
    """
    kind, costs = online(code, now=now)
    if made := _made(key):
        return made
    if costs != price:
        raise PriceChanged(costs)
    for field in ("name", "email", "phone"):
        cards.refuse(getattr(person, field), field)
    agreed = _agreed(answers)
    refusal: RuleBroken | diary.SlotTaken = NobodyFree()
    for practitioner in who_could(kind, practitioner_id, starts_at=starts_at, now=now):
        try:
            return _book(key, kind, practitioner, starts_at, costs, person, agreed, by, now)
        except consents.OldWording:
            raise
        except (diary.SlotTaken, RuleBroken) as no:
            if made := _made(key):  # the same form, sent twice at once
                return made
            refusal = no if practitioner_id and isinstance(no, RuleBroken) else refusal
    nearest = availability.alternatives(
        appointment_type=kind,
        near=max(starts_at, now),
        practitioner=Practitioner.objects.filter(pk=practitioner_id).first() if practitioner_id else None,
        hides_stale=True,
    )
    refusal.extra["alternatives"] = nearest
    raise refusal


def who_could(
    kind: AppointmentType, practitioner_id: UUID | None, *, starts_at: datetime, now: datetime
) -> list[Practitioner]:
    """
    List who may be tried for a time: whoever was chosen, else who is free then, the fewest visits that day first.

    :raises Missing: nobody of that key gives it, or their calendar cannot be trusted now.
    """
    people = Practitioner.objects.active().fresh(now).filter(appointment_types=kind)
    if practitioner_id:
        chosen = people.filter(pk=practitioner_id).first()
        if chosen is None:
            raise Missing("Nobody of that name can be booked for this at the moment. Please choose again.")
        return [chosen]
    offers = [availability.Offer(person, kind) for person in people]
    free = availability.free_at(offers=offers, starts_at=starts_at)
    counts = schedule.visits(free, starts_at, starts_at)
    visits = {
        person.pk: by_day.get(starts_at.astimezone(ZoneInfo(person.time_zone)).date(), 0)
        for person, by_day in zip(free, counts, strict=True)
    }
    return sorted(free, key=lambda person: (visits[person.pk], person.name))


def lapse_due(*, now: datetime) -> int:
    """
    Give back the times that were not paid in time, and count them; to be called outside any transaction.

    Stripe is asked first whether money came that nobody told us of. While it gives no answer, a time is given back only
    once it is no longer kept.
    """
    late = Booking.objects.waiting_for_payment().filter(pays_until__lte=now).order_by("pays_until")
    return sum(_lapse(*row, now) for row in late.values_list("pk", "pays_until")[:AT_ONCE])


@transaction.atomic
def lapse(*, booking_id: UUID, by: User | None, now: datetime) -> bool:
    """Cancel a visit that was not paid in time and tell who wanted it, once; False where it was paid or cancelled."""
    booking = locking.locked(booking_id)
    if booking.is_promised or booking.state == Booking.State.CANCELLED or booking.pays_until > now:
        return False
    cause = reasons.not_paid()
    words = UNPAID if cause is None or cause.asks_for_detail else ""
    booking = lifecycle.cancel(booking_id=booking_id, cause=cause, reason=words, by=by, now=now, tell_patient=False)
    online_notices.send_payment_lapsed(booking=booking, now=now)
    return True


def _lapse(booking_id: UUID, pays_until: datetime, now: datetime) -> bool:
    opened = Checkout.objects.filter(booking=booking_id, status=Checkout.Status.OPEN).first()
    if opened:
        try:
            settlement.look(opened.pk, now)
        except (VendorUnavailable, VendorRefused):
            if now < pays_until + GRACE:
                return False
        except NeedsPerson:
            pass  # noted with the booking, and no reason to keep the time
    return lapse(booking_id=booking_id, by=None, now=now)


def _book(
    key: UUID,
    kind: AppointmentType,
    practitioner: Practitioner,
    starts_at: datetime,
    price: Decimal,
    person: Person,
    agreed: list[tuple[int, bool]],
    by: User | None,
    now: datetime,
) -> Booking:
    room = availability.check(practitioner=practitioner, appointment_type=kind, starts_at=starts_at)
    visit = {"key": key, "appointment_type": kind, "practitioner": practitioner, "starts_at": starts_at}
    visit |= {"pays_until": paid_until(kind, price, now=now), "by": by, "now": now}
    with transaction.atomic():
        if made := _made_before(key):
            return made
        limits.keep_cap(practitioner=practitioner, moment=starts_at, held_for=None, beyond=())
        entry = take_time(**visit, room=room)
        patient = Patient.objects.create(
            name=person.name,
            email=person.email,
            phone=person.phone,
            date_of_birth=person.date_of_birth,
            time_zone=person.zone,
        )
        for wording_id, is_given in agreed:
            consents.record(
                patient_id=patient.pk,
                wording_id=wording_id,
                is_given=is_given,
                how=Consent.How.WEBSITE,
                by=by,
                now=now,
            )
        return keep(**visit, patient=patient, entry=entry, price=price, door=Checkout.Door.ONLINE)


def _made_before(key: UUID) -> Booking | None:
    """Find what the same form has booked; one that is sent at the same moment waits here."""
    locks.wait_for(f"online booking {key}")
    return _made(key)


def _made(key: UUID) -> Booking | None:
    related = ("patient", "practitioner", "appointment_type__service")
    return Booking.objects.select_related(*related).filter(pk=key).first()


def _agreed(answers: Mapping[int, bool]) -> list[tuple[int, bool]]:
    current = consents.current()
    if any(wording.pk not in answers for wording in current):
        raise consents.OldWording
    if missing := [wording for wording in current if wording.is_required and not answers[wording.pk]]:
        raise AgreementNeeded(missing)
    return [(wording.pk, answers[wording.pk]) for wording in current]
