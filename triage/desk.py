"""The call desk: one page for the whole call."""

from uuid import UUID

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from bookings.models import Booking
from botaniqal.admin import shown_phone
from practitioners.availability import CLINIC
from practitioners.models import Practitioner

from . import desk_api, desk_state


def page(request: HttpRequest, site: AdminSite, session_id: UUID) -> HttpResponse:
    """Show a call at the desk; nothing changes by looking."""
    if not request.user.has_perm("triage.view_triagesession"):
        raise PermissionDenied
    session = desk_api.find_call(session_id)
    consultant = Practitioner.objects.active().filter(user=request.user).first()
    is_shown = desk_api.may_see(request, session, consultant)
    now = timezone.now()
    patient = session.patient
    get_token(request)  # sets the cookie that the page's verbs send back
    context = {
        **site.each_context(request),
        "title": f"Call: {patient.name if is_shown else patient.first_name}",
        "session": session,
        "patient": patient,
        "phone": shown_phone(patient.phone),
        "is_shown": is_shown,
        "visits": patient.bookings.filter(state=Booking.State.COMPLETED).exclude(pk=session.consultation_id).count(),
        "catalogue": desk_state.catalogue(now),
        "hold_minutes": settings.HOLD_SECONDS // 60,
        "endings": desk_state.endings(),
        "boot": {
            "state": desk_state.state_of(session, consultant=consultant, is_shown=is_shown),
            "clinicZone": CLINIC.key,
            "patientZone": patient.time_zone if is_shown else CLINIC.key,
        },
    }
    return TemplateResponse(request, "triage/desk.html", context)


def urls(site: AdminSite) -> list[URLPattern]:
    """List the addresses of the desk, to stand before the admin's own of a call."""

    def show(request: HttpRequest, session_id: UUID) -> HttpResponse:
        return page(request, site, session_id)

    verbs = ("start", "take_over", "write", "hold", "keep", "let_go", "confirm", "wrap_up")
    return [
        path("<uuid:session_id>/desk/", site.admin_view(show), name="triage_triagesession_desk"),
        path("<uuid:session_id>/desk/state/", desk_api.state),
        path("<uuid:session_id>/desk/times/", desk_api.times),
        *(path(f"<uuid:session_id>/desk/{name}/", getattr(desk_api, name)) for name in verbs),
    ]
