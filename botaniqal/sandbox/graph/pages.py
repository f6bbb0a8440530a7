"""The page on which somebody plays the practitioner in Outlook: sees the events, adds, moves and deletes them."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from botaniqal.sandbox.fields import Moment
from botaniqal.sandbox.graph import clock, mailboxes
from botaniqal.sandbox.graph.clock import Row
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

ROWS = 50
SHOW_AS = [("busy", "Busy"), ("oof", "Away"), ("tentative", "Tentative"), ("free", "Free")]
HOUR = timedelta(hours=1)


class AddForm(forms.Form):
    """An event of the practitioner's own."""

    mailbox = forms.EmailField(max_length=254)
    subject = forms.CharField(max_length=100, initial="Dentist")
    start = Moment(label="From")
    minutes = forms.IntegerField(min_value=5, max_value=7 * 24 * 60, initial=60)
    show_as = forms.ChoiceField(label="Shown as", choices=SHOW_AS)
    is_all_day = forms.BooleanField(label="Lasts the whole day", required=False)


class MoveForm(forms.Form):
    """An event's new time, on the clinic's clock."""

    start = Moment(label="New time")


@require_GET
def outlook(request: HttpRequest) -> HttpResponse:
    """Show each mailbox's events to come, with a form for one more."""
    known = [box["id"] for box in store.find(mailboxes.MAILBOX) if box["exists"]]
    now = timezone.localtime().replace(minute=0, second=0, microsecond=0)
    form = AddForm(initial={"mailbox": next(iter(known), ""), "start": now + HOUR}, label_suffix="")
    return _page(request, form)


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Write an event as the practitioner."""
    form = AddForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _page(request, form, status=422)
    fields = form.cleaned_data
    start, end = fields["start"], fields["start"] + timedelta(minutes=fields["minutes"])
    body: dict[str, Any] = {"subject": fields["subject"], "showAs": fields["show_as"]}
    if fields["is_all_day"]:
        day = timezone.localtime(start).date()
        body |= {"isAllDay": True, "start": _midnight(day), "end": _midnight(day + timedelta(days=1))}
    else:
        body |= {"start": _time(start), "end": _time(end)}
    try:
        mailboxes.create(fields["mailbox"], body, by_hand=True)
    except Refused as refused:
        form.add_error(None, refused.message)
        return _page(request, form, status=refused.status)
    return redirect(f"{reverse('outlook')}?did=outlook_added")


@require_GET
def show(request: HttpRequest, mailbox: str, id: str) -> HttpResponse:
    """Show one event and what the practitioner can do with it."""
    start = clock.moment_of(clock.span_of(_event(mailbox, id))[0])
    return _event_page(request, mailbox, id, MoveForm(initial={"start": start + HOUR}, label_suffix=""))


@require_POST
def move(request: HttpRequest, mailbox: str, id: str) -> HttpResponse:
    """Move an event as the practitioner, with its length."""
    row, form = _event(mailbox, id), MoveForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _event_page(request, mailbox, id, form, problem="Give the new day and time.", status=422)
    start, length = form.cleaned_data["start"], clock.moment_of(row["_end"]) - clock.moment_of(row["_start"])
    if row["isAllDay"]:
        day = timezone.localtime(start).date()
        times = {"start": _midnight(day), "end": _midnight(day + length)}
    else:
        times = {"start": _time(start), "end": _time(start + length)}
    try:
        mailboxes.change(mailbox, id, times)
    except Refused as refused:
        return _event_page(request, mailbox, id, form, problem=refused.message, status=refused.status)
    return redirect(f"{reverse('outlook_event', args=[mailbox, id])}?did=outlook_moved")


@require_POST
def delete(request: HttpRequest, mailbox: str, id: str) -> HttpResponse:
    """Delete an event as the practitioner."""
    _event(mailbox, id)
    mailboxes.remove(mailbox, id)
    return redirect(f"{reverse('outlook')}?did=outlook_deleted")


def _event(mailbox: str, id: str) -> Document:
    try:
        return mailboxes.event_called(mailbox, id)
    except Refused:
        raise Http404 from None


def _event_page(
    request: HttpRequest, mailbox: str, id: str, form: MoveForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    event = _shown(_event(mailbox, id))
    context = {"mailbox": mailbox, "event": event, "form": form, "problem": problem}
    return render(request, "sandbox/outlook_event.html", context, status=status)


def _page(request: HttpRequest, form: AddForm, *, status: int = 200) -> HttpResponse:
    now = clock.kept(timezone.now())
    boxes = []
    for box in sorted(store.find(mailboxes.MAILBOX), key=lambda box: box["id"]):
        if box["exists"]:
            rows = [row for row in mailboxes.events_of(box["id"]) if clock.span_of(row)[1] > now]
            boxes.append({"address": box["id"], "events": [_shown(row) for row in rows[:ROWS]], "count": len(rows)})
    return render(request, "sandbox/outlook.html", {"mailboxes": boxes, "form": form}, status=status)


def _shown(row: Row) -> dict[str, Any]:
    """Put together what the page says of an event."""
    start, end = (clock.moment_of(text) for text in clock.span_of(row))
    properties = {item["id"].rpartition(" ")[2]: item["value"] for item in row["singleValueExtendedProperties"]}
    return {
        "id": row["id"],
        "subject": row["subject"],
        "start": start,
        "end": end,
        "body": (row["body"] or {}).get("content") or "",
        "is_all_day": row["isAllDay"],
        "show_as": dict(SHOW_AS).get(row["showAs"], row["showAs"]),
        "is_private": row["sensitivity"] == "private",
        "location": (row["location"] or {}).get("displayName") or "",
        "categories": row["categories"],
        "booking": properties.get("booking"),
        "properties": properties,
    }


def _time(moment: datetime) -> dict[str, str]:
    zone = settings.TIME_ZONE
    return {"dateTime": moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": zone}


def _midnight(day: date) -> dict[str, str]:
    return {"dateTime": f"{day}T00:00:00", "timeZone": settings.TIME_ZONE}
