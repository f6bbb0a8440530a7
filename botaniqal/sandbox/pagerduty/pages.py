"""Who is being woken: the incidents, and the buttons of whoever is on call."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from botaniqal.sandbox.pagerduty import api
from botaniqal.sandbox.store import Document, store

ROWS = 100


@require_GET
def incidents(request: HttpRequest) -> HttpResponse:
    """List the incidents, newest first."""
    return render(request, "sandbox/incidents.html", {"incidents": [_shown(r) for r in store.latest("incident", ROWS)]})


@require_POST
def change_incident(request: HttpRequest, id: str) -> HttpResponse:
    """Acknowledge or resolve an incident, as whoever is on call."""
    incident, action = store.get("incident", id), request.POST.get("action")
    if incident is None or action not in {"acknowledge", "resolve"}:
        raise Http404
    if incident["state"] != "resolved":
        api.change(incident, action, by="whoever is on call")
    return redirect(f"{reverse('incidents')}?did={action}")


def _shown(incident: Document) -> Document:
    log = [entry | {"at": parse_datetime(entry["at"])} for entry in incident["log"]]
    return incident | {"opened_at": parse_datetime(incident["opened_at"]), "log": log}
