"""Graph's notices at their doors: a reason to look for whoever knows the secret, and nothing for anybody else."""

import json
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.test import Client
from django.utils import timezone

from botaniqal.integrations.models import InboundEvent, Subscription
from practitioners.models import OutsideCalendar
from tests.factories import PractitionerFactory

pytestmark = pytest.mark.django_db

DOORS = ("/webhooks/graph", "/webhooks/graph/lifecycle")
SECRET = "a secret that only the subscription knows"


@pytest.fixture(params=DOORS, ids=["changes", "lifecycle"])
def door(request):
    return request.param


@pytest.fixture
def knock():
    def knock(body, door=DOORS[0]):
        raw = body if isinstance(body, bytes | str) else json.dumps(body)
        return Client(raise_request_exception=True).post(door, raw, content_type="application/json")

    return knock


@pytest.fixture
def subscription():
    return Subscription.objects.create(
        vendor="graph",
        resource="shivani@botaniqal.example",
        external_id="4e98905b-ece3-4dac-937c-2d4b1bd4a9f4",
        secret=SECRET,
        health="active",
        told=1,
        expires_at=timezone.now() + timedelta(days=2),
    )


@pytest.fixture
def calendar(subscription):
    """The calendar that the subscription is about, read a moment ago."""
    practitioner = PractitionerFactory(calendar_provider="outlook", mailbox=subscription.resource)
    return OutsideCalendar.objects.create(
        practitioner=practitioner,
        provider="outlook",
        account="Shivani@Botaniqal.example",
        read_at=timezone.now(),
        told=1,
    )


def notice(subscription, **fields):
    return {
        "subscriptionId": subscription.external_id,
        "subscriptionExpirationDateTime": "2026-12-01T00:00:00Z",
        "clientState": SECRET,
        "changeType": "updated",
        "resource": "Users/1/Events/2",
        "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "id": "2"},
    } | fields


def rows():
    return [list(model.objects.order_by("pk").values()) for model in (Subscription, OutsideCalendar, InboundEvent)]


class TestHandshake:
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_says_the_token_back_as_text(self, door, method):
        token = "Validation: Testing client application reachability <script>alert(1)</script> & Ünïcode"

        answer = getattr(Client(), method)(door, query_params={"validationToken": token})

        assert answer.status_code == 200
        assert answer.content.decode() == token
        assert answer["Content-Type"] == "text/plain"
        assert answer["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("token", ["", "x" * 2_001], ids=["empty", "endless"])
    def test_says_nothing_back_that_is_no_token(self, door, token):
        answer = Client().post(door, query_params={"validationToken": token})

        assert answer.status_code == 400
        assert "xxx" not in answer.content.decode()

    def test_is_no_way_in(self, door, subscription, calendar):
        before = rows()

        Client().post(
            f"{door}?validationToken=x", json.dumps({"value": [notice(subscription)]}), content_type="application/json"
        )

        assert rows() == before


class TestDelivery:
    def test_wants_a_look_at_the_calendar_a_moment_later(self, knock, door, subscription, calendar, settings):
        begins = timezone.now()

        answer = knock({"value": [notice(subscription)]}, door)

        assert (answer.status_code, answer.content) == (HTTPStatus.ACCEPTED, b"")
        calendar.refresh_from_db()
        subscription.refresh_from_db()
        wait = timedelta(seconds=settings.CALENDAR_DEBOUNCE_SECONDS)
        assert calendar.wanted == calendar.told + 1
        assert begins + wait <= calendar.next_try_at <= timezone.now() + wait
        assert subscription.heard_at >= begins
        assert not InboundEvent.objects.exists()

    def test_wants_one_look_however_much_is_told(self, knock, subscription, calendar):
        for _ in range(3):
            knock({"value": [notice(subscription)] * 300})

        calendar.refresh_from_db()
        assert calendar.wanted == calendar.told + 1

    def test_counts_the_good_among_others(self, knock, subscription, calendar):
        bad = [notice(subscription, clientState="guess"), notice(subscription, subscriptionId="unknown"), 7, None, []]

        answer = knock({"value": [*bad, notice(subscription)]})

        assert answer.status_code == HTTPStatus.ACCEPTED
        calendar.refresh_from_db()
        assert calendar.wanted == calendar.told + 1

    def test_knows_a_subscription_whose_id_is_not_known_yet(self, knock, subscription, calendar):
        Subscription.objects.update(external_id="")

        answer = knock({"value": [notice(subscription)]})

        assert answer.status_code == HTTPStatus.ACCEPTED
        calendar.refresh_from_db()
        assert calendar.wanted == calendar.told + 1

    @pytest.mark.parametrize(
        "fields",
        [
            {"clientState": "guess"},
            {"clientState": ""},
            {"clientState": None},
            {"clientState": SECRET.upper()},
            {"clientState": f"{SECRET} "},
            {"clientState": [SECRET]},
            {"clientState": "\ud800"},
            {"clientState": "x" * 500_000},
            {"subscriptionId": "00000000-0000-4000-8000-000000000000"},
            {"subscriptionId": ""},
            {"subscriptionId": None},
            {"subscriptionId": "\0"},
            {"subscriptionId": {"$ne": 1}},
            {"subscriptionId": "x" * 100_000},
            {"lifecycleEvent": 7},
            {"lifecycleEvent": {}},
        ],
        ids=lambda fields: f"{next(iter(fields))}-{str(next(iter(fields.values()))).encode('unicode_escape')[:12]}",
    )
    def test_changes_nothing_where_nobody_vouches_for_it(self, knock, door, subscription, calendar, fields):
        before = rows()

        answer = knock({"value": [notice(subscription, **fields)]}, door)

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.UNAUTHORIZED, "signature_refused")
        assert rows() == before

    @pytest.mark.parametrize("state", ["", SECRET])
    def test_is_vouched_for_by_no_subscription_without_a_secret(self, knock, subscription, calendar, state):
        Subscription.objects.update(secret="")

        answer = knock({"value": [notice(subscription, clientState=state)]})

        assert answer.status_code == HTTPStatus.UNAUTHORIZED

    def test_is_not_vouched_for_by_calendlys_subscription(self, knock, subscription, calendar):
        Subscription.objects.update(vendor="calendly")

        assert knock({"value": [notice(subscription)]}).status_code == HTTPStatus.UNAUTHORIZED

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"{", 400),
            (b"\xff\xfe", 400),
            (b"null", 400),
            (b"[]", 400),
            (b'"value"', 400),
            (b"1e999", 400),
            (b"{}", 400),
            ({"value": None}, 400),
            ({"value": []}, 400),
            ({"value": {}}, 400),
            ({"value": "x"}, 400),
            ({"value": [{}] * 10_000}, 413),
            (b'{"value":[' + b"1," * 200_000 + b"1]}", 413),
            (b'{"value":' + b"[" * 200_000 + b"]" * 200_000 + b"}", 400),
            (b'{"value":[' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]}", 400),
            (b'{"value":[' + b" " * 1_100_000 + b"]}", 413),
            ({"value": [7, None, "x", [], {}, {"subscriptionId": 1}]}, 401),
        ],
        ids=[
            "nothing", "cut off", "no text", "null", "list", "text", "number", "no value", "null value", "empty value",
            "object", "text value", "10,000", "200,000", "nested lists", "nested objects", "huge", "wrong types",
        ],
    )  # fmt: skip
    def test_refuses_what_graph_does_not_send(self, knock, door, subscription, calendar, body, status):
        before = rows()

        answer = knock(body, door)

        assert answer.status_code == status
        assert set(answer.json()) == {"error", "code", "details"}
        assert rows() == before

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
    def test_is_posted(self, door, method):
        answer = getattr(Client(), method)(door)

        assert (answer.status_code, answer["Allow"]) == (HTTPStatus.METHOD_NOT_ALLOWED, "POST")

    def test_writes_no_secret_into_the_log(self, knock, subscription, calendar, caplog):
        knock({"value": [notice(subscription, clientState="a guess")]})
        knock({"value": [notice(subscription)]})

        assert "guess" not in caplog.text
        assert SECRET not in caplog.text


class TestLifecycle:
    def tell(self, knock, subscription, event):
        lifecycle = {"changeType": None, "lifecycleEvent": event}
        return knock({"value": [notice(subscription, **lifecycle)]}, DOORS[1])

    def test_has_a_subscription_lengthened_that_is_ending(self, knock, subscription, calendar):
        answer = self.tell(knock, subscription, "reauthorizationRequired")

        assert answer.status_code == HTTPStatus.ACCEPTED
        subscription.refresh_from_db()
        calendar.refresh_from_db()
        assert subscription.wanted == subscription.told + 1
        assert subscription.expires_at <= timezone.now()
        assert subscription.missed_since is None
        assert calendar.wanted == calendar.told

    @pytest.mark.parametrize("event", ["subscriptionRemoved", "missed", "somethingNew"])
    def test_has_fetched_what_was_missed(self, knock, subscription, calendar, event):
        heard_at = timezone.now() - timedelta(hours=3)
        Subscription.objects.update(heard_at=heard_at)

        answer = self.tell(knock, subscription, event)

        assert answer.status_code == HTTPStatus.ACCEPTED
        subscription.refresh_from_db()
        calendar.refresh_from_db()
        assert subscription.wanted == subscription.told + 1
        assert subscription.missed_since == heard_at
        assert subscription.heard_at == heard_at
        assert calendar.wanted == calendar.told + 1

    def test_keeps_the_earliest_moment_since_which_something_is_missing(self, knock, subscription, calendar):
        long_ago = timezone.now() - timedelta(days=1)
        Subscription.objects.update(missed_since=long_ago)

        self.tell(knock, subscription, "missed")

        subscription.refresh_from_db()
        assert subscription.missed_since == long_ago

    def test_changes_nothing_for_whoever_guesses(self, knock, subscription, calendar):
        before = rows()

        guess = {"clientState": "guess", "lifecycleEvent": "subscriptionRemoved"}
        answer = knock({"value": [notice(subscription, **guess)]}, DOORS[1])

        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert rows() == before
