"""What /metrics tells of the clinic beside what is counted: figures, what is owed, what stands still."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count

from bookings.models import Checkout, Drift, MoneyDay, RefundDecision, SyncRecord
from botaniqal.api import health
from botaniqal.counters import Family
from botaniqal.integrations.models import InboundEvent, Incident, Owed, Subscription
from botaniqal.messages.models import Message
from practitioners.models import OutsideCalendar
from services.models import AppointmentType
from services.prices import clinic_day

from . import figures
from .figures import Period, Share

Sample = tuple[str, tuple[str, ...], float]

TODAY, DAYS = "today", "last_28"
MOST = 10_000
"""No further is counted what is owed: more is as bad."""

OWED: list[tuple[str, type[Owed], str, Sequence[str]]] = [
    ("sync", SyncRecord, "system", SyncRecord.System.values),
    ("inbox", InboundEvent, "vendor", InboundEvent.Vendor.values),
    ("message", Message, "", [""]),
    ("checkout", Checkout, "", [""]),
    ("refund", RefundDecision, "", [""]),
    ("money_day", MoneyDay, "", [""]),
    ("drift", Drift, "", [""]),
    ("calendar", OutsideCalendar, "", [""]),
    ("subscription", Subscription, "", [""]),
    ("incident", Incident, "", [""]),
]
"""What can be owed: its name, its rows, and by which of their fields they are told apart, with the values of that."""
STATES = [state.value for state in Owed.State if state != Owed.State.SYNCED]
STANDING = ("attempts", "needs_person", "leased_until")

PERSON = ("practitioner", "practitioner_id")

GAUGES = {
    "triage_to_booking_conversion_ratio": Family(
        "Consultations of these days that led to a booking, of all of them.", ("window",)
    ),
    "available_slots_per_practitioner": Family("Times of the next days at which a visit could be booked now.", PERSON),
    "revenue_per_booking_method_aud": Family(
        "What came in these days less what went back, by how the visit was booked.", ("method", "window")
    ),
    "practitioner_utilization_ratio": Family("Booked of offered minutes.", (*PERSON, "window")),
    "no_show_rate_by_type_ratio": Family(
        "Visits to which nobody came, of those that ended.", ("appointment_type", "window")
    ),
    "triage_abandonment_ratio": Family("Calls that were given up, of those that were due.", ("window",)),
    "hold_conversion_ratio": Family("Holds that became bookings, of those made.", ("window",)),
    "unmet_demand_ratio": Family(
        "Searches for a time that found none, of all of them.", ("appointment_type", "window")
    ),
    "sync_lag_seconds": Family("For how long the oldest change has waited to be told.", ("system",)),
    "inbox_age_seconds": Family("For how long the oldest message of a vendor has waited to be worked."),
    "owed_rows": Family("Work that is not done, at most 10,000 of each.", ("work", "system", "state")),
    "open_incidents": Family("Incidents that are not over.", ("severity",)),
    "stale_calendars": Family("Outside calendars that have not been read for too long."),
    "last_seen_timestamp_seconds": Family("When a process last left its mark.", ("process",)),
    "bell_last_began_timestamp_seconds": Family("When a job last began.", ("bell",)),
    "bell_last_ended_timestamp_seconds": Family("When a job last ended.", ("bell",)),
    "bell_last_failed": Family("1 where the last run of a job failed.", ("bell",)),
    "bell_late": Family("1 where the next run of a job is overdue.", ("bell",)),
}


def of_days(now: datetime) -> Iterator[Sample]:
    """Tell what came of some days, as the reports tell it: of 28, and of today what may call for somebody today."""
    today, days = (Period.of(window, clinic_day(now)) for window in (TODAY, DAYS))
    codes = dict(AppointmentType.objects.values_list("pk", "code"))
    yield from _share("triage_to_booking_conversion_ratio", figures.funnel(days, now=now).conversion, DAYS)
    yield from _share("hold_conversion_ratio", figures.holds(days, now=now), DAYS)
    for use in figures.utilisation(days, now=now):
        share = Share(use.booked_minutes, use.offered_minutes)
        yield from _share("practitioner_utilization_ratio", share, *_person(use.practitioner), DAYS)
    for rate in figures.no_shows(days, now=now):
        yield from _share("no_show_rate_by_type_ratio", rate.share, codes[rate.key], DAYS)
    for window, period in ((TODAY, today), (DAYS, days)):
        yield from _share("triage_abandonment_ratio", figures.abandonment(period, now=now), window)
        for money in figures.revenue(period, by="method", now=now):
            yield "revenue_per_booking_method_aud", (money.key or "none", window), float(money.net)
        for unmet in figures.unmet(period):
            yield from _share("unmet_demand_ratio", unmet.share, unmet.appointment_type.code, window)


def of_now(now: datetime) -> Iterator[Sample]:
    """Tell what is free, what waits and what is not well at this moment."""
    for slots in figures.free_slots(now):
        yield "available_slots_per_practitioner", _person(slots.practitioner), slots.count
    for system, lag in figures.sync_lags(now).items():
        yield "sync_lag_seconds", (system,), lag.total_seconds()
    yield "inbox_age_seconds", (), figures.inbox_age(now).total_seconds()
    for labels, number in _owed().items():
        yield "owed_rows", labels, number
    opened = dict(
        Incident.objects.filter(resolved_at=None).order_by().values_list("severity").annotate(number=Count("pk"))
    )
    for severity in Incident.Severity.values:
        yield "open_incidents", (severity,), opened.get(severity, 0)
    yield "stale_calendars", (), OutsideCalendar.objects.stale(now).count()


def of_jobs(now: datetime) -> Iterator[Sample]:
    """
    Tell when worker and scheduler were last seen, and how each job last ran.

    :raises NoMarks: nobody knows.
    """
    for process, seen_at in health.seen().items():
        if seen_at:
            yield "last_seen_timestamp_seconds", (process,), seen_at.timestamp()
    for name, run in health.last_runs().items():
        if run.began_at:
            yield "bell_last_began_timestamp_seconds", (name,), run.began_at.timestamp()
        if run.ended_at:
            yield "bell_last_ended_timestamp_seconds", (name,), run.ended_at.timestamp()
            yield "bell_last_failed", (name,), float(bool(run.failed_with))
        yield "bell_late", (name,), float(run.is_late)


PARTS: dict[str, Callable[[datetime], Iterator[Sample]]] = {"days": of_days, "now": of_now, "jobs": of_jobs}


def _share(name: str, share: Share, *labels: str) -> Iterator[Sample]:
    # Of nothing there is no share, and 0 would look like one.
    if share.whole:
        yield name, labels, share.part / share.whole


def _person(practitioner: Any) -> tuple[str, str]:
    # By name for people; two of one name are told apart.
    return practitioner.name, str(practitioner.pk)


def _owed() -> Counter[tuple[str, str, str]]:
    """Count open work by what it is, by system and by where it stands."""
    counts = Counter({(work, system, state): 0 for work, _, _, of in OWED for system in of for state in STATES})
    for work, model, system, _ in OWED:
        # In the index's order and so many at most: the planner takes a third of all rows to be open.
        rows = model.objects.open().order_by("next_try_at").only("told", "wanted", *STANDING, *filter(None, [system]))
        for row in rows[:MOST]:
            counts[work, getattr(row, system) if system else "", row.state] += 1
    return counts
