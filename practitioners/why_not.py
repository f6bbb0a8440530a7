"""Why a time cannot be had: the first rule in the way, in words, and whether staff may go beyond it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q

from services.models import AppointmentType

from .availability import CLINIC, Obstacle, occupied_span, weigh
from .diary import SlotTaken
from .limits import BUFFER
from .models import ClockTimestamp, DiaryEntry, Practitioner

FREE = "free"


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that stands in the way, in words."""

    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a time cannot be had, or that it can: the first rule in the way, and all soft ones if no other is."""

    rule: str
    words: str
    soft: tuple[Broken, ...] = ()

    @property
    def is_free(self) -> bool:
        """Nothing stands in the way."""
        return self.rule == FREE


def why_not(
    *,
    practitioner: Practitioner,
    appointment_type: AppointmentType,
    starts_at: datetime,
    now: datetime,
    held_for: UUID | None = None,
) -> Reason:
    """Say which rule stands in the way of an appointment at a moment: a hard one first, for nobody goes beyond that."""
    asked = {"practitioner": practitioner, "appointment_type": appointment_type, "starts_at": starts_at}
    obstacles = weigh(**asked, held_for=held_for, now=now).obstacles
    told = [Broken(each.rule, _words(each, **asked, held_for=held_for)) for each in obstacles]
    hard = next((one for one, each in zip(told, obstacles, strict=True) if not each.is_soft), None)
    if hard:
        return Reason(hard.rule, hard.words)
    if told:
        return Reason(told[0].rule, told[0].words, soft=tuple(told))
    return Reason(FREE, f"{practitioner} is free then.")


def _words(
    obstacle: Obstacle,
    *,
    practitioner: Practitioner,
    appointment_type: AppointmentType,
    starts_at: datetime,
    held_for: UUID | None,
) -> str:
    match obstacle.rule:
        case "taken":
            return _who_has_it(practitioner, appointment_type, starts_at, held_for) or obstacle.error.message
        case "room":
            return "No room is free then."
        case "hours":
            return f"{obstacle.error.message} {_hours_of_day(practitioner, starts_at)}"
        case "buffer" if isinstance(obstacle.error, SlotTaken):
            return "Something else begins or ends in the break that belongs to it."
    return obstacle.error.message


def _who_has_it(
    practitioner: Practitioner, appointment_type: AppointmentType, starts_at: datetime, held_for: UUID | None
) -> str:
    """Say what takes the time; of a visit or call of others never whose it is, only who keeps it."""
    visit = occupied_span(appointment_type, starts_at, {BUFFER})
    touched = Q(starts_at__lt=visit.ends_at, ends_at__gt=visit.starts_at)
    living = Q(live_until=None) | Q(live_until__gt=ClockTimestamp())
    entries = practitioner.diary.filter(touched, living).select_related("created_by__practitioner")
    if entry := entries.exclude(kind=DiaryEntry.Kind.HOLD, held_for=held_for).first():
        if entry.kind == DiaryEntry.Kind.BOOKING:
            return f"{practitioner} has a visit then, {_span(entry)}."
        holder = getattr(entry.created_by, "practitioner", None)
        return f"{holder or 'Somebody else'} keeps that time for a patient until {_clock(entry.live_until)}."
    if busy := practitioner.busy_periods.filter(touched).first():
        return f"{practitioner}'s {busy.get_calendar_display()} calendar is taken then, {_span(busy)}."
    return ""


def _hours_of_day(practitioner: Practitioner, moment: datetime) -> str:
    """Say when somebody works on their day of a moment."""
    zone = ZoneInfo(practitioner.time_zone)
    day = moment.astimezone(zone).date()
    valid = Q(valid_from=None) | Q(valid_from__lte=day), Q(valid_until=None) | Q(valid_until__gte=day)
    rules = practitioner.working_hours.filter(*valid, weekday=day.weekday()).order_by("starts")
    spans = [
        f"{rule.starts:%H:%M}–{rule.ends:%H:%M}"
        + ("" if rule.location == Practitioner.Location.BOTH else f" ({rule.get_location_display().lower()})")
        for rule in rules
    ]
    if not spans:
        return f"No hours are set for {day:%a %-d %b}."
    theirs = "" if zone == CLINIC else f", {zone.key.rpartition('/')[2].replace('_', ' ')} time"
    return f"On {day:%a %-d %b} they are {', '.join(spans)}{theirs}."


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(CLINIC):%H:%M}"


def _span(taken) -> str:
    return f"{_clock(taken.starts_at)}–{_clock(taken.ends_at)}"
