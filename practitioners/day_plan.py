"""How people's days are laid out: hours, time off, what is taken outside and held; and how full they are."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from . import schedule, timegrid
from .models import LONGEST_ENTRY, BusyPeriod, DiaryEntry, Practitioner, TimeOff, WorkingHours
from .timegrid import Span

CLINIC = ZoneInfo(settings.CLINIC_TIME_ZONE)


@dataclass(slots=True)
class Plan:
    """What is known of a person's time between two moments, visits apart; spans are cut to those."""

    hours: list[Span] = field(default_factory=list)
    away: list[tuple[Span, str]] = field(default_factory=list)
    busy: list[tuple[Span, str]] = field(default_factory=list)
    holds: list[DiaryEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a practitioner's offered time of a week is booked."""

    practitioner: Practitioner
    booked_minutes: int
    offered_minutes: int

    @property
    def percent(self) -> int:
        """The share in per cent."""
        return round(100 * self.booked_minutes / self.offered_minutes) if self.offered_minutes else 0


def plans_of(
    *, people: Sequence[Practitioner], starts_at: datetime, ends_at: datetime, now: datetime
) -> dict[UUID, Plan]:
    """Lay out what is known of people's time between two moments, by four queries for any number of them."""
    plans = {person.pk: Plan() for person in people}
    window = {"practitioner__in": people, "starts_at__lt": ends_at, "ends_at__gt": starts_at}
    zones = {person.pk: ZoneInfo(person.time_zone) for person in people}
    rules = _rules_of(people)
    for pk, plan in plans.items():
        plan.hours = _hours(rules.get(pk, ()), zones[pk], starts_at, ends_at)
    for row in TimeOff.objects.filter(**window).order_by("starts_at"):
        plans[row.practitioner_id].away.append((_cut(row, starts_at, ends_at), row.reason))
    for row in BusyPeriod.objects.filter(**window):
        plans[row.practitioner_id].busy.append((_cut(row, starts_at, ends_at), row.get_calendar_display()))
    for row in held(starts_at=starts_at, ends_at=ends_at, now=now).filter(practitioner__in=people):
        plans[row.practitioner_id].holds.append(row)
    return plans


def held(*, starts_at: datetime, ends_at: datetime, now: datetime) -> QuerySet[DiaryEntry]:
    """What is held between two moments at this one."""
    return DiaryEntry.objects.filter(
        kind=DiaryEntry.Kind.HOLD,
        live_until__gt=now,
        starts_at__gte=starts_at - LONGEST_ENTRY,
        starts_at__lt=ends_at,
        ends_at__gt=starts_at,
    )


def uses_of_week(*, people: Sequence[Practitioner], monday: date) -> list[Use]:
    """
    Work out how much of each person's hours of a week of the clinic, time off apart, is booked.

    Booked time outside the hours does not count, so nobody is used more than fully.
    """
    starts_at = timegrid.wall_time(monday, time.min, CLINIC)
    ends_at = timegrid.wall_time(monday + timedelta(days=7), time.min, CLINIC)
    window = timegrid.Window.around(starts_at, ends_at)
    touching = {"practitioner__in": people, "starts_at__lt": ends_at, "ends_at__gt": starts_at}
    rules = _rules_of(people)
    away = _by_person(TimeOff.objects.filter(**touching).values_list("practitioner", "starts_at", "ends_at"))
    booked = schedule.booked(people=[person.pk for person in people], window=window)
    uses = []
    for person, visits in zip(people, booked, strict=True):
        hours = timegrid.hours_mask(window, tuple(rules.get(person.pk, ())), ZoneInfo(person.time_zone))
        offered = hours & ~window.mask_of(away.get(person.pk, ()))
        taken = offered & visits
        uses.append(Use(person, taken.bit_count() * timegrid.CELL_MINUTES, offered.bit_count() * timegrid.CELL_MINUTES))
    return uses


def complement(spans: Iterable[Span], starts_at: datetime, ends_at: datetime) -> list[Span]:
    """List what lies between two moments and in none of the spans."""
    edges = [(starts_at, starts_at), *sorted(spans), (ends_at, ends_at)]
    reached, gaps = starts_at, []
    for (_, end), (begin, _) in pairwise(edges):
        reached = max(reached, end)
        if begin > reached:
            gaps.append((reached, begin))
    return gaps


def _rules_of(people: Sequence[Practitioner]) -> dict[UUID, list[timegrid.WeeklyHours]]:
    return _by_person(
        WorkingHours.objects.filter(practitioner__in=people)
        .order_by("starts")
        .values_list("practitioner", "weekday", "starts", "ends", "valid_from", "valid_until")
    )


def _hours(rules: Iterable[timegrid.WeeklyHours], zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> list[Span]:
    first, last = starts_at.astimezone(zone).date(), ends_at.astimezone(zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    spans = [
        (timegrid.wall_time(day, opens, zone), timegrid.wall_time(day, closes, zone))
        for weekday, opens, closes, valid_from, valid_until in rules
        for day in days
        if day.weekday() == weekday and (valid_from or day) <= day <= (valid_until or day)
    ]
    return sorted(
        (max(opens, starts_at), min(closes, ends_at))
        for opens, closes in spans
        if opens < ends_at and closes > starts_at
    )


def _cut(row: TimeOff | BusyPeriod, starts_at: datetime, ends_at: datetime) -> Span:
    return max(row.starts_at, starts_at), min(row.ends_at, ends_at)


def _by_person(rows: Iterable[tuple]) -> dict[UUID, list[tuple]]:
    grouped = defaultdict(list)
    for person, *rest in rows:
        grouped[person].append(tuple(rest))
    return grouped
