"""Figures of this moment: today's and this week's, what is free now, and how far behind anything is."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Min, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Least, TruncDate
from django.utils import timezone

from bookings.models import Booking, Payment, SyncNote, SyncRecord
from botaniqal.accounts.models import User
from botaniqal.integrations.models import InboundEvent, Turn
from botaniqal.messages.models import Message
from practitioners import availability
from practitioners.availability import Offer
from practitioners.day_plan import Use, uses_of_week
from practitioners.models import OutsideCalendar, Practitioner
from services.models import AppointmentType, PractitionerType
from services.prices import clinic_day
from triage.models import TriageSession

from .period import day_start
from .shapes import Share, Slots

FREE_DAYS = 7
MOST_WAITING = 10_000
"""So much is looked at, in the order of an index: the planner takes a third of all rows to be open."""


@dataclass(frozen=True, slots=True)
class DayOfBookings:
    """How many visits were booked on a day."""

    day: date
    made: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A system that did not take what it was told, and what waits for it."""

    system: str
    waiting: int
    next_try_at: datetime

    @property
    def next_try(self) -> str:
        """When it is tried again; the day is named where it is another one."""
        local = timezone.localtime(self.next_try_at)
        return f"at {local:%H:%M}" if local.date() == timezone.localdate() else f"on {local:%A %-d %B at %H:%M}"


def calls_of_day(day: date, *, of: User | None = None) -> tuple[Share, Share]:
    """Count a day's calls: those done of those planned, and those that led to a booking of those done."""
    planned = TriageSession.objects.filter(
        consultation__starts_at__gte=day_start(day), consultation__starts_at__lt=day_start(day + timedelta(days=1))
    ).exclude(consultation__state=Booking.State.CANCELLED)
    # Counted among everybody's of the day, which an index finds; one's own are found among years of them.
    is_own = Q(consultant__user=of) if of else Q()
    is_done = is_own & Q(state=TriageSession.State.DONE)
    counts = planned.aggregate(
        planned=Count("pk", filter=is_own),
        done=Count("pk", filter=is_done),
        booked=Count("pk", filter=is_done & Q(outcome="booked")),
    )
    return Share(counts["done"], counts["planned"]), Share(counts["booked"], counts["done"])


def collected(since: date, *, by: User | None = None) -> Decimal:
    """Add up what was collected from a day on, in AUD, less what was given back of it."""
    payments = Payment.objects.filter(collected_at__gte=day_start(since))
    if by:
        payments = payments.filter(collected_by=by)
    return payments.aggregate(total=Sum(F("amount") - F("given_back")))["total"] or Decimal("0.00")


def bookings_by_day(last: date, *, days: int) -> list[DayOfBookings]:
    """Count the visits booked on each of so many days, free consultations apart."""
    first = last - timedelta(days=days - 1)
    # Told apart among those of the days: as a condition it would be looked up for every visit there ever was.
    is_visit = ~Q(appointment_type__kind=AppointmentType.Kind.CONSULTATION)
    rows = (
        Booking.objects.promised()
        .filter(created_at__gte=day_start(first), created_at__lt=day_start(last + timedelta(days=1)))
        .order_by()
        .annotate(day=TruncDate("created_at"))
        .values_list("day")
        .annotate(
            made=Count("pk", filter=is_visit),
            cancelled=Count("pk", filter=is_visit & Q(state=Booking.State.CANCELLED)),
        )
    )
    counted = {day: (made, cancelled) for day, made, cancelled in rows}
    return [DayOfBookings(day, *counted.get(day, (0, 0))) for day in (first + timedelta(days=n) for n in range(days))]


def use_of_week(monday: date) -> list[Use]:
    """Work out how much of their hours of a week is booked, for each practitioner who gives care."""
    people = list(Practitioner.objects.active().exclude(type=PractitionerType.CONSULTANT))
    return uses_of_week(people=people, monday=monday)


def troubles() -> list[Trouble]:
    """List the systems that have to be tried again, with how much waits for each."""
    failing = Q(needs_person=False, attempts__gt=0) & (Q(leased_until=None) | Q(leased_until__lte=timezone.now()))
    waiting = {"waiting": Count("pk"), "next_try_at": Min("next_try_at")}
    found = [
        Trouble(SyncRecord.System(row.pop("system")).label, **row)
        for row in SyncRecord.objects.open().filter(failing).order_by().values("system").annotate(**waiting)
    ]
    mail = Message.objects.open().filter(failing).aggregate(**waiting)
    return [*found, Trouble("E-mail", **mail)] if mail["waiting"] else found


def free_slots(now: datetime) -> list[Slots]:
    """
    Count for everybody who gives care the times of the next days at which a visit with them could be booked now.

    Times in a calendar that has not been read for long are doubtful and left out.
    """
    people = list(Practitioner.objects.active().exclude(type=PractitionerType.CONSULTANT))
    calendars = {(row.practitioner_id, row.provider): row for row in OutsideCalendar.objects.all()}
    gives = Practitioner.appointment_types.through.objects.filter(
        practitioner__in=people, appointmenttype__in=AppointmentType.objects.offered()
    ).exclude(appointmenttype__kind=AppointmentType.Kind.CONSULTATION)
    known = {person.pk: person for person in people}
    offers = [
        Offer(person, row.appointmenttype, calendars.get((person.pk, person.calendar_provider)))
        for row in gives.select_related("appointmenttype")
        for person in [known[row.practitioner_id]]
    ]
    starts: dict[UUID, int] = defaultdict(int)
    for slots in availability.find_slots(offers=offers, first_day=clinic_day(now), days=FREE_DAYS, hides_stale=True):
        starts[slots.practitioner.pk] |= slots.starts
    return [Slots(person, starts[person.pk].bit_count()) for person in people]


def sync_lag(now: datetime) -> timedelta:
    """Say for how long the oldest change has waited that a worker has yet to tell a vendor of."""
    return max(sync_lags(now).values())


def sync_lags(now: datetime) -> dict[str, timedelta]:
    """Say of each system for how long the oldest change has waited that a worker has yet to tell it of."""
    told = SyncNote.objects.filter(record=OuterRef("record"), turn=Turn.TOLD).order_by("-at").values("at")[:1]
    failed = SyncNote.objects.filter(record=OuterRef("pk"), turn=Turn.PUT_OFF).annotate(told_at=Subquery(told))
    failed = failed.filter(Q(told_at=None) | Q(told_at__lt=F("at"))).order_by("at").values("at")[:1]
    # Put off, it is tried again later than it was owed; the first of those notes is next to when that was.
    waiting = (
        SyncRecord.objects.open().filter(needs_person=False).annotate(since=Least("next_try_at", Subquery(failed)))
    )
    first: dict[str, datetime] = {}
    for system, since in waiting.order_by("next_try_at").values_list("system", "since")[:MOST_WAITING]:
        first[system] = min(first.get(system, since), since)
    return {system: _age(first.get(system), now) for system in SyncRecord.System.values}


def inbox_age(now: datetime) -> timedelta:
    """Say for how long the oldest message of a vendor has waited for a worker."""
    waiting = InboundEvent.objects.open().filter(needs_person=False).order_by("next_try_at")[:MOST_WAITING]
    return _age(waiting.aggregate(first=Min("received_at"))["first"], now)


def _age(since: datetime | None, now: datetime) -> timedelta:
    return max(now - since, timedelta()) if since else timedelta()
