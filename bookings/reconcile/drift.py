"""
Comparing the portal with its vendors: on demand, at night, or a single visit at once.

Nothing is mended here. A vendor that cannot be read is noted, and what was known of it stays as it is.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from botaniqal.accounts.models import User
from botaniqal.celery import ring
from botaniqal.errors import Conflict, Malformed
from botaniqal.integrations import incidents
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.models import Incident

from ..models import Drift, Reconciliation, SyncRecord
from . import finding
from .asking import Directory, Vendor
from .asking_calendly import InCalendly
from .asking_medirecords import InMediRecords
from .asking_outlook import InOutlook
from .finding import Comparison, Findings

System = SyncRecord.System
Progress = Callable[[int, int], None]

VENDORS: dict[str, type[Vendor]] = {
    System.CALENDLY: InCalendly,
    System.OUTLOOK: InOutlook,
    System.MEDIRECORDS: InMediRecords,
}
BRAKE = "drift-brake"
LOCK = "bookings.drift"
LONGEST_SPAN = timedelta(days=366)
NIGHT = time(2, 30)  # by the clinic's clock
LATE = timedelta(hours=1)


class UnderWay(Conflict):
    """Another comparison goes on."""

    code = "under_way"
    message = "A comparison is under way already. Wait for its end."


def default_span(now: datetime) -> tuple[datetime, datetime]:
    """Give the span that is compared when nobody names one."""
    return now - timedelta(days=1), now + timedelta(days=settings.RECONCILE_DAYS)


@transaction.atomic
def ask(
    *, by: User | None, now: datetime, starts_from: datetime | None = None, starts_until: datetime | None = None
) -> Reconciliation:
    """
    Have a worker compare the portal with its vendors.

    :raises UnderWay: another comparison goes on, or waits for a worker.
    :raises Malformed: the span ends before it begins, or is too long.
    """
    run = _new_run(starts_from, starts_until, by, now)
    if is_under_way() or _waiting().exists():
        raise UnderWay
    run.save()
    transaction.on_commit(partial(ring, "reconcile"))
    return run


def reconcile(
    *,
    starts_from: datetime | None = None,
    starts_until: datetime | None = None,
    by: User | None,
    now: datetime,
    progress: Progress | None = None,
) -> Reconciliation:
    """
    Compare the portal with its vendors at once, and write down in what they differ.

    :raises UnderWay: another comparison goes on.
    :raises Malformed: the span ends before it begins, or is too long.
    """
    run = _new_run(starts_from, starts_until, by, now)
    with _alone() as is_alone:
        if not is_alone:
            raise UnderWay
        run.save()
        _carry_out(run, now, progress)
    return run


def work_due(*, now: datetime) -> int:
    """Carry out the comparison that waits, or that of the night, and count it."""
    if not _waiting().exists() and not _is_nights_due(now):
        return 0
    with _alone() as is_alone:
        if not is_alone:
            return 0
        run = _waiting().first() or (_new_run(None, None, None, now) if _is_nights_due(now) else None)
        if run is None:
            return 0
        run.save()
        _carry_out(run, now)
    return 1


def look_at(*, system: str, external_ids: Iterable[str], now: datetime) -> int:
    """
    Compare single visits with what a vendor says of them now, and count the differences that are new.

    :raises VendorUnavailable: the vendor could not be asked.
    :raises VendorRefused: the vendor does not answer to this.
    """
    wanted = list(dict.fromkeys(external_ids))[: finding.MOST_LOOKS]
    records = SyncRecord.objects.filter(system=system, external_id__in=wanted)
    comparison = Comparison(VENDORS[system](Directory()), Q(pk__in=records.values("booking")), now=now)
    found = finding.write_down(comparison.run(None), run=None, now=now)
    _lift_idle_brakes(now)
    return found


def is_under_way() -> bool:
    """Tell whether a worker compares at this moment; a run that was begun and has no end was cut off otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (
                SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND granted AND objsubid = 1
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND (classid::bigint << 32 | objid::bigint) = hashtextextended(%s, 0)
            )
            """,
            [LOCK],
        )
        return cursor.fetchone()[0]


@transaction.atomic
def release(*, run_id: int, reason: str, by: User | None, now: datetime) -> Reconciliation:
    """
    Let the differences of a run be settled that found so many that something else may be wrong.

    :raises Malformed: no reason is given.
    :raises Conflict: somebody released it already.
    """
    if not reason.strip():
        raise Malformed("Say why these differences may be settled.", details={"reason": ["Required."]})
    run = Reconciliation.objects.select_for_update(of=["self"]).get(pk=run_id)
    if not run.is_braked or run.released_at:
        raise Conflict("The brake was released already.")
    run.released_at, run.released_by, run.release_reason = now, by, reason.strip()[:200]
    run.save(update_fields=["released_at", "released_by", "release_reason"])
    if not _braked().exists():
        incidents.resolve(key=BRAKE, now=now)
    return run


def _new_run(
    starts_from: datetime | None, starts_until: datetime | None, by: User | None, now: datetime
) -> Reconciliation:
    first, last = default_span(now)
    run = Reconciliation(starts_from=starts_from or first, starts_until=starts_until or last, asked_by=by)
    if not timedelta(0) < run.starts_until - run.starts_from <= LONGEST_SPAN:
        raise Malformed("The span must end after it begins, and within a year.")
    return run


def _is_nights_due(now: datetime) -> bool:
    """Tell whether nothing was compared since the clinic's last half past two; it is done late rather than never."""
    local = timezone.localtime(now)
    night = datetime.combine(local, NIGHT, local.tzinfo)
    if night > local:
        night = datetime.combine(local - timedelta(days=1), NIGHT, local.tzinfo)
    runs = Reconciliation.objects
    # Where nothing was ever compared, it waits for the night.
    return not runs.filter(asked_at__gte=night).exists() and (local - night < LATE or runs.exists())


def _waiting() -> QuerySet[Reconciliation]:
    return Reconciliation.objects.filter(started_at=None, ended_at=None).order_by("asked_at")


def _braked() -> QuerySet[Reconciliation]:
    return Reconciliation.objects.filter(is_braked=True, released_at=None)


@contextmanager
def _alone() -> Iterator[bool]:
    """Let one comparison go on at a time; the lock ends with whoever holds it, also when that is killed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [LOCK])
        is_alone = cursor.fetchone()[0]
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [LOCK])


def _carry_out(run: Reconciliation, now: datetime, progress: Progress | None = None) -> None:
    run.started_at = now
    run.save(update_fields=["started_at"])
    directory = Directory()
    vendors = [vendor for each in VENDORS.values() if (vendor := each(directory)).is_used]
    steps = sum(len(vendor.places) for vendor in vendors)
    in_span = Q(starts_at__gte=run.starts_from, starts_at__lt=run.starts_until)
    # Also what differed before, wherever it went: it is looked after until it agrees.
    differing = Q(pk__in=Drift.objects.unsettled().exclude(booking=None).values("booking"))
    problems, compared, done = [], set(), 0
    for vendor in vendors:
        comparison, said = Comparison(vendor, in_span | differing, now=now), {}
        try:
            for place in vendor.places:
                listed = vendor.listed(place, run.starts_from, run.starts_until)
                said |= {word.external_id: word for word in listed}
                done += 1
                if progress:
                    progress(done, steps)
            findings = comparison.run(said)
        except (VendorUnavailable, VendorRefused) as error:
            problems.append(f"{vendor.system.label} could not be read, so nothing of it was compared ({error}).")
            continue
        compared |= findings.compared
        _note(run, findings, len(compared), now)
    _end(run, problems)


@transaction.atomic
def _note(run: Reconciliation, findings: Findings, compared: int, now: datetime) -> None:
    """Write down what was found and brake in one step, so that nobody settles anything between the two."""
    run.found += finding.write_down(findings, run=run, now=now)
    run.compared = compared
    run.is_braked = run.found > settings.RECONCILE_BRAKE
    run.save(update_fields=["found", "compared", "is_braked"])


@transaction.atomic
def _end(run: Reconciliation, problems: list[str]) -> None:
    now = timezone.now()
    run.ended_at, run.problem = now, " ".join(problems)[:300]
    run.save(update_fields=["ended_at", "problem"])
    if run.is_braked:
        incidents.open_incident(
            key=BRAKE,
            summary=f"{run.found} new differences between portal and vendors at once. Look at the drift desk.",
            severity=Incident.Severity.WARNING,  # nothing is lost by waiting for the morning
            now=now,
        )
    _lift_idle_brakes(now)


def _lift_idle_brakes(now: datetime) -> None:
    """Take back the brakes of runs whose differences are all settled, and the incident when none is left."""
    held = Drift.objects.unsettled().filter(found_by__in=_braked()).values("found_by")
    if _braked().exclude(pk__in=held).update(released_at=now, release_reason=finding.AGREES) and not _braked().exists():
        incidents.resolve(key=BRAKE, now=now)
