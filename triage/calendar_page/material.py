"""Everything that is asked of the database for one page of the calendar."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber, TruncDate
from django.http import HttpRequest

from bookings.models import Booking
from practitioners.day_plan import CLINIC, Plan, held, plans_of
from practitioners.models import LONGEST_ENTRY, Practitioner, Room
from practitioners.timegrid import day_edges
from triage.models import TriageSession

from .known import Known

Owner = Practitioner | Room
SHOWN = [
    *("patient__name", "practitioner", "appointment_type", "starts_at", "ends_at", "state", "attention"),
    *("entry__starts_at", "entry__ends_at", "entry__room__name"),
]


@dataclass(frozen=True, slots=True)
class Material:
    """What the database knows of some people's, or rooms', days."""

    plans: dict[UUID | int, Plan]
    visits: dict[UUID | int, list[Booking]]
    calls: dict[UUID, TriageSession]
    known: Known
    is_by_room: bool

    @property
    def services(self) -> list[tuple[int, str]]:
        """The services that are seen, for the legend."""
        seen = {each.appointment_type.service for bookings in self.visits.values() for each in bookings}
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
        .select_related("patient", "entry__room")
        .prefetch_related("practitioner", "appointment_type__service")  # few of them, of many visits
        .only(*SHOWN)
        .order_by("starts_at", "pk")
    )
    if most_a_day:
        owner = "entry__room" if is_by_room else "practitioner"
        day = {"partition_by": [F(owner), TruncDate("starts_at", tzinfo=CLINIC)]}
        bookings = bookings.annotate(
            place=Window(RowNumber(), order_by=["starts_at", "pk"], **day), of_day=Window(Count("pk"), **day)
        ).filter(place__lte=most_a_day)
    visits: dict[UUID | int, list[Booking]] = defaultdict(list)
    for booking in bookings:
        visits[booking.entry.room_id if is_by_room else booking.practitioner_id].append(booking)
    if is_by_room:
        plans: dict[UUID | int, Plan] = {room.pk: Plan() for room in owners}
        for entry in held(starts_at=starts_at, ends_at=ends_at, now=now).filter(room__in=owners):
            plans[entry.room_id].holds.append(entry)
    else:
        plans = plans_of(people=owners, starts_at=starts_at, ends_at=ends_at, now=now)
    held_for = {hold.held_for for plan in plans.values() for hold in plan.holds}
    # What waits for its payment is drawn as a visit; its hold would stand on top of it.
    waiting = {each.pk for each in bookings if each.state == Booking.State.PENDING_PAYMENT}
    for plan in plans.values() if waiting else ():
        plan.holds = [hold for hold in plan.holds if hold.held_for not in waiting]
    calls = TriageSession.objects.filter(pk__in=held_for).select_related("patient", "consultant")
    return Material(
        plans=plans,
        visits=visits,
        calls={call.pk: call for call in calls} if held_for else {},
        known=Known.to(request, bookings),
        is_by_room=is_by_room,
    )
