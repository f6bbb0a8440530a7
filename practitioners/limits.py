"""What bounds the times that can be offered: the step, how far ahead, the registration, how many visits a day."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from botaniqal import locks
from botaniqal.errors import RuleBroken
from services.models import AppointmentType
from services.prices import clinic_day

from . import schedule, timegrid
from .models import ClockTimestamp, Practitioner
from .timegrid import EPOCH

NOTICE, HOURS, CAP, BUFFER = "notice", "hours", "cap", "buffer"
SOFT = (NOTICE, HOURS, CAP, BUFFER)
"""The rules that staff may go beyond with a reason."""

FOR_EVER = datetime.max.replace(tzinfo=UTC)
LAST_YEAR = 9000


def horizon(appointment_type: AppointmentType, now: datetime) -> datetime:
    """Say where the last day of the clinic ends on which a type can be booked."""
    last = clinic_day(now) + timedelta(days=appointment_type.horizon_days + 1)
    return timegrid.wall_time(last, time.min, ZoneInfo(settings.CLINIC_TIME_ZONE))


def registered_until(practitioner: Practitioner) -> datetime:
    """Say from when on a practitioner's registration is over; where no end is known, never."""
    last = practitioner.registration_expires_on
    if last is None or last.year > LAST_YEAR:  # some write 9999 for “never”, behind which no day comes
        return FOR_EVER
    day_after = max(last, EPOCH.date()) + timedelta(days=1)
    return timegrid.wall_time(day_after, time.min, ZoneInfo(practitioner.time_zone))


def is_step(appointment_type: AppointmentType, moment: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a type may begin at a moment by a zone's clock."""
    window = timegrid.Window.around(moment, moment + timegrid.CELL)
    is_on_the_grid = window.starts_at == moment
    return is_on_the_grid and bool(timegrid.step_mask(window, appointment_type.step_minutes, zone) & 1)


def full_days(people: Sequence[Practitioner], window: timegrid.Window, held_for: UUID | None) -> dict[int, int]:
    """
    Mark, by a person's place, the cells of days that have as many visits as a day should have.

    The database is asked for those who have a cap, and only if there are such people.
    """
    capped = [(place, person) for place, person in enumerate(people) if person.daily_cap is not None]
    if not capped:
        return {}
    full = {place: 0 if person.daily_cap else timegrid.mask_between(0, window.cells) for place, person in capped}
    counts = schedule.visits([person for _, person in capped], window.starts_at, window.ends_at, held_for=held_for)
    for (place, person), by_day in zip(capped, counts, strict=True):
        zone = ZoneInfo(person.time_zone)
        for day, visits in by_day.items():
            if visits >= person.daily_cap:
                full[place] |= window.mask_of([timegrid.day_edges(day, zone)])
    return full


def visits_of_full_day(practitioner: Practitioner, moment: datetime, held_for: UUID | None) -> int | None:
    """Count the visits on a practitioner's day of a moment, if those are as many as a day should have."""
    if practitioner.daily_cap is None:
        return None
    [by_day] = schedule.visits([practitioner], moment, moment, held_for=held_for)
    visits = by_day.get(moment.astimezone(ZoneInfo(practitioner.time_zone)).date(), 0)
    return visits if visits >= practitioner.daily_cap else None


def keep_cap(*, practitioner: Practitioner, moment: datetime, held_for: UUID | None, beyond: Collection[str]) -> None:
    """
    Make sure that a day still has room for one more visit; who asks at the same time waits for this transaction.

    :raises RuleBroken: the last one was given a moment ago.
    """
    if practitioner.daily_cap is None or CAP in beyond:
        return
    day = moment.astimezone(ZoneInfo(practitioner.time_zone)).date()
    locks.wait_for(f"{practitioner.pk} {day}")
    own = practitioner.diary.filter(held_for=held_for, starts_at__lte=moment, ends_at__gt=moment)
    if held_for and own.filter(live_until__gt=ClockTimestamp()).exists():
        return  # judged when it was held
    visits = visits_of_full_day(practitioner, moment, held_for)
    if visits is not None:
        raise RuleBroken(CAP, full_day_words(practitioner, visits))


def full_day_words(practitioner: Practitioner, visits: int) -> str:
    """Say that a day has as many visits as it should have."""
    have = "1 visit" if visits == 1 else f"{visits} visits"
    return f"{practitioner} has {have} that day already, as many as a day should have."
