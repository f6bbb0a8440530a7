"""The pages that show what a vendor has: appointments, mail, webhooks on their way and who listens to them."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from botaniqal.sandbox import deliveries as outgoing
from botaniqal.sandbox.graph import notices
from botaniqal.sandbox.medirecords.api import APPOINTMENT_TYPES, STATUSES, span_of
from botaniqal.sandbox.store import Document, store

ROWS = 100


@require_GET
def medirecords(request: HttpRequest) -> HttpResponse:
    """Show the practice's appointments and patients."""
    patients = {row["id"]: row for row in store.find("patient")}
    appointments = sorted(store.find("appointment"), key=lambda row: row["scheduleTime"])
    context = {
        "appointments": [_shown_appointment(row, patients) for row in appointments[-ROWS:]],
        "appointment_count": len(appointments),
        "patients": store.latest("patient", ROWS),
        "patient_count": len(patients),
    }
    return render(request, "sandbox/medirecords.html", context)


@require_GET
def deliveries(request: HttpRequest) -> HttpResponse:
    """List the webhooks, newest first."""
    listeners = [
        {"vendor": "Calendly", "url": row["callback_url"], "what": ", ".join(row["events"]), "state": row["state"]}
        for row in store.find("subscription")
    ] + [
        {"vendor": "Outlook", "url": row["notificationUrl"], "what": row["resource"], "state": "active"}
        for row in notices.listening()
    ]
    context = {"deliveries": store.latest("delivery", ROWS), "listeners": listeners}
    return render(request, "sandbox/deliveries.html", context)


@require_POST
def send_again(request: HttpRequest, id: str) -> HttpResponse:
    """Send a webhook once or ten times more."""
    outgoing.send_again(_found("delivery", id)["id"], times=10 if request.POST.get("times") == "10" else 1)
    return redirect(f"{reverse('deliveries')}?did=sent")


@require_POST
def set_subscriptions(request: HttpRequest) -> HttpResponse:
    """Disable, end or revive all subscriptions at a vendor."""
    channel = outgoing.CHANNELS.get(request.POST.get("vendor", ""))
    if channel is None or channel.set_state is None:
        raise Http404
    try:
        channel.set_state(request.POST.get("state", ""))
    except ValueError:
        raise Http404 from None
    return redirect(f"{reverse('deliveries')}?did=subscriptions")


def _found(kind: str, id: str) -> Document:
    document = store.get(kind, id)
    if document is None:
        raise Http404
    return document


def _shown_appointment(appointment: Document, patients: dict[str, Document]) -> dict[str, Any]:
    start, end = span_of(appointment)
    return {
        "start": start,
        "minutes": round((end - start).total_seconds() / 60),
        "patient": patients.get(appointment["patientId"], {}),
        "type": APPOINTMENT_TYPES[appointment["appointmentTypeId"]]["name"],
        "status": appointment["appointmentStatus"],
        "status_name": STATUSES[appointment["appointmentStatus"]],
        "notes": appointment.get("notes", ""),
        "provider": appointment.get("providerId", ""),
        "reason": appointment["cancellationReason"],
    }
