"""
Reading an outside calendar into the busy periods that mirror it.

What a read found takes the place of what the one before it found. Visits of ours are left out: they stand in the diary.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from botaniqal.integrations import calendly, graph, owed
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.owed import NeedsPerson

from .models import BusyPeriod, DiaryEntry, OutsideCalendar, Practitioner

CALENDLY, OUTLOOK = Practitioner.CalendarProvider.CALENDLY, Practitioner.CalendarProvider.OUTLOOK

WEEK = timedelta(days=7)
# Calendly looks at no moment that has passed, and our clocks may differ a little.
A_LITTLE_LATER = timedelta(minutes=1)
# Outlook places whole days by the mailbox's zone, which may be a day away from ours.
A_DAY_BEFORE = timedelta(days=1)
# A visit of ours that was moved in the outside calendar is known by the time that it has here.
OWN_LOOK_BACK = timedelta(days=31)
FREE = {"free", "workingElsewhere"}

Span = tuple[datetime, datetime]
OnOwn = Callable[[str, Sequence[str]], Any]
"""Told of visits of ours that the outside calendar moved, cancelled or lost: the provider, and its ids of them."""


@dataclass(frozen=True, slots=True)
class Event:
    """Time that a calendar says is taken; one that the vendor does not name has no id."""

    external_id: str
    starts_at: datetime
    ends_at: datetime

    @property
    def key(self) -> str | Span:
        """What tells it from others."""
        return self.external_id or (self.starts_at, self.ends_at)


def read(row: OutsideCalendar, *, on_own: OnOwn | None = None, deadline: datetime | None = None) -> None:
    """
    Bring the mirror to what the calendar says now; ``on_own`` is told of visits of ours that strayed there.

    Without it they are left to the next read, which tells of them again.

    :raises VendorUnavailable: it could not be read, or not before the deadline.
    :raises NeedsPerson: the vendor does not let us.
    :raises LeaseLost: somebody else reads it by now.
    """
    try:
        strayed = _read_outlook(row) if row.provider == OUTLOOK else _read_calendly(row, deadline)
    except VendorRefused as refusal:
        raise NeedsPerson(_refusal(row, refusal)) from None
    if not strayed:
        return
    is_told = False
    try:
        if on_own:
            on_own(row.provider, strayed)
            is_told = True
    finally:
        if not is_told:  # Outlook tells a change once; only a whole reading tells of it again
            owed.renew(row, delta_link="")


def _read_calendly(row: OutsideCalendar, deadline: datetime | None) -> list[str]:
    begins = timezone.now()
    until = begins + timedelta(days=settings.CALENDAR_AHEAD_DAYS)
    vendor, start, found = calendly.client(), begins + A_LITTLE_LATER, []
    while start < until:
        if deadline and timezone.now() > deadline:
            raise VendorUnavailable("Calendly took too long")
        owed.renew(row)
        end = min(start + WEEK, until)
        found += vendor.busy_times(user=row.account, start=start, end=end)
        start = end
    own = _own_visits(row.practitioner, begins)
    events = [
        Event(calendly.uuid_of(busy.event_uri) if busy.event_uri else "", busy.starts_at, busy.ends_at)
        for busy in found
        if busy.ends_at > busy.starts_at
    ]
    _write_down(
        row,
        [event for event in events if event.external_id not in own],
        read_at=begins,
        read_until=until,
    )
    return []


def _read_outlook(row: OutsideCalendar) -> list[str]:
    begins = timezone.now()
    ahead = begins + timedelta(days=settings.CALENDAR_AHEAD_DAYS)
    vendor, changes, until = graph.client(), None, row.read_until
    # A link keeps to the span of its first reading, so that it is left each week.
    if row.delta_link and until and until >= ahead:
        with suppress(graph.SyncStateLost):
            changes = vendor.go_on(row.delta_link)
    is_whole = changes is None
    if is_whole:
        until = ahead + WEEK
        try:
            changes = vendor.calendar_view_delta(row.account, begins - A_DAY_BEFORE, until)
        except graph.SyncStateLost:
            raise VendorUnavailable("Outlook broke off the reading") from None

    zone, own = ZoneInfo(row.practitioner.time_zone), _own_visits(row.practitioner, begins)
    spans = {change.id: _span(change, zone) for change in changes.events}
    busy = {change.id for change in changes.events if spans[change.id] and change.show_as not in FREE} - own.keys()
    _write_down(
        row,
        [Event(external_id, *spans[external_id]) for external_id in busy],
        mentioned=None if is_whole else spans.keys() | own.keys(),
        read_at=begins,
        read_until=until,
        delta_link=changes.delta_link,
    )
    strayed = [external_id for external_id, span in spans.items() if _strays(span, own.get(external_id))]
    if is_whole:
        strayed += [
            external_id
            for external_id, living in own.items()
            if external_id not in spans and any(begins < starts and ends < until for starts, ends in living)
        ]
    return strayed


def _span(change: graph.Change, zone: ZoneInfo) -> Span | None:
    """Tell from when until when an event takes place, if it does."""
    span = None if change.is_removed or change.is_cancelled else change.span(zone)
    if span is None:
        return None
    starts_at, ends_at = (moment.astimezone(UTC) for moment in span)
    return (starts_at, ends_at) if ends_at > starts_at else None


def _strays(span: Span | None, living: list[Span] | None) -> bool:
    """Tell whether an event is a visit of ours and says something else than the diary."""
    if living is None:
        return False
    if span is None or not living:
        return (span is None) == bool(living)
    return not any(starts <= span[0] and span[1] <= ends for starts, ends in living)


def _own_visits(practitioner: Practitioner, now: datetime) -> dict[str, list[Span]]:
    """Find our own events by the vendor's id, each with the spans that it takes in the diary, if it still does."""
    entries = DiaryEntry.objects.filter(practitioner=practitioner, starts_at__gte=now - OWN_LOOK_BACK)
    own: dict[str, list[Span]] = {}
    for external_id, starts_at, ends_at, live_until in entries.exclude(external_id="").values_list(
        "external_id", "starts_at", "ends_at", "live_until"
    ):
        living = own.setdefault(external_id, [])
        if live_until is None or live_until > now:
            living.append((starts_at, ends_at))
    return own


def _write_down(
    row: OutsideCalendar, events: Iterable[Event], *, mentioned: Collection[str] | None = None, **reading: Any
) -> None:
    """
    Let the mirror say what was read: of the events that were mentioned, or of the whole calendar.

    :raises LeaseLost: somebody else reads it by now, and knows better.
    """
    with transaction.atomic():
        owed.renew(row, **reading)
        standing = row.periods.all() if mentioned is None else row.periods.filter(external_id__in=mentioned)
        wanted, gone, moved = {event.key: event for event in events}, [], []
        for period in standing:
            event = wanted.pop(period.external_id or (period.starts_at, period.ends_at), None)
            if event is None:
                gone.append(period.pk)
            elif (period.starts_at, period.ends_at) != (event.starts_at, event.ends_at):
                period.starts_at, period.ends_at = event.starts_at, event.ends_at
                moved.append(period)
        BusyPeriod.objects.filter(pk__in=gone).delete()
        BusyPeriod.objects.bulk_update(moved, ["starts_at", "ends_at"])
        # An event whose booking has no place in the diary stands there already, and stays the booking's.
        BusyPeriod.objects.bulk_create(
            [
                BusyPeriod(
                    practitioner_id=row.practitioner_id,
                    calendar=row.provider,
                    read_from=row,
                    external_id=event.external_id,
                    starts_at=event.starts_at,
                    ends_at=event.ends_at,
                )
                for event in wanted.values()
            ],
            ignore_conflicts=True,
        )


def _refusal(row: OutsideCalendar, refusal: VendorRefused) -> str:
    person = row.practitioner
    if row.provider == OUTLOOK:
        if refusal.status == 404:
            return f"Outlook knows no mailbox {row.account}. Correct it on {person}'s page."
        if refusal.status == 403:
            return f"Outlook does not let the portal into {person}'s mailbox. Ask who looks after Microsoft 365 for it."
        return f"Outlook does not show {person}'s calendar. ({refusal})"
    if refusal.status == 404:
        return f"Calendly knows no such user. Correct {person}'s Calendly user on their page."
    if refusal.status == 403:
        return (
            f"Calendly does not let the portal see {person}'s calendar. Its key must be an owner's or administrator's."
        )
    return f"Calendly does not show {person}'s calendar. ({refusal})"
