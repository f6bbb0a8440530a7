"""The example of a webhook that Calendly shows to whoever writes a listener."""

from django.http import HttpRequest, JsonResponse

from botaniqal.sandbox.calendly import contract
from botaniqal.sandbox.calendly.api import ask_for_organization
from botaniqal.sandbox.calendly.clinic import Host, learn_member, uri
from botaniqal.sandbox.calendly.events import TRACKING
from botaniqal.sandbox.door import query_of
from botaniqal.sandbox.vendors import Refused

AT = "2026-11-02T01:00:00.000000Z"
EVENT = uri("scheduled_events", "GBGBDCAADAEDCRZ2")
CANCELLATION = {"canceled_by": "John Doe", "reason": None, "canceler_type": "invitee", "created_at": AT}
NO_SHOW = {"uri": uri("invitee_no_shows", "639fa667-4c1b-4b20-93f5-1b1969d67dc6"), "created_at": AT}


def show(request: HttpRequest) -> JsonResponse:
    """Show what a webhook of an event looks like."""
    query = query_of(request, contract.SAMPLE)
    ask_for_organization(query)
    event = query["event"]
    if event not in contract.HOOKS[:4]:
        raise Refused(400, "The supplied parameters are invalid.", [("event", "has no example here")])
    member = learn_member(Host(email="clinic@example.com", name="Botaniqal"))
    is_canceled = event == "invitee.canceled"
    scheduled = {
        "uri": EVENT,
        "name": "15 Minute Meeting",
        "status": "canceled" if is_canceled else "active",
        "start_time": "2026-12-01T03:00:00.000000Z",
        "end_time": "2026-12-01T03:15:00.000000Z",
        "event_type": uri("event_types", "GBGBDCAADAEDCRZ2"),
        "location": {"type": "physical", "location": "string"},
        "invitees_counter": {"total": 1, "active": 0 if is_canceled else 1, "limit": 1},
        "created_at": AT,
        "updated_at": AT,
        "event_memberships": [{"user": member["uri"], "user_email": member["email"], "user_name": member["name"]}],
        "event_guests": [],
    }
    invitee = {
        "uri": f"{EVENT}/invitees/AAAAAAAAAAAAAAAA",
        "email": "test@example.com",
        "first_name": "John",
        "last_name": "Doe",
        "name": "John Doe",
        "status": scheduled["status"],
        "questions_and_answers": [],
        "timezone": "America/New_York",
        "event": EVENT,
        "created_at": AT,
        "updated_at": AT,
        "tracking": dict.fromkeys(TRACKING),
        "text_reminder_number": None,
        "rescheduled": False,
        "old_invitee": None,
        "new_invitee": None,
        "cancel_url": "https://calendly.com/cancellations/AAAAAAAAAAAAAAAA",
        "reschedule_url": "https://calendly.com/reschedulings/AAAAAAAAAAAAAAAA",
        "routing_form_submission": None,
        "payment": None,
        "no_show": NO_SHOW if event == "invitee_no_show.created" else None,
        "reconfirmation": None,
        "scheduling_method": None,
        "invitee_scheduled_by": None,
        "scheduled_event": scheduled,
    }
    if is_canceled:
        scheduled["cancellation"] = invitee["cancellation"] = CANCELLATION
    return JsonResponse({"event": event, "created_at": AT, "created_by": member["uri"], "payload": invitee})
