"""
The busy mirror: what is taken in practitioners' outside calendars, and how fresh that is.

What a vendor tells us of a calendar means "go and look" and nothing else; where nothing is told, it is looked at all
the same every few minutes.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from botaniqal.celery import ring
from botaniqal.integrations import owed

from . import mirror
from .mirror import CALENDLY, OUTLOOK, OnOwn
from .models import BusyPeriod, OutsideCalendar, OutsideCalendarQuerySet, Practitioner

PROVIDERS = (CALENDLY, OUTLOOK)
POLL_SECONDS = 0.05


def keep_up(*, now: datetime) -> int:
    """
    Mirror the calendar of everybody who has one, nobody else's, and want a look where the last one is long ago.

    A calendar that cannot be read is tried as often: staying away for hours would leave it stale for hours.
    """
    wanted = {(person.pk, person.calendar_provider): account for person, account in _accounts()}
    known = {(row.practitioner_id, row.provider): row for row in OutsideCalendar.objects.all()}
    gone = {key for key, row in known.items() if wanted.get(key) != row.account}
    missing = wanted.keys() - (known.keys() - gone)
    with transaction.atomic():
        if gone:
            OutsideCalendar.objects.filter(pk__in=[known[key].pk for key in gone]).delete()
        OutsideCalendar.objects.bulk_create(
            [
                OutsideCalendar(practitioner_id=person, provider=provider, account=wanted[person, provider])
                for person, provider in missing
                if _is_set_up(provider)
            ],
            ignore_conflicts=True,
        )

    poll = timedelta(seconds=settings.CALENDAR_POLL_SECONDS)
    rows, stuck = OutsideCalendar.objects, OutsideCalendar.objects.for_a_person()
    rested = rows.filter(told__gte=F("wanted")).filter(Q(read_at=None) | Q(read_at__lte=now - poll))
    looks = owed.want_again(rested, now=now)
    # One more try each time, and whoever has to help sees it again as soon as that fails as well.
    once_more = {"needs_person": False, "attempts": settings.SYNC_TRIES - 1, "next_try_at": now}
    looks += stuck.filter(next_try_at__lte=now - poll).update(**once_more)
    backed_off = rows.open().filter(leased_until=None, needs_person=False, next_try_at__gt=now + poll)
    backed_off.update(next_try_at=now + poll)
    return looks


def look(
    *,
    now: datetime,
    practitioner_ids: Collection[UUID] = (),
    mailbox: str = "",
    calendly_users: Collection[str] = (),
    at_once: bool = False,
) -> int:
    """
    Go and look at calendars: those of people, of a mailbox, or of users of Calendly.

    Unless it is wanted at once, it is done after ``CALENDAR_DEBOUNCE_SECONDS``, so that a hundred messages cost one
    read; a read that is under way is followed by another.
    """
    whose = Q(practitioner__in=practitioner_ids) | Q(provider=CALENDLY, account__in=calendly_users)
    if mailbox:
        whose |= Q(provider=OUTLOOK, account__iexact=mailbox)
    due = now if at_once else now + timedelta(seconds=settings.CALENDAR_DEBOUNCE_SECONDS)
    is_left_alone = Q(leased_until=None) | Q(leased_until__lte=now)
    waiting = OutsideCalendar.objects.open().filter(is_left_alone, needs_person=False, next_try_at__lte=due)
    looks = owed.want_again(OutsideCalendar.objects.filter(whose).exclude(pk__in=waiting), now=due)
    if at_once:
        for provider in PROVIDERS:
            transaction.on_commit(partial(ring, f"read_{provider}"))
    return looks


def work_due(*, providers: Sequence[str] = PROVIDERS, on_own: OnOwn | None = None) -> int:
    """Read the calendars at which a look is due, and count them."""
    return sum(owed.work(_of(provider), partial(mirror.read, on_own=on_own)) for provider in providers)


def read_now(*, practitioner: Practitioner) -> None:
    """
    Read somebody's calendar while a person waits for it, if it is stale and did not fail a moment ago.

    Where it cannot be read it stays stale. To be called outside any transaction.
    """
    # Nothing more is asked after half the time that one answer may take.
    deadline = timezone.now() + timedelta(seconds=settings.VENDOR_TIMEOUT_SECONDS / 2)
    rows = _of(practitioner.calendar_provider).filter(practitioner=practitioner)
    while (now := timezone.now()) < deadline and rows.filter(leased_until__gt=now).exists():
        time.sleep(POLL_SECONDS)  # somebody else reads it at this moment
    row = rows.first()
    if row is None or not row.is_stale(now) or (row.problem and row.next_try_at > now):
        return
    owed.want_again(rows.filter(pk=row.pk), now=now)
    owed.work(rows, partial(mirror.read, deadline=deadline))


def give_way(*, practitioner: Practitioner, external_id: str) -> None:
    """Let go of what is shown as taken for an event that is about to be entered as a visit."""
    BusyPeriod.objects.filter(practitioner=practitioner, external_id=external_id).delete()


def _of(provider: str) -> OutsideCalendarQuerySet:
    return OutsideCalendar.objects.filter(provider=provider).select_related("practitioner")


def _accounts() -> Iterable[tuple[Practitioner, str]]:
    """List who has a calendar outside, and whose it is there."""
    for person in Practitioner.objects.active().exclude(calendar_provider=Practitioner.CalendarProvider.NONE):
        account = person.mailbox if person.calendar_provider == OUTLOOK else person.calendly_user_uri
        if account:
            yield person, account


def _is_set_up(provider: str) -> bool:
    """Tell whether the portal was given a key; without one nothing can be mirrored, and nothing is stale."""
    return bool(settings.GRAPH_CLIENT_ID if provider == OUTLOOK else settings.CALENDLY_API_KEY)
