"""
Who is free when: one reckoning for the list of free times and for the check at booking.

Hours, less time off, less what outside calendars take, less the diary, as bit masks (see ``timegrid``). Two queries
(see ``schedule``) for any number of practitioners and days, whatever the history holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from heapq import nsmallest
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from botaniqal.errors import RuleBroken
from services.models import AppointmentType
from services.prices import clinic_day

from . import schedule, timegrid
from .diary import SlotTaken, Span
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
    List who gives a service, named by its slug, each with one appointment type; nobody while it is not active.

    ``kind`` is an appointment type's code, or a kind: then the practitioner's first of that kind in the catalogue's
    order, telehealth before in person.
    """
    first: dict[UUID, Offer] = {}
    for person, appointment_type, calendar in schedule.gives(service=service, kind=kind):
        if person.pk not in first:
            first[person.pk] = Offer(person, appointment_type, calendar)
    return list(first.values())


def find_slots(
    *, offers: Sequence[Offer], first_day: date, days: int, zone: ZoneInfo = CLINIC, hides_stale: bool = False
) -> list[Slots]:
    """
    Find the free times of each offer on so many days of a zone, and where there are none, the next one after.

    Times that an outside calendar may have taken since it was last read are marked, or hidden.
    """
    last_day = first_day + timedelta(days=days)
    starts, ends = timegrid.wall_time(first_day, time.min, zone), timegrid.wall_time(last_day, time.min, zone)
    window, found = _free(offers, starts, ends)
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


def occupied_span(appointment_type: AppointmentType, starts_at: datetime) -> Span:
    """The time that an appointment takes in the diary, its buffers included."""
    return Span(
        starts_at - timedelta(minutes=appointment_type.buffer_before_minutes),
        starts_at + timedelta(minutes=appointment_type.minutes + appointment_type.buffer_after_minutes),
    )


def check(
    *, practitioner: Practitioner, appointment_type: AppointmentType, starts_at: datetime, held_for=None
) -> Room | None:
    """
    Make sure that an appointment may begin at a moment, and say in which room, if it needs one.

    Time that is held for ``held_for`` itself does not stand in the way. The diary has the last word afterwards.

    :raises RuleBroken: past, notice, horizon, step, hours, time off, or somebody who does not give it.
    :raises SlotTaken: the diary, an outside calendar or the last room is taken.
    """
    if not practitioner.is_active:
        raise RuleBroken("inactive", f"{practitioner} does not work here any more.")
    if not practitioner.appointment_types.filter(pk=appointment_type.pk).exists():
        raise RuleBroken("does_not_give", f"{practitioner} does not give {appointment_type}.")
    now = timezone.now()
    if starts_at < now:
        raise RuleBroken("past", "That time has passed.")
    if starts_at < now + timedelta(minutes=appointment_type.min_notice_minutes):
        raise RuleBroken("notice", f"{appointment_type} needs {appointment_type.min_notice_minutes} minutes' notice.")
    if starts_at >= _horizon(appointment_type, now):
        raise RuleBroken(
            "horizon", f"{appointment_type} can be booked {appointment_type.horizon_days} days ahead at most."
        )
    if starts_at.second or starts_at.microsecond or starts_at.minute % timegrid.CELL_MINUTES:
        raise RuleBroken("step", f"{appointment_type} cannot begin at that minute.")

    offer = Offer(practitioner, appointment_type)
    span = occupied_span(appointment_type, starts_at)
    window = timegrid.Window.around(span.starts_at, span.ends_at)
    cell, whole = window.cell_floor(starts_at), timegrid.mask_between(0, window.cells)
    zone = ZoneInfo(practitioner.time_zone)
    if not timegrid.step_mask(window, appointment_type.step_minutes, zone) >> cell & 1:
        raise RuleBroken("step", f"{appointment_type} cannot begin at that minute.")
    if _hours([offer], window)[0] & whole != whole:
        raise RuleBroken("hours", f"That is outside {practitioner}'s hours.")
    taken = schedule.taken(
        people=[practitioner.pk], window=window, needs_room=appointment_type.is_in_person, held_for=held_for
    )
    if taken.time_off[0]:
        raise RuleBroken("time_off", f"{practitioner} is away then.")
    if taken.people[0]:
        raise SlotTaken
    if not appointment_type.is_in_person:
        return None
    free = [room for room, mask in taken.rooms.items() if not mask]
    if not free:
        raise SlotTaken
    return Room.objects.get(pk=min(free))


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


def _free(offers: Sequence[Offer], starts: datetime, ends: datetime) -> tuple[timegrid.Window, list[int]]:
    """In which cells of a window each offer may begin, from a moment until before another."""
    reach = max((occupied_minutes(offer.appointment_type) for offer in offers), default=0)
    window = timegrid.Window.around(starts, ends, reach=timedelta(minutes=reach))
    if not offers:
        return window, []
    taken = schedule.taken(
        people=[offer.practitioner.pk for offer in offers],
        window=window,
        needs_room=any(offer.appointment_type.is_in_person for offer in offers),
    )
    now = timezone.now()
    found = []
    for place, (offer, hours) in enumerate(zip(offers, _hours(offers, window), strict=True)):
        kind = offer.appointment_type
        earliest = max(starts, now + timedelta(minutes=kind.min_notice_minutes) + CHOOSING)
        asked = window.starts_between(earliest, min(ends, _horizon(kind, now)))
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
        end = min(after + reach, max(_horizon(each.appointment_type, now) for each in slots))
        if end <= after:
            break
        window, found = _free([Offer(each.practitioner, each.appointment_type) for each in slots], after, end)
        for each, mask in zip(slots, found, strict=True):
            each.later = window.moment(timegrid.first_bit(mask)) if mask else None
        after, reach = end, timedelta(days=366)


def _hours(offers: Sequence[Offer], window: timegrid.Window) -> list[int]:
    """In which cells each offer can be given."""
    masks = []
    for offer, rules in zip(
        offers, schedule.hours(people=[offer.practitioner.pk for offer in offers], window=window), strict=True
    ):
        elsewhere = (
            Practitioner.Location.TELEHEALTH if offer.appointment_type.is_in_person else Practitioner.Location.MELBOURNE
        )
        here = tuple(rule for location, rule in rules if location != elsewhere)
        masks.append(timegrid.hours_mask(window, here, ZoneInfo(offer.practitioner.time_zone)))
    return masks


def occupied_minutes(appointment_type: AppointmentType) -> int:
    """How long an appointment takes in the diary, its buffers included."""
    return appointment_type.buffer_before_minutes + appointment_type.minutes + appointment_type.buffer_after_minutes


def _horizon(appointment_type: AppointmentType, now: datetime) -> datetime:
    """The end of the last day of the clinic on which a type can be booked."""
    last = clinic_day(now) + timedelta(days=appointment_type.horizon_days + 1)
    return timegrid.wall_time(last, time.min, CLINIC)
