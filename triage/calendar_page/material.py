"""Everything that is asked of the database for one page of the calendar."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, F, Value, Window
from django.db.models.functions import RowNumber, TruncDate
from django.http import HttpRequest

from bookings.models import Booking
from practitioners.day_plan import CLINIC, Plan, held, plans_of
from practitioners.models import LONGEST_ENTRY, Practitioner, Room
from practitioners.timegrid import day_edges
from services.models import AppointmentType
from triage.models import TriageSession

from .known import Known

Owner = Practitioner | Room


class Booked(NamedTuple):
    """A booking as far as the calendar shows it: a week has hundreds, and as many objects of the ORM take long."""

    pk: UUID
    patient_id: UUID
    patient: str
    practitioner_id: UUID
    type_id: int
    starts_at: datetime
    ends_at: datetime
    state: str
    attention: str
    taken_from: datetime | None
    taken_until: datetime | None
    room_id: int | None
    room: str | None
    of_day: int


COLUMNS = [
    *("pk", "patient_id", "patient__name", "practitioner_id", "appointment_type_id", "starts_at", "ends_at", "state"),
    *("attention", "entry__starts_at", "entry__ends_at", "entry__room_id", "entry__room__name", "of_day"),
]


@dataclass(frozen=True, slots=True)
class Material:
    """What the database knows of some people's, or rooms', days."""

    plans: dict[UUID | int, Plan]
    visits: dict[UUID | int, list[Booked]]
    types: dict[int, AppointmentType]
    names: dict[UUID, str]
    """Whose visits they are, where they stand by room."""
    calls: dict[UUID, TriageSession]
    known: Known
    is_by_room: bool

    @property
    def services(self) -> list[tuple[int, str]]:
        """The services that are seen, for the legend."""
        seen = {kind.service for kind in self.types.values()}
        return [(service.pk, service.name) for service in sorted(seen, key=lambda each: (each.position, each.name))]


def gather(
    request: HttpRequest, owners: Sequence[Owner], days: Sequence[date], now: datetime, *, most_a_day: int | None = None
) -> Material:
    """
    Ask the database, by the same number of queries for any number of people and days.

    With a bound to the visits of a day, each is told how many begin on its day in all (``of_day``).
    """
    starts_at, ends_at = day_edges(days[0], CLINIC)[0], day_edges(days[-1], CLINIC)[1]
    is_by_room = bool(owners) and isinstance(owners[0], Room)
    bookings = (
        Booking.objects.filter(
            starts_at__gte=starts_at - LONGEST_ENTRY,  # the index is by start
            starts_at__lt=ends_at,
            ends_at__gt=starts_at,
            **{"entry__room__in" if is_by_room else "practitioner__in": owners},
        )
        .exclude(state=Booking.State.CANCELLED)
        .order_by("starts_at", "pk")
    )
    if most_a_day:
        owner = "entry__room" if is_by_room else "practitioner"
        day = {"partition_by": [F(owner), TruncDate("starts_at", tzinfo=CLINIC)]}
        bookings = bookings.annotate(
            place=Window(RowNumber(), order_by=["starts_at", "pk"], **day), of_day=Window(Count("pk"), **day)
        ).filter(place__lte=most_a_day)
    else:
        bookings = bookings.annotate(of_day=Value(0))
    booked = [Booked(*row) for row in bookings.values_list(*COLUMNS)]
    visits: dict[UUID | int, list[Booked]] = defaultdict(list)
    for each in booked:
        visits[each.room_id if is_by_room else each.practitioner_id].append(each)
    types = AppointmentType.objects.select_related("service").in_bulk({each.type_id for each in booked})
    names = Practitioner.objects.filter(pk__in={each.practitioner_id for each in booked}).values_list("pk", "name")
    if is_by_room:
        plans: dict[UUID | int, Plan] = {room.pk: Plan() for room in owners}
        for entry in held(starts_at=starts_at, ends_at=ends_at, now=now).filter(room__in=owners):
            plans[entry.room_id].holds.append(entry)
    else:
        plans = plans_of(people=owners, starts_at=starts_at, ends_at=ends_at, now=now)
    held_for = {hold.held_for for plan in plans.values() for hold in plan.holds}
    # What waits for its payment is drawn as a visit; its hold would stand on top of it.
    waiting = {each.pk for each in booked if each.state == Booking.State.PENDING_PAYMENT}
    for plan in plans.values() if waiting else ():
        plan.holds = [hold for hold in plan.holds if hold.held_for not in waiting]
    calls = TriageSession.objects.filter(pk__in=held_for).select_related("patient", "consultant")
    return Material(
        plans=plans,
        visits=visits,
        types=types,
        names=dict(names) if is_by_room else {},
        calls={call.pk: call for call in calls} if held_for else {},
        known=Known.to(request, {each.patient_id for each in booked}),
        is_by_room=is_by_room,
    )
