"""Thousands of broken deliveries at each hook: nothing fails, nothing unsigned is kept, what is kept can be worked."""

import copy
import hashlib
import hmac
import json
import time
from random import Random
from urllib.parse import urlencode

import pytest
from django.core.handlers.exception import convert_exception_to_response
from django.test import RequestFactory
from django.urls import resolve

from botaniqal import webhooks
from botaniqal.integrations import inbox
from botaniqal.integrations.models import InboundEvent, Subscription
from tests.calendly_deliveries import KEY, PAYLOADS, TEN, delivery
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory

pytestmark = pytest.mark.django_db(transaction=True)  # locks would pile up in one transaction

MANY, SOME = 10_000, 150
SECRET, FORM = "secret-address-of-the-tests", "240000000000001"
ODD = [
    *(None, True, False, 0, -1, 1, 2**63, -(2**63), 10**400, 0.1, 1e308, float("nan"), float("inf")),
    *("", " ", "\0", "a\0b", "\ud800", "\udfff" * 3, "x" * 300, "x" * 20_000, "😀" * 100, "﷽" * 40, "\u202e", "%00"),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-12-01", "2026-02-30T00:00:00Z", "2026-12-01T03:00:00"),
    *(
        "https://api.calendly.com/event_types/DIA",
        "https://api.calendly.com/event_types/TRIAGE",
        "TRIAGE",
        "/",
        "//",
        "?",
    ),
    *("invitee.created", "invitee.canceled", "invitee_no_show.created", "invitee_no_show.deleted", "invitee"),
    *(
        "javascript:alert(1)",
        "http://[",
        "<script>",
        "'; DROP TABLE",
        "4111 1111 1111 1111",
        "a@b",
        "@",
        "Mars/Olympus",
    ),
    *([], {}, [[]], [None], [{}], {"": ""}, {"\0": "\0"}, {"uri": []}, [1, "a", {}]),
]
TYPES = [
    *(
        "application/json",
        "application/json; charset=utf-16",
        "text/plain",
        "",
        "x",
        "application/xml",
        "multipart/form-data",
    ),
    *("multipart/form-data; boundary=", "multipart/form-data; boundary=\0", "application/x-www-form-urlencoded"),
]


@pytest.fixture
def clinic(settings):
    """Everything that a delivery could be about."""
    settings.CALENDLY_WEBHOOK_SIGNING_KEY = KEY
    settings.JOTFORM_WEBHOOK_SECRETS, settings.JOTFORM_FORM_IDS = [SECRET], [FORM]
    free = AppointmentTypeFactory(free=True, step_minutes=5, practitioner_types=["consultant"])
    PractitionerFactory(consultant=True, gives=[free], email="sarah@example.com")
    CalendlyEventTypeFactory(calendly_id="TRIAGE", appointment_type=free)
    visit = AppointmentTypeFactory()
    doctor = PractitionerFactory(gives=[visit], calendar_provider="calendly")
    CalendlyEventTypeFactory(calendly_id="DIA", appointment_type=visit, practitioner=doctor)
    Subscription.objects.create(vendor="graph", resource="dia@example.com", external_id="SUB1", secret=SECRET)


def broken(value, chance):
    """A copy of a JSON value in which a few places say something else, or nothing, or everything at once."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        places = list(places_of(value))
        if not places:
            return chance.choice(ODD)
        holder, name = chance.choice(places)
        match chance.randrange(6):
            case 0:
                del holder[name]
            case 1:
                other_holder, other = chance.choice(places)
                holder[name] = copy.deepcopy(other_holder[other])
            case 2:
                holder[name] = [holder[name]]
            case 3 if isinstance(holder[name], str) and holder[name]:
                at = chance.randrange(len(holder[name]))
                holder[name] = holder[name][:at] + chance.choice("\0\ud800 /Zx9\n") + holder[name][at + 1 :]
            case _:
                holder[name] = copy.deepcopy(chance.choice(ODD))
    return value


def places_of(value):
    """Every place in a JSON value, as its holder and its name there."""
    if isinstance(value, dict | list):
        for name in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, name
            yield from places_of(value[name])


def body_of(value, chance):
    """The bytes of a JSON value, now and then cut off, spoilt or wrapped up."""
    body = json.dumps(value).encode()
    match chance.randrange(20):
        case 0:
            return body[: chance.randrange(len(body) + 1)]
        case 1 if body:
            at = chance.randrange(len(body))
            return body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
        case 2:
            depth = chance.choice((50, 900, 100_000))
            return b"[" * depth + body + b"]" * depth
        case 3:
            return chance.choice(
                (b"", b"{}", b"[]", b"null", b"\xef\xbb\xbf" + body, body * 2, json.dumps(value).encode("utf-16"))
            )
        case 4:
            return body.replace(b":", b':{"a":' * 3, 1)
        case _:
            return body


def signed(body, chance):
    """The headers with which Calendly vouches for a body."""
    stamp = str(int(time.time()))
    digest = hmac.new(KEY.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"HTTP_CALENDLY_WEBHOOK_SIGNATURE": f"t={stamp},v1={digest}"}


def unsigned(body, chance):
    """Headers that vouch for nothing."""
    true = signed(body, chance)["HTTP_CALENDLY_WEBHOOK_SIGNATURE"]
    stale = f"t={int(time.time()) - 3600},v1={true[-64:]}"
    name = "HTTP_CALENDLY_WEBHOOK_SIGNATURE"
    wrong = [
        "",
        "t=,v1=",
        true[:-1],
        true.upper(),
        true.replace("v1", "v0"),
        stale,
        "v1=" * 2_000,
        "\xff\x00",
        "t=1e9,v1=é",
    ]
    return chance.choice(
        [{}, *({name: value} for value in wrong), {name: "A" * 43 + "=", "HTTP_CALENDLY_WEBHOOK_TIMESTAMP": "1"}]
    )


def calendly_deliveries(chance):
    """Real deliveries, broken."""
    names = sorted(path.stem for path in PAYLOADS.glob("*.json") if not path.stem.startswith("seed."))
    bases = [delivery(name, event_type=kind, starts_at=TEN) for name in names for kind in ("DIA", "TRIAGE")]
    bases += [json.loads(path.read_text()) for path in PAYLOADS.glob("seed.*.json")]
    while True:
        yield body_of(broken(chance.choice(bases), chance), chance)


def graph_delivery(chance, secret):
    """What Graph sends, broken."""
    known = {"subscriptionId": "SUB1", "clientState": secret}
    change = {**known, "changeType": "updated", "resource": "users/x/events/1"}
    life = {**known, "lifecycleEvent": chance.choice(("missed", "subscriptionRemoved", "reauthorizationRequired"))}
    rows = [copy.deepcopy(chance.choice((change, life))) for _ in range(chance.choice((1, 1, 3)))]
    return body_of(broken({"value": rows}, chance), chance)


def form_deliveries(chance):
    """What JotForm posts, broken: its fields in either way of writing them."""
    while True:
        fields = {"formID": FORM, "submissionID": str(chance.randrange(300)), "rawRequest": "{}", "pretty": "a:b"}
        fields = broken(fields, chance)
        pairs = list(fields.items()) if isinstance(fields, dict) else [("formID", FORM)]
        if chance.random() < 0.5:
            yield urlencode([(name, str(value).encode(errors="replace")) for name, value in pairs]).encode()
        else:
            parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in pairs)
            yield spoilt(parts.encode(errors="replace") + b"--b--\r\n", chance)


def spoilt(body, chance):
    return body[: chance.randrange(len(body))] if chance.random() < 0.3 else body


def knock(path, body, content_type, query="", **headers):
    """Post in-process, as the handler of requests would: what Django refuses is refused, what breaks is a 500."""
    request = RequestFactory().generic("POST", path, body, content_type, QUERY_STRING=query, **headers)
    match = resolve(path)
    return convert_exception_to_response(lambda request: match.func(request, **match.kwargs))(request)


def content_type_for(chance, usual):
    return usual if chance.random() < 0.8 else chance.choice(TYPES)


def fuzz_calendly(path, number):
    chance = Random(path)
    bodies = calendly_deliveries(chance)
    for index in range(number):
        body = next(bodies)
        vouch = unsigned if index < number // 4 else signed
        answer = knock(path, body, content_type_for(chance, "application/json"), **vouch(body, chance))
        assert answer.status_code in ((401, 413) if vouch is unsigned else (200, 400, 413)), body[:2_000]
        assert index != number // 4 - 1 or not InboundEvent.objects.exists()


def fuzz_graph(path, number):
    chance = Random(path)
    untouched = Subscription.objects.values().get()
    for index in range(number):
        is_signed = index >= number // 4
        body = graph_delivery(chance, SECRET if is_signed else "guessed")
        query = chance.choice(
            ("validationToken=%3Cb%3E%00", "validationToken=", "validationToken=" + "x" * 9_000, "a=%FF")
        )
        query = query if chance.random() < 0.1 else ""
        answer = knock(path, body, content_type_for(chance, "application/json"), query)
        assert answer.status_code in (200, 202, 400, 401, 413), body[:2_000]
        assert index != number // 4 - 1 or Subscription.objects.values().get() == untouched


def fuzz_forms(number):
    chance = Random("forms")
    bodies = form_deliveries(chance)
    for index in range(number):
        body = next(bodies)
        is_known = index >= number // 4
        secret = SECRET if is_known else chance.choice(("guess", SECRET[:-1], SECRET + "x", "é", "%00", SECRET.upper()))
        usual = "multipart/form-data; boundary=b" if body.startswith(b"--b") else "application/x-www-form-urlencoded"
        answer = knock(f"/webhooks/jotform/{secret}", body, content_type_for(chance, usual))
        assert answer.status_code in ((200, 400, 413) if is_known else (404,)), body[:2_000]
        assert index != number // 4 - 1 or not InboundEvent.objects.exists()
    assert all(set(row.payload) == {"formID", "submissionID"} for row in InboundEvent.objects.all())


def work_all():
    """Work all that was kept: each ends in a sentence, waits for another, or says what a person has to do."""
    assert InboundEvent.objects.exists()
    inbox.work_due(webhooks.HANDLERS)
    for row in InboundEvent.objects.all():
        assert not row.problem.startswith("The portal failed"), (row.problem, row.payload)
        assert row.outcome or row.problem, row.payload


@pytest.mark.usefixtures("clinic")
class TestDeliveries:
    @pytest.mark.parametrize("path", ["/webhooks/calendly/triage", "/webhooks/calendly/practitioner"])
    @pytest.mark.parametrize("number", [SOME, pytest.param(MANY, marks=pytest.mark.slow)])
    def test_of_calendly_however_broken(self, path, number):
        fuzz_calendly(path, number)

        work_all()

    @pytest.mark.parametrize("path", ["/webhooks/graph", "/webhooks/graph/lifecycle"])
    @pytest.mark.parametrize("number", [SOME, pytest.param(MANY, marks=pytest.mark.slow)])
    def test_of_graph_however_broken(self, path, number):
        fuzz_graph(path, number)

        assert not InboundEvent.objects.exists()

    @pytest.mark.parametrize("number", [SOME, pytest.param(MANY, marks=pytest.mark.slow)])
    def test_of_jotform_however_broken(self, number):
        fuzz_forms(number)

        assert InboundEvent.objects.exists()
