"""The pages that show what each vendor has: appointments, mail, webhooks on their way, the fault dial."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from botaniqal.sandbox import control, dial, mail
from botaniqal.sandbox import deliveries as outgoing
from botaniqal.sandbox.door import calls
from botaniqal.sandbox.medirecords.api import APPOINTMENT_TYPES, STATUSES, span_of
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import VENDORS, Vendor

ROWS = 100
# A message may bring its own looks, but no script, no form and no picture from elsewhere.
MESSAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self';"
    " sandbox allow-popups allow-popups-to-escape-sandbox"
)


def _words(vendor: Vendor, operation: str) -> str:
    """Say `appointments.write` in words."""
    group, _, kind = operation.replace("_", " ").partition(".")
    return f"{vendor.title}: {group}{kind and f', {kind}s only'}"


class FaultForm(forms.Form):
    """One turn of the fault dial."""

    target = forms.ChoiceField(
        label="Calls to",
        choices=[
            (
                vendor.title,
                [(f"{vendor.name} {name}", _words(vendor, name)) for name in dial.operations(vendor, "latency")],
            )
            for vendor in VENDORS.values()
        ],
    )
    fault = forms.ChoiceField(label="What goes wrong", choices=list(dial.CALLS.items()))
    calls = forms.IntegerField(label="Next calls", min_value=1, max_value=1_000_000, required=False)
    percent = forms.IntegerField(label="Share of calls, %", min_value=1, max_value=100, initial=100)
    milliseconds = forms.IntegerField(label="Late by, ms", min_value=0, max_value=30_000, initial=1000)
    retry_after = forms.IntegerField(label="Retry-After, s", min_value=0, max_value=3600, initial=5)


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
def mailbox(request: HttpRequest) -> HttpResponse:
    """List the messages, newest first."""
    messages = [_with_time(row) for row in store.latest("message", ROWS)]
    return render(request, "sandbox/mailbox.html", {"messages": messages})


@require_GET
def show_message(request: HttpRequest, id: str) -> HttpResponse:
    """Show one message as text and as HTML."""
    message = _with_time(_found("message", id))
    return render(request, "sandbox/message.html", {"message": message, "files": mail.attachments(id)})


@require_GET
def show_message_html(request: HttpRequest, id: str) -> HttpResponse:
    """Serve a message's HTML for its frame, with nothing allowed; its links open beside the mailbox."""
    html = _found("message", id)["html"]
    return HttpResponse(
        f'<!doctype html><base target="_blank">{html}', headers={"Content-Security-Policy": MESSAGE_POLICY}
    )


@require_GET
def download(request: HttpRequest, id: str, number: int) -> HttpResponse:
    """Hand out one file of a message."""
    files = mail.attachments(id)
    if number >= len(files):
        raise Http404
    file = files[number]
    response = HttpResponse(file.content, content_type=file.content_type)
    response.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file.name)
    return response


@require_GET
def deliveries(request: HttpRequest) -> HttpResponse:
    """List the webhooks, newest first."""
    context = {"deliveries": store.latest("delivery", ROWS), "subscriptions": store.find("subscription")}
    return render(request, "sandbox/deliveries.html", context)


@require_POST
def send_again(request: HttpRequest, id: str) -> HttpResponse:
    """Send a webhook once or ten times more."""
    outgoing.send_again(_found("delivery", id)["id"], times=10 if request.POST.get("times") == "10" else 1)
    return redirect(f"{reverse('deliveries')}?did=sent")


@require_http_methods(["GET", "POST"])
def faults(request: HttpRequest) -> HttpResponse:
    """Show the fault dial and turn it."""
    form = FaultForm(request.POST or None, label_suffix="")
    if form.is_valid():
        vendor, operation = form.cleaned_data["target"].split()
        dial.turn(
            {
                "vendor": vendor,
                "operation": operation,
                "fault": form.cleaned_data["fault"],
                "calls": form.cleaned_data["calls"],
                "rate": form.cleaned_data["percent"] / 100,
                "milliseconds": form.cleaned_data["milliseconds"],
                "retry_after": form.cleaned_data["retry_after"],
            }
        )
        return redirect(f"{reverse('faults')}?did=turned")
    context = {
        "form": form,
        "faults": [_shown_fault(row) for row in store.find("fault")],
        "calls": [call | {"at": parse_datetime(call["at"])} for call in reversed(list(calls.of())[-50:])],
    }
    return render(request, "sandbox/faults.html", context, status=422 if form.errors else 200)


@require_POST
def clear_faults(request: HttpRequest) -> HttpResponse:
    """Turn one fault off, or all."""
    if "fault" in request.POST:
        dial.turn(_found("fault", request.POST["fault"]) | {"calls": 0})
    else:
        dial.clear()
    return redirect(f"{reverse('faults')}?did=cleared")


@require_POST
def reset(request: HttpRequest) -> HttpResponse:
    """Empty the sandbox."""
    control.empty()
    return redirect(f"{reverse('home')}?did=emptied")


def _found(kind: str, id: str) -> Document:
    document = store.get(kind, id)
    if document is None:
        raise Http404
    return document


def _with_time(message: Document) -> Document:
    return message | {"at": parse_datetime(message["at"])}


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


def _shown_fault(fault: Document) -> dict[str, Any]:
    return fault | {
        "vendor_title": VENDORS[fault["vendor"]].title,
        "sentence": dial.FAULTS[fault["fault"]],
        "percent": round(fault["rate"] * 100),
    }
