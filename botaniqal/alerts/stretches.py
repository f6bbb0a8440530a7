"""Arithmetic of alerts: when so many things happened within a period, and whether a rule is muted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from practitioners import timegrid

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a value stood at its threshold or above, and what that was, in words."""

    first: datetime
    last: datetime
    words: str


def of_moments(
    moments: Sequence[datetime], *, number: int, period: timedelta, until: datetime
) -> list[tuple[datetime, datetime, int]]:
    """
    Find when at least so many of some moments, in order, lay within a period; with the most that ever did.

    Every window counts, wherever it begins: one that is open at ``until`` ends there.
    """
    found: list[tuple[datetime, datetime, int]] = []
    begins = 0
    for place, moment in enumerate(moments):
        while moments[begins] <= moment - period:
            begins += 1
        count = place - begins + 1
        if count < number:
            continue
        # It holds until the earliest of the last so many falls out of the period.
        last = min(moments[place - number + 1] + period, until)
        if found and moment <= found[-1][1]:
            first, _, most = found.pop()
            found.append((first, last, max(most, count)))
        else:
            found.append((moment, last, count))
    return found


def muted_until(now: datetime, *, begins: time | None, ends: time | None, zone: ZoneInfo) -> datetime | None:
    """
    Say when the muted hours end in which a moment lies, if it does.

    They go by the clock on the wall and may pass midnight. Where the clock is put back, they end at the first time that
    it shows their end, and do not begin once more.
    """
    if begins is None or ends is None:
        return None
    today = now.astimezone(zone).date()
    for day in (today - DAY, today):
        last_day = day if begins < ends else day + DAY
        if timegrid.wall_time(day, begins, zone) <= now < (end := timegrid.wall_time(last_day, ends, zone)):
            return end
    return None
