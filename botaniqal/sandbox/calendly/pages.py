"""Calendly as its people see it: calendars, one event and what patient and host can do with it, event types."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from botaniqal.sandbox.calendly import clinic, events
from botaniqal.sandbox.fields import Moment
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

ROWS = 50


class MoveForm(forms.Form):
    """An event's new time, on the clinic's clock, and who moves it to whom."""

    start = Moment(label="New time")
    by = forms.ChoiceField(choices=[("invitee", "The patient"), ("host", "The host")], required=False, label="Moved by")
    host = forms.ChoiceField(required=False, label="With")

    def __init__(self, *args: Any, event: Document, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        event_type = store.get("event_type", clinic.id_of(event["event_type"]))
        hosts = [store.get("user", clinic.id_of(uri)) for uri in (event_type["_hosts"] if event_type else [])]
        self.fields["host"].choices = [("", "Whoever is free"), *((host["uri"], host["name"]) for host in hosts)]
        if len(hosts) < 2:
            del self.fields["host"]


class BusyForm(forms.Form):
    """An entry of a calendar that a member has connected."""

    member = forms.ChoiceField()
    start = Moment(label="From")
    minutes = forms.IntegerField(min_value=5, max_value=14 * 24 * 60, initial=60)

    def __init__(self, *args: Any, members: list[Document], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["member"].choices = [(member["uri"], member["name"]) for member in members]


@require_GET
def calendars(request: HttpRequest) -> HttpResponse:
    """Show each member's events to come, and what their connected calendars take."""
    start = timezone.localtime().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return _calendars(request, BusyForm(initial={"start": start}, members=_members(), label_suffix=""))


@require_POST
def add_busy(request: HttpRequest) -> HttpResponse:
    """Enter something in a member's connected calendar."""
    form = BusyForm(request.POST, members=_members(), label_suffix="")
    if not form.is_valid():
        return _calendars(request, form, status=422)
    fields = form.cleaned_data
    end = fields["start"] + timedelta(minutes=fields["minutes"])
    clinic.make_busy(fields["member"], start=fields["start"], end=end)
    return redirect(f"{reverse('calendars')}?did=made_busy")


@require_POST
def remove_busy(request: HttpRequest, id: str) -> HttpResponse:
    """Take an entry out of a connected calendar."""
    if store.get("busy", id) is None:
        raise Http404
    store.delete("busy", id)
    return redirect(f"{reverse('calendars')}?did=freed")


@require_POST
def switch_event_type(request: HttpRequest, id: str) -> HttpResponse:
    """Switch an event type off or on, as somebody in Calendly's own pages might."""
    event_type = store.get("event_type", id)
    if event_type is None:
        raise Http404
    store.put("event_type", id, event_type | {"active": not event_type["active"]})
    return redirect(f"{reverse('calendars')}?did=switched")


@require_GET
def show_event(request: HttpRequest, id: str) -> HttpResponse:
    """Show one event and whether the portal has been told."""
    return _event_page(request, id)


@require_POST
def cancel_event(request: HttpRequest, id: str) -> HttpResponse:
    """Cancel an event, as the patient or as its host."""
    event = _event(id)
    by = "host" if request.POST.get("by") == "host" else "invitee"
    name = events.invitee_of(event)["name"] if by == "invitee" else event["event_memberships"][0]["user_name"]
    reason = request.POST.get("reason", "").strip()[:500] or None
    try:
        events.cancel(id, reason=reason, canceled_by=name, canceler_type=by)
    except Refused as refused:
        return _event_page(request, id, problem=sentence(refused), status=refused.status)
    return _to_event(id, did="canceled")


@require_POST
def move_event(request: HttpRequest, id: str) -> HttpResponse:
    """Reschedule an event, as the patient or as its host."""
    form = MoveForm(request.POST, event=_event(id), label_suffix="")
    if not form.is_valid():
        return _event_page(request, id, form, problem="Give the new day and time.", status=422)
    fields = form.cleaned_data
    try:
        invitee = events.move(id, start=fields["start"], by=fields["by"] or "invitee", host=fields.get("host") or None)
    except Refused as refused:
        return _event_page(request, id, form, problem=sentence(refused), status=refused.status)
    return _to_event(clinic.id_of(invitee["event"]), did="moved")


@require_POST
def mark_no_show(request: HttpRequest, id: str) -> HttpResponse:
    """Mark that the patient did not come, or take the mark back."""
    _event(id)
    missed = request.POST.get("missed") == "yes"
    events.set_no_show(id, missed=missed)
    return _to_event(id, did="missed" if missed else "came")


@require_GET
def follow_link(request: HttpRequest, invitee_id: str) -> HttpResponse:
    """Open the event behind a patient's link to cancel or reschedule."""
    invitee = store.get("invitee", invitee_id)
    if invitee is None:
        raise Http404
    return _to_event(clinic.id_of(invitee["event"]))


def shown(event: Document) -> dict[str, Any]:
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


def sentence(refused: Refused) -> str:
    """Say in words why something was refused."""
    return "; ".join(message for _, message in refused.faults) or refused.message


def _members() -> list[Document]:
    """List the members whose time an event type takes."""
    hosts = {host for event_type in store.scan("event_type") for host in event_type["_hosts"]}
    return sorted((row for row in store.find("user") if row["uri"] in hosts), key=lambda row: row["name"])


def _calendars(request: HttpRequest, form: BusyForm, *, status: int = 200) -> HttpResponse:
    now = clinic.moment(timezone.now())
    owners = []
    for member in _members():
        rows = [row for row in store.scan("event", _host=member["uri"]) if row["end_time"] > now]
        rows.sort(key=lambda row: row["start_time"])
        busy = [row for row in store.scan("busy", user=member["uri"]) if row["end_time"] > now]
        entries = [{"id": row["id"], **_span(row)} for row in sorted(busy, key=lambda row: row["start_time"])]
        events_to_come = [shown(row) for row in rows[:ROWS]]
        owners.append({"member": member, "events": events_to_come, "count": len(rows), "busy": entries})
    event_types = [
        {"id": clinic.id_of(row["uri"]), **{name: row[name] for name in ("name", "active", "duration", "profile")}}
        for row in sorted(store.scan("event_type"), key=lambda row: row["name"])
    ]
    context = {"owners": owners, "form": form, "event_types": event_types}
    return render(request, "sandbox/calendars.html", context, status=status)


def _event_page(
    request: HttpRequest, id: str, form: MoveForm | None = None, *, problem: str = "", status: int = 200
) -> HttpResponse:
    event = _event(id)
    tomorrow = timezone.localtime(datetime.fromisoformat(event["start_time"])) + timedelta(days=1)
    context = {
        "event": shown(event),
        "deliveries": store.find("delivery", scheduled_event=id),
        "can_change": event["status"] == "active" and event["start_time"] > clinic.moment(timezone.now()),
        "form": form or MoveForm(initial={"start": tomorrow}, event=event, label_suffix=""),
        "problem": problem,
    }
    return render(request, "sandbox/event.html", context, status=status)


def _event(id: str) -> Document:
    event = store.get("event", id)
    if event is None:
        raise Http404
    return event


def _span(row: Document) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(row[f"{name}_time"]) for name in ("start", "end")}


def _to_event(id: str, *, did: str = "") -> HttpResponse:
    address = reverse("event", args=[id])
    return redirect(f"{address}?did={did}" if did else address)
