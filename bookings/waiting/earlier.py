"""The earlier-time list: who would come sooner than they can now, what they asked for, and its end."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Conflict, Malformed, Missing, RuleBroken
from botaniqal.messages import writing
from practitioners import diary
from practitioners.models import Practitioner
from services.models import AppointmentType
from services.prices import clinic_day

from ..models import Booking, EarlierTimeOffer, EarlierTimeRequest, FreedTime, Patient

State, Urgency, Daypart = EarlierTimeRequest.State, EarlierTimeRequest.Urgency, EarlierTimeRequest.Daypart
WHILE_PAYING = timedelta(minutes=1)
"""How often somebody looks whether a time that was accepted is paid by now."""
STANDING = (State.OPEN, State.OFFERED)
MERGED = "This record was merged into another. Ask for that one."


class CannotAsk(RuleBroken):
    """Nothing earlier can be looked for."""

    code = "cannot_ask_earlier"

    def __init__(self, message: str) -> None:
        super().__init__("earlier", message)


class NotOnList(RuleBroken):
    """Somebody is not on the list any more."""

    code = "not_on_list"

    def __init__(self) -> None:
        super().__init__("earlier", "They are not on the list any more.")


@transaction.atomic
def ask(
    *,
    patient: Patient,
    appointment_type: AppointmentType,
    by: User | None,
    now: datetime,
    booking: Booking | None = None,
    practitioner: Practitioner | None = None,
    urgency: Urgency = Urgency.SOON,
    dayparts: Collection[str] = (),
    weekdays: Collection[int] = (),
    until_on: date | None = None,
    session_id: UUID | None = None,
) -> EarlierTimeRequest:
    """
    Put a patient on the list for an earlier time: instead of their visit, or where they have none yet.

    Asking again changes what was asked for; the place in the order stays, but for another urgency.

    :raises CannotAsk: there is no address to write to, nothing to wait for, or the visit is not theirs to move.
    :raises Malformed: the last day is past, or a weekday or part of the day is none.
    """
    _require_sense(patient, appointment_type, booking, now)
    wishes = {
        "booking": booking,
        "practitioner": practitioner,
        "urgency": urgency,
        **_read_times(dayparts, weekdays, until_on, now),
    }
    fresh = EarlierTimeRequest(
        patient=patient,
        appointment_type=appointment_type,
        session_id=session_id,
        asked_at=now,
        asked_by=by,
        **wishes,
    )
    # The database has the last word: of two who ask at once for one patient, one is kept.
    EarlierTimeRequest.objects.bulk_create([fresh], ignore_conflicts=True)
    standing = EarlierTimeRequest.objects.select_for_update().get(
        patient=patient, appointment_type=appointment_type, state__in=STANDING
    )
    # Read anew: a merge that went on meanwhile was waited for by the insert.
    if Patient.objects.exclude(merged_into=None).filter(pk=patient.pk).exists():
        raise CannotAsk(MERGED)
    if standing.pk != fresh.pk:
        for field, value in wishes.items():
            setattr(standing, field, value)
        standing.save(update_fields=list(wishes))
    return standing


@transaction.atomic
def withdraw(*, request_id: UUID, by: User | None, now: datetime) -> EarlierTimeRequest:
    """
    Take a patient off the list; a time that is kept for them goes to the next.

    :raises Missing: there is no such request.
    :raises NotOnList: they took one, or were taken off before.
    :raises Conflict: an offer was made or answered at this very moment.
    """
    offer = EarlierTimeOffer.objects.filter(request=request_id, state=EarlierTimeOffer.State.OPEN).first()
    if offer:
        offer = locked_offer(offer.pk)
        request = offer.request
    else:
        request = EarlierTimeRequest.objects.select_for_update().filter(pk=request_id).first()
    if request is None:
        raise Missing("There is no such request.")
    if request.state not in STANDING:
        raise NotOnList
    if (offer is None) != (request.state == State.OPEN) or (offer and offer.state != EarlierTimeOffer.State.OPEN):
        raise Conflict("An earlier time was offered or answered at this moment. Look again.")
    if offer:
        end_offer(offer=offer, state=EarlierTimeOffer.State.WITHDRAWN, now=now)
    close(request=request, state=State.WITHDRAWN, now=now)
    return request


def standing_of(patient: Patient, appointment_type: AppointmentType) -> EarlierTimeRequest | None:
    """Find what a patient waits for, of one kind of appointment."""
    return EarlierTimeRequest.objects.filter(
        patient=patient, appointment_type=appointment_type, state__in=STANDING
    ).first()


def close_over(*, now: datetime) -> int:
    """
    End the waiting of those for whom it is too late, and count them.

    Too late is it once the visit that would be moved began or was called off, and after the last day that would help.
    A visit that was booked since somebody asked is what would be moved from then on.
    """
    waiting = EarlierTimeRequest.objects.filter(state=State.OPEN)
    since = Booking.objects.upcoming(now).filter(
        patient=OuterRef("patient"), appointment_type=OuterRef("appointment_type"), created_at__gte=OuterRef("asked_at")
    )
    without = waiting.filter(booking=None).annotate(booked_since=Subquery(since.values("pk")[:1]))
    without.exclude(booked_since=None).update(booking_id=Subquery(since.values("pk")[:1]))
    visit_is_over = Q(booking__isnull=False) & (
        ~Q(booking__state=Booking.State.CONFIRMED) | Q(booking__starts_at__lte=now)
    )
    over = waiting.filter(visit_is_over | Q(until_on__lt=clinic_day(now))).values("pk")
    return EarlierTimeRequest.objects.filter(pk__in=over, state=State.OPEN).update(state=State.OVER, ended_at=now)


def close(*, request: EarlierTimeRequest, state: State, now: datetime) -> None:
    """Let a locked request be over, by the state that it came to."""
    request.state, request.ended_at = state, now
    request.save(update_fields=["state", "ended_at"])


def locked_offer(offer_id: UUID) -> EarlierTimeOffer:
    """
    Lock an offer with its time and its request, in the one order in which all do.

    :raises Missing: there is no such offer.
    """
    named = EarlierTimeOffer.objects.filter(pk=offer_id).values_list("freed", "request").first()
    if named is None:
        raise Missing("There is no such offer.")
    freed = FreedTime.objects.select_for_update(of=["self"]).select_related("practitioner").get(pk=named[0])
    request = EarlierTimeRequest.objects.select_for_update().get(pk=named[1])
    offer = EarlierTimeOffer.objects.select_for_update(of=["self"]).select_related("entry").get(pk=offer_id)
    offer.freed, offer.request = freed, request
    return offer


def end_offer(*, offer: EarlierTimeOffer, state: EarlierTimeOffer.State, now: datetime) -> None:
    """Give back what a locked offer keeps, and let the next one be asked; whom it was made to goes on waiting."""
    offer.state, offer.answered_at = state, now
    offer.save(update_fields=["state", "answered_at"])
    diary.release(entry=offer.entry)
    # The link of one that is on its way says what became of the offer.
    writing.take_back(writing.unsent(reference=offer.pk))
    offer.request.state = State.OPEN
    offer.request.save(update_fields=["state"])
    offer.freed.state, offer.freed.next_look_at = FreedTime.State.OPEN, now
    offer.freed.save(update_fields=["state", "next_look_at"])
    transaction.on_commit(partial(ring, "offer_freed_times"))


def settle(*, offer: EarlierTimeOffer, now: datetime) -> None:
    """Let time and request of a locked offer be done: it led to a visit that is sure."""
    close(request=offer.request, state=State.FULFILLED, now=now)
    offer.freed.state = FreedTime.State.FILLED
    offer.freed.save(update_fields=["state"])


def _require_sense(patient: Patient, kind: AppointmentType, booking: Booking | None, now: datetime) -> None:
    if kind.is_free_consultation:
        raise CannotAsk("A free consultation can be moved at any time, so there is no list for it.")
    if not patient.email:
        raise CannotAsk("The patient has no e-mail address, so nothing could be offered. Ask for one first.")
    if patient.merged_into_id:
        raise CannotAsk(MERGED)
    if booking is None:
        return
    if (booking.patient_id, booking.appointment_type_id) != (patient.pk, kind.pk):
        raise CannotAsk("That visit is somebody else's, or another kind of appointment.")
    if booking.state != Booking.State.CONFIRMED or booking.starts_at <= now:
        raise CannotAsk("Only a visit that is sure and still to come can be moved to an earlier time.")


def _read_times(
    dayparts: Collection[str], weekdays: Collection[int], until_on: date | None, now: datetime
) -> dict[str, object]:
    if not set(dayparts) <= set(Daypart.values) or not set(weekdays) <= set(range(7)):
        raise Malformed("Choose days and parts of the day from the list.", details={"times": ["Not in the list."]})
    if until_on and until_on < clinic_day(now):
        raise Malformed("The last day that helps has passed.", details={"until": ["Choose today or a later day."]})
    return {"dayparts": sorted(set(dayparts)), "weekdays": sorted(set(weekdays)), "until_on": until_on}
