"""The hand-over card: what the call found out, for whoever gives the visit."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse

from bookings.models import Booking
from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Conflict, Missing, NotAllowed, RuleBroken
from botaniqal.messages import writing
from botaniqal.messages.models import Message
from practitioners import availability, timegrid
from practitioners.models import Practitioner

from .models import HandOver, Question, TriageSession

CONCERN, FLAG = "Main concern", "Red flag"
LONGEST_VISIT = timedelta(hours=12)


class NotYourVisit(NotAllowed):
    """Somebody else gives the visit."""

    code = "not_your_visit"
    message = "Only whoever gives the visit marks its card as read."


class NotYourCard(NotAllowed):
    """Somebody else has the call."""

    code = "not_your_session"
    message = "Only whoever has the call writes on its hand-over card."


class CardClosed(RuleBroken):
    """The visit has begun, or will not take place."""

    code = "card_closed"

    def __init__(self, message: str) -> None:
        super().__init__("card", message)


class OtherRemark(Conflict):
    """The remark was changed in another window; it comes with the refusal."""

    code = "other_remark"
    message = "The remark was changed in another window meanwhile."


def lines_of(session: TriageSession) -> list[list[str]]:
    """Put in pairs what the call found out: the concern, then the answers in the script's order, then red flags."""
    lines = [[CONCERN, session.primary_concern.strip()]] if session.primary_concern.strip() else []
    answers = (
        session.answers.filter(is_current=True)
        .exclude(value="")
        .exclude(question__card_label="")
        .select_related("question")
        .order_by(F("question__service").asc(nulls_first=True), "question__position", "question__pk")
    )
    for answer in answers:
        is_word = answer.question.kind == Question.Kind.YES_NO
        lines.append([answer.question.card_label, answer.value.capitalize() if is_word else answer.value])
    for flag in session.red_flags.select_related("cleared_by").order_by("raised_at"):
        end = f" (cleared by {flag.cleared_by}: {flag.clear_reason})" if flag.cleared_at else ""
        lines.append([FLAG, f"{flag.words}{end}"])
    return lines


def bring_up_to_date(*, session: TriageSession, by: User | None, now: datetime) -> None:
    """
    Make the card of what a locked session's call led to, or write it anew from the answers.

    What was remarked for a booking of this call that was undone goes with it. A card that says something else than it
    did is unread again; of a visit that has begun it stays as it is.
    """
    if session.booking is None or not _is_ahead(session.booking, now):
        return
    lines = lines_of(session)
    card = HandOver.objects.select_for_update().filter(booking=session.booking).first()
    if card is None:
        former = session.hand_overs.order_by("-made_at").first()
        remark = former.remark if former else ""
        HandOver.objects.create(
            booking=session.booking, session=session, lines=lines, remark=remark, made_at=now, made_by=by
        )
    elif card.lines != lines:
        card.lines, card.read_at, card.read_by = lines, None, None
        card.save(update_fields=["lines", "read_at", "read_by"])


@transaction.atomic
def write_remark(
    *, session_id: UUID, consultant: Practitioner | None, former: str, remark: str, by: User | None, now: datetime
) -> HandOver:
    """
    Write on the card what the answers do not say; ``former`` is what stood there when the writing began.

    :raises Missing: the call led to no visit.
    :raises NotYourCard: another consultant has the call.
    :raises CardClosed: the visit has begun, or was cancelled.
    :raises OtherRemark: it was changed in another window.
    :raises Malformed: a card number stands in it.
    """
    session = TriageSession.objects.select_for_update().filter(pk=session_id).first()
    card = session and _locked(session.booking_id)
    if card is None:
        raise Missing("This call has no hand-over card.")
    if consultant is None or session.consultant_id != consultant.pk:
        raise NotYourCard
    _require_open(card, now)
    cards.refuse(remark, "remark")
    if card.remark not in (former, remark):
        raise OtherRemark(extra={"remark": card.remark})
    if card.remark != remark:
        card.remark, card.read_at, card.read_by = remark, None, None
        card.save(update_fields=["remark", "read_at", "read_by"])
    return card


@transaction.atomic
def mark_read(*, booking_id: UUID, by: User, now: datetime) -> HandOver:
    """
    Note that whoever gives the visit has read its card; the first time counts.

    :raises Missing: the visit has no card.
    :raises NotYourVisit: somebody else gives it.
    :raises CardClosed: it was cancelled.
    """
    card = _locked(booking_id)
    if card is None:
        raise Missing("This visit has no hand-over card.")
    if card.booking.practitioner.user_id != by.pk:
        raise NotYourVisit
    if card.booking.state == Booking.State.CANCELLED:
        raise CardClosed("This visit was cancelled, so its card is of no use any more.")
    if not card.is_read:
        card.read_at, card.read_by = now, by
        card.save(update_fields=["read_at", "read_by"])
    return card


def cards_for(practitioner: Practitioner, day: date) -> Mapping[UUID, HandOver]:
    """Give the cards of a practitioner's visits on a day of the clinic, by the booking they belong to."""
    begins, ends = timegrid.day_edges(day, availability.CLINIC)
    of_day = HandOver.objects.filter(
        booking__practitioner=practitioner, booking__starts_at__gte=begins, booking__starts_at__lt=ends
    )
    shown = of_day.exclude(booking__state=Booking.State.CANCELLED).select_related("booking__practitioner", "made_by")
    return {card.booking_id: card for card in shown}


def unread_soon(now: datetime) -> QuerySet[HandOver]:
    """Find the unread cards of visits that begin soon, or go on."""
    # Whoever gives the visit now has to have read it: after a move to somebody else it is unread.
    is_unread = Q(read_at=None) | Q(booking__practitioner__user=None) | ~Q(read_by=F("booking__practitioner__user"))
    return (
        HandOver.objects.filter(
            is_unread,
            booking__state=Booking.State.CONFIRMED,
            # From both sides, so that the index of beginnings finds the few among all that ever were.
            booking__starts_at__range=(now - LONGEST_VISIT, now + _alert_time()),
            booking__ends_at__gt=now,
        )
        .select_related("booking__practitioner", "booking__patient")
        .order_by("booking__starts_at")
    )


def alert_due(*, now: datetime) -> int:
    """Tell practitioners of cards that are unread shortly before the visit, each once, and count them."""
    return sum(_alert(card.pk, now) for card in unread_soon(now))


@transaction.atomic
def _alert(card_id: int, now: datetime) -> bool:
    card = unread_soon(now).select_for_update(of=["self"], skip_locked=True).filter(pk=card_id).first()
    if card is None:  # read meanwhile, or another worker is at it
        return False
    booking = card.booking
    mail = {"kind": Message.Kind.UNREAD_CARD, "reference": booking.pk, "to": booking.practitioner.email}
    is_of_this_time = card.alerted_at is not None and card.alerted_at >= booking.starts_at - _alert_time()
    if is_of_this_time and Message.objects.filter(**mail).exists():
        return False
    context = {
        "first_name": booking.practitioner.name,
        "patient": booking.patient.first_name,
        "when": booking.when,
        "link": settings.PUBLIC_BASE_URL + reverse("admin:my_day"),
    }
    writing.write(**mail, context=context, calendar="", send_at=now)
    card.alerted_at = now
    card.save(update_fields=["alerted_at"])
    return True


def _locked(booking_id: UUID | None) -> HandOver | None:
    cards_of = HandOver.objects.select_for_update(of=["self"]).select_related("booking__practitioner")
    return cards_of.filter(booking=booking_id).first()


def _require_open(card: HandOver, now: datetime) -> None:
    if card.booking.state != Booking.State.CONFIRMED:
        raise CardClosed(f"The visit is {card.booking.get_state_display().lower()}: its card stays as it is.")
    if card.booking.starts_at <= now:
        raise CardClosed("The visit has begun: its card stays as it is.")


def _is_ahead(booking: Booking, now: datetime) -> bool:
    return booking.state == Booking.State.CONFIRMED and booking.starts_at > now


def _alert_time() -> timedelta:
    return timedelta(minutes=settings.CARD_ALERT_MINUTES)
