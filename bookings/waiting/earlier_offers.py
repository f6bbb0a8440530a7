"""
Freed times, offered to those who wait: kept for one of them for a while, then for the next.

The order is urgency, then how long somebody waits. Whoever changes an offer locks its time first, then the request,
then the offer; so an answer and the offer's end can never both count.
"""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from botaniqal.accounts.models import User
from botaniqal.errors import DomainError, Missing, RuleBroken
from botaniqal.messages import writing
from botaniqal.messages.models import Message
from practitioners import availability, diary, limits, public_times
from practitioners.models import ClockTimestamp, DiaryEntry, Practitioner

from ..models import Booking, EarlierTimeOffer, EarlierTimeRequest, FreedTime
from . import earlier, earlier_answers
from .earlier_fit import Fit

BATCH = 50
LOOK_AGAIN = timedelta(minutes=5)
LEAST = timedelta(minutes=5)
"""How much time to answer an offer leaves at least, unless offers as such last shorter, as in rehearsals."""

DAY_BEGINS, DAY_ENDS, MORNING = 8, 21, 9
"""The hours by the patient's clock in which an offer may end; one that would end in the night is kept until morning."""

Offer, Freed = EarlierTimeOffer.State, FreedTime.State


class CannotOffer(RuleBroken):
    """This time cannot be offered, or not to this person."""

    code = "cannot_offer"

    def __init__(self, message: str) -> None:
        super().__init__("offer", message)


def offer_due(*, now: datetime) -> int:
    """Offer the times that became free to those who wait, end what was not answered, and count the offers made."""
    earlier.close_over(now=now)
    due = _due(now).order_by("starts_at").values_list("pk", flat=True)[:BATCH]
    return sum(_look(pk, now) for pk in list(due))


@transaction.atomic
def offer_to(*, freed_id: UUID, request_id: UUID, by: User | None, now: datetime) -> EarlierTimeOffer:
    """
    Offer a freed time to somebody whom staff chose, whatever their place in the order and their wishes.

    :raises Missing: there is no such time or request.
    :raises CannotOffer: it is offered or gone, or cannot be theirs.
    :raises SlotTaken: somebody else has it.
    """
    freed = _locked(freed_id)
    if freed.state == Freed.OFFERED:
        raise CannotOffer("It is offered to somebody just now. Take that offer back first.")
    if freed.state in (Freed.FILLED, Freed.GONE) or freed.starts_at <= now:
        raise CannotOffer("This time is taken, or past.")
    request = _waiting().filter(pk=request_id).first()
    if request is None:
        raise CannotOffer("They have another offer, or are not on the list any more.")
    if obstacle := Fit(freed, now).obstacle(request):
        raise CannotOffer(f"It cannot be offered to {request.patient}. {obstacle}")
    return _offer(freed, request, now)


@transaction.atomic
def stop(*, freed_id: UUID, by: User | None, now: datetime) -> FreedTime:
    """
    Offer a freed time to nobody any more; an offer that is out is taken back.

    :raises Missing: there is no such time.
    :raises CannotOffer: nobody is asked any more as it is.
    """
    freed = _locked(freed_id)
    if freed.state not in (Freed.OPEN, Freed.OFFERED):
        raise CannotOffer("This time is not offered any more.")
    standing = freed.offers.filter(state=Offer.OPEN).first()
    if standing:
        earlier.end_offer(offer=earlier.locked_offer(standing.pk), state=Offer.WITHDRAWN, now=now)
    elif freed.state == Freed.OFFERED:
        raise CannotOffer("Somebody took it and is about to pay.")
    freed.state = Freed.STOPPED
    freed.save(update_fields=["state"])
    return freed


@transaction.atomic
def take_back(*, offer_id: UUID, by: User | None, now: datetime) -> EarlierTimeOffer:
    """
    Take an offer back, so that the time goes to the next.

    :raises Missing: there is no such offer.
    :raises CannotOffer: it was answered, or is over.
    """
    offer = earlier.locked_offer(offer_id)
    if offer.state != Offer.OPEN:
        raise CannotOffer("This offer was answered, or is over.")
    earlier.end_offer(offer=offer, state=Offer.WITHDRAWN, now=now)
    return offer


@transaction.atomic
def _look(freed_id: UUID, now: datetime) -> bool:
    """Bring one freed time to its present state; one at which somebody else looks is left to them."""
    freed = _due(now).select_for_update(of=["self"], skip_locked=True).filter(pk=freed_id).first()
    if freed is None or not _is_unanswered(freed, now):
        return False
    if freed.starts_at <= now:
        return _note(freed, Freed.GONE)
    taken = _whose(freed)
    if any(entry.kind == DiaryEntry.Kind.BOOKING for entry in taken):
        return _note(freed, Freed.GONE)
    if taken:  # somebody keeps it for a moment, on the phone or paying
        return _note(freed, Freed.OPEN, max(entry.live_until for entry in taken))
    if _is_doubtful(freed, now):
        return _note(freed, Freed.OPEN, now + LOOK_AGAIN)
    fit, passed_over = Fit(freed, now), []
    for request in _waiting():
        reason = fit.why_not(request)
        if not reason:
            try:
                _offer(freed, request, now)
            except DomainError as refusal:
                reason = refusal.message
            else:
                freed.passed_over = passed_over
                freed.save(update_fields=["passed_over"])
                return True
        passed_over.append({"request": str(request.pk), "reason": reason})
    freed.passed_over = passed_over
    return _note(freed, Freed.NOBODY)


def _due(now: datetime) -> QuerySet[FreedTime]:
    due = FreedTime.objects.filter(state__in=[Freed.OPEN, Freed.OFFERED], next_look_at__lte=now)
    return due.select_related("practitioner", "freed_by")


def _waiting() -> QuerySet[EarlierTimeRequest]:
    related = ("patient__merged_into", "appointment_type__service", "booking", "practitioner")
    waiting = EarlierTimeRequest.objects.filter(state=EarlierTimeRequest.State.OPEN)
    return waiting.select_related(*related).order_by("urgency", "asked_at", "pk")


def _note(freed: FreedTime, state: FreedTime.State, look_at: datetime | None = None) -> bool:
    """Write down where a locked time stands, without an offer."""
    freed.state, freed.next_look_at = state, look_at or freed.next_look_at
    freed.save(update_fields=["state", "next_look_at", "passed_over"])
    return False


def _is_unanswered(freed: FreedTime, now: datetime) -> bool:
    """Tell of a locked time whether nobody has it: its offer, if there is one, is over and ended here."""
    if freed.state != Freed.OFFERED:
        return True
    made = freed.offers.filter(Q(state=Offer.OPEN) | Q(state=Offer.ACCEPTED)).order_by("-offered_at").first()
    if made is None:
        return True
    offer = earlier.locked_offer(made.pk)
    booking = offer.booking
    if offer.state == Offer.OPEN and now < offer.expires_at:
        _note(freed, Freed.OFFERED, offer.expires_at)
        return False
    if booking and booking.state == Booking.State.PENDING_PAYMENT:
        _note(freed, Freed.OFFERED, now + earlier.WHILE_PAYING)
        return False
    if booking and booking.is_promised:
        earlier.settle(offer=offer, now=now)
        return False
    earlier.end_offer(offer=offer, state=Offer.LAPSED, now=now)
    freed.state, freed.next_look_at = Freed.OPEN, now
    return True


def _whose(freed: FreedTime) -> list[DiaryEntry]:
    """List what takes of a freed time by now."""
    living = Q(live_until=None) | Q(live_until__gt=ClockTimestamp())
    return list(freed.practitioner.diary.filter(_core(freed), living))


def _is_doubtful(freed: FreedTime, now: datetime) -> bool:
    """Tell whether an outside calendar may have the time; often it is our own visit, of whose end it has to hear."""
    known = Practitioner.objects.fresh(now).filter(pk=freed.practitioner_id).exists()
    return not known or freed.practitioner.busy_periods.filter(_core(freed)).exists()


def _core(freed: FreedTime) -> Q:
    return Q(starts_at__lt=freed.ends_at, ends_at__gt=freed.starts_at)


def _offer(freed: FreedTime, request: EarlierTimeRequest, now: datetime) -> EarlierTimeOffer:
    """
    Keep a locked time for somebody, and write to them.

    :raises CannotOffer: they have another offer by now, or it is too late to ask anybody.
    :raises RuleBroken: the practitioner's day is full.
    :raises SlotTaken: somebody else has it.
    """
    kind, key = request.appointment_type, uuid4()
    length = timedelta(minutes=settings.OFFER_MINUTES)
    latest = freed.starts_at - timedelta(minutes=kind.min_notice_minutes)
    expires_at = min(_by_day(now + length, request.patient.zone) if length >= LEAST else now + length, latest)
    if expires_at - now < min(length, LEAST):
        raise CannotOffer("Too little time would be left to answer.")
    with transaction.atomic():
        locked = EarlierTimeRequest.objects.select_for_update().get(pk=request.pk)
        if locked.state != EarlierTimeRequest.State.OPEN:
            raise CannotOffer("Has another offer, or was taken off the list.")
        limits.keep_cap(practitioner=freed.practitioner, moment=freed.starts_at, held_for=None, beyond=())
        wanted = {"practitioner": freed.practitioner, "appointment_type": kind}
        room = availability.check(**wanted, starts_at=freed.starts_at)
        span = availability.occupied_span(kind, freed.starts_at)
        seconds = (expires_at - now).total_seconds()
        entry = diary.hold(**wanted, span=span, held_for=key, by=None, room=room, seconds=seconds)
        offer = EarlierTimeOffer.objects.create(
            id=key, request=request, freed=freed, entry=entry, offered_at=now, expires_at=expires_at
        )
        EarlierTimeRequest.objects.filter(pk=request.pk).update(state=EarlierTimeRequest.State.OFFERED)
        freed.state, freed.next_look_at = Freed.OFFERED, expires_at
        freed.save(update_fields=["state", "next_look_at"])
        _write(offer, now)
    return offer


def _by_day(moment: datetime, zone: ZoneInfo) -> datetime:
    """Put a moment of the night off until the morning: who sleeps cannot answer, and the list would be gone through."""
    local = moment.astimezone(zone)
    if DAY_BEGINS <= local.hour < DAY_ENDS:
        return moment
    day = local.date() + timedelta(days=local.hour >= DAY_ENDS)
    return datetime.combine(day, time(MORNING), zone).astimezone(UTC)


def _write(offer: EarlierTimeOffer, now: datetime) -> None:
    request, freed = offer.request, offer.freed
    zone, link = request.patient.zone, earlier_answers.link_to(offer)
    writing.write(
        kind=Message.Kind.EARLIER_OFFER,
        reference=offer.pk,
        to=request.patient.email,
        send_at=now,
        good_until=offer.expires_at,
        context={
            "first_name": request.patient.first_name,
            "when": public_times.both(freed.starts_at, zone),
            "practitioner": freed.practitioner.name,
            "own_when": public_times.both(request.booking.starts_at, zone) if request.booking else "",
            "until": public_times.both(offer.expires_at, zone),
            "accept_link": f"{link}?answer=accept",
            "decline_link": f"{link}?answer=decline",
        },
    )


def _locked(freed_id: UUID) -> FreedTime:
    freed = FreedTime.objects.select_for_update(of=["self"]).select_related("practitioner", "freed_by")
    row = freed.filter(pk=freed_id).first()
    if row is None:
        raise Missing("There is no such time.")
    return row
