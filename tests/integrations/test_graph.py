"""How Graph is asked: tokens, every call, subscriptions."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from botaniqal.integrations.graph import Graph, client
from botaniqal.integrations.graph_shapes import BOOKING
from botaniqal.integrations.graph_tokens import Tokens
from botaniqal.integrations.http import VendorBusy, VendorRefused, VendorUnavailable
from botaniqal.integrations.limits import Limit, within
from tests.integrations.conftest import Vendor
from tests.integrations.graph_rows import (
    DELTA,
    KEY,
    MAILBOX,
    OTHER_KEY,
    SECRET,
    START,
    draft,
    event_row,
    page,
    refusal,
    tokens_of,
)


class TestTokens:
    def test_are_asked_for_by_the_application_s_secret(self, vendor: Vendor, tokens: Tokens) -> None:
        vendor.answers_with(KEY)

        assert tokens.current() == "key-1"
        assert vendor.seen[0].path == "/contoso/oauth2/v2.0/token"
        assert vendor.seen[0].json == {
            "client_id": "app",
            "client_secret": SECRET,
            "scope": "https://graph.microsoft.com/.default",
            "grant_type": "client_credentials",
        }

    def test_are_kept_until_shortly_before_they_end(self, vendor: Vendor, tokens: Tokens, time_machine: Any) -> None:
        vendor.answers_with(KEY)
        vendor.answers_with(OTHER_KEY)
        time_machine.move_to(START)
        first = tokens.current()

        time_machine.shift(3599 - 301)
        before = tokens.current()
        time_machine.shift(2)
        after = tokens.current()

        assert (first, before, after) == ("key-1", "key-1", "key-2")

    def test_are_asked_for_once_by_many_threads(self, vendor: Vendor, tokens: Tokens) -> None:
        vendor.answers_with(KEY)
        vendor.answers_with(OTHER_KEY)
        given: list[str] = []
        threads = [threading.Thread(target=lambda: given.append(tokens.current())) for _ in range(8)]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert given == ["key-1"] * 8
        assert len(vendor.seen) == 1

    def test_are_renewed_once_for_many_who_were_turned_away(self, vendor: Vendor, tokens: Tokens) -> None:
        vendor.answers_with(KEY)
        vendor.answers_with(OTHER_KEY)
        refused = tokens.current()

        assert [tokens.instead_of(refused) for _ in range(3)] == ["key-2"] * 3
        assert len(vendor.seen) == 2

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_are_refused_as_one_thing(self, vendor: Vendor, tokens: Tokens, status: int) -> None:
        vendor.answers_with({"error": "invalid_client", "error_description": SECRET}, status=status)

        with pytest.raises(VendorRefused) as caught:
            tokens.current()

        assert caught.value.status == 401
        assert SECRET not in str(caught.value)

    def test_leave_nothing_behind_that_could_have_been_done(self, vendor: Vendor, tokens: Tokens) -> None:
        vendor.answers_with(status=503, headers={"Retry-After": "7"})

        with pytest.raises(VendorUnavailable) as caught:
            tokens.current()

        assert (caught.value.is_ambiguous, caught.value.retry_after) == (False, 7)

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            [],
            None,
            {"access_token": "k"},
            {"expires_in": 5},
            KEY | {"access_token": ""},
            KEY | {"access_token": "two\r\nlines"},
            KEY | {"access_token": "schlüssel"},
            KEY | {"access_token": 5},
            KEY | {"expires_in": "soon"},
            KEY | {"expires_in": None},
        ],
        ids=str,
    )
    def test_do_not_take_nonsense_for_a_key(self, vendor: Vendor, tokens: Tokens, answer: Any) -> None:
        vendor.answers_with(answer)

        with pytest.raises(VendorUnavailable):
            tokens.current()

    @pytest.mark.parametrize("seconds", [-5, 0, "0"])
    def test_that_have_ended_are_asked_for_each_time(self, vendor: Vendor, tokens: Tokens, seconds: Any) -> None:
        for _ in range(2):
            vendor.answers_with(KEY | {"expires_in": seconds})
            tokens.current()

        assert len(vendor.seen) == 2

    @pytest.mark.parametrize("missing", ["tenant", "client_id", "client_secret"])
    def test_are_not_asked_for_in_nobody_s_name(self, vendor: Vendor, missing: str) -> None:
        with pytest.raises(VendorRefused):
            tokens_of(vendor.url, **{missing: ""}).current()

        assert vendor.seen == []


class TestClient:
    def test_goes_where_the_settings_say_with_one_key_for_all(self, vendor: Vendor, settings: Settings) -> None:
        settings.GRAPH_BASE_URL, settings.GRAPH_LOGIN_URL = f"{vendor.url}/v1.0", vendor.url
        settings.GRAPH_TENANT, settings.GRAPH_CLIENT_ID, settings.GRAPH_CLIENT_SECRET = "t", "a", SECRET
        vendor.answers_with(KEY)
        for _ in range(2):
            vendor.answers_with(event_row())

        for _ in range(2):
            client().get_event(MAILBOX, "E1")

        assert [seen.path for seen in vendor.seen] == [
            "/t/oauth2/v2.0/token",
            *["/v1.0/users/dr.dia%40example.com/events/E1"] * 2,
        ]
        assert vendor.seen[1].headers["Authorization"] == "Bearer key-1"
        assert vendor.seen[1].headers["Prefer"].startswith('IdType="ImmutableId", outlook.timezone="UTC"')


class TestEveryCall:
    def test_tries_once_more_with_another_key(self, vendor: Vendor, graph: Graph) -> None:
        vendor.answers_with(refusal("InvalidAuthenticationToken"), status=401)
        vendor.answers_with(OTHER_KEY)
        vendor.answers_with(event_row(), status=201)

        graph.create_event(MAILBOX, draft(), transaction_id="t1")

        assert [seen.headers.get("Authorization") for seen in vendor.seen] == [
            None,
            "Bearer key-1",
            None,
            "Bearer key-2",
        ]
        assert vendor.seen[1].json == vendor.seen[3].json

    def test_gives_up_when_the_other_key_is_turned_away_too(self, vendor: Vendor, graph: Graph) -> None:
        for answer in (KEY, OTHER_KEY)[1:]:
            vendor.answers_with(refusal("InvalidAuthenticationToken"), status=401)
            vendor.answers_with(answer)
        vendor.answers_with(refusal("InvalidAuthenticationToken"), status=401)

        with pytest.raises(VendorRefused) as caught:
            graph.get_event(MAILBOX, "E1")

        assert caught.value.status == 401
        assert len(vendor.seen) == 4

    def test_does_not_take_a_missing_tenant_for_a_missing_event(self, vendor: Vendor, tokens: Tokens) -> None:
        vendor.answers_with({"error": "invalid_request"}, status=404)

        with pytest.raises(VendorRefused) as caught:
            Graph(base_url=vendor.url, tokens=tokens, timeout=5).get_event(MAILBOX, "E1")

        assert caught.value.status == 401

    def test_says_nothing_of_keys_people_or_mailboxes(
        self, vendor: Vendor, graph: Graph, caplog: pytest.LogCaptureFixture
    ) -> None:
        vendor.answers_with(refusal("ErrorAccessDenied"), status=403)

        with pytest.raises(VendorRefused) as caught:
            graph.get_event(MAILBOX, "E1")

        assert str(caught.value) == "Graph GET /users/{mailbox}/events/{id}: 403 (ErrorAccessDenied)"
        assert not [word for word in (SECRET, "key-1", MAILBOX, "Pat") if word in caplog.text]

    @pytest.mark.parametrize(
        "answer",
        [
            None,
            [],
            5,
            {},
            event_row(id=5),
            event_row(changeKey=None),
            event_row(start=None),
            event_row(start={"dateTime": "2026-12-01T03:00:00"}),
            event_row(start={"dateTime": "2026-12-01T03:00:00", "timeZone": "AUS Eastern Standard Time"}),
            event_row(start={"dateTime": "2026-12-01T03:00:00+11:00", "timeZone": "UTC"}),
            event_row(start={"dateTime": "yesterday", "timeZone": "UTC"}),
            event_row(start={"dateTime": 5, "timeZone": []}),
            event_row(showAs={"is": "busy"}),
            event_row(location="Zoom"),
            event_row(singleValueExtendedProperties=[5]),
            event_row(singleValueExtendedProperties=[{"id": BOOKING}]),
        ],
        ids=str,
    )
    def test_takes_nonsense_for_no_answer(self, vendor: Vendor, graph: Graph, answer: Any) -> None:
        vendor.answers_with(answer)

        with pytest.raises(VendorUnavailable, match="not what it promised"):
            graph.get_event(MAILBOX, "E1")

    @pytest.mark.parametrize(
        "raw",
        [b"<html>", b"[" * 100_000, b'{"id": ' + b"9" * 10_000 + b"}", b"\xff" * 1000, b'"' + b"x" * 20_000_000],
        ids=["html", "deep", "number", "bytes", "huge"],
    )
    def test_takes_what_is_not_json_for_no_answer(self, vendor: Vendor, graph: Graph, raw: bytes) -> None:
        vendor.answers_with(raw=raw)

        with pytest.raises(VendorUnavailable):
            graph.get_event(MAILBOX, "E1")

    def test_waits_while_three_of_a_mailbox_are_under_way(self, vendor: Vendor, tokens: Tokens) -> None:
        vendor.answers_with(KEY)
        vendor.answers_with(event_row())
        limit = Limit("graph", at_once=3)
        graph = Graph(base_url=vendor.url, tokens=tokens, timeout=5, limit=limit)
        place = Limit(f"graph:{MAILBOX}", at_once=3)

        with within(place, vendor="Graph"), within(place, vendor="Graph"), within(place, vendor="Graph"):
            with pytest.raises(VendorBusy):
                graph.get_event(MAILBOX.upper(), "E1")
            with pytest.raises(VendorBusy):
                graph.go_on(f"{vendor.url}{DELTA}?$deltatoken=x")
            another = graph.get_event("dr.shivani@example.com", "E1")

        assert another.id == "E1"


class TestSubscriptions:
    def test_are_refused_where_nobody_shakes_hands(self, stand_in: Graph) -> None:
        with pytest.raises(VendorRefused) as caught:
            stand_in.create_subscription(
                mailbox=MAILBOX,
                notification_url="http://127.0.0.1:9/graph",
                lifecycle_url="http://127.0.0.1:9/graph/lifecycle",
                client_state="s",
                expires_at=datetime.now(UTC) + timedelta(days=2),
            )

        assert (caught.value.status, caught.value.parameters) == (400, ("ValidationError",))
        assert stand_in.subscriptions() == []

    def test_are_made_renewed_and_ended(self, vendor: Vendor, graph: Graph) -> None:
        row = {
            "id": "S1",
            "resource": f"users/{MAILBOX}/events",
            "notificationUrl": "https://portal.example.com/graph",
            "expirationDateTime": "2026-12-03T03:00:00.1234567Z",
        }
        vendor.answers_with(row, status=201)
        vendor.answers_with(row)
        vendor.answers_with(page(row, nextLink=f"{vendor.url}/v1.0/subscriptions?$skiptoken=1"))
        vendor.answers_with(page(row))
        for _ in range(2):
            vendor.answers_with(status=204)
        vendor.answers_with(refusal("ResourceNotFound"), status=404)

        made = graph.create_subscription(
            mailbox=MAILBOX,
            notification_url=row["notificationUrl"],
            lifecycle_url="https://portal.example.com/graph/lifecycle",
            client_state="s",
            expires_at=START,
        )
        renewed = graph.renew_subscription("S1", expires_at=START + timedelta(days=1))
        listed = graph.subscriptions()
        graph.reauthorize_subscription("S1")
        graph.delete_subscription("S1")
        gone = graph.get_subscription("S1")

        assert vendor.seen[1].json == {
            "changeType": "created,updated,deleted",
            "notificationUrl": "https://portal.example.com/graph",
            "lifecycleNotificationUrl": "https://portal.example.com/graph/lifecycle",
            "resource": f"users/{MAILBOX}/events",
            "expirationDateTime": "2026-12-01T03:00:00Z",
            "clientState": "s",
        }
        assert vendor.seen[2].json == {"expirationDateTime": "2026-12-02T03:00:00Z"}
        assert made.expires_at == datetime(2026, 12, 3, 3, 0, 0, 123456, tzinfo=UTC)
        assert listed == [made, renewed]
        assert gone is None
