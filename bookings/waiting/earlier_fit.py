"""Whether a time that became free suits somebody on the earlier-time list, and why not."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cached_property
from uuid import UUID

from botaniqal.errors import DomainError
from botaniqal.messages.suppression import is_suppressed
from practitioners import availability
from services.offering import require_offered

from ..models import Booking, EarlierTimeOffer, EarlierTimeRequest, FreedTime
from ..patients import consents

NOON, EVENING = 12, 17
ASKED_BEFORE = {
    EarlierTimeOffer.State.ACCEPTED: "Accepted it, and it came to nothing.",
    EarlierTimeOffer.State.DECLINED: "Declined it.",
    EarlierTimeOffer.State.LAPSED: "Was asked and did not answer in time.",
    EarlierTimeOffer.State.WITHDRAWN: "It was offered to them and taken back.",
}


def daypart_of(hour: int) -> EarlierTimeRequest.Daypart:
    """Name the part of the day that an hour belongs to."""
    parts = EarlierTimeRequest.Daypart
    return parts.MORNING if hour < NOON else parts.AFTERNOON if hour < EVENING else parts.EVENING


class Fit:
    """
    What speaks against offering a freed time to somebody: what they asked for first, then what cannot be.

    What is common to all who are looked at is asked of the database once.
    """

    def __init__(self, freed: FreedTime, now: datetime) -> None:
        self.freed, self.now = freed, now

    def why_not(self, request: EarlierTimeRequest) -> str:
        """Say why it is not offered; nothing where it suits."""
        return self.against_wishes(request) or self.obstacle(request)

    def against_wishes(self, request: EarlierTimeRequest) -> str:
        """Say which wish of theirs it does not meet, or that they were asked before; a person may ask all the same."""
        local = self.freed.starts_at.astimezone(request.patient.zone)
        if (asked := self._asked.get(request.pk)) is not None:
            return ASKED_BEFORE[asked]
        if request.practitioner_id and request.practitioner_id != self.freed.practitioner_id:
            return f"Wants {request.practitioner} alone."
        if request.until_on and local.date() > request.until_on:
            return f"Only an earlier day helps: until {_day(request.until_on)}."
        if request.weekdays and local.weekday() not in request.weekdays:
            return f"Cannot come on a {local:%A}."
        if request.dayparts and daypart_of(local.hour) not in request.dayparts:
            return f"Cannot come in the {daypart_of(local.hour).label.lower()}."
        return ""

    def obstacle(self, request: EarlierTimeRequest) -> str:
        """Say what makes it impossible; nothing where it can be."""
        return self._of_the_person(request) or self._of_the_visit(request) or self._of_the_time(request)

    def _of_the_person(self, request: EarlierTimeRequest) -> str:
        patient = request.patient
        if patient.merged_into_id:
            return "Is on the list by another record of theirs as well; that one counts."
        if not patient.email:
            return "Has no e-mail address."
        if self.freed.freed_by.patient_id == patient.pk:
            return "Gave up this time themselves."
        if is_suppressed(patient.email):
            return "E-mails do not reach their address."
        try:
            consents.require_none_refused(patient_id=patient.pk)
        except DomainError as refusal:
            return refusal.message
        return ""

    def _of_the_visit(self, request: EarlierTimeRequest) -> str:
        own, kind = request.booking, request.appointment_type
        if own and (own.state != Booking.State.CONFIRMED or own.starts_at <= self.now):
            return "The visit that would be moved was called off, or has begun."
        if own and own.starts_at <= self.freed.starts_at:
            return "Their own visit is no later."
        if kind.pk not in self._given:
            return f"{self.freed.practitioner} does not give {kind}."
        if self._minutes_of(request) > self.freed.ends_at - self.freed.starts_at:
            return f"Their visit is longer than this time: {kind}, {kind.minutes} minutes."
        if self._others.get(request.patient_id, set()) - {own and own.pk}:
            return "Has another visit at that time."
        return ""

    def _of_the_time(self, request: EarlierTimeRequest) -> str:
        kind = request.appointment_type
        try:
            require_offered(kind)
            availability.check(
                practitioner=self.freed.practitioner, appointment_type=kind, starts_at=self.freed.starts_at
            )
        except DomainError as refusal:
            return refusal.message
        return ""

    def _minutes_of(self, request: EarlierTimeRequest) -> timedelta:
        """A visit that was made in Calendly may last longer than its type says."""
        usual = timedelta(minutes=request.appointment_type.minutes)
        return max(usual, request.booking.ends_at - request.booking.starts_at) if request.booking else usual

    @cached_property
    def _asked(self) -> dict[UUID, str]:
        return dict(self.freed.offers.order_by("offered_at").values_list("request", "state"))

    @cached_property
    def _given(self) -> set[int]:
        return set(self.freed.practitioner.appointment_types.values_list("pk", flat=True))

    @cached_property
    def _others(self) -> dict[UUID, set[UUID]]:
        """The visits at that time of those who wait, by patient."""
        states = [Booking.State.CONFIRMED, Booking.State.PENDING_PAYMENT]
        waiting = EarlierTimeRequest.objects.filter(state=EarlierTimeRequest.State.OPEN).values("patient")
        visits = Booking.objects.filter(
            patient__in=waiting,
            state__in=states,
            starts_at__lt=self.freed.ends_at,
            ends_at__gt=self.freed.starts_at,
        )
        return _grouped(visits.order_by().values_list("patient", "pk"))


def _grouped(pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, set[UUID]]:
    grouped: dict[UUID, set[UUID]] = {}
    for key, value in pairs:
        grouped.setdefault(key, set()).add(value)
    return grouped


def _day(day: date) -> str:
    return f"{day:%-d %b}"
