"""The pages on which somebody plays the patient: book a consultation, look at it, cancel it, move it."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from botaniqal.sandbox.calendly import clinic, events
from botaniqal.sandbox.calendly.free_times import free_times
from botaniqal.sandbox.people import somebody
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

GRID = timedelta(minutes=5)
NO_EVENT_TYPE = (
    "No event type for free consultations is known here. Start the portal’s demo, or set CALENDLY_TRIAGE_CALENDAR_ID."
)


class BookForm(forms.Form):
    """What a visitor of the clinic's website fills in."""

    name = forms.CharField(max_length=80)
    phone = forms.CharField(max_length=20)
    email = forms.EmailField(label="E-mail")
    concern = forms.CharField(max_length=500, label="What would you like help with?")
    when = forms.ChoiceField(
        choices=[("soon", "In a few minutes"), ("office_hours", "Next free time in office hours")],
        initial="soon",
        widget=forms.RadioSelect,
    )


class MoveForm(forms.Form):
    """The patient's new time, on the clinic's clock."""

    start = forms.DateTimeField(
        label="New time",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 300}, format="%Y-%m-%dT%H:%M"),
    )


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Offer a form that is filled in already, and show what was booked last."""
    person = somebody()
    form = BookForm(
        initial={"name": person.name, "email": person.email, "phone": person.phone, "concern": person.concern},
        label_suffix="",
    )
    return _home(request, form)


@require_POST
def book(request: HttpRequest) -> HttpResponse:
    """Book a free consultation as a patient does on Calendly's page."""
    form = BookForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _home(request, form, status=422)
    try:
        invitee = events.book(_wanted(form.cleaned_data), method=None)
    except Refused as refused:
        form.add_error(None, _sentence(refused))
        return _home(request, form, status=refused.status)
    return _to_event(clinic.id_of(invitee["event"]), did="booked")


@require_GET
def show_event(request: HttpRequest, id: str) -> HttpResponse:
    """Show one event and whether the portal has been told."""
    return _event_page(request, id, MoveForm(initial={"start": _tomorrow(_event(id))}, label_suffix=""))


@require_POST
def cancel_event(request: HttpRequest, id: str) -> HttpResponse:
    """Cancel an event on the patient's behalf."""
    name = events.invitee_of(_event(id))["name"]
    reason = request.POST.get("reason", "").strip()[:500] or None
    try:
        events.cancel(id, reason=reason, canceled_by=name, canceler_type="invitee")
    except Refused as refused:
        return _event_page(request, id, MoveForm(label_suffix=""), problem=_sentence(refused), status=refused.status)
    return _to_event(id, did="canceled")


@require_POST
def move_event(request: HttpRequest, id: str) -> HttpResponse:
    """Reschedule an event on the patient's behalf."""
    _event(id)
    form = MoveForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _event_page(request, id, form, problem="Give the new day and time.", status=422)
    try:
        invitee = events.move(id, start=form.cleaned_data["start"])
    except Refused as refused:
        return _event_page(request, id, form, problem=_sentence(refused), status=refused.status)
    return _to_event(clinic.id_of(invitee["event"]), did="moved")


@require_GET
def follow_link(request: HttpRequest, invitee_id: str) -> HttpResponse:
    """Open the event behind a patient's link to cancel or reschedule."""
    invitee = store.get("invitee", invitee_id)
    if invitee is None:
        raise Http404
    return _to_event(clinic.id_of(invitee["event"]))


@require_GET
def calendars(request: HttpRequest) -> HttpResponse:
    """Show each member's events to come."""
    now = clinic.moment(timezone.now())
    hosts = {host for event_type in store.find("event_type") for host in event_type["_hosts"]}
    owners = []
    for member in sorted(store.find("user"), key=lambda member: member["name"]):
        rows = [row for row in store.find("event", _host=member["uri"]) if row["end_time"] > now]
        if rows or member["uri"] in hosts:
            rows.sort(key=lambda row: row["start_time"])
            owners.append({"member": member, "events": [_shown(row) for row in rows[:50]], "count": len(rows)})
    return render(request, "sandbox/calendars.html", {"owners": owners})


def _home(request: HttpRequest, form: BookForm, *, status: int = 200) -> HttpResponse:
    consultations = {row["uri"] for row in store.find("event_type", _inbound=True)}
    booked = [row for row in store.find("event") if row["event_type"] in consultations]
    context = {
        "form": form,
        "problem": "" if consultations else NO_EVENT_TYPE,
        "events": [_shown(row) for row in reversed(booked[-10:])],
    }
    return render(request, "sandbox/home.html", context, status=status)


def _event_page(request: HttpRequest, id: str, form: MoveForm, *, problem: str = "", status: int = 200) -> HttpResponse:
    event = _event(id)
    context = {
        "event": _shown(event),
        "deliveries": store.find("delivery", scheduled_event=id),
        "can_change": event["status"] == "active" and event["start_time"] > clinic.moment(timezone.now()),
        "form": form,
        "problem": problem,
    }
    return render(request, "sandbox/event.html", context, status=status)


def _event(id: str) -> Document:
    event = store.get("event", id)
    if event is None:
        raise Http404
    return event


def _shown(event: Document) -> dict[str, Any]:
    """Put together what a page says of an event."""
    invitee = events.invitee_of(event)
    new = invitee["new_invitee"] and store.get("invitee", clinic.id_of(invitee["new_invitee"]))
    return {
        "id": clinic.id_of(event["uri"]),
        "name": event["name"],
        "start": datetime.fromisoformat(event["start_time"]),
        "end": datetime.fromisoformat(event["end_time"]),
        "host": event["event_memberships"][0]["user_name"],
        "location": event["location"],
        "invitee": invitee,
        "state": "moved" if invitee["rescheduled"] else "no_show" if invitee["no_show"] else event["status"],
        "new_event": clinic.id_of(new["event"]) if new else "",
        "reference": invitee["tracking"]["utm_content"],
        "cancellation": event.get("cancellation"),
    }


def _wanted(answers: dict[str, str]) -> dict[str, Any]:
    """
    Write the form as Calendly's own request.

    :raises Refused: 404 where no free consultation is known, 400 where no time is free.
    """
    event_type = clinic.free_consultation()
    if event_type is None:
        raise Refused(404, NO_EVENT_TYPE)
    now = timezone.now()
    if answers["when"] == "soon":
        first = now - timedelta(minutes=now.minute % 5, seconds=now.second, microseconds=now.microsecond) + 2 * GRID
        length = timedelta(minutes=event_type["duration"])
        starts = (first + number * GRID for number in range(288))
        start = next((at for at in starts if any(events.free_hosts(event_type, at, at + length))), None)
    else:
        times = free_times(event_type, start=now, end=now + timedelta(days=14))
        start = next((at for at, _ in times), None)
    if start is None:
        raise Refused(400, "No time is free. Cancel a consultation first.")
    return {
        "event_type": event_type["uri"],
        "start_time": clinic.moment(start),
        "invitee": {"name": answers["name"], "email": answers["email"], "timezone": settings.TIME_ZONE},
        "questions_and_answers": [
            {"question": question["name"], "answer": answer, "position": question["position"]}
            for question, answer in zip(
                event_type["custom_questions"], (answers["phone"], answers["concern"]), strict=True
            )
        ],
    }


def _tomorrow(event: Document) -> datetime:
    return timezone.localtime(datetime.fromisoformat(event["start_time"])) + timedelta(days=1)


def _sentence(refused: Refused) -> str:
    return "; ".join(message for _, message in refused.faults) or refused.message


def _to_event(id: str, *, did: str = "") -> HttpResponse:
    address = reverse("event", args=[id])
    return redirect(f"{address}?did={did}" if did else address)
