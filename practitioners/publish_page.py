"""The publish check as a page: appointment types by what each needs, with the reasons and where to mend them."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from botaniqal.admin import BAD, OK, WAITING, badge
from services import prices
from services.models import AppointmentType

from . import publish_check
from .publish_check import ASPECTS, Colour, Finding, Verdict

CELLS = {Colour.GREEN: ("Fine", OK), Colour.AMBER: ("Look", WAITING), Colour.RED: ("Missing", BAD)}
VERDICTS = {Colour.GREEN: ("Ready", OK), Colour.AMBER: ("Offered", WAITING), Colour.RED: ("Not offered", BAD)}
ELSEWHERE = {
    AppointmentType.PRICE: ("Price book", "price_book"),
    "practitioners": ("Practitioners", "practitioners_practitioner_changelist"),
    "room": ("Rooms", "practitioners_room_changelist"),
}
"""Where an aspect is mended, if neither on the type's page nor on its service's."""
OF_SERVICE = ("form", "wording", "launch")


@dataclass(frozen=True, slots=True)
class Mend:
    """Something that is not green: what, why, and the page on which it is mended."""

    aspect: str
    mark: SafeString
    reason: str
    page: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """A type in the matrix."""

    kind: AppointmentType
    mark: SafeString
    cells: list[SafeString]
    mends: list[Mend]


def urls(site: AdminSite) -> list[URLPattern]:
    """List the page's address within the portal."""
    return [path("publish-check/", site.admin_view(view), {"site": site}, name="publish_check")]


@require_http_methods(["GET", "HEAD", "POST"])
def view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show the matrix as it is now; who may change services has it stored at once by a POST."""
    if not request.user.has_perm("services.view_appointmenttype"):
        raise PermissionDenied
    now = timezone.now()
    day, may_store = prices.clinic_day(now), request.user.has_perm("services.change_service")
    if request.method == "POST":
        if not may_store:
            raise PermissionDenied
        altered = publish_check.refresh(day=day, now=now)
        told = f"{altered} verdicts changed." if altered else "Everything stands as it was stored."
        messages.success(request, told)
        return redirect("admin:publish_check")
    verdicts = publish_check.check(day=day)
    context = {
        **site.each_context(request),
        "title": "Publish check",
        "aspects": ASPECTS,
        "rows": [_row(verdict) for verdict in verdicts],
        "counts": [(badge(*VERDICTS[colour]), sum(each.colour == colour for each in verdicts)) for colour in VERDICTS],
        "may_store": may_store,
        "is_behind": any(each.stored["verdict"] != each.appointment_type.verdict for each in verdicts),
    }
    return TemplateResponse(request, "practitioners/publish.html", context)


def _row(verdict: Verdict) -> Row:
    kind = verdict.appointment_type
    return Row(
        kind=kind,
        mark=badge(*VERDICTS[verdict.colour]),
        cells=[badge(*CELLS[finding.colour]) for finding in verdict.findings],
        mends=[_mend(kind, finding) for finding in verdict.findings if finding.colour != Colour.GREEN],
    )


def _mend(kind: AppointmentType, finding: Finding) -> Mend:
    if finding.aspect in ELSEWHERE:
        page, name = ELSEWHERE[finding.aspect]
        url = reverse(f"admin:{name}")
    elif finding.aspect in OF_SERVICE:
        page, url = f"{kind.service}", reverse("admin:services_service_change", args=[kind.service_id])
    else:
        page, url = f"{kind}", reverse("admin:services_appointmenttype_change", args=[kind.pk])
    return Mend(finding.aspect, badge(*CELLS[finding.colour]), finding.reason, page, url)
