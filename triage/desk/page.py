"""The call desk: one page for the whole call."""

from uuid import UUID

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.response import TemplateResponse
from django.utils import timezone

from bookings.money import payments
from botaniqal.admin import shown_phone
from practitioners.availability import CLINIC
from practitioners.models import Practitioner

from .. import scripts
from . import doors, ending_state, patient_state, script_state, state, times_state


def page(request: HttpRequest, site: AdminSite, session_id: UUID) -> HttpResponse:
    """Show a call at the desk; nothing changes by looking."""
    if not request.user.has_perm("triage.view_triagesession"):
        raise PermissionDenied
    session = doors.find_call(session_id)
    consultant = Practitioner.objects.active().filter(user=request.user).first()
    is_shown = doors.may_see(request, session, consultant)
    now = timezone.now()
    patient = session.patient
    script = session.script or scripts.in_use()
    get_token(request)  # sets the cookie that the page's verbs send back
    context = {
        **site.each_context(request),
        "title": f"Call: {patient.name if is_shown else patient.first_name}",
        "session": session,
        "patient": patient,
        "phone": shown_phone(patient.phone),
        "is_shown": is_shown,
        "patient_details": patient_state.ROWS,
        "catalogue": times_state.catalogue(now),
        "hold_minutes": settings.HOLD_SECONDS // 60,
        "may_charge_other": request.user.has_perm(payments.OTHER_PRICE),
        "makes_links": bool(settings.STRIPE_SECRET_KEY),
        "endings": ending_state.endings(),
        "opening": script.opening if script else "",
        "emergency_card": script.emergency_card if script else "",
        "parts": script_state.asked_by(script),
        "yes_no": scripts.YES_NO,
        "clinicians": script_state.clinicians(),
        "boot": {
            "state": state.state_of(session, consultant=consultant, is_shown=is_shown),
            "clinicZone": CLINIC.key,
            "patientZone": patient.time_zone if is_shown else CLINIC.key,
        },
    }
    return TemplateResponse(request, "triage/desk.html", context)
