"""Calendly's page behind a one-time link: somebody picks a time and books, once."""

import itertools
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_http_methods

from botaniqal.sandbox.calendly import clinic, events
from botaniqal.sandbox.calendly.events import TRACKING
from botaniqal.sandbox.calendly.free_times import free_times
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import Refused

DAYS = 14
MOST_TIMES = 200


class LinkForm(forms.Form):
    """What Calendly asks: who, when, and the event type's own questions, filled in as far as the link says."""

    name = forms.CharField(max_length=200)
    email = forms.EmailField(label="E-mail")
    start = forms.ChoiceField(label="Time")

    def __init__(self, *args: Any, event_type: Document, times: list[datetime], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = itertools.groupby(times, key=lambda at: date_format(timezone.localtime(at), "l j F"))
        self.fields["start"].choices = [
            (day, [(clinic.moment(at), date_format(timezone.localtime(at), "D j M, g:i a")) for at in starts])
            for day, starts in days
        ]
        self.questions = [question for question in event_type["custom_questions"] if question["enabled"]]
        for number, question in enumerate(self.questions, start=1):
            self.fields[f"a{number}"] = forms.CharField(
                label=question["name"], max_length=10_000, required=question["required"]
            )

    @property
    def answers(self) -> list[dict[str, Any]]:
        """Write the answers as Calendly's own request does."""
        given = ((question, self.cleaned_data[f"a{n}"]) for n, question in enumerate(self.questions, start=1))
        return [
            {"question": question["name"], "answer": answer, "position": question["position"]}
            for question, answer in given
            if answer
        ]


@require_http_methods(["GET", "POST"])
def follow(request: HttpRequest, id: str) -> HttpResponse:
    """Show the page, and book what was picked; the second one who comes finds it used."""
    link = store.get("link", id)
    event_type = link and store.get("event_type", clinic.id_of(link["owner"]))
    if event_type is None:
        raise Http404
    if link.get("_event"):
        return render(request, "sandbox/link.html", {"event_type": event_type, "is_used": True}, status=410)
    form = LinkForm(
        request.POST or None,
        initial=_prefill(request.GET),
        event_type=event_type,
        times=_times(event_type, request.GET),
        label_suffix="",
    )
    status = 200
    if form.is_valid():
        try:
            event = _book(id, event_type, form, request.GET)
        except Refused as refused:
            form.add_error(None, "; ".join(message for _, message in refused.faults) or refused.message)
            status = refused.status
        else:
            return redirect(f"{reverse('event', args=[event])}?did=booked")
    elif form.is_bound:
        status = 422
    context = {"event_type": event_type, "form": form, "reference": request.GET.get("utm_content")}
    return render(request, "sandbox/link.html", context, status=status)


def _book(id: str, event_type: Document, form: LinkForm, query: QueryDict) -> str:
    """
    Book, and note that the link is used; answers the event's id.

    :raises Refused: 410 where somebody else was quicker, or as `events.book` does.
    """
    wanted = {
        "event_type": event_type["uri"],
        "start_time": form.cleaned_data["start"],
        "invitee": {
            "name": form.cleaned_data["name"],
            "email": form.cleaned_data["email"],
            "timezone": settings.TIME_ZONE,
        },
        "questions_and_answers": form.answers,
        "tracking": {name: query.get(name) for name in TRACKING},
        "event_guests": [*filter(None, query.get("guests", "").split(","))][:10],
    }
    with store.transaction():
        link = store.get("link", id)
        if link is None or link.get("_event"):
            raise Refused(410, "This link has been used already.")
        event = clinic.id_of(events.book(wanted, method=None)["event"])
        store.put("link", id, link | {"_event": event})
    return event


def _prefill(query: QueryDict) -> dict[str, str]:
    """Read what the link fills in: the name whole or in parts, the e-mail, the answers by number."""
    initial = {name: value for name, value in query.items() if name in {"name", "email"} or name[:1] == "a"}
    parts = filter(None, (query.get("first_name"), query.get("last_name")))
    return {"name": " ".join(parts)} | initial


def _times(event_type: Document, query: QueryDict) -> list[datetime]:
    """List the times to pick from: two weeks from now, or from the day or month that the link names."""
    now = start = timezone.now()
    named = query.get("date") or (f"{query['month']}-01" if "month" in query else "")
    with suppress(ValueError):
        start = max(now, timezone.make_aware(datetime.fromisoformat(named))) if named else now
    found = free_times(event_type, start=start, end=start + timedelta(days=DAYS))
    return [at for at, _ in itertools.islice(found, MOST_TIMES)]
