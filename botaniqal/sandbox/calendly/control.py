"""What no Calendly has: verbs by which tests and rehearsals change its plan and act as its people."""

from datetime import datetime

from django.http import HttpRequest, JsonResponse

from botaniqal.sandbox import limits
from botaniqal.sandbox.calendly import clinic, events
from botaniqal.sandbox.calendly import plan as plans
from botaniqal.sandbox.calendly.contract import DATE_TIME
from botaniqal.sandbox.contracts import Schema
from botaniqal.sandbox.door import body_of
from botaniqal.sandbox.store import store

NAME: Schema = {"type": "string", "minLength": 1}


def _body(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


PLAN = _body("plan", plan={"type": "string", "enum": list(plans.PLANS)})
LIMIT: Schema = {"type": "string", "pattern": limits.FORM}
LIMITS = _body(invitees=LIMIT, calls=LIMIT)
BUSY = _body("user", "start_time", "end_time", user=NAME, start_time=DATE_TIME, end_time=DATE_TIME)
BY: Schema = {"type": "string", "enum": ["invitee", "host"]}
MOVE = _body("event", "start_time", event=NAME, start_time=DATE_TIME, by=BY, host=NAME)
CANCEL = _body("event", event=NAME, by=BY, reason={"type": "string"})
NO_SHOW = _body("event", "missed", event=NAME, missed={"type": "boolean"})


def show_plan(request: HttpRequest) -> JsonResponse:
    """Show Calendly's plan."""
    return JsonResponse({"plan": plans.plan()})


def choose_plan(request: HttpRequest) -> JsonResponse:
    """Change Calendly's plan."""
    plans.choose(body_of(request, PLAN)["plan"])
    return show_plan(request)


def show_limits(request: HttpRequest) -> JsonResponse:
    """Show Calendly's limits."""
    return JsonResponse(plans.limited())


def set_limits(request: HttpRequest) -> JsonResponse:
    """Set Calendly's limits."""
    plans.limit(**body_of(request, LIMITS))
    return show_limits(request)


def list_busy(request: HttpRequest) -> JsonResponse:
    """Show the external busy times."""
    return JsonResponse({"busy": store.find("busy")})


def add_busy(request: HttpRequest) -> JsonResponse:
    """Add an external busy time."""
    body = body_of(request, BUSY)
    start, end = (datetime.fromisoformat(body[name]) for name in ("start_time", "end_time"))
    return JsonResponse(clinic.make_busy(body["user"], start=start, end=end))


def clear_busy(request: HttpRequest) -> JsonResponse:
    """Forget external busy times."""
    for entry in store.find("busy"):
        if request.GET.get("id") in (None, entry["id"]):
            store.delete("busy", entry["id"])
    return list_busy(request)


def move_event(request: HttpRequest) -> JsonResponse:
    """Reschedule an event at Calendly."""
    body = body_of(request, MOVE)
    start = datetime.fromisoformat(body["start_time"])
    host = body.get("host") and clinic.member(body["host"])["uri"]
    invitee = events.move(clinic.id_of(body["event"]), start=start, by=body.get("by", "invitee"), host=host)
    return JsonResponse(clinic.public(invitee))


def cancel_event(request: HttpRequest) -> JsonResponse:
    """Cancel an event at Calendly."""
    body = body_of(request, CANCEL)
    by, id = body.get("by", "invitee"), clinic.id_of(body["event"])
    event = events.get_event(id)
    name = events.invitee_of(event)["name"] if by == "invitee" else event["event_memberships"][0]["user_name"]
    cancellation = events.cancel(id, reason=body.get("reason"), canceled_by=name, canceler_type=by)
    return JsonResponse(cancellation)


def mark_no_show(request: HttpRequest) -> JsonResponse:
    """Mark at Calendly that somebody did not come, or take the mark back."""
    body = body_of(request, NO_SHOW)
    events.set_no_show(clinic.id_of(body["event"]), missed=body["missed"])
    return JsonResponse({})
