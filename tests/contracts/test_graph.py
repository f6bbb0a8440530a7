from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from botaniqal.integrations.graph import EventDraft, Graph, SyncStateLost
from botaniqal.integrations.graph_tokens import Tokens
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from tests.contracts.conftest import prism

MAILBOX = "dr.dia@example.com"
# What the contract's own examples answer.
START = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
EVENT = "AAMkAGI1AAAt9AHjAAA="
REMOVED = "AAMkAGI1AAAt9AHkAAA="
SUBSCRIPTION = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"
BOOKING = "0b8f0000-0000-4000-8000-000000000001"
DELTA_LINK = "/users/u1/calendarView/delta?$deltatoken=R0usmcCM996atia_s"

DRAFT = EventDraft(
    subject="Visit B-1042",
    starts_at=START,
    ends_at=START + timedelta(minutes=15),
    body="B-1042 in the portal.",
    location="https://zoom.us/j/1",
    categories=("Alternative medicine",),
    booking_id=BOOKING,
    service="Alternative medicine",
    minutes=15,
    practitioner="Dr Dia",
    price=Decimal("119.00"),
)

READS: dict[str, Callable[[Graph], Any]] = {
    "get_event": lambda graph: graph.get_event(MAILBOX, EVENT),
    "find_event": lambda graph: graph.find_event(MAILBOX, "it's this one"),
    "own_events": lambda graph: graph.own_events(MAILBOX, START, START + timedelta(days=60)),
    "calendar_view_delta": lambda graph: graph.calendar_view_delta(MAILBOX, START, START + timedelta(days=60)),
    "go_on": lambda graph: graph.go_on(f"{graph._base_url}{DELTA_LINK}"),
    "subscriptions": lambda graph: graph.subscriptions(),
    "get_subscription": lambda graph: graph.get_subscription(SUBSCRIPTION),
}
WRITES: dict[str, Callable[[Graph], Any]] = {
    "create_event": lambda graph: graph.create_event(MAILBOX, DRAFT, transaction_id="b7a8"),
    "update_event": lambda graph: graph.update_event(MAILBOX, EVENT, DRAFT),
    "delete_event": lambda graph: graph.delete_event(MAILBOX, EVENT),
    "cancel_event": lambda graph: graph.cancel_event(MAILBOX, EVENT, comment="The clinic cancelled it."),
    # It changes nothing, but it is sent as if it did.
    "schedule": lambda graph: graph.schedule([MAILBOX], START, START + timedelta(days=7)),
    "create_subscription": lambda graph: graph.create_subscription(
        mailbox=MAILBOX,
        notification_url="https://portal.example.com/webhooks/graph",
        lifecycle_url="https://portal.example.com/webhooks/graph/lifecycle",
        client_state="x" * 128,
        expires_at=START + timedelta(days=2),
    ),
    "renew_subscription": lambda graph: graph.renew_subscription(SUBSCRIPTION, expires_at=START + timedelta(days=2)),
    "reauthorize_subscription": lambda graph: graph.reauthorize_subscription(SUBSCRIPTION),
    "delete_subscription": lambda graph: graph.delete_subscription(SUBSCRIPTION),
}
OPERATIONS = READS | WRITES
# What is gone is what they wanted, or an answer by itself.
FINE_WHEN_GONE = {"get_event", "get_subscription", "delete_event", "cancel_event", "delete_subscription"}


@pytest.fixture(scope="session")
def graph_url() -> Iterator[str]:
    with prism("msgraph") as url:
        yield url


@pytest.fixture(scope="session")
def tokens(graph_url: str) -> Tokens:
    return Tokens(login_url=graph_url, tenant="contoso", client_id="c", client_secret="s", timeout=10)


@pytest.fixture
def graph(graph_url: str, tokens: Tokens) -> Graph:
    return Graph(base_url=graph_url, tokens=tokens, timeout=10)


def graph_that_answers(url: str, tokens: Tokens, status: int) -> Graph:
    return Graph(base_url=url, tokens=tokens, timeout=10, prefer=f"code={status}")


class TestRequests:
    def test_are_all_tried_here(self) -> None:
        calls = {name for name, value in vars(Graph).items() if callable(value) and not name.startswith("_")}

        assert calls == OPERATIONS.keys()

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    def test_keep_to_the_contract(self, graph: Graph, operation: Callable[[Graph], Any]) -> None:
        operation(graph)

    def test_for_a_token_keep_to_the_contract(self, tokens: Tokens) -> None:
        assert tokens.instead_of(tokens.current()) == "mock-graph-token"

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    @pytest.mark.parametrize("status", [401, 403])
    def test_are_refused_by_the_vendor(
        self, graph_url: str, tokens: Tokens, operation: Callable[[Graph], Any], status: int
    ) -> None:
        with pytest.raises(VendorRefused) as caught:
            operation(graph_that_answers(graph_url, tokens, status))

        assert caught.value.status == status

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    @pytest.mark.parametrize("status", [429, 503])
    def test_are_tried_later(
        self, graph_url: str, tokens: Tokens, operation: Callable[[Graph], Any], status: int
    ) -> None:
        with pytest.raises(VendorUnavailable) as caught:
            operation(graph_that_answers(graph_url, tokens, status))

        assert caught.value.is_ambiguous is (status == 503 and operation in WRITES.values())
        assert caught.value.retry_after == 10

    @pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - FINE_WHEN_GONE))
    def test_miss_what_is_gone(self, graph_url: str, tokens: Tokens, name: str) -> None:
        with pytest.raises(VendorRefused) as caught:
            OPERATIONS[name](graph_that_answers(graph_url, tokens, 404))

        assert (caught.value.status, caught.value.parameters) == (404, ("ErrorItemNotFound",))

    @pytest.mark.parametrize("name", sorted(FINE_WHEN_GONE))
    def test_do_not_mind_what_is_gone(self, graph_url: str, tokens: Tokens, name: str) -> None:
        assert OPERATIONS[name](graph_that_answers(graph_url, tokens, 404)) is None

    @pytest.mark.parametrize("name", ["calendar_view_delta", "go_on"])
    def test_begin_anew_where_the_vendor_lost_its_place(self, graph_url: str, tokens: Tokens, name: str) -> None:
        with pytest.raises(SyncStateLost):
            OPERATIONS[name](graph_that_answers(graph_url, tokens, 410))

    def test_are_held_to_the_contract_at_all(self, graph: Graph) -> None:
        with pytest.raises(VendorRefused) as caught:
            graph.create_subscription(
                mailbox=MAILBOX,
                notification_url="http://portal.example.com/",
                lifecycle_url="https://portal.example.com/",
                client_state="s",
                expires_at=START,
            )

        assert caught.value.status == 422


class TestAnswers:
    def test_are_understood(self, graph: Graph) -> None:
        event = graph.get_event(MAILBOX, EVENT)
        [listed] = graph.own_events(MAILBOX, START, START + timedelta(days=1))
        [schedule] = graph.schedule([MAILBOX], START, START + timedelta(days=1))
        subscription = graph.get_subscription(SUBSCRIPTION)

        assert (event.id, event.starts_at, event.ends_at) == (EVENT, START, START + timedelta(minutes=15))
        assert (event.show_as, event.is_cancelled, event.is_all_day) == ("busy", False, False)
        assert listed == event
        assert [(item.starts_at, item.show_as) for item in schedule.items] == [(START, "busy")]
        assert (subscription.id, subscription.expires_at) == (SUBSCRIPTION, datetime(2026, 11, 24, tzinfo=UTC))

    def test_tell_what_changed_and_what_is_gone(self, graph: Graph) -> None:
        changes = graph.calendar_view_delta(MAILBOX, START, START + timedelta(days=1))

        assert [(change.id, change.is_removed) for change in changes.events] == [(EVENT, False), (REMOVED, True)]
        assert changes.delta_link == f"https://graph.microsoft.com/v1.0{DELTA_LINK}"
