"""
Who is free when: one reckoning for the list of free times and for the check at booking.

Hours, less time off, less what outside calendars take, less the diary, as bit masks (see ``timegrid``). Three queries
for any number of practitioners and days, whatever the history holds.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils import timezone

from botaniqal.errors import RuleBroken
from services.models import AppointmentType, Service

from . import timegrid
from .diary import SlotTaken, Span
from .models import LONGEST_ENTRY, Practitioner, Room, WorkingHours

CLINIC = ZoneInfo(settings.CLINIC_TIME_ZONE)
FIRST_LOOK_DAYS = 14
ALTERNATIVES_DAYS = 14


@dataclass(frozen=True, slots=True)
class Offer:
    """An appointment type that a practitioner gives."""

    practitioner: Practitioner
    appointment_type: AppointmentType


@dataclass(frozen=True, slots=True)
class Slots:
    """The free times of one offer, in UTC; ``next_available`` may lie behind the days that were asked for."""

    practitioner: Practitioner
    appointment_type: AppointmentType
    times: list[datetime]
    next_available: datetime | None


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


def offers_of(*, service: Service, kind: str = AppointmentType.Kind.INITIAL) -> list[Offer]:
    """
    List who gives a service, each with one appointment type.

    ``kind`` is an appointment type's code, or a kind: then the practitioner's first of that kind in the catalogue's
    order, telehealth before in person.
    """
    named = {"kind": kind} if kind in AppointmentType.Kind.values else {"code": kind}
    gives = (
        AppointmentType.practitioners.through.objects.filter(
            appointmenttype__service=service,
            appointmenttype__is_active=True,
            practitioner__is_active=True,
            **{f"appointmenttype__{field}": value for field, value in named.items()},
        )
        .select_related("practitioner", "appointmenttype")
        .order_by("practitioner__name", "-appointmenttype__mode", "appointmenttype__position", "appointmenttype__code")
    )
    first: dict = {}
    for row in gives:
        first.setdefault(row.practitioner_id, Offer(row.practitioner, row.appointmenttype))
    return list(first.values())


def find_slots(*, offers: Sequence[Offer], first_day: date, days: int, zone: ZoneInfo = CLINIC) -> list[Slots]:
    """Find the free times of each offer on so many days of a zone, and where there are none, the next one after."""
    last_day = first_day + timedelta(days=days)
    starts, ends = timegrid.wall_time(first_day, time.min, zone), timegrid.wall_time(last_day, time.min, zone)
    found = _free(offers, starts, ends)
    following = _next_free([offer for offer, times in zip(offers, found, strict=True) if not times], ends)
    return [
        Slots(offer.practitioner, offer.appointment_type, times, times[0] if times else following.get(_key(offer)))
        for offer, times in zip(offers, found, strict=True)
    ]


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
    if _hours([offer])[_key(offer)](window) & whole != whole:
        raise RuleBroken("hours", f"That is outside {practitioner}'s hours.")
    taken = _Taken([offer], window, held_for)
    if taken.time_off[practitioner.pk]:
        raise RuleBroken("time_off", f"{practitioner} is away then.")
    if taken.people[practitioner.pk]:
        raise SlotTaken
    if not appointment_type.is_in_person:
        return None
    free = [room for room in taken.rooms if not taken.of_room[room]]
    if not free:
        raise SlotTaken
    return Room.objects.get(pk=free[0])


def alternatives(
    *, appointment_type: AppointmentType, near: datetime, practitioner: Practitioner | None = None, limit: int = 3
) -> list[Alternative]:
    """
    Offer other free times of the same appointment: the nearest first, those with the same practitioner before others.
    """
    people = Practitioner.objects.active().filter(appointment_types=appointment_type)
    offers = [Offer(person, appointment_type) for person in people]
    now = timezone.now()
    starts = max(near - timedelta(days=1), now)
    found = [
        Alternative(offer.practitioner, moment, appointment_type.minutes)
        for offer, times in zip(offers, _free(offers, starts, starts + timedelta(days=ALTERNATIVES_DAYS)), strict=True)
        for moment in times
    ]

    def distance(one: Alternative):
        return one.practitioner != practitioner, abs(one.starts_at - near), one.practitioner.name

    first = sorted(found, key=distance)[:limit]
    return sorted(first, key=lambda one: one.starts_at)


# --- The reckoning ----------------------------------------------------------------------------------------------------


def _free(offers: Sequence[Offer], starts: datetime, ends: datetime) -> list[list[datetime]]:
    """Free times of each offer from a moment until before another."""
    if not offers:
        return []
    reach = max(occupied_minutes(offer.appointment_type) for offer in offers)
    window = timegrid.Window.around(starts, ends, reach=timedelta(minutes=reach))
    hours, taken = _hours(offers), _Taken(offers, window)
    now = timezone.now()
    found = []
    for offer in offers:
        kind, person = offer.appointment_type, offer.practitioner
        earliest = max(starts, now + timedelta(minutes=kind.min_notice_minutes))
        latest = min(ends, _horizon(kind, now))
        asked = window.starts_between(earliest, latest)
        rules = hours.get(_key(offer))
        if not (asked and rules):
            found.append([])
            continue
        steps = timegrid.step_mask(window, kind.step_minutes, ZoneInfo(person.time_zone)) & asked
        free = rules(window) & ~taken.time_off[person.pk] & ~taken.people[person.pk]
        starts_mask = 0
        # A visit in person stays in one room, so each room's free time is looked at by itself.
        for room in taken.rooms if kind.is_in_person else [None]:
            starts_mask |= timegrid.slot_starts(
                free & ~taken.of_room[room],
                before=kind.buffer_before_minutes,
                minutes=kind.minutes,
                after=kind.buffer_after_minutes,
                steps=steps,
            )
        found.append([window.moment(cell) for cell in timegrid.set_bits(starts_mask)])
    return found


def _next_free(offers: Sequence[Offer], after: datetime) -> dict:
    """First free time after a moment, per offer; looks two weeks ahead, then as far as may be booked."""
    found: dict = {}
    now = timezone.now()
    reach = timedelta(days=FIRST_LOOK_DAYS)
    while offers := [offer for offer in offers if _key(offer) not in found]:
        end = min(after + reach, max(_horizon(offer.appointment_type, now) for offer in offers))
        if end <= after:
            break
        for offer, times in zip(offers, _free(offers, after, end), strict=True):
            if times:
                found[_key(offer)] = times[0]
        after, reach = end, timedelta(days=366)
    return found


def occupied_minutes(appointment_type: AppointmentType) -> int:
    """How long an appointment takes in the diary, its buffers included."""
    return appointment_type.buffer_before_minutes + appointment_type.minutes + appointment_type.buffer_after_minutes


def _horizon(appointment_type: AppointmentType, now: datetime) -> datetime:
    """The end of the last day of the clinic on which a type can be booked."""
    last = now.astimezone(CLINIC).date() + timedelta(days=appointment_type.horizon_days + 1)
    return timegrid.wall_time(last, time.min, CLINIC)


def _key(offer: Offer):
    return offer.practitioner.pk, offer.appointment_type.pk


def _hours(offers: Sequence[Offer]) -> dict:
    """Per offer, the function from a window to the mask of the hours in which it can be given."""
    rows = WorkingHours.objects.filter(practitioner__in={offer.practitioner.pk for offer in offers}).values_list(
        "practitioner", "location", "weekday", "starts", "ends", "valid_from", "valid_until"
    )
    by_person = defaultdict(list)
    for person, location, *rule in rows:
        by_person[person].append((location, tuple(rule)))
    hours = {}
    for offer in offers:
        elsewhere = (
            Practitioner.Location.TELEHEALTH if offer.appointment_type.is_in_person else Practitioner.Location.MELBOURNE
        )
        rules = tuple(rule for location, rule in by_person[offer.practitioner.pk] if location != elsewhere)
        zone = ZoneInfo(offer.practitioner.time_zone)
        hours[_key(offer)] = lambda window, rules=rules, zone=zone: timegrid.hours_mask(window, rules, zone)
    return hours


TAKEN = """
    SELECT 'off', practitioner_id, NULL::bigint, starts_at, ends_at, NULL::uuid
    FROM practitioners_timeoff
    WHERE practitioner_id = ANY(%(people)s) AND starts_at < %(ends)s AND ends_at > %(starts)s
  UNION ALL
    SELECT 'taken', practitioner_id, NULL, starts_at, ends_at, NULL
    FROM practitioners_busyperiod
    WHERE practitioner_id = ANY(%(people)s) AND starts_at < %(ends)s AND ends_at > %(starts)s
  UNION ALL
    SELECT 'taken', practitioner_id, room_id, starts_at, ends_at, CASE kind WHEN 'hold' THEN held_for END
    FROM practitioners_diaryentry
    WHERE starts_at >= %(early)s AND starts_at < %(ends)s AND ends_at > %(starts)s
      AND (practitioner_id = ANY(%(people)s) OR room_id IS NOT NULL)
      AND (live_until IS NULL OR live_until > clock_timestamp())
  UNION ALL
    SELECT 'room', NULL, id, NULL, NULL, NULL FROM practitioners_room WHERE is_active AND %(in_person)s
"""


class _Taken:
    """What is taken in a window, as masks per person and per room."""

    def __init__(self, offers: Iterable[Offer], window: timegrid.Window, held_for=None) -> None:
        self.time_off = defaultdict(int)
        self.people = defaultdict(int)
        self.of_room = defaultdict(int)
        self.rooms: list[int] = []
        values = {
            "people": list({offer.practitioner.pk for offer in offers}),
            "in_person": any(offer.appointment_type.is_in_person for offer in offers),
            "starts": window.starts_at,
            "early": window.starts_at - LONGEST_ENTRY,
            "ends": window.ends_at,
        }
        with connection.cursor() as cursor:
            cursor.execute(TAKEN, values)
            for what, person, room, starts_at, ends_at, holder in cursor:
                if what == "room":
                    self.rooms.append(room)
                elif held_for is None or holder != held_for:
                    mask = window.mask_of([(starts_at, ends_at)])
                    if what == "off":
                        self.time_off[person] |= mask
                    else:
                        self.people[person] |= mask
                        if room:
                            self.of_room[room] |= mask
        self.rooms.sort()
