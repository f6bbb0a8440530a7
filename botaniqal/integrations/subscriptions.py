"""Vendors' promises to tell us of changes: made, checked, lengthened, mended, and what was missed fetched after."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Least
from django.utils import timezone
from django.utils.text import capfirst

from botaniqal.celery import ring
from botaniqal.integrations import owed
from botaniqal.integrations.http import VendorRefused
from botaniqal.integrations.listening import LISTENERS, Found, Listener, is_configured
from botaniqal.integrations.models import Subscription

Health, Vendor = Subscription.Health, Subscription.Vendor

TROUBLE = (Health.DISABLED, Health.LOST, Health.SILENT)
# Calendly repeats a delivery for a day before it gives it up, so that what was lost may be as old when it is found out.
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SILENT = "Something changed there, and nothing was told of it."

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """
    Who reads at a vendor what it did not tell of; the floors above know what the rows are about.

    ``fetch`` takes in what changed there since a moment, if there is one, and may be asked again; ``has_news`` tells
    whether something changed there between two moments.
    """

    fetch: Callable[[Subscription, datetime | None], None]
    has_news: Callable[[Subscription, datetime, datetime], bool]


Readers = Mapping[str, Reader]
NOBODY: Readers = {}


def keep_up(*, mailboxes: Iterable[str], now: datetime) -> int:
    """Have a row for Calendly's organisation and for each mailbox, and want a look at those whose time it is."""
    wanted = _wanted(mailboxes)
    rows = {(row.vendor, row.resource): row for row in Subscription.objects.all()}
    missing = [Subscription(vendor=vendor, resource=name, next_try_at=now) for vendor, name in wanted - rows.keys()]
    Subscription.objects.bulk_create(missing, ignore_conflicts=True)
    count = len(missing)
    for place, row in rows.items():
        same = Subscription.objects.filter(pk=row.pk, wanted=row.wanted)
        if row.is_wanted != (place in wanted):
            count += _want(same, is_wanted=place in wanted, now=now)
        elif _is_time_to_look(row, now):
            count += owed.want_again(same, now=now)
    return count


def work_due(readers: Readers = NOBODY) -> int:
    """Look at the vendors, mend what has to be mended, fetch what was missed, and count the looks."""
    do = partial(_look_after, readers=readers)
    # One vendor after the other, so that one that is down keeps nobody from asking the next.
    done = sum(owed.work(Subscription.objects.filter(vendor=vendor), do) for vendor in Vendor)
    Subscription.objects.filter(is_wanted=False, told__gte=F("wanted")).delete()
    return done


def heard(*, vendor: Vendor, now: datetime, resource: str = "", external_id: str = "") -> None:
    """Note that a vendor told something; within a minute of the last time nothing is written."""
    named = {name: value for name, value in {"resource": resource, "external_id": external_id}.items() if value}
    rows = Subscription.objects.filter(vendor=vendor, **named)
    if rows.filter(Q(heard_at=None) | Q(heard_at__lte=now - MINUTE)).update(heard_at=now):
        rows.filter(health=Health.SILENT).update(health=Health.ACTIVE)


def on_its_way() -> timedelta:
    """Tell how long a delivery may take before it counts as not come: a quarter of the time between two looks."""
    return timedelta(seconds=settings.SUBSCRIPTION_CHECK_SECONDS / 4)


@transaction.atomic
def check_soon(*, rows: QuerySet[Subscription], now: datetime, is_ending: bool = False) -> None:
    """Want a look at once; one that the vendor says is ending is lengthened whatever it was promised."""
    if is_ending:
        rows.update(expires_at=now)
    owed.want_again(rows, now=now)
    _ring()


@transaction.atomic
def set_up_anew(*, row: Subscription, now: datetime) -> None:
    """Have it ended at the vendor and made once more."""
    # Without the secret that its deliveries carry nothing at the vendor may stay.
    rows = Subscription.objects.filter(pk=row.pk)
    rows.update(health=Health.NEW, secret="")
    check_soon(rows=rows, now=now)


@transaction.atomic
def fetch_since(*, rows: QuerySet[Subscription], since: datetime, now: datetime) -> None:
    """Have fetched what was not told since a moment."""
    rows.update(missed_since=Least(Coalesce("missed_since", since), since))
    check_soon(rows=rows, now=now)


def end_all(*, now: datetime) -> int:
    """Have all of them ended at their vendors and dropped; whoever keeps them up makes them once more."""
    count = _want(Subscription.objects.all(), is_wanted=False, now=now)
    _ring()
    return count


def unwell(rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Pick those that do not tell us, or of which nobody knows."""
    return rows.filter(Q(health__in=TROUBLE) | Q(needs_person=True), is_wanted=True)


def silent(rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Pick those that do not tell us and should."""
    return rows.filter(health__in=TROUBLE, is_wanted=True)


def foretell(*, mailboxes: Iterable[str], now: datetime) -> Iterator[tuple[Subscription, str]]:
    """Say what a look would do to each, without doing it."""
    rows = {(row.vendor, row.resource): row for row in Subscription.objects.all()}
    wanted = _wanted(mailboxes)
    for place in sorted(rows.keys() | wanted):
        row = rows.get(place) or Subscription(vendor=place[0], resource=place[1])
        if place not in wanted:
            yield row, "It is not wanted any more: it would be ended and dropped."
            continue
        found = LISTENERS[row.vendor]().look(row, now)
        steps = [
            f"{len(found.surplus)} would be ended" if found.surplus else "",
            "" if found.standing else "one would be made",
        ]
        yield row, f"{found.words} {capfirst(' and '.join(filter(None, steps)) or 'nothing to mend')}."


def _wanted(mailboxes: Iterable[str]) -> set[tuple[str, str]]:
    wanted: set[tuple[str, str]] = set()
    if settings.CALENDLY_ORGANIZATION and is_configured(Vendor.CALENDLY):
        wanted.add((Vendor.CALENDLY.value, settings.CALENDLY_ORGANIZATION))
    if is_configured(Vendor.GRAPH):
        wanted |= {(Vendor.GRAPH.value, mailbox.strip().lower()) for mailbox in mailboxes if mailbox.strip()}
    return wanted


@transaction.atomic
def _want(rows: QuerySet[Subscription], *, is_wanted: bool, now: datetime) -> int:
    # Both or nothing: what is not wanted and not owed is dropped without another look.
    rows.update(is_wanted=is_wanted)
    return owed.want_again(rows, now=now)


def _is_time_to_look(row: Subscription, now: datetime) -> bool:
    pause = timedelta(seconds=settings.SUBSCRIPTION_CHECK_SECONDS)
    if row.told < row.wanted:
        # What a person was asked to look after may have been put right at the vendor.
        return row.needs_person and row.next_try_at <= now - pause
    if row.checked_at is None or row.checked_at <= now - pause:
        return True
    return row.expires_at is not None and row.expires_at - now <= now - row.checked_at


def _look_after(row: Subscription, *, readers: Readers) -> dict[str, Any]:
    now = timezone.now()
    if not row.is_wanted:
        return _end(row, now)
    listener = LISTENERS[row.vendor]()
    found = listener.look(row, now)
    reader = readers.get(row.vendor)
    if found.standing and reader and _fell_silent(row, reader, now):
        too_many = (found.standing, *found.surplus)
        found = replace(found, health=Health.SILENT, words=SILENT, standing="", surplus=too_many)
    if not found.standing:
        _note_trouble(row, found, now)
    for external_id in found.surplus:
        listener.end(external_id)
    _hold_to_it(row, listener, found, now)
    if reader:
        since = row.missed_since
        reader.fetch(row, since)
        # Not with the lease: a fetch that took longer than that was a fetch all the same.
        if since:
            Subscription.objects.filter(pk=row.pk, missed_since=since).update(missed_since=None)
    return {}


def _note_trouble(row: Subscription, found: Found, now: datetime) -> None:
    """Write down that nobody tells us, before anything is done about it, and since when."""
    is_trouble = found.health in TROUBLE
    since = _last_sure(row, now) if is_trouble else now
    health = found.health if is_trouble or row.health not in TROUBLE else row.health
    # Without its secret none may stay there, so that one that fell silent is ended also when this is cut off here.
    secret = "" if found.health == Health.SILENT else row.secret
    owed.renew(row, health=health, secret=secret, missed_since=min(filter(None, (row.missed_since, since))))


def _hold_to_it(row: Subscription, listener: Listener, found: Found, now: datetime) -> None:
    """Make it, or make it last, and write down what was promised."""
    good: dict[str, Any] = {"checked_at": now}
    if found.standing:
        promise = listener.lengthen(row, found, now)
    else:
        # Written down first: the vendor's handshake and first delivery come before its answer.
        owed.renew(row, external_id="", secret=listener.new_secret())
        promise = listener.make(row, now)
        good["set_up_at"] = now
    # One that fell silent is made anew and well again when something was heard, or when a person says so.
    if row.health != Health.SILENT:
        good["health"] = Health.ACTIVE
    owed.renew(row, external_id=promise.external_id, expires_at=promise.expires_at, **good)


def _end(row: Subscription, now: datetime) -> dict[str, Any]:
    """End what nobody listens to any more; where the vendor does not let us, it is dropped here all the same."""
    if is_configured(row.vendor):
        listener = LISTENERS[row.vendor]()
        try:
            found = listener.look(row, now)
            owed.renew(row)
            for external_id in filter(None, (found.standing, *found.surplus)):
                listener.end(external_id)
        except (VendorRefused, owed.NeedsPerson) as refusal:
            log.warning("a subscription was dropped without being ended: %s", type(refusal).__name__)
    return {"external_id": "", "secret": ""}


def _fell_silent(row: Subscription, reader: Reader, now: datetime) -> bool:
    if row.health == Health.SILENT:
        return False  # that is known, and it was made anew already
    known = list(filter(None, (row.heard_at, row.set_up_at)))
    if not known or now - max(known) < timedelta(hours=settings.SUBSCRIPTION_SILENT_HOURS):
        return False
    return reader.has_news(row, max(known) + on_its_way(), now - on_its_way())


def _last_sure(row: Subscription, now: datetime) -> datetime:
    """Tell until when nothing can have been missed."""
    return min(filter(None, (row.heard_at, row.checked_at)), default=now) - DAY


def _ring() -> None:
    transaction.on_commit(partial(ring, "keep_subscriptions"))
