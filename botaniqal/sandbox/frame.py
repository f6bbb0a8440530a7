"""What stands around every page: its security headers, the way through the sandbox, the portal's address."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from botaniqal.sandbox.deliveries import portal_url
from botaniqal.sandbox.store import store

POLICY = "default-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'"

# What the patient's or tester's last press did, by the word in the address.
DONE = {
    "booked": "Booked. Calendly tells the portal now.",
    "canceled": "Canceled. Calendly tells the portal now.",
    "moved": "Moved: this is the new event. Calendly tells the portal of both.",
    "missed": "Marked as not come. Calendly tells the portal now.",
    "came": "The mark is taken back. Calendly tells the portal now.",
    "made_busy": "Entered. Calendly offers that time no more.",
    "freed": "Removed. Calendly offers that time again.",
    "switched": "Switched. Calendly tells nobody of that.",
    "subscriptions": "Done, for all subscriptions there.",
    "outlook_added": "Added by the practitioner. Outlook tells the portal now.",
    "outlook_moved": "Moved by the practitioner. Outlook tells the portal now.",
    "outlook_deleted": "Deleted by the practitioner. Outlook tells the portal now.",
    "sent_in": "Sent in. JotForm tells the portal now.",
    "acknowledge": "Acknowledged, as whoever is on call.",
    "resolve": "Resolved, as whoever is on call.",
    "pay": "Paid. Stripe tells the portal now.",
    "decline": "Declined. Stripe tells the portal now; the page stays open for another card.",
    "expire": "Expired. Stripe tells the portal now.",
    "debit": "Agreed. The money comes later, or never; see the payments.",
    "arrive": "The money came. Stripe tells the portal now.",
    "bounce": "The bank refused. Stripe tells the portal now.",
    "refund": "Given back. Stripe tells the portal now.",
    "fail": "The refund came back. Stripe tells the portal now.",
    "dispute": "Disputed. Stripe tells the portal now.",
    "won": "Decided for the clinic. Stripe tells the portal now.",
    "lost": "Decided for the patient. Stripe tells the portal now.",
    "reported": "Reported. Amazon tells the portal now.",
    "sent": "Sending again.",
    "turned": "The fault dial is set.",
    "cleared": "Turned off.",
    "calm": "A calm day: nothing goes wrong.",
    "bad_day": "A bad day: everything goes wrong now and then.",
    "sown": "The series of faults begins anew.",
    "planned": "Calendly’s plan is changed.",
    "emptied": "The sandbox is empty again. Event types are kept.",
}


class ContentSecurityPolicy:
    """Allow nothing but our own files, unless a page has set stricter rules itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Add the header to the answer."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


def frame(request: HttpRequest) -> dict[str, Any]:
    """Give every template the navigation with its counts."""
    name = request.resolver_match.url_name if request.resolver_match else ""
    refused = store.count("delivery", state="refused")
    woken = store.count("incident", state="open")
    links = [
        ("home", "Rehearsal", 0, ""),
        ("patients", "Patients", 0, ""),
        ("calendars", "Calendly calendars", 0, ""),
        ("outlook", "Outlook calendars", 0, ""),
        ("medirecords", "MediRecords", 0, ""),
        ("jotform", "JotForm", 0, ""),
        ("payments", "Stripe", 0, ""),
        ("incidents", "PagerDuty", woken, "bad"),
        ("mailbox", "Mailbox", store.count("message"), "info"),
        ("deliveries", "Webhooks", refused, "bad"),
        ("faults", "Fault dial", store.count("fault"), "wait"),
    ]
    return {
        "links": [
            {"name": link, "label": label, "count": count, "tone": tone, "here": link == name}
            for link, label, count, tone in links
        ],
        "portal_url": portal_url(),
        "done": DONE.get(request.GET.get("did", "")),
    }
