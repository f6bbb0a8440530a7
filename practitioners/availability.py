"""
Who is free when: one reckoning for the list of free times and for the check at booking.

Hours, less time off, less what outside calendars take, less the diary, as bit masks (see ``timegrid``). Two queries
(see ``schedule``) for any number of practitioners and days, whatever the history holds.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from heapq import nsmallest
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from botaniqal.errors import DomainError, RuleBroken
from services.models import AppointmentType

from . import limits, schedule, timegrid
from .diary import SlotTaken, Span
from .limits import BUFFER, CAP, HOURS, NOTICE, SOFT
from .models import OutsideCalendar, Practitioner, Room

CLINIC = ZoneInfo(settings.CLINIC_TIME_ZONE)
FIRST_LOOK_DAYS = 14
ALTERNATIVES_DAYS = 14
CHOOSING = timedelta(minutes=1)  # what is offered can still be taken a moment later


@dataclass(frozen=True, slots=True)
class Offer:
    """An appointment type that a practitioner gives."""

    practitioner: Practitioner
    appointment_type: AppointmentType
    calendar: OutsideCalendar | None = None


@dataclass(slots=True)
class Slots:
    """The free times of one offer, as a mask of the cells in which it may begin; those of a stale one are doubtful."""

    practitioner: Practitioner
    appointment_type: AppointmentType
    window: timegrid.Window
    starts: int
    later: datetime | None = None
    is_stale: bool = False
    read_at: datetime | None = None

    @property
    def times(self) -> list[datetime]:
        """The free times, in UTC."""
        return [self.window.moment(cell) for cell in timegrid.set_bits(self.starts)]

    @property
    def next_available(self) -> datetime | None:
        """The first free time, which may lie behind the days that were asked for."""
        return self.window.moment(timegrid.first_bit(self.starts)) if self.starts else self.later


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A rule that stands in the way of a time; a soft one may be gone beyond."""

    rule: str
    error: DomainError

    @property
    def is_soft(self) -> bool:
        """Staff may go beyond it, with a reason."""
        return self.rule in SOFT


@dataclass(slots=True)
class Verdict:
    """What stands in the way of an appointment, hard rules first, and the rooms that it could have."""

    obstacles: list[Obstacle] = field(default_factory=list)
    rooms: list[int] = field(default_factory=list)
    rooms_without_buffer: list[int] = field(default_factory=list)

    def add(self, rule: str, words: str) -> None:
        """Put a rule in the way."""
        self.obstacles.append(Obstacle(rule, RuleBroken(rule, words)))

    def add_taken(self, rule: str) -> None:
        """Put in the way that somebody else has the time."""
        self.obstacles.append(Obstacle(rule, SlotTaken()))


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another free time, when the wanted one is gone."""

    practitioner: Practitioner
    starts_at: datetime
    minutes: int

    def as_json(self) -> dict[str, object]:
        """Write it down for the API."""
        return {
            "practitionerId": str(self.practitioner.pk),
            "practitionerName": self.practitioner.name,
            "time": f"{self.starts_at:%Y-%m-%dT%H:%M:%SZ}",
            "duration": self.minutes,
        }


def offers_of(*, service: str, kind: str = AppointmentType.Kind.INITIAL) -> list[Offer]:
    """
    List who gives a service, named by its slug, each with one appointment type; nobody while it is not offered.

    ``kind`` is an appointment type's code, or a kind: then the practitioner's first of that kind in the catalogue's
    order, telehealth before in person.
    """
    first: dict[UUID, Offer] = {}
    for person, appointment_type, calendar in schedule.gives(service=service, kind=kind):
        if person.pk not in first:
            first[person.pk] = Offer(person, appointment_type, calendar)
    return list(first.values())


def find_slots(
    *,
    offers: Sequence[Offer],
    first_day: date,
    days: int,
    zone: ZoneInfo = CLINIC,
    hides_stale: bool = False,
    held_for: UUID | None = None,
) -> list[Slots]:
    """
    Find the free times of each offer on so many days of a zone, and where there are none, the next one after.

    Times that an outside calendar may have taken since it was last read are marked, or hidden. What ``held_for``
    itself holds does not count towards the visits that a day may have.
    """
    last_day = first_day + timedelta(days=days)
    starts, ends = timegrid.wall_time(first_day, time.min, zone), timegrid.wall_time(last_day, time.min, zone)
    window, found = _free(offers, starts, ends, held_for)
    now = timezone.now()
    slots = []
    for offer, mask in zip(offers, found, strict=True):
        read_at, is_stale = None, False
        if offer.calendar:
            read_at, is_stale = offer.calendar.read_at, offer.calendar.is_stale(now)
        starts = 0 if is_stale and hides_stale else mask
        slots.append(
            Slots(offer.practitioner, offer.appointment_type, window, starts, is_stale=is_stale, read_at=read_at)
        )
    _look_further([each for each in slots if not (each.starts or (each.is_stale and hides_stale))], ends)
    return slots


def free_at(*, offers: Sequence[Offer], starts_at: datetime) -> list[Practitioner]:
    """List whose appointment may begin at a moment; as many queries for any number of people."""
    window, found = _free(offers, starts_at, starts_at + timegrid.CELL, is_chosen=True)
    cell = 1 << window.cell_floor(starts_at)
    is_on_the_grid = window.moment(window.cell_floor(starts_at)) == starts_at
    return [offer.practitioner for offer, mask in zip(offers, found, strict=True) if is_on_the_grid and mask & cell]


def have_times(*, offers: Sequence[Offer], starts_at: datetime, ends_at: datetime) -> list[bool]:
    """Tell of each offer whether it may begin between two moments; as many queries for any number of people."""
    _, found = _free(offers, starts_at, ends_at)
    return [bool(mask) for mask in found]


def occupied_span(
    appointment_type: AppointmentType, starts_at: datetime, beyond: Collection[str] = frozenset()
) -> Span:
    """The time that an appointment takes in the diary, with its buffers unless somebody went beyond them."""
    ends_at = starts_at + timedelta(minutes=appointment_type.minutes)
    if BUFFER in beyond:
        return Span(starts_at, ends_at)
    return Span(
        starts_at - timedelta(minutes=appointment_type.buffer_before_minutes),
        ends_at + timedelta(minutes=appointment_type.buffer_after_minutes),
    )


def check(
    *,
    practitioner: Practitioner,
    appointment_type: AppointmentType,
    starts_at: datetime,
    held_for: UUID | None = None,
    beyond: Collection[str] = frozenset(),
) -> Room | None:
    """
    Make sure that an appointment may begin at a moment, and say in which room, if it needs one.

    Time that is held for ``held_for`` itself does not stand in the way. ``beyond`` are the soft rules that somebody
    went beyond with a reason; hard ones hold for everybody. The diary has the last word afterwards.

    :raises RuleBroken: the registration, past, notice, horizon, step, hours, time off, a day that is full, or somebody
        who does not give it.
    :raises SlotTaken: the diary, an outside calendar or the last room is taken.
    """
    verdict = weigh(
        practitioner=practitioner,
        appointment_type=appointment_type,
        starts_at=starts_at,
        held_for=held_for,
        now=timezone.now(),
    )
    for obstacle in verdict.obstacles:
        if not (obstacle.is_soft and obstacle.rule in beyond):
            raise obstacle.error
    rooms = verdict.rooms_without_buffer if BUFFER in beyond else verdict.rooms
    return Room.objects.get(pk=min(rooms)) if rooms else None


def weigh(
    *,
    practitioner: Practitioner,
    appointment_type: AppointmentType,
    starts_at: datetime,
    now: datetime,
    held_for: UUID | None = None,
) -> Verdict:
    """
    Find everything that stands in the way of an appointment; behind some hard rules nothing more is looked for.

    While ``held_for`` itself holds the time, notice and the day's number of visits were judged when it was held.
    """
    verdict, kind = Verdict(), appointment_type
    zone = ZoneInfo(practitioner.time_zone)
    if not practitioner.is_active:
        verdict.add("inactive", f"{practitioner} does not work here any more.")
    elif not practitioner.appointment_types.filter(pk=kind.pk).exists():
        verdict.add("does_not_give", f"{practitioner} does not give {kind}.")
    elif starts_at < now:
        verdict.add("past", "That time has passed.")
    elif starts_at >= limits.horizon(kind, now):
        verdict.add("horizon", f"{kind} can be booked {kind.horizon_days} days ahead at most.")
    elif starts_at >= limits.registered_until(practitioner):
        expiry = f"{practitioner.registration_expires_on:%-d %b %Y}"
        verdict.add("registration", f"{practitioner}'s registration ends on {expiry}. Renew it in their record first.")
    elif not limits.is_step(kind, starts_at, zone):
        verdict.add("step", f"{kind} cannot begin at that minute. It begins every {kind.step_minutes} minutes.")
    if verdict.obstacles:
        return verdict

    span, visit = occupied_span(kind, starts_at), occupied_span(kind, starts_at, {BUFFER})
    window = timegrid.Window.around(span.starts_at, span.ends_at)
    whole, core = (window.mask_of([(each.starts_at, each.ends_at)]) for each in (span, visit))
    taken = schedule.taken(people=[practitioner.pk], window=window, needs_room=kind.is_in_person, held_for=held_for)
    off, people = taken.time_off[0], taken.people[0]
    verdict.rooms = [room for room, mask in taken.rooms.items() if not mask & whole]
    verdict.rooms_without_buffer = [room for room, mask in taken.rooms.items() if not mask & core]
    if off & core:
        verdict.add("time_off", f"{practitioner} is away then.")
    elif people & core:
        verdict.add_taken("taken")
    elif kind.is_in_person and not verdict.rooms_without_buffer:
        verdict.add_taken("room")

    is_held = taken.own[0] & core == core
    if not is_held and starts_at < now + timedelta(minutes=kind.min_notice_minutes):
        verdict.add(NOTICE, f"{kind} needs {kind.min_notice_minutes} minutes' notice.")
    hours = _hours([Offer(practitioner, kind)], window)[0]
    if hours & core != core:
        verdict.add(HOURS, f"That is outside {practitioner}'s hours.")
    if not is_held and (visits := limits.visits_of_full_day(practitioner, starts_at, held_for)) is not None:
        verdict.add(CAP, limits.full_day_words(practitioner, visits))
    if any(obstacle.rule in ("time_off", "taken", "room") for obstacle in verdict.obstacles):
        return verdict
    if people & whole or (kind.is_in_person and not verdict.rooms):
        verdict.add_taken(BUFFER)
    elif off & whole:
        verdict.add(BUFFER, f"{practitioner} is away in the break that belongs to it.")
    elif hours & core == core and hours & whole != whole:
        verdict.add(BUFFER, f"The break that belongs to it lies outside {practitioner}'s hours.")
    return verdict


def alternatives(
    *,
    appointment_type: AppointmentType,
    near: datetime,
    practitioner: Practitioner | None = None,
    limit: int = 3,
    hides_stale: bool = False,
) -> list[Alternative]:
    """
    Offer other free times of the same appointment: the nearest first, those with the same practitioner before others.
    """
    now = timezone.now()
    people = Practitioner.objects.active().filter(appointment_types=appointment_type)
    if hides_stale:
        people = people.fresh(now)
    offers = [Offer(person, appointment_type) for person in people]
    starts = max(near - timedelta(days=1), now)
    window, masks = _free(offers, starts, starts + timedelta(days=ALTERNATIVES_DAYS))
    wanted = window.cell_floor(near)

    def nearest(mask: int) -> list[int]:
        return nsmallest(limit, timegrid.set_bits(mask), key=lambda cell: abs(cell - wanted))

    def distance(one: Alternative):
        return one.practitioner != practitioner, abs(one.starts_at - near), one.practitioner.name

    found = [
        Alternative(offer.practitioner, window.moment(cell), appointment_type.minutes)
        for offer, mask in zip(offers, masks, strict=True)
        for cell in nearest(mask)
    ]
    return sorted(nsmallest(limit, found, key=distance), key=lambda one: one.starts_at)


# --- The reckoning ----------------------------------------------------------------------------------------------------


def _free(
    offers: Sequence[Offer],
    starts: datetime,
    ends: datetime,
    held_for: UUID | None = None,
    *,
    is_chosen: bool = False,
) -> tuple[timegrid.Window, list[int]]:
    """In which cells of a window each offer may begin, from a moment until before another."""
    reach = max((occupied_minutes(offer.appointment_type) for offer in offers), default=0)
    window = timegrid.Window.around(starts, ends, reach=timedelta(minutes=reach))
    if not offers:
        return window, []
    people = _people(offers)
    taken = schedule.taken(
        people=list(people),
        window=window,
        needs_room=any(offer.appointment_type.is_in_person for offer in offers),
    )
    now, choosing = timezone.now(), timedelta(0) if is_chosen else CHOOSING
    full = limits.full_days(list(people.values()), window, held_for)
    place_of = {pk: place for place, pk in enumerate(people)}
    found = []
    for offer, hours in zip(offers, _hours(offers, window), strict=True):
        kind, place = offer.appointment_type, place_of[offer.practitioner.pk]
        earliest = max(starts, now + timedelta(minutes=kind.min_notice_minutes) + choosing)
        latest = min(ends, limits.horizon(kind, now), limits.registered_until(offer.practitioner))
        asked = window.starts_between(earliest, latest) & ~full.get(place, 0)
        steps = timegrid.step_mask(window, kind.step_minutes, ZoneInfo(offer.practitioner.time_zone)) & asked
        free = hours & ~taken.time_off[place] & ~taken.people[place]
        mask = 0
        # A visit in person stays in one room, so each room's free time is looked at by itself.
        for taken_room in taken.rooms.values() if kind.is_in_person else [0]:
            mask |= timegrid.slot_starts(
                free & ~taken_room,
                before=kind.buffer_before_minutes,
                minutes=kind.minutes,
                after=kind.buffer_after_minutes,
                steps=steps,
            )
        found.append(mask)
    return window, found


def _look_further(slots: list[Slots], after: datetime) -> None:
    """Note the first free time after a moment: looked for in two weeks, then as far ahead as may be booked."""
    now = timezone.now()
    after, reach = max(after, now), timedelta(days=FIRST_LOOK_DAYS)  # a day long past would cost a look for every year
    while slots := [each for each in slots if each.later is None]:
        end = min(after + reach, max(limits.horizon(each.appointment_type, now) for each in slots))
        if end <= after:
            break
        window, found = _free([Offer(each.practitioner, each.appointment_type) for each in slots], after, end)
        for each, mask in zip(slots, found, strict=True):
            each.later = window.moment(timegrid.first_bit(mask)) if mask else None
        after, reach = end, timedelta(days=366)


def _hours(offers: Sequence[Offer], window: timegrid.Window) -> list[int]:
    """In which cells each offer can be given."""
    masks, people = [], list(_people(offers))
    rules_of = dict(zip(people, schedule.hours(people=people, window=window), strict=True))
    for offer in offers:
        elsewhere = (
            Practitioner.Location.TELEHEALTH if offer.appointment_type.is_in_person else Practitioner.Location.MELBOURNE
        )
        rules = rules_of[offer.practitioner.pk]
        here = tuple(rule for location, rule in rules if location != elsewhere)
        masks.append(timegrid.hours_mask(window, here, ZoneInfo(offer.practitioner.time_zone)))
    return masks


def _people(offers: Sequence[Offer]) -> dict[UUID, Practitioner]:
    """List whose offers they are, each once: the database answers by their place."""
    return {offer.practitioner.pk: offer.practitioner for offer in offers}


def occupied_minutes(appointment_type: AppointmentType) -> int:
    """How long an appointment takes in the diary, its buffers included."""
    return appointment_type.buffer_before_minutes + appointment_type.minutes + appointment_type.buffer_after_minutes
