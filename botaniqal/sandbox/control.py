"""The sandbox's own interface, for the tests and the demo's set-up: no vendor has any of this."""

from collections.abc import Callable

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from botaniqal.sandbox import dial
from botaniqal.sandbox.calendly import clinic
from botaniqal.sandbox.calendly.contract import EMAIL, URI
from botaniqal.sandbox.contracts import Schema
from botaniqal.sandbox.door import body_of, calls
from botaniqal.sandbox.medirecords.api import APPOINTMENT_TYPES
from botaniqal.sandbox.store import store
from botaniqal.sandbox.vendors import VENDORS, Refused

NAME: Schema = {"type": "string", "minLength": 1}
EVENT_TYPES: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["event_types"],
    "properties": {
        "event_types": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["uri", "name", "minutes", "hosts"],
                "properties": {
                    "uri": URI | {"pattern": r"/event_types/[^/]+$"},
                    "name": NAME,
                    "minutes": {"type": "integer", "minimum": 1, "maximum": 720},
                    "inbound": {"type": "boolean"},
                    "hosts": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["email", "name"],
                            "properties": {"uri": URI, "email": EMAIL, "name": NAME},
                        },
                    },
                },
            },
        }
    },
}
PORTAL: Schema = {"type": "object", "additionalProperties": False, "required": ["url"], "properties": {"url": URI}}

# What the sandbox has learnt of the clinic stays when its state is emptied.
LEARNT = ("user", "event_type")
KINDS = {
    "calendly": {
        "users": "user",
        "event_types": "event_type",
        "events": "event",
        "invitees": "invitee",
        "no_shows": "no_show",
        "links": "link",
        "subscriptions": "subscription",
        "deliveries": "delivery",
    },
    "medirecords": {"patients": "patient", "appointments": "appointment"},
    "ses": {"messages": "message"},
}

Verb = Callable[[HttpRequest], JsonResponse]


def by_method(**verbs: Verb) -> Callable[[HttpRequest], JsonResponse]:
    """Make the view of one address out of a function per method."""

    @csrf_exempt
    def view(request: HttpRequest) -> JsonResponse:
        if request.method not in verbs:
            return JsonResponse({"error": f"Use {' or '.join(verbs)} here."}, status=405)
        try:
            return verbs[request.method](request)
        except Refused as refused:
            details = [f"{at} {message}".strip() for at, message in refused.faults]
            return JsonResponse({"error": refused.message, "details": details}, status=refused.status)

    return view


def register_event_types(request: HttpRequest) -> JsonResponse:
    """Learn event types and their hosts; one that is known already is learnt anew."""
    body = body_of(request, EVENT_TYPES)
    learnt = [
        clinic.learn_event_type(
            address=row["uri"],
            name=row["name"],
            minutes=row["minutes"],
            hosts=[clinic.Host(**host) for host in row["hosts"]],
            inbound=row.get("inbound"),
        )
        for row in body["event_types"]
    ]
    return JsonResponse({"event_types": [clinic.public(row) for row in learnt]})


def list_faults(request: HttpRequest) -> JsonResponse:
    """Show what the fault dial is set to."""
    return JsonResponse({"faults": store.find("fault")})


def turn_dial(request: HttpRequest) -> JsonResponse:
    """Set one fault."""
    fault = body_of(request, dial.SCHEMA)
    known = dial.operations(VENDORS[fault["vendor"]].groups)
    if fault.get("operation", "all") not in known:
        raise Refused(400, "No such operation", [("operation", f"must be one of {', '.join(known)}")])
    return JsonResponse(dial.turn(fault))


def clear_dial(request: HttpRequest) -> JsonResponse:
    """Turn all faults off."""
    dial.clear()
    return list_faults(request)


def point_at_portal(request: HttpRequest) -> JsonResponse:
    """Send webhooks to another portal than the environment names."""
    url = body_of(request, PORTAL)["url"].rstrip("/")
    return JsonResponse(store.put("setting", "portal_url", {"value": url}))


def reset(request: HttpRequest) -> JsonResponse:
    """Empty the state, the fault dial and the call log; event types and their hosts stay."""
    dial.clear()
    store.clear(keep=LEARNT)
    calls.clear()
    return JsonResponse({})


def show_state(request: HttpRequest) -> JsonResponse:
    """Show all that a vendor knows."""
    vendor = request.GET.get("vendor", "")
    if vendor not in KINDS:
        raise Refused(400, f"vendor must be one of {', '.join(KINDS)}")
    state = {name: [clinic.public(row) for row in store.find(kind)] for name, kind in KINDS[vendor].items()}
    if vendor == "medirecords":
        state["appointment_types"] = [{"id": id, **fields} for id, fields in APPOINTMENT_TYPES.items()]
    return JsonResponse(state)


def show_calls(request: HttpRequest) -> JsonResponse:
    """Show the latest calls to a vendor, or to all."""
    return JsonResponse({"calls": list(calls.of(request.GET.get("vendor")))})
