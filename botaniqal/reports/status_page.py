"""The status page: vendors, queues, calendars, subscriptions, jobs and the portal itself, kept up to date by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.views.decorators.http import require_safe

from botaniqal.admin import BAD, INFO, OK, WAITING, badge, clinic_time, shown_length
from botaniqal.api import health
from botaniqal.integrations.models import Incident, Subscription
from botaniqal.integrations.subscriptions_admin import health_badge
from practitioners.models import OutsideCalendar

from . import figures, status
from .status import Job, VendorState, Waiting

RIGHT = "integrations.view_subscription"
"""Whoever sees who listens to vendors sees how everything does: operations and administrators."""
LONG = timedelta(minutes=10)
LONGEST = 100
"""So many rows of a kind are shown; their list has the rest."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a section: what it is about, a word beside it, where that is looked after, and its cells."""

    name: str
    cells: list[object]
    note: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page, or the sentence that stands in its place."""

    id: str
    title: str
    columns: list[str]
    rows: list[Row]
    empty: str = ""
    note: str = ""


def urls(site: AdminSite) -> list[URLPattern]:
    """List the page's addresses within the portal."""
    return [
        path("status/", site.admin_view(view), {"site": site}, name="status"),
        path("status/now/", site.admin_view(now_alone), name="status_now"),
    ]


@require_safe
def view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show how everything does."""
    context = {**_shown(request), **site.each_context(request), "title": "Status", "release": settings.RELEASE}
    return TemplateResponse(request, "reports/status.html", context)


@require_safe
def now_alone(request: HttpRequest) -> HttpResponse:
    """Give what changes alone, for a page that is open."""
    return render(request, "reports/_status.html", _shown(request))


def _shown(request: HttpRequest) -> dict[str, Any]:
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    now, checks, waits = timezone.now(), health.outcomes(), status.queues()
    incidents = list(Incident.objects.filter(resolved_at=None)[:LONGEST])
    try:
        vendors, jobs = status.vendors(waits), status.jobs()
    except health.NoMarks:  # which the checks say, too
        vendors, jobs = [], []
    return {
        "troubles": [*filter(None, checks.values()), *_troubles(vendors, jobs, now)],
        "incidents": [
            (incident, clinic_time(incident.opened_at), _page_of("integrations_incident", incident.pk))
            for incident in incidents
        ],
        "columns": [
            [
                Section(
                    "vendors", "Vendors", ["State", "Waiting", "Next try"], [_vendor(each, now) for each in vendors]
                ),
                _queues(waits, now),
            ],
            [
                Section("checks", "The portal itself", ["State"], _checks(checks)),
                Section(
                    "calendars", "Calendars", ["State", "Last read"], _calendars(now), "No outside calendar is read."
                ),
                Section(
                    "subscriptions",
                    "Subscriptions",
                    ["State", "Last heard", "Ends"],
                    _subscriptions(now),
                    "Nobody tells the portal of changes: neither Calendly nor Outlook is set up.",
                ),
            ],
        ],
        "jobs": Section("jobs", "Periodic jobs", ["State", "Last began", "Took"], [_job(each, now) for each in jobs]),
    }


def _troubles(vendors: list[VendorState], jobs: list[Job], now: datetime) -> Iterator[str]:
    for each in vendors:
        if each.is_set_up and each.answer and not each.answer.is_up:
            next_try = f" The next try is at {_clock(each.next_try_at, now)}." if each.next_try_at else ""
            yield f"{each.vendor.name} has not answered since {_clock(each.answer.at, now)}.{next_try}"
    for job in jobs:
        if job.run.failed_with:
            yield f"A job failed when it last ran: {job.says} ({job.run.failed_with})."


def _vendor(state: VendorState, now: datetime) -> Row:
    waiting = f"{state.waiting:,}" if state.waiting else "–"
    cells = [_answer(state, now), waiting, _clock(state.next_try_at, now)]
    return Row(state.vendor.name, cells, note=f"{state.stuck:,} for a person" if state.stuck else "")


def _answer(state: VendorState, now: datetime) -> SafeString:
    if not state.is_set_up:
        return badge("Not set up")
    if state.answer is None:
        return badge("Not called yet", INFO)
    at = _clock(state.answer.at, now)
    return badge(f"Up, answered {at}", OK) if state.answer.is_up else badge(f"No answer since {at}", BAD)


def _queues(waits: list[Waiting], now: datetime) -> Section:
    lag, age = _age(figures.sync_lag(now)), _age(figures.inbox_age(now))
    return Section(
        "queues",
        "Queues",
        ["Waiting", "Due for", "For a person"],
        [_queue(wait, now) for wait in waits if wait.count or wait.stuck],
        "Nothing waits anywhere.",
        note=f"Oldest change that a vendor has to be told: {lag}. Oldest message of a vendor that waits: {age}.",
    )


def _queue(wait: Waiting, now: datetime) -> Row:
    overdue = wait.overdue(now)
    due_for = badge(_age(overdue), WAITING) if overdue >= LONG else _age(overdue) if overdue else "–"
    stuck = badge(f"{wait.stuck:,}", BAD) if wait.stuck else "–"
    note = f"{wait.tried:,} tried before" if wait.tried else ""
    name = f"{wait.queue.name}: {wait.queue.vendor}" if wait.queue.vendor else wait.queue.name
    return Row(name, [f"{wait.count:,}" if wait.count else "–", due_for, stuck], note, _page_of(wait.queue.address))


def _calendars(now: datetime) -> list[Row]:
    rows = OutsideCalendar.objects.select_related("practitioner")[:LONGEST]
    return [
        Row(
            str(row.practitioner),
            [badge("Stale", BAD) if row.is_stale(now) else badge("Fresh", OK), _clock(row.read_at, now)],
            note=row.get_provider_display(),
            url=_page_of("practitioners_outsidecalendar", row.pk),
        )
        for row in rows
    ]


def _subscriptions(now: datetime) -> list[Row]:
    return [
        Row(
            capfirst(row.whose) if "@" not in row.whose else row.whose,
            [health_badge(row), _clock(row.heard_at, now), clinic_time(row.expires_at)],
            note=row.get_vendor_display(),
            url=_page_of("integrations_subscription", row.pk),
        )
        for row in Subscription.objects.all()[:LONGEST]
    ]


def _job(job: Job, now: datetime) -> Row:
    run = job.run
    if run.is_late:
        state = badge("Late", BAD)
    elif run.is_running:
        state = badge("Running", INFO)
    elif run.failed_with:
        state = badge("Failed", BAD)
    else:
        state = badge("Done", OK) if run.ended_at else badge("Not yet")
    took = f"{run.seconds:.1f} s" if run.seconds is not None else "–"
    return Row(job.says, [state, _clock(run.began_at, now), took], note=f"{run.did:,} done" if run.did else "")


def _checks(checks: dict[str, str]) -> list[Row]:
    return [
        Row(capfirst(name), [badge("Wrong", BAD) if why else badge("Fine", OK)], why) for name, why in checks.items()
    ]


def _clock(moment: datetime | None, now: datetime) -> str:
    """Write a moment of today by the second, and others with their day."""
    if moment and timezone.localdate(moment) == timezone.localdate(now):
        return f"{timezone.localtime(moment):%H:%M:%S}"
    return clinic_time(moment)


def _age(span: timedelta) -> str:
    if span >= timedelta(minutes=1):
        return shown_length(span)
    return "under a minute" if span else "none"


def _page_of(address: str, pk: object = None) -> str:
    return reverse(f"admin:{address}_change", args=[pk]) if pk else reverse(f"admin:{address}_changelist")
