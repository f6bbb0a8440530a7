"""
The sandbox's own interface, for the tests, the demo's set-up and rehearsals: no vendor has any of this.

All below `/_control/`, JSON in and out, without a key; a refusal is `{"error", "details"}`.

================  ======  ====================================================================================
event-types       POST    {event_types: [{uri, name, minutes, hosts, inbound?, active?, managed?}]}: learn them
faults            GET     what the fault dial is set to
faults            POST    {vendor, fault, operation?, rate?, calls?, milliseconds?, retry_after?}: turn it
faults            DELETE  turn everything off, let go of calls that wait
faults/preset     POST    {preset: calm | bad_day}: several faults at low rates, for all vendors
seed              GET     {seed}
seed              POST    {seed}: begin the series of faults anew; "" leaves them to chance
plan              GET     {plan}
plan              POST    {plan: paid | free_no_booking}: what Calendly lets the clinic do
limits            GET     Calendly's limits and how much of each is used
limits            POST    {invitees?, calls?}: such as "10/60 50/3600", or "off"; counts from nothing
subscriptions     POST    {vendor, state}: all at once; calendly: active | disabled, graph: expired | removed
busy              GET     external busy times of Calendly's members
busy              POST    {user (URI or e-mail), start_time, end_time}: add one
busy              DELETE  forget all, or ?id= one
moves             POST    {event, start_time, by?: invitee | host, host?}: reschedule at Calendly, as a linked pair
cancellations     POST    {event, by?: invitee | host, reason?}: cancel at Calendly
no-shows          POST    {event, missed: true | false}: mark at Calendly, or take the mark back
deliveries        POST    {id, times?}: send a webhook again
graph/events      POST    {mailbox, start, end, subject?, isAllDay?, showAs? …}: write as the mailbox's owner
graph/events      PATCH   {mailbox, id, …}: change or move as the owner
graph/events      DELETE  {mailbox, id}: delete as the owner
graph/mailboxes   POST    {mailbox, exists}: take a mailbox away, or bring it back
graph/sync-state  DELETE  {mailbox}: its delta tokens are gone
graph/life        POST    {event, mailbox?}: expired unheard, or a lifecycle event that the owner is told
graph/tokens      POST    {seconds}: how long keys to Graph live from now on
graph/tokens      DELETE  every key ends now
stripe/presses    POST    {session, press: pay | debit | decline | expire}: as the patient on the checkout page
stripe/payments   POST    {session, at}: it was paid at that moment, in seconds since 1970, and nobody is told any more
stripe/disputes   POST    {payment_intent}: the patient's bank asks the money back
stripe/keys       DELETE  every Idempotency-Key is forgotten, as after a day
portal            POST    {url, unasked?}: where webhooks go; unasked false: nobody is told without a subscription
reset             POST    forget everything but event types and their hosts; the environment's settings hold again
state             GET     ?vendor=: all that it knows
calls             GET     ?vendor=: the latest calls, without query or body
================  ======  ====================================================================================
"""

from collections.abc import Callable

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from botaniqal.sandbox import deliveries, dial
from botaniqal.sandbox.calendly import clinic
from botaniqal.sandbox.calendly.contract import EMAIL, URI
from botaniqal.sandbox.contracts import Schema
from botaniqal.sandbox.door import body_of, calls
from botaniqal.sandbox.graph import control as graph
from botaniqal.sandbox.medirecords.api import APPOINTMENT_TYPES
from botaniqal.sandbox.store import store
from botaniqal.sandbox.stripe.afterwards import dispute
from botaniqal.sandbox.stripe.payments import PRESSES, get, was_paid
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
                    "active": {"type": "boolean"},
                    "managed": {"type": "boolean"},
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


def _body(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


PORTAL = _body("url", url=URI, unasked={"type": "boolean"})
PRESET = _body("preset", preset={"type": "string", "enum": list(dial.PRESETS)})
SEED = _body("seed", seed={"type": ["string", "integer"], "maxLength": 100})
SUBSCRIPTIONS = _body("vendor", "state", vendor=NAME, state=NAME)
PRESS = _body("session", "press", session=NAME, press={"type": "string", "enum": list(PRESSES)})
PAID_BEFORE = _body("session", "at", session=NAME, at={"type": "integer", "minimum": 0})
DISPUTE = _body("payment_intent", payment_intent=NAME)
AGAIN = _body("id", id=NAME, times={"type": "integer", "minimum": 1, "maximum": 100})

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
        "busy": "busy",
    },
    "medirecords": {"patients": "patient", "appointments": "appointment"},
    "ses": {"messages": "message"},
    "graph": {},
    "pagerduty": {"incidents": "incident"},
    "jotform": {"submissions": "submission"},
    "stripe": {
        "sessions": "stripe_session",
        "payment_intents": "stripe_payment_intent",
        "charges": "stripe_charge",
        "disputes": "stripe_dispute",
        "refunds": "stripe_refund",
        "events": "stripe_event",
    },
}
# The webhooks of all vendors lie together.
TELLING = [name for name, vendor in VENDORS.items() if "lost" in vendor.troubles]

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
            active=row.get("active", True),
            managed=row.get("managed", False),
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
    known = dial.operations(VENDORS[fault["vendor"]], fault["fault"])
    if not known:
        raise Refused(400, "No such fault", [("fault", f"is none of {fault['vendor']}'s")])
    if fault.get("operation", "all") not in known:
        raise Refused(400, "No such operation", [("operation", f"must be one of {', '.join(known)}")])
    return JsonResponse(dial.turn(fault))


def clear_dial(request: HttpRequest) -> JsonResponse:
    """Turn all faults off."""
    dial.clear()
    return list_faults(request)


def turn_to_preset(request: HttpRequest) -> JsonResponse:
    """Set the dial to one of its presets."""
    dial.turn_to(body_of(request, PRESET)["preset"])
    return list_faults(request)


def show_seed(request: HttpRequest) -> JsonResponse:
    """Show the seed of the faults."""
    return JsonResponse({"seed": dial.seed()})


def sow(request: HttpRequest) -> JsonResponse:
    """Begin the series of faults anew."""
    dial.start_over(str(body_of(request, SEED)["seed"]))
    return show_seed(request)


def set_subscriptions(request: HttpRequest) -> JsonResponse:
    """Disable, end or revive all subscriptions at a vendor."""
    body = body_of(request, SUBSCRIPTIONS)
    channel = deliveries.CHANNELS.get(body["vendor"])
    if channel is None or channel.set_state is None:
        raise Refused(400, "This vendor has no subscriptions")
    try:
        return JsonResponse({"subscriptions": channel.set_state(body["state"])})
    except ValueError as error:
        raise Refused(400, str(error)) from None


def send_again(request: HttpRequest) -> JsonResponse:
    """Send a webhook again."""
    body = body_of(request, AGAIN)
    if store.get("delivery", body["id"]) is None:
        raise Refused(404, "No such delivery")
    deliveries.send_again(body["id"], times=body.get("times", 1))
    return JsonResponse({})


def press_stripe(request: HttpRequest) -> JsonResponse:
    """Press a button of a checkout page."""
    body = body_of(request, PRESS)
    PRESSES[body["press"]](body["session"])
    return JsonResponse({"pressed": True})


def pay_stripe_before(request: HttpRequest) -> JsonResponse:
    """Let somebody have paid on a checkout page at a moment that is past, as in a clinic that has been there before."""
    body = body_of(request, PAID_BEFORE)
    was_paid(body["session"], body["at"])
    return JsonResponse({"paid": True})


def dispute_at_stripe(request: HttpRequest) -> JsonResponse:
    """Let a patient's bank ask a payment back, and say which dispute it is."""
    intent = get("payment_intent", body_of(request, DISPUTE)["payment_intent"])
    return JsonResponse({"id": dispute(intent)["id"]})


def forget_keys(request: HttpRequest) -> JsonResponse:
    """Let Stripe forget what was asked under which Idempotency-Key."""
    for key in store.find("stripe_key"):
        store.delete("stripe_key", key["id"])
    return JsonResponse({})


def point_at_portal(request: HttpRequest) -> JsonResponse:
    """Send webhooks to another portal than the environment names."""
    body = body_of(request, PORTAL)
    store.put("setting", "unasked", {"value": body.get("unasked", True)})
    return JsonResponse(store.put("setting", "portal_url", {"value": body["url"].rstrip("/")}))


def reset(request: HttpRequest) -> JsonResponse:
    """Empty the state, the fault dial and the call log; event types and their hosts stay."""
    empty()
    return JsonResponse({})


def empty() -> None:
    """Forget everything but what was learnt of the clinic."""
    dial.clear()
    store.clear(keep=LEARNT)
    dial.start_over()
    calls.clear()


def show_state(request: HttpRequest) -> JsonResponse:
    """Show all that a vendor knows."""
    vendor = request.GET.get("vendor", "")
    if vendor not in KINDS:
        raise Refused(400, f"vendor must be one of {', '.join(KINDS)}")
    state = {name: [clinic.public(row) for row in store.scan(kind)] for name, kind in KINDS[vendor].items()}
    if vendor == "graph":
        state = graph.state()
    if vendor in TELLING:
        # What an earlier sandbox has kept is Calendly's and does not say so.
        state["deliveries"] = [row for row in store.scan("delivery") if row.get("vendor", "calendly") == vendor]
    if vendor == "medirecords":
        state["appointment_types"] = [{"id": id, **fields} for id, fields in APPOINTMENT_TYPES.items()]
    return JsonResponse(state)


def show_calls(request: HttpRequest) -> JsonResponse:
    """Show the latest calls to a vendor, or to all."""
    return JsonResponse({"calls": list(calls.of(request.GET.get("vendor")))})
