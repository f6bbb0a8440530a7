import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from botaniqal.integrations.calendly import Answer, Calendly, InviteeDraft, Location, uuid_of
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from tests.contracts.conftest import SPECS

PAYLOADS = Path(__file__).parent.parent / "payloads" / "calendly"
API = "https://api.calendly.com"
ORGANIZATION = f"{API}/organizations/OR0CLINIC"
EVENT_TYPE = f"{API}/event_types/ET0ALTINIT15"
# What the contract's own examples answer.
START = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
EVENT = f"{API}/scheduled_events/EV0000000001"
MARK = "booking-0b8f"


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
    "event": lambda calendly: calendly.event("EV0000000001"),
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
}
OPERATIONS = READS | WRITES


@pytest.fixture
def calendly(calendly_url: str) -> Calendly:
    return Calendly(base_url=calendly_url, token="t", timeout=10)


def calendly_that_answers(url: str, status: int) -> Calendly:
    return Calendly(base_url=url, token="t", timeout=10, headers={"Prefer": f"code={status}"})


class TestRequests:
    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    def test_keep_to_the_contract(self, calendly: Calendly, operation: Callable[[Calendly], Any]) -> None:
        operation(calendly)

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    @pytest.mark.parametrize("status", [401, 403])
    def test_are_refused_by_the_vendor(
        self, calendly_url: str, operation: Callable[[Calendly], Any], status: int
    ) -> None:
        with pytest.raises(VendorRefused) as caught:
            operation(calendly_that_answers(calendly_url, status))

        assert caught.value.status == status

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    @pytest.mark.parametrize(("status", "wait"), [(429, 60), (500, None)])
    def test_are_tried_later(
        self, calendly_url: str, operation: Callable[[Calendly], Any], status: int, wait: int | None
    ) -> None:
        with pytest.raises(VendorUnavailable) as caught:
            operation(calendly_that_answers(calendly_url, status))

        assert caught.value.is_ambiguous is (status == 500 and operation in WRITES.values())
        assert caught.value.retry_after == wait

    def test_are_refused_by_name_of_the_bad_field(self, calendly_url: str) -> None:
        with pytest.raises(VendorRefused) as caught:
            calendly_that_answers(calendly_url, 400).create_invitee(draft())

        assert (caught.value.status, caught.value.parameters) == (400, ("start_time",))

    def test_miss_an_event_that_is_gone(self, calendly_url: str) -> None:
        with pytest.raises(VendorRefused) as caught:
            calendly_that_answers(calendly_url, 404).event("EV0000000001")

        assert caught.value.status == 404

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
