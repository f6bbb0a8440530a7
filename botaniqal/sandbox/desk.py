"""The front page: the desk of a rehearsal, with what each vendor holds, what is broken and what is in trouble."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from botaniqal.sandbox import control, dial_page
from botaniqal.sandbox.calendly import clinic, plan
from botaniqal.sandbox.door import calls
from botaniqal.sandbox.graph import mailboxes, notices
from botaniqal.sandbox.patient_pages import NO_EVENT_TYPE, consultations, filled_in
from botaniqal.sandbox.store import store
from botaniqal.sandbox.vendors import VENDORS

IN_TROUBLE = 5

# What a vendor holds, in words for one and for many, and where to look at it.
HOLDINGS: dict[str, list[tuple[str, str, str, Callable[[], int]]]] = {
    "calendly": [
        ("booked event", "booked events", "calendars", lambda: store.count("event", status="active")),
        ("canceled event", "canceled events", "calendars", lambda: store.count("event", status="canceled")),
        ("subscription", "subscriptions", "deliveries", lambda: store.count("subscription")),
    ],
    "graph": [
        ("mailbox", "mailboxes", "outlook", lambda: store.count(mailboxes.MAILBOX)),
        ("event", "events", "outlook", lambda: store.count(mailboxes.EVENT, _removed=False)),
        ("subscription", "subscriptions", "deliveries", lambda: store.count(notices.SUBSCRIPTION)),
    ],
    "medirecords": [
        ("appointment", "appointments", "medirecords", lambda: store.count("appointment")),
        ("patient", "patients", "medirecords", lambda: store.count("patient")),
    ],
    "ses": [("message", "messages", "mailbox", lambda: store.count("message"))],
    "pagerduty": [
        ("open incident", "open incidents", "incidents", lambda: store.count("incident", state="open")),
        ("incident in all", "incidents in all", "incidents", lambda: store.count("incident")),
    ],
    "jotform": [("form sent in", "forms sent in", "jotform", lambda: store.count("submission"))],
    "stripe": [
        ("open checkout", "open checkouts", "payments", lambda: store.count("stripe_session", status="open")),
        ("payment", "payments", "payments", lambda: store.count("stripe_session", payment_status="paid")),
    ],
}


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show all vendors at a glance."""
    troubled = _troubled()
    context = {
        "form": filled_in(),
        "problem": "" if clinic.free_consultation() else NO_EVENT_TYPE,
        "events": consultations()[:5],
        "vendors": [_shown(name) for name in VENDORS],
        "deliveries": troubled[:IN_TROUBLE],
        "trouble_count": len(troubled),
        "is_calm": not store.count("fault"),
        "plan": plan.PLANS[plan.plan()],
        "presets": dial_page.PRESETS,
    }
    return render(request, "sandbox/home.html", context)


@require_POST
def reset(request: HttpRequest) -> HttpResponse:
    """Empty the sandbox."""
    control.empty()
    return redirect(f"{reverse('home')}?did=emptied")


def _shown(name: str) -> dict[str, Any]:
    last = next(iter(reversed(list(calls.of(name)))), None)
    holds = [
        {"count": (number := count()), "what": one if number == 1 else many, "page": page}
        for one, many, page, count in HOLDINGS[name]
    ]
    return {
        "title": VENDORS[name].title,
        "page": holds[0]["page"],
        "holds": holds,
        "faults": [dial_page.shown(row) for row in store.find("fault", vendor=name)],
        "last": last and last | {"at": parse_datetime(last["at"])},
    }


def _troubled() -> list[Mapping[str, Any]]:
    """List the webhooks that the portal has not taken, newest first; one that is on its first way is in no trouble."""
    given_up = (*store.scan("delivery", state="refused"), *store.scan("delivery", state="lost"))
    failing = (row for row in store.scan("delivery", state="waiting") if row["tries"])
    return sorted((*given_up, *failing), key=lambda row: row["created_at"], reverse=True)
