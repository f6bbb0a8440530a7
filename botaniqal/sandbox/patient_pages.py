"""The pages on which somebody plays a visitor of the clinic's website who books a free consultation."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from botaniqal.sandbox.calendly import clinic, events
from botaniqal.sandbox.calendly.free_times import free_times
from botaniqal.sandbox.calendly.pages import sentence, shown
from botaniqal.sandbox.people import somebody
from botaniqal.sandbox.store import store
from botaniqal.sandbox.vendors import Refused

GRID = timedelta(minutes=5)
LATEST = 10
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


@require_GET
def patients(request: HttpRequest) -> HttpResponse:
    """Offer a form that is filled in already, and show what was booked last."""
    return _page(request, filled_in())


@require_POST
def book(request: HttpRequest) -> HttpResponse:
    """Book a free consultation as a patient does on Calendly's page."""
    form = BookForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        invitee = events.book(_wanted(form.cleaned_data), method=None)
    except Refused as refused:
        form.add_error(None, sentence(refused))
        return _page(request, form, status=refused.status)
    return redirect(f"{reverse('event', args=[clinic.id_of(invitee['event'])])}?did=booked")


def filled_in() -> BookForm:
    """Make up somebody who fills the form in."""
    person = somebody()
    initial = {"name": person.name, "email": person.email, "phone": person.phone, "concern": person.concern}
    return BookForm(initial=initial, label_suffix="")


def consultations() -> list[dict[str, Any]]:
    """List the free consultations that were booked last, newest first."""
    inbound = {row["uri"] for row in store.scan("event_type", _inbound=True)}
    booked = [row for row in store.scan("event") if row["event_type"] in inbound]
    return [shown(row) for row in reversed(booked[-LATEST:])]


def _page(request: HttpRequest, form: BookForm, *, status: int = 200) -> HttpResponse:
    problem = "" if clinic.free_consultation() else NO_EVENT_TYPE
    context = {"form": form, "problem": problem, "events": consultations()}
    return render(request, "sandbox/patients.html", context, status=status)


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
