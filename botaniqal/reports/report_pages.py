"""The reports as pages and files: who may open which, and what the address asks for."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
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
from practitioners.models import Practitioner

from . import asked as addresses
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
    """A report, the rights of which one opens it, and the figures whose rows it leads to."""

    slug: str
    name: str
    rights: tuple[str, ...]
    content: Callable[[Asked], Content] | None = None
    figures: dict[str, str] = field(default_factory=dict)


REPORTS = [
    Report("overview", "Overview", (ALL,)),
    Report(
        "journey",
        "Patient journey",
        (ALL, OWN_CALLS),
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
        (MONEY,),
        money,
        {
            "taken": "Money taken",
            "twice": "Money paid twice",
            "given_back": "Money given back",
            "lost": "Money lost in disputes",
        },
    ),
    Report("utilisation", "Utilisation", (ALL, OWN_VISITS), utilisation, {"utilisation": "Hours offered and booked"}),
    Report(
        "visits",
        "Visits",
        (ALL, OWN_VISITS),
        visits,
        {"bookings_made": "Visits booked", "cancelled": "Visits called off", "no_shows": "No-shows"},
    ),
    Report("calls", "Calls", (ALL, OWN_CALLS), calls, {"abandonment": "Calls that did not take place"}),
    Report("demand", "Demand", (ALL,), demand, {"holds": "Times that were held", "unmet": "Searches"}),
]


def urls(site: AdminSite) -> list[URLPattern]:
    """List the reports' addresses within the portal."""
    at = {"site": site}
    return [
        path("reports/", site.admin_view(first), name="reports"),
        path("reports/<slug:slug>/", site.admin_view(view), at, name="report"),
        path("reports/<slug:slug>/<slug:name>.csv", site.admin_view(file), name="report_file"),
    ]


@require_safe
def first(request: HttpRequest) -> HttpResponse:
    """Lead to the first report that somebody may open."""
    open_to = [report for report in REPORTS if may_open(request, report)]
    if not open_to:
        raise PermissionDenied
    return redirect("admin:report", open_to[0].slug)


@require_safe
def view(request: HttpRequest, slug: str, site: AdminSite) -> HttpResponse:
    """Show a report; an address that cannot be read is answered by a sentence above the form that mends it."""
    report = report_of(request, slug)
    try:
        asked = read(request)
    except DomainError as refusal:
        context = frame(request, site, report, None) | {"problem": told(refusal)}
        return TemplateResponse(request, "reports/report.html", context, status=HTTPStatus.BAD_REQUEST)
    if _asks_at_length(request, asked):
        return redirect(asked.url("report", slug))
    shown = content_of(request, report, asked)
    sections = [replace(each, file_url=asked.url("report_file", slug, each.table.name)) for each in shown.sections]
    context = frame(request, site, report, asked) | {"cards": shown.cards, "sections": sections}
    return TemplateResponse(request, "reports/report.html", context)


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
        table.columns, table.rows, about=about(asked, f"{report.name}: {table.title}"), name=[name, *asked.file_name]
    )


def may_open(request: HttpRequest, report: Report) -> bool:
    """Tell whether somebody has one of the rights of a report."""
    return any(request.user.has_perm(right) for right in report.rights)


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
    own = None
    if not request.user.has_perm(ALL):
        own = Practitioner.objects.filter(user=request.user).first()
        if own is None:
            raise PermissionDenied
    return addresses.read(request.GET, today=timezone.localdate(), own=own)


def content_of(request: HttpRequest, report: Report, asked: Asked) -> Content:
    """Work a report out; the overview shows money to whoever may see it."""
    if report.content:
        return report.content(asked)
    return overview(asked, with_money=request.user.has_perm(MONEY))


def frame(request: HttpRequest, site: AdminSite, report: Report | None, asked: Asked | None) -> dict[str, Any]:
    """Give what stands around a report: the others, the filter bar, and what is asked for in words."""
    pages = [
        {
            "name": each.name,
            "url": asked.url("report", each.slug) if asked else reverse("admin:report", args=[each.slug]),
            "is_here": each == report,
        }
        for each in REPORTS
        if may_open(request, each)
    ]
    return {
        **site.each_context(request),
        "title": report.name if report else "Reports",
        "pages": pages,
        "asked": asked,
        "bar": addresses.bar(asked, request.GET),
    }


def about(asked: Asked, title: str) -> list[tuple[str, str]]:
    """Say at the end of a file what it is of."""
    lines = [("Report", title), ("Days", f"{asked.period}")]
    if asked.before:
        lines.append(("Compared with", f"{asked.before}"))
    return [*lines, ("Of", ", ".join(asked.narrowed) or "All services, everybody")]


def told(refusal: DomainError) -> str:
    """Say what is wrong, and what to do about it."""
    words = [sentence for sentences in refusal.details.values() for sentence in sentences]
    return " ".join([refusal.message, *words])


def _asks_at_length(request: HttpRequest, asked: Asked) -> bool:
    """Tell whether the form sent along what need not be said: a short address is kept and shared."""
    return {name: request.GET[name] for name in NAMES_OF_ASKED if name in request.GET} != asked.said
