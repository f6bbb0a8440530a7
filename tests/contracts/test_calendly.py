import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
import yaml

from botaniqal.integrations.calendly import Answer, Calendly, InviteeDraft, Location, uuid_of
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from tests.contracts.conftest import SPECS, breaches, untested

PAYLOADS = Path(__file__).parent.parent / "payloads" / "calendly"
API = "https://api.calendly.com"
ORGANIZATION = f"{API}/organizations/OR0CLINIC"
EVENT_TYPE = f"{API}/event_types/ET0ALTINIT15"
USER = f"{API}/users/US0DRDIA"
# What the contract's own examples answer.
START = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
EVENT = f"{API}/scheduled_events/EV0000000001"
INVITEE = f"{EVENT}/invitees/IV0000000001"
MARK = "booking-0b8f"
TODAY = datetime.now(UTC)
SPAN = {"organization": ORGANIZATION, "min_start": START, "max_start": START + timedelta(days=40)}


def draft(**kwargs: Any) -> InviteeDraft:
    return InviteeDraft(
        **{
            "event_type_uri": EVENT_TYPE,
            "starts_at": START,
            "name": "Pat Example",
            "email": "pat@example.com",
            "timezone": "Australia/Melbourne",
            "utm_content": MARK,
            **kwargs,
        }
    )


FULL_DRAFT = draft(
    phone="+61412345678",
    location=Location(kind="outbound_call", place="+61412345678"),
    answers=(Answer(question="Mobile", answer="+61412345678", position=0),),
)

READS: dict[str, Callable[[Calendly], Any]] = {
    "me": lambda calendly: calendly.me(),
    "event_types": lambda calendly: calendly.event_types(organization=ORGANIZATION),
    "available_times": lambda calendly: calendly.available_times(
        event_type=EVENT_TYPE, start=START, end=START + timedelta(days=40)
    ),
    "event_type": lambda calendly: calendly.event_type("ET0ALTINIT15"),
    "busy_times": lambda calendly: calendly.busy_times(
        user=USER, start=TODAY - timedelta(days=1), end=TODAY + timedelta(days=20)
    ),
    "schedules": lambda calendly: calendly.schedules(user=USER),
    "events": lambda calendly: list(calendly.events(**SPAN)),
    "events_that_stand": lambda calendly: list(calendly.events(**SPAN, status="active")),
    "raw_events": lambda calendly: list(calendly.raw_events(**SPAN, status="canceled")),
    "event": lambda calendly: calendly.event("EV0000000001"),
    "raw_event": lambda calendly: calendly.raw_event("EV0000000001"),
    "invitees": lambda calendly: list(calendly.invitees("EV0000000001")),
    "raw_invitees": lambda calendly: list(calendly.raw_invitees("EV0000000001")),
    "webhook_subscriptions": lambda calendly: calendly.webhook_subscriptions(organization=ORGANIZATION),
    "webhook_subscription": lambda calendly: calendly.webhook_subscription("WH01"),
    "find_invitee": lambda calendly: calendly.find_invitee(
        organization=ORGANIZATION, email="pat@example.com", starts_at=START, utm_content=MARK
    ),
    "marked_invitees": lambda calendly: list(
        calendly.marked_invitees(
            organization=ORGANIZATION,
            email="pat@example.com",
            since=START,
            until=START + timedelta(days=40),
            utm_content=MARK,
        )
    ),
}
WRITES: dict[str, Callable[[Calendly], Any]] = {
    "create_invitee": lambda calendly: calendly.create_invitee(draft()),
    "create_invitee_in_full": lambda calendly: calendly.create_invitee(FULL_DRAFT),
    "create_invitee_by_zoom": lambda calendly: calendly.create_invitee(
        draft(location=Location(kind="zoom_conference"))
    ),
    "cancel_event": lambda calendly: calendly.cancel_event("EV0000000001", reason="Patient asked"),
    "create_link": lambda calendly: calendly.create_link(EVENT_TYPE),
    "mark_no_show": lambda calendly: calendly.mark_no_show(INVITEE),
    "unmark_no_show": lambda calendly: calendly.unmark_no_show("NS01"),
    "create_webhook_subscription": lambda calendly: calendly.create_webhook_subscription(
        url="https://portal.example.com/hooks/calendly",
        events={"invitee.created", "invitee.canceled", "invitee_no_show.created", "invitee_no_show.deleted"},
        organization=ORGANIZATION,
        signing_key="k" * 40,
    ),
    "delete_webhook_subscription": lambda calendly: calendly.delete_webhook_subscription("WH01"),
}
OPERATIONS = READS | WRITES
# The contract has no 500 for these.
NEVER_BROKEN = {"webhook_subscriptions", "webhook_subscription", "create_webhook_subscription"}


@pytest.fixture
def calendly(calendly_url: str) -> Calendly:
    return Calendly(base_url=calendly_url, token="t", timeout=10)


def calendly_that_answers(url: str, status: int) -> Calendly:
    return Calendly(base_url=url, token="t", timeout=10, headers={"Prefer": f"code={status}"})


class TestRequests:
    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    def test_keep_to_the_contract(
        self, calendly: Calendly, answers: list[requests.Response], operation: Callable[[Calendly], Any]
    ) -> None:
        operation(calendly)

        assert answers
        assert breaches(answers) == []

    def test_are_all_here(self) -> None:
        assert untested(Calendly, OPERATIONS.values()) == set()

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    @pytest.mark.parametrize("status", [401, 403])
    def test_are_refused_by_the_vendor(
        self, calendly_url: str, operation: Callable[[Calendly], Any], status: int
    ) -> None:
        with pytest.raises(VendorRefused) as caught:
            operation(calendly_that_answers(calendly_url, status))

        assert caught.value.status == status

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    def test_are_tried_when_the_vendor_has_room_again(
        self, calendly_url: str, operation: Callable[[Calendly], Any]
    ) -> None:
        with pytest.raises(VendorUnavailable) as caught:
            operation(calendly_that_answers(calendly_url, 429))

        assert (caught.value.is_ambiguous, caught.value.retry_after) == (False, 60)

    @pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - NEVER_BROKEN))
    def test_are_tried_when_the_vendor_works_again(self, calendly_url: str, name: str) -> None:
        with pytest.raises(VendorUnavailable) as caught:
            OPERATIONS[name](calendly_that_answers(calendly_url, 500))

        assert (caught.value.is_ambiguous, caught.value.retry_after) == (name in WRITES, None)

    def test_are_refused_by_name_of_the_bad_field(self, calendly_url: str) -> None:
        with pytest.raises(VendorRefused) as caught:
            calendly_that_answers(calendly_url, 400).create_invitee(draft())

        assert (caught.value.status, caught.value.parameters) == (400, ("start_time",))

    def test_miss_an_event_that_is_gone(self, calendly_url: str) -> None:
        with pytest.raises(VendorRefused) as caught:
            calendly_that_answers(calendly_url, 404).event("EV0000000001")

        assert caught.value.status == 404

    def test_find_an_address_that_is_subscribed_already(self, calendly_url: str) -> None:
        with pytest.raises(VendorRefused) as caught:
            OPERATIONS["create_webhook_subscription"](calendly_that_answers(calendly_url, 409))

        assert caught.value.status == 409

    @pytest.mark.parametrize("operation", ["unmark_no_show", "delete_webhook_subscription"])
    def test_take_back_what_is_gone(self, calendly_url: str, operation: str) -> None:
        OPERATIONS[operation](calendly_that_answers(calendly_url, 404))

    def test_are_held_to_the_contract_at_all(self, calendly: Calendly) -> None:
        with pytest.raises(VendorRefused) as caught:
            calendly.create_invitee(draft(email="no address"))

        assert caught.value.status == 422


class TestAnswers:
    def test_are_understood(self, calendly: Calendly) -> None:
        user = calendly.me()
        [event_type] = calendly.event_types(organization=ORGANIZATION)
        event = calendly.event(uuid_of(EVENT))
        invitee = calendly.create_invitee(draft())

        assert user.organization == ORGANIZATION
        assert event_type.uri == EVENT_TYPE
        assert (event.uri, event.starts_at, event.is_active) == (EVENT, START, True)
        assert (invitee.event_uri, invitee.utm_content, invitee.is_active) == (EVENT, MARK, True)

    def test_say_when_a_member_is_taken(self, calendly: Calendly) -> None:
        own, external = OPERATIONS["busy_times"](calendly)
        [schedule] = calendly.schedules(user=USER)

        assert (own.kind, own.event_uri, own.ends_at - own.starts_at) == ("calendly", EVENT, timedelta(minutes=15))
        assert (external.kind, external.event_uri) == ("external", None)
        assert (schedule.timezone, schedule.is_default) == ("Australia/Sydney", True)
        assert [(rule.weekday, rule.intervals) for rule in schedule.rules] == [("monday", ((time(9), time(17)),))]

    def test_lead_to_links_notes_and_subscriptions(self, calendly: Calendly) -> None:
        subscription = calendly.webhook_subscription("WH01")

        assert calendly.create_link(EVENT_TYPE) == "https://calendly.com/d/abcd-efg-hij"
        assert calendly.mark_no_show(INVITEE) == "NS01"
        assert calendly.webhook_subscriptions(organization=ORGANIZATION) == [subscription]
        assert (subscription.is_active, subscription.retrying_since) == (True, None)

    def test_hold_all_that_a_delivery_says(self, calendly: Calendly) -> None:
        [event] = calendly.raw_events(**SPAN)
        [invitee] = calendly.raw_invitees(uuid_of(event["uri"]))
        spec = yaml.safe_load((SPECS / "calendly.yaml").read_text())
        schema = {"$ref": "#/components/schemas/InviteePayload", "components": spec["components"]}

        jsonschema.Draft202012Validator(schema).validate(invitee | {"scheduled_event": event})

    def test_hold_the_invitee_that_was_asked_for(self, calendly: Calendly) -> None:
        def find(utm_content: str) -> Any:
            return calendly.find_invitee(
                organization=ORGANIZATION, email="pat@example.com", starts_at=START, utm_content=utm_content
            )

        assert find(MARK).event_uri == EVENT
        assert find("another") is None


class TestPayloads:
    @pytest.mark.parametrize("name", sorted(path.stem for path in PAYLOADS.glob("invitee*.json")))
    def test_keep_to_the_contract(self, name: str) -> None:
        spec = yaml.safe_load((SPECS / "calendly.yaml").read_text())
        schema = {"$ref": "#/components/schemas/InviteeWebhook", "components": spec["components"]}
        payload = json.loads((PAYLOADS / f"{name}.json").read_text())

        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(payload)
