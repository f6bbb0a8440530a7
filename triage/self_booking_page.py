"""The public page on which a patient chooses another time for a call; works without JavaScript."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from botaniqal.errors import DomainError
from botaniqal.public import LinkOver, public_page
from practitioners import public_times

from . import rebooking
from .models import TriageSession


@public_page
def another_time(request: HttpRequest, token: str) -> HttpResponse:
    """Show a call's free times, and move it to the one that is chosen."""
    now = timezone.now()
    session = rebooking.call_of(token, now=now)
    if request.method != "POST":
        return render(request, "public/call.html", _shown(session, now))
    try:
        starts_at = public_times.chosen(request.POST.get("time"))
        rebooking.choose(session_id=session.pk, starts_at=starts_at, now=now)
    except LinkOver:
        raise
    except DomainError as refusal:
        session.refresh_from_db()
        shown = {**_shown(session, now), "problem": refusal.message}
        return render(request, "public/call.html", shown, status=refusal.status)
    return redirect("another-time", token=token)


def _shown(session: TriageSession, now: datetime) -> dict[str, Any]:
    zone, planned = session.patient.zone, session.due_on
    return {
        "first_name": session.patient.first_name,
        "planned": public_times.both(planned, zone) if planned > now else "",
        **public_times.clocks(zone, now),
        "days": public_times.by_day(rebooking.free_times(session, now=now), zone),
    }
