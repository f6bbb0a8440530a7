"""The rows behind a figure, as a page and as a file."""

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from bookings.models import Booking
from botaniqal.errors import DomainError
from botaniqal.lists import BoundedPaginator
from practitioners.models import Practitioner
from services.models import AppointmentType, Service

from . import asked as addresses
from . import figures
from .asked import Asked
from .report_pages import REPORTS, Report, about, frame, may_open, read, refused
from .row_lists import ShownRows, list_of
from .table_file import csv_of

A_PAGE = 50
LINES: dict[str, type[Model]] = {
    "service": Service,
    "appointment_type": AppointmentType,
    "practitioner": Practitioner,
    "consultant": Practitioner,
}
"""What tables tell their lines apart by."""
CHUNK = 2_000


class Turned(BoundedPaginator):
    """Pages of rows that were counted already."""

    def __init__(self, shown: ShownRows, count: int) -> None:
        super().__init__(shown.sorted, A_PAGE)
        self._shown, self._counted = shown, count

    def page(self, number: int | str) -> Page:
        """Give a page's rows, found by their keys."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        keys = list(self.object_list.values_list("pk", flat=True)[first : first + self.per_page])
        return self._get_page(self._shown.few(keys), number, self)


def urls(site: AdminSite) -> list[URLPattern]:
    """List the rows' addresses within the portal; they come before those of the reports."""
    return [
        path("reports/rows/<slug:figure>/", site.admin_view(view), {"site": site}, name="report_rows"),
        path("reports/rows/<slug:figure>.csv", site.admin_view(file), name="report_rows_file"),
    ]


@require_safe
def view(request: HttpRequest, figure: str, site: AdminSite) -> HttpResponse:
    """Show the rows behind a figure; above them stands how many they are, or what they come to."""
    report = _report_behind(request, figure)
    name = report.figures[figure]
    try:
        asked = read(request)
        shown = _shown(request, figure, asked)
    except DomainError as refusal:
        context = frame(request, site, report, None) | {"title": name} | refused(request, refusal)
        return TemplateResponse(request, "reports/rows.html", context, status=refusal.status)
    count, summary = shown.summary()
    paginator = Turned(shown, count)
    page = paginator.get_page(request.GET.get("page"))
    line = {name: request.GET[name] for name in ("key", "by") if name in request.GET}
    context = frame(request, site, report, asked) | {
        "title": name,
        "bar": addresses.bar(asked, keeps=line),
        "narrowed": [*asked.narrowed, *_line_name(**line)],
        "means": figures.definitions.get(figure, ""),
        "back": {"name": report.name, "url": asked.url(f"report_{report.slug}")},
        "summary": summary,
        "columns": shown.columns,
        "rows": list(shown.shown(page)),
        "page": page,
        "turns": [
            {"number": number, "url": asked.url("report_rows", figure, **line, page=number)}
            for number in paginator.get_elided_page_range(page.number)
        ],
        "is_cut": paginator.is_cut,
        "file_url": asked.url("report_rows_file", figure, **line),
    }
    return TemplateResponse(request, "reports/rows.html", context)


@require_safe
def file(request: HttpRequest, figure: str) -> HttpResponse:
    """Send the rows behind a figure, all of them and without a name."""
    report = _report_behind(request, figure)
    asked = read(request)
    shown = _shown(request, figure, asked, is_file=True)
    rows = shown.shown(shown.sorted.iterator(chunk_size=CHUNK))
    title = f"{report.name}: {report.figures[figure]}"
    means = [("Figure", figures.definitions.get(figure, ""))]
    return csv_of(shown.columns, rows, about=[*about(asked, title), *means], name=[figure, *asked.file_name])


def _line_name(*, key: str = "", by: str = "") -> list[str]:
    """Name the line of a table that the rows are narrowed to."""
    if not key:
        return []
    if by == "method":
        return [label for value, label in Booking.Source.choices if value == key]
    return [each.name for each in LINES[by].objects.filter(pk=key)] if by in LINES else []


def _report_behind(request: HttpRequest, figure: str) -> Report:
    showing = [report for report in REPORTS if figure in report.figures]
    if not showing:
        raise Http404
    allowed = next((report for report in showing if may_open(request, report)), None)
    if allowed is None:
        raise PermissionDenied
    return allowed


def _shown(request: HttpRequest, figure: str, asked: Asked, *, is_file: bool = False) -> ShownRows:
    rows = figures.rows(figure, asked.period, asked.only, key=request.GET.get("key"), by=request.GET.get("by", ""))
    return list_of(rows, figure, request.user, is_file=is_file)
