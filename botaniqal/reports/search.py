"""The search over the whole portal: patients, calls, bookings, people, services, pages; for whoever may open them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from bookings.models import Booking, Patient
from botaniqal.admin import clinic_time, shown_phone
from practitioners.models import Practitioner
from services.models import Service
from triage.models import TriageSession

from .sidebar import links_for

FEWEST_LETTERS = 3
MOST_LETTERS = 100
MOST_ROWS = 20
ROWS_OF_A_KIND = 6
MOST_SORTED = 500
"""So many patients are put in order; of more, as three letters may find, more letters find the right one."""

NUMBER = re.compile(r"(?:BOT-?)?(\d{4})-?(\d{1,8})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found, and where it is."""

    name: str
    detail: str
    url: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What of one kind was found."""

    name: str
    icon: str
    hits: list[Hit]


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """
    Search, as a page or, for the dialog, as its list alone.

    What is looked for comes by POST, because a name in an address would stand in logs and in the browser's history.
    """
    asked = " ".join(request.POST.get("q", "").replace("\x00", "").split())[:MOST_LETTERS]
    is_long_enough = len(asked) >= FEWEST_LETTERS
    kinds = list(_cut(find(site, request, asked))) if is_long_enough else []
    context = {
        "asked": asked,
        "is_long_enough": is_long_enough,
        "kinds": kinds,
        "count": sum(len(kind.hits) for kind in kinds),
        "fewest": FEWEST_LETTERS,
        "most": MOST_ROWS,
    }
    if request.headers.get("X-Fragment") == "list":
        return TemplateResponse(request, "search/_options.html", context)
    return TemplateResponse(request, "search/page.html", {**site.each_context(request), "title": "Search", **context})


def urls(site: AdminSite) -> list[URLPattern]:
    """List the address of the search; like every page of the admin, its answers are never kept."""
    return [path("search/", site.admin_view(sensitive_post_parameters("q")(partial(page, site))), name="search")]


def find(site: AdminSite, request: HttpRequest, asked: str) -> Iterator[Kind]:
    """Look through everything that the person may open, the likeliest kind first."""
    looks: list[tuple[str, str, type, Callable[[QuerySet, str], QuerySet], Callable[[Any], Hit]]] = [
        ("Bookings", "booking", Booking, _bookings, _booking_hit),
        ("Patients", "patients", Patient, _patients, _patient_hit),
        ("Calls", "phone", TriageSession, _calls, _call_hit),
        ("Practitioners", "stethoscope", Practitioner, _named, _practitioner_hit),
        ("Services", "tag", Service, _named, _service_hit),
    ]
    pages = [
        Hit(link["name"], link["group"], link["url"]) for link in links_for(request) if _is_in(asked, link["name"])
    ]
    if pages:
        yield Kind("Pages", "right", pages[:ROWS_OF_A_KIND])
    for name, icon, model, narrow, hit_of in looks:
        rows_of = site.get_model_admin(model)
        if rows_of.has_view_permission(request):
            # The list's own rule of who sees which rows; what the list fetches along is not needed here.
            rows = narrow(rows_of.get_queryset(request).prefetch_related(None), asked)[:ROWS_OF_A_KIND]
            if hits := [hit_of(row) for row in rows]:
                yield Kind(name, icon, hits)


def _cut(kinds: Iterator[Kind]) -> Iterator[Kind]:
    left = MOST_ROWS
    for kind in kinds:
        if left <= 0:
            return
        yield Kind(kind.name, kind.icon, kind.hits[:left])
        left -= len(kind.hits)


def _is_in(asked: str, name: str) -> bool:
    return asked.casefold() in name.casefold()


def _who(asked: str) -> Q:
    """Whoever's name, e-mail or phone holds the words; a phone number may be typed as it is read out."""
    found = Q(name__icontains=asked) | Q(email__icontains=asked)
    digits = re.sub(r"[\s()./-]", "", asked)
    if re.fullmatch(r"\+?\d{3,15}", digits):
        digits = f"+61{digits[1:]}" if re.match(r"0\d", digits) and len(digits) > FEWEST_LETTERS else digits
        found |= Q(phone__icontains=digits)
    return found


def _patients(rows: QuerySet, asked: str) -> QuerySet:
    likely = rows.filter(_who(asked), merged_into=None).order_by()[:MOST_SORTED]
    return Patient.objects.filter(pk__in=likely.values("pk")).order_by("name", "pk")


def _calls(rows: QuerySet, asked: str) -> QuerySet:
    likely = Patient.objects.filter(_who(asked), pk__in=rows.order_by().values("patient")).order_by()[:MOST_SORTED]
    return (
        rows.filter(patient__in=likely.values("pk"))
        .select_related("patient", "consultation", "consultant")
        .defer("notes", "primary_concern", "consultation__notes")
        .order_by("-consultation__starts_at")
    )


def _bookings(rows: QuerySet, asked: str) -> QuerySet:
    """Bookings by number: BOT-2026-0123 and its beginnings, or the counted part of this year's or the last one's."""
    year = timezone.localdate().year
    if matched := NUMBER.fullmatch(asked):
        wanted = Q(number__startswith=f"BOT-{matched[1]}-{matched[2]}")
        if asked.isdigit():
            wanted |= Q(number__in=[f"BOT-{of}-{int(asked):04}" for of in (year, year - 1)])
    elif asked.isdigit():
        wanted = Q(number__in=[f"BOT-{of}-{int(asked):04}" for of in (year, year - 1)])
    else:
        return rows.none()
    return rows.filter(wanted).select_related("patient", "practitioner", "appointment_type").order_by("number")


def _named(rows: QuerySet, asked: str) -> QuerySet:
    return rows.filter(name__icontains=asked).order_by("name")


def _patient_hit(patient: Patient) -> Hit:
    born = f"born {patient.date_of_birth:%-d %b %Y}" if patient.date_of_birth else ""
    detail = " · ".join(filter(None, [shown_phone(patient.phone), patient.email, born]))
    return Hit(patient.name, detail, _change_url(patient))


def _call_hit(session: TriageSession) -> Hit:
    due = f"{clinic_time(session.due_on)} with {session.consultant}"
    state = "Cancelled" if session.consultation.state == Booking.State.CANCELLED else session.get_state_display()
    address = reverse("admin:triage_triagesession_desk", args=[session.pk])
    return Hit(session.patient.name, f"{due} · {state}", address)


def _booking_hit(booking: Booking) -> Hit:
    visit = f"{clinic_time(booking.starts_at)} with {booking.practitioner}"
    return Hit(
        booking.number, f"{booking.patient.name} · {visit} · {booking.get_state_display()}", _change_url(booking)
    )


def _practitioner_hit(practitioner: Practitioner) -> Hit:
    detail = practitioner.get_type_display() + ("" if practitioner.is_active else " · not working here now")
    return Hit(practitioner.name, detail, _change_url(practitioner))


def _service_hit(service: Service) -> Hit:
    return Hit(service.name, service.get_status_display(), _change_url(service))


def _change_url(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
