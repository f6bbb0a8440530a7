"""The clinic's form as a visitor meets it, what was sent in, and the webhook that each answer sets off."""

import json
import secrets
from uuid import uuid4

import requests
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from botaniqal.sandbox import deliveries
from botaniqal.sandbox.jotform import api
from botaniqal.sandbox.jotform.forms import IntakeForm, as_pretty, as_raw_request, written
from botaniqal.sandbox.people import somebody
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import JOTFORM

TITLE = "Before your first visit"
ROWS = 100


@require_GET
def submissions(request: HttpRequest) -> HttpResponse:
    """List the forms and what was sent in, newest first."""
    rows = [
        {
            "id": row["id"],
            "form_id": row["form_id"],
            "name": " ".join(row["_answers"]["3"].values()),
            "at": api.moment_of(row["created_at"]),
            "is_edited": bool(row["updated_at"]),
        }
        for row in store.latest("submission", ROWS)
    ]
    context = {"forms": api.form_ids(), "title": TITLE, "submissions": rows, "hears": bool(_secret())}
    return render(request, "sandbox/jotform.html", context)


@require_http_methods(["GET", "POST"])
def fill_in(request: HttpRequest, form_id: str) -> HttpResponse:
    """Show the form, and take what somebody filled in; `?submission=` lets them change what they sent."""
    if form_id not in api.form_ids():
        raise Http404
    former = _former(request, form_id)
    form = IntakeForm(request.POST or None, initial=_initial(request, former), label_suffix="")
    if form.is_valid():
        _send_in(request, form_id, written(form.cleaned_data), former)
        return redirect(f"{reverse('jotform')}?did=sent_in")
    context = {"form": form, "title": TITLE, "form_id": form_id, "is_edited": former is not None}
    return render(request, "sandbox/jotform_form.html", context, status=422 if form.errors else 200)


def _former(request: HttpRequest, form_id: str) -> Document | None:
    id = request.GET.get("submission")
    if id is None:
        return None
    submission = store.get("submission", id)
    if submission is None or submission["form_id"] != form_id:
        raise Http404
    return submission


def _initial(request: HttpRequest, former: Document | None) -> dict[str, object]:
    if former:
        answers = former["_answers"]
        born = "-".join(answers["6"].values()) if answers["6"] else ""
        names = {"first_name": answers["3"]["first"], "last_name": answers["3"]["last"], "born": born}
        numbers = {"email": "4", "interest": "7", "concern": "8", "medicines": "9", "booking": "10"}
        return names | {name: answers[n] for name, n in numbers.items()} | {"phone": answers["5"]["full"]}
    person = somebody()
    first, _, last = person.name.partition(" ")
    return {
        "first_name": first,
        "last_name": last,
        "email": person.email,
        "phone": person.phone,
        "concern": person.concern,
        "booking": request.GET.get("bookingReference", ""),
    }


def _send_in(request: HttpRequest, form_id: str, answers: dict[str, object], former: Document | None) -> None:
    now = api.now()
    id = former["id"] if former else str(6_000_000_000_000_000_000 + secrets.randbelow(10**18))
    submission = store.put(
        "submission",
        id,
        {
            "id": id,
            "form_id": form_id,
            "ip": request.META.get("REMOTE_ADDR", ""),
            "created_at": former["created_at"] if former else now,
            "updated_at": now if former else None,
            "status": "ACTIVE",
            "new": "1",
            "flag": "0",
            "notes": "",
            "_answers": answers,
        },
    )
    _tell(submission)


def _secret() -> str:
    return next(iter(settings.JOTFORM_WEBHOOK_SECRETS), "")


def _tell(submission: Document) -> None:
    """Post the form to the portal's secret address as JotForm does: multipart, unsigned."""
    if not _secret():
        return
    url, answers = f"{deliveries.portal_url()}/webhooks/jotform/{_secret()}", submission["_answers"]
    raw = {"slug": f"submit/{submission['form_id']}", "event_id": uuid4().hex, **as_raw_request(answers)}
    fields = {
        "action": "",
        "webhookURL": url,
        "username": "botaniqal",
        "formID": submission["form_id"],
        "type": "WEB",
        "customParams": "",
        "product": "",
        "formTitle": TITLE,
        "customTitle": "",
        "submissionID": submission["id"],
        "event": "",
        "documentID": "",
        "teamID": "",
        "subject": "",
        "isSilent": "",
        "customBody": "",
        "rawRequest": json.dumps(raw),
        "fromTable": "",
        "appID": "",
        "pretty": as_pretty(answers),
        "unread": "1",
        "parent": "",
        "ip": submission["ip"],
    }
    post = requests.Request("POST", url, files={name: (None, value) for name, value in fields.items()}).prepare()
    deliveries.send(
        JOTFORM.name,
        event="form edited" if submission["updated_at"] else "form filled in",
        url=url,
        body=post.body.decode(),
        name=" ".join(answers["3"].values()),
        # Whoever knows the whole address can post to it.
        shown_url=url.replace(_secret(), "…"),
        content_type=post.headers["Content-Type"],
    )


def _headers(delivery: Document, body: bytes) -> dict[str, str]:
    return {"Content-Type": delivery["content_type"], "User-Agent": "JotForm"}


# How often it tries again is written down nowhere; somebody who rehearses sees one try, and two more.
deliveries.open_channel(deliveries.Channel(vendor=JOTFORM.name, headers=_headers, hours=(0, 1, 4)))
