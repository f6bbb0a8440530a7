"""What counts on a day: which rows, by which of their moments, and how much of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, Least, TruncDate

from bookings import reasons
from bookings.models import Booking, Checkout, Dispute, EarlierTimeRequest, Payment, RefundDecision
from practitioners.availability import CLINIC
from practitioners.models import DiaryEntry
from practitioners.timegrid import Span
from services.models import AppointmentType, InterestEntry
from triage.models import TriageSession

from ..models import DayOfCalls, DayOfVisits, DayOfWaiting, Fact
from .period import Only

List = DayOfWaiting.List

OVERDUE = timedelta(hours=1)
"""So long after its time a call that still waits was not made; a consultant may run late."""
REACHED = [TriageSession.Outcome.BOOKED, TriageSession.Outcome.REFERRED, TriageSession.Outcome.REJECTED]
ALWAYS = Q()

COLUMNS: dict[type[Fact], dict[str, Any]] = {
    DayOfVisits: {"practitioner": None, "appointment_type": None, "source": ""},
    DayOfCalls: {"consultant": None, "practitioner": None, "service": None, "source": ""},
    DayOfWaiting: {"service": None, "list": ""},
}
"""By what the rows of a day are told apart, with what stands there where nothing is known."""


@dataclass(frozen=True, slots=True)
class Source:
    """
    Rows that count on the day of one of their moments.

    ``rows`` is asked with the moment up to which things count. ``columns`` say where a row tells what it is told apart
    by, ``counts`` under which condition it counts for a number; with an ``amount`` that is added up instead. ``list``
    is the waitlist that it is of.
    """

    rows: Callable[[datetime], QuerySet]
    moment: str
    columns: Mapping[str, Any]
    counts: Mapping[str, Q]
    amount: str = ""
    annotations: Mapping[str, Any] = field(default_factory=dict)
    list: str = ""

    def within(self, spans: Sequence[Span], *, now: datetime, wanted: Q = ALWAYS) -> QuerySet:
        """List its rows whose moment lies in one of the spans and has come; ``of_…`` is what they are told apart by."""
        # What nothing asks for would be joined all the same.
        asked = wanted.referenced_base_fields
        named = {f"of_{name}": of for name, of in self.told_apart().items() if f"of_{name}" in asked}
        rows = self.rows(now).order_by().alias(**self.annotations, **named).filter(wanted)
        lies = (Q(**{f"{self.moment}__gte": since, f"{self.moment}__lt": min(until, now)}) for since, until in spans)
        return rows.filter(reduce(or_, lies)) if spans else rows.none()

    def counted(self, spans: Sequence[Span], *, now: datetime, names: Sequence[str], wanted: Q) -> QuerySet:
        """Count its rows in the spans: day, what they are told apart by, then a number for each name."""
        numbers = {
            f"n_{name}": Sum(self.amount, filter=self.counts[name])
            if self.amount
            else Count("pk", filter=self.counts[name])
            for name in names
        }
        day = TruncDate(self.moment, tzinfo=CLINIC)
        rows = self.within(spans, now=now, wanted=wanted)
        return rows.values_list(day, *self.told_apart().values()).annotate(**numbers)

    def told_apart(self) -> dict[str, Any]:
        """Give what its rows are told apart by, as expressions."""
        return {column: F(path) if isinstance(path, str) else path for column, path in self.columns.items()}


def narrowed(model: type[Fact], only: Only, *, prefix: str = "") -> Q:
    """Narrow the rows of a day, or with the prefix ``of_`` what they are counted from."""
    wanted = Q()
    if only.practitioner and model is DayOfWaiting:  # nobody who gives care has a waitlist of their own
        return Q(pk__in=[])
    if only.practitioner:
        wanted &= Q(**{f"{prefix}practitioner": only.practitioner.pk})
        if model is DayOfCalls:
            wanted |= Q(**{f"{prefix}consultant": only.practitioner.pk})
    if only.service and model is DayOfVisits:
        wanted &= Q(
            **{f"{prefix}appointment_type__in": AppointmentType.objects.filter(service=only.service).values("pk")}
        )
    elif only.service:
        wanted &= Q(**{f"{prefix}service": only.service.pk})
    return wanted


def _visits(now: datetime) -> QuerySet[Booking]:
    """Visits that were promised and not booked by mistake; free consultations are none."""
    # As “not in”, not as a join: the planner would look up every visit that there ever was.
    calls = AppointmentType.objects.filter(kind=AppointmentType.Kind.CONSULTATION).values("pk")
    by_mistake = Q(state=Booking.State.CANCELLED, cancel_cause__isnull=False, cancel_cause__code=reasons.MISTAKE)
    return Booking.objects.promised().exclude(appointment_type__in=calls).exclude(by_mistake)


def _consultations(now: datetime) -> QuerySet[Booking]:
    """Free consultations that were not called off."""
    visits = AppointmentType.objects.exclude(kind=AppointmentType.Kind.CONSULTATION).values("pk")
    rows = Booking.objects.promised().exclude(appointment_type__in=visits)
    return rows.exclude(state=Booking.State.CANCELLED)


def _due_at_its_time(now: datetime) -> QuerySet[Booking]:
    return _due(now, "starts_at").exclude(CALLS_BACK)


def _due_as_call_back(now: datetime) -> QuerySet[Booking]:
    return _due(now, "call__call_back_at").filter(CALLS_BACK)


def _due(now: datetime, moment: str) -> QuerySet[Booking]:
    return _consultations(now).exclude(WAITS & Q(**{f"{moment}__gte": now - OVERDUE}))


def _paid_twice(now: datetime) -> QuerySet[Checkout]:
    """Money that came for a visit beside what paid for it."""
    paid = Checkout.objects.filter(status=Checkout.Status.PAID)
    return paid.exclude(payment_intent=F("booking__payment__reference"))


CALLS_BACK = Q(call__call_back_at__isnull=False, call__call_back_revision=F("revision"))
IS_REACHED = Q(call__outcome__in=REACHED) | Q(call=None, state=Booking.State.COMPLETED)
IS_BOOKED = IS_REACHED & Q(call__booking__isnull=False)
IS_VISITED = IS_BOOKED & Q(call__booking__state=Booking.State.COMPLETED)
WAITS = Q(call__state=TriageSession.State.SCHEDULED) | Q(call=None, state=Booking.State.CONFIRMED)
IS_ABANDONED = WAITS | Q(call__outcome=TriageSession.Outcome.NO_SHOW) | Q(call=None, state=Booking.State.NO_SHOW)
BOOKED_AGAIN = Exists(
    Booking.objects.promised()
    .filter(
        patient=OuterRef("call__booking__patient"),
        created_at__gte=OuterRef("call__booking__starts_at"),
        starts_at__gt=OuterRef("call__booking__starts_at"),
    )
    .exclude(state=Booking.State.CANCELLED)
    .exclude(appointment_type__kind=AppointmentType.Kind.CONSULTATION)
)

OF_BOOKING = {"practitioner": "practitioner_id", "appointment_type": "appointment_type_id", "source": "source"}
OF_CALL = {
    "consultant": Coalesce("call__consultant_id", "practitioner_id"),
    "practitioner": "call__booking__practitioner_id",
    "service": Coalesce("call__booking__appointment_type__service_id", "call__recommended_service_id"),
    "source": "source",
}


def _through(path: str) -> dict[str, str]:
    return {column: f"{path}__{name}" for column, name in OF_BOOKING.items()}


def _of_list(name: str, rows: Callable[[datetime], QuerySet], number: str, moment: str, service: str) -> Source:
    return Source(rows, moment, {"service": service, "list": Value(name)}, {number: ALWAYS}, list=name)


GONE_AT = Least("left_at", "told_at")
"""When somebody does not wait any more for a service to begin."""
OF_TYPE = "appointment_type__service_id"

SOURCES: dict[type[Fact], list[Source]] = {
    DayOfVisits: [
        Source(_visits, "created_at", OF_BOOKING, {"booked": ALWAYS}),
        Source(_visits, "cancelled_at", OF_BOOKING, {"cancelled": Q(state=Booking.State.CANCELLED)}),
        Source(
            _visits,
            "starts_at",
            OF_BOOKING,
            {"took_place": Q(state=Booking.State.COMPLETED), "no_shows": Q(state=Booking.State.NO_SHOW)},
        ),
        Source(lambda now: Payment.objects.all(), "collected_at", _through("booking"), {"taken": ALWAYS}, "amount"),
        Source(_paid_twice, "paid_at", _through("booking"), {"twice": ALWAYS}, "amount"),
        Source(
            lambda now: RefundDecision.objects.filter(status=RefundDecision.Status.GIVEN_BACK),
            "settled_at",
            _through("payment__booking"),
            {"given_back": ALWAYS},
            "amount",
        ),
        Source(
            lambda now: Dispute.objects.filter(outcome=Dispute.Outcome.LOST),
            "closed_at",
            _through("checkout__booking"),
            {"lost": ALWAYS},
            "amount",
        ),
        Source(
            lambda now: DiaryEntry.objects.filter(held_for__isnull=False),
            "live_from",
            {"practitioner": "practitioner_id", "appointment_type": "appointment_type_id"},
            {"holds": ALWAYS, "holds_kept": Q(kind=DiaryEntry.Kind.BOOKING)},
        ),
    ],
    DayOfCalls: [
        Source(
            _consultations,
            "starts_at",
            OF_CALL,
            {
                "consultations": ALWAYS,
                "calls": IS_REACHED,
                "bookings": IS_BOOKED,
                "visits": IS_VISITED,
                "follow_ups": IS_VISITED & Q(is_booked_again=True),
            },
            annotations={"is_booked_again": BOOKED_AGAIN},
        ),
        Source(_due_at_its_time, "starts_at", OF_CALL, {"due": ALWAYS, "abandoned": IS_ABANDONED}),
        Source(_due_as_call_back, "call__call_back_at", OF_CALL, {"due": ALWAYS, "abandoned": IS_ABANDONED}),
    ],
    DayOfWaiting: [
        _of_list(List.INTEREST, lambda now: InterestEntry.objects.all(), "joined", "joined_at", "service_id"),
        _of_list(
            List.INTEREST, lambda now: InterestEntry.objects.alias(gone_at=GONE_AT), "left", "gone_at", "service_id"
        ),
        _of_list(List.EARLIER, lambda now: EarlierTimeRequest.objects.all(), "joined", "asked_at", OF_TYPE),
        _of_list(List.EARLIER, lambda now: EarlierTimeRequest.objects.all(), "left", "ended_at", OF_TYPE),
    ],
}
