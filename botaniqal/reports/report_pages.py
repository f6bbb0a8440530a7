"""The reports as pages and files: who may open which, and what the address asks for."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from botaniqal.errors import DomainError

from . import asked as addresses
from . import figures
from .asked import NAMES_OF_ASKED, Asked
from .sections.calls import calls
from .sections.care import utilisation, visits
from .sections.demand import demand
from .sections.journey import journey
from .sections.money import money
from .sections.overview import overview
from .sections.section import Content
from .table_file import csv_of

ALL, MONEY = "reports.view_reports", "reports.view_money"
OWN_CALLS, OWN_VISITS = "reports.view_own_calls", "reports.view_own_visits"


@dataclass(frozen=True, slots=True)
class Report:
    """A report, the right that opens it, or that of one's own work, and the figures whose rows it leads to."""

    slug: str
    name: str
    icon: str
    right: str
    own_right: str = ""
    content: Callable[[Asked], Content] | None = None
    figures: dict[str, str] = field(default_factory=dict)


REPORTS = [
    Report("overview", "Overview", "chart", ALL),
    Report(
        "journey",
        "Patient journey",
        "people",
        ALL,
        OWN_CALLS,
        journey,
        {
            "consultations": "Consultations",
            "calls": "Calls that took place",
            "bookings": "Consultations that led to a visit",
            "visits": "Consultations whose visit took place",
            "follow_ups": "Consultations after which somebody booked again",
        },
    ),
    Report(
        "revenue",
        "Revenue",
        "money",
        MONEY,
        content=money,
        figures={
            "taken": "Money taken",
            "twice": "Money paid twice",
            "given_back": "Money given back",
            "lost": "Money lost in disputes",
        },
    ),
    Report(
        "utilisation",
        "Utilisation",
        "clock",
        ALL,
        OWN_VISITS,
        utilisation,
        {"utilisation": "Hours of the days that are closed"},
    ),
    Report(
        "visits",
        "Visits",
        "booking",
        ALL,
        OWN_VISITS,
        visits,
        {
            "booked": "Visits booked",
            "cancelled": "Visits called off",
            "took_place": "Visits that took place",
            "no_shows": "No-shows",
        },
    ),
    Report(
        "calls",
        "Calls",
        "phone",
        ALL,
        OWN_CALLS,
        calls,
        {"abandonment": "Calls that did not take place"},
    ),
    Report(
        "demand",
        "Demand",
        "search",
        ALL,
        content=demand,
        figures={
            "holds": "Times that were held",
            "searches": "Searches for free times",
            "interest_waiting": "Waiting for a service to begin",
            "interest_joined": "Began to wait for a service",
            "interest_left": "Stopped waiting for a service",
            "earlier_waiting": "Waiting for an earlier time",
            "earlier_joined": "Asked for an earlier time",
            "earlier_left": "Stopped waiting for an earlier time",
        },
    ),
]


def urls(site: AdminSite) -> list[URLPattern]:
    """List the reports' addresses within the portal."""
    at = {"site": site}
    return [
        path("reports/", site.admin_view(first), name="reports"),
        *(
            path(f"reports/{each.slug}/", site.admin_view(view), at | {"slug": each.slug}, name=f"report_{each.slug}")
            for each in REPORTS
        ),
        path("reports/<slug:slug>/<slug:name>.csv", site.admin_view(file), name="report_file"),
    ]


@require_safe
def first(request: HttpRequest) -> HttpResponse:
    """Lead to the first report that somebody may open."""
    open_to = [report for report in REPORTS if may_open(request, report)]
    if not open_to:
        raise PermissionDenied
    return redirect(f"admin:report_{open_to[0].slug}")


def is_home(request: HttpRequest) -> bool:
    """Tell whether the figures are what somebody comes for: they lead the clinic, and make no calls."""
    may_read = request.user.has_perms([ALL, MONEY])
    return may_read and not request.user.has_perm("triage.change_triagesession")


def home(request: HttpRequest, site: AdminSite, **around: Any) -> HttpResponse:
    """Show this month's main figures, under what waits for somebody."""
    report = REPORTS[0]
    asked = addresses.read({"period": "month"}, today=timezone.localdate())
    context = frame(request, site, report, asked) | shown(request, report, asked) | around
    return TemplateResponse(request, "reports/home.html", context)


@require_safe
def view(request: HttpRequest, slug: str, site: AdminSite) -> HttpResponse:
    """Show a report; an address that cannot be read is answered by a sentence above the form that mends it."""
    report = report_of(request, slug)
    try:
        asked = read(request)
    except DomainError as refusal:
        context = frame(request, site, report, None) | refused(request, refusal)
        return TemplateResponse(request, "reports/report.html", context, status=refusal.status)
    if _asks_at_length(request, asked):
        return redirect(asked.url(f"report_{slug}"))
    context = frame(request, site, report, asked) | shown(request, report, asked)
    return TemplateResponse(request, "reports/report.html", context | {"bar": addresses.bar(asked)})


@require_safe
def file(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Send one table of a report."""
    report = report_of(request, slug)
    asked = read(request)
    tables = [section.table for section in content_of(request, report, asked).sections]
    table = next((each for each in tables if each.name == name), None)
    if table is None:
        raise Http404
    return csv_of(
        table.columns,
        table.rows,
        about=[*about(asked, f"{report.name}: {table.title}"), *table.meanings],
        name=[name, *asked.file_name],
    )


def may_open(request: HttpRequest, report: Report) -> bool:
    """Tell whether somebody may open a report, of the clinic or of work that they have."""
    if request.user.has_perm(report.right):
        return True
    return bool(report.own_right) and request.user.has_perm(report.own_right) and hasattr(request.user, "practitioner")


def report_of(request: HttpRequest, slug: str) -> Report:
    """
    Find a report that somebody may open.

    :raises PermissionDenied: they may not.
    """
    report = next((each for each in REPORTS if each.slug == slug), None)
    if report is None:
        raise Http404
    if not may_open(request, report):
        raise PermissionDenied
    return report


def read(request: HttpRequest) -> Asked:
    """
    Read what is asked for; of whoever does not see the whole clinic it is their own work.

    :raises PermissionDenied: they do not see the clinic, and have no work of their own.
    """
    own = None if request.user.has_perm(ALL) else getattr(request.user, "practitioner", None)
    if own is None and not request.user.has_perm(ALL):
        raise PermissionDenied
    return addresses.read(request.GET, today=timezone.localdate(), own=own)


def content_of(request: HttpRequest, report: Report, asked: Asked) -> Content:
    """Work a report out; the overview shows money to whoever may see it."""
    with figures.one_look():
        if report.content:
            return report.content(asked)
        return overview(asked, with_money=request.user.has_perm(MONEY))


def shown(request: HttpRequest, report: Report, asked: Asked) -> dict[str, Any]:
    """Give what a report's page shows."""
    content = content_of(request, report, asked)
    sections = [
        replace(section, file_url=asked.url("report_file", report.slug, section.table.name))
        for section in content.sections
    ]
    return {"cards": content.cards, "sections": sections}


def frame(request: HttpRequest, site: AdminSite, report: Report, asked: Asked | None) -> dict[str, Any]:
    """Give what stands around a report: the others, and what is asked for."""
    pages = [
        {
            "name": each.name,
            "url": asked.url(f"report_{each.slug}") if asked else reverse(f"admin:report_{each.slug}"),
            "is_here": each == report,
        }
        for each in REPORTS
        if may_open(request, each)
    ]
    return {**site.each_context(request), "title": report.name, "pages": pages, "asked": asked}


def about(asked: Asked, title: str) -> list[tuple[str, str]]:
    """Say at the end of a file what it is of."""
    lines = [("Report", title), ("Days", f"{asked.period}")]
    if asked.before:
        lines.append(("Compared with", f"{asked.before}"))
    return [*lines, ("Of", ", ".join(asked.narrowed) or "All services, everybody")]


def refused(request: HttpRequest, refusal: DomainError) -> dict[str, Any]:
    """Say what is wrong, and what to do about it, beside what was typed."""
    words = [sentence for sentences in refusal.details.values() for sentence in sentences]
    return {"problem": " ".join([refusal.message, *words]), "bar": addresses.bar(None, request.GET)}


def _asks_at_length(request: HttpRequest, asked: Asked) -> bool:
    """Tell whether the form sent along what need not be said: a short address is kept and shared."""
    return {name: request.GET[name] for name in NAMES_OF_ASKED if name in request.GET} != asked.said
