"""The stand-in for Graph tells what has changed: to who asks, and to who wants to be told."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.sandbox.graph_door import MAILBOX, START, subscription_body, wall_time
from tests.sandbox.graph_rows import OTHER, code_of, ids
from tests.sandbox_server import ENVIRONMENT


class TestDelta:
    def test_tells_changes_in_their_order(self, graph):
        first, second = graph.create(), graph.create(START + timedelta(hours=1))
        page = graph.delta()
        assert ids(page) == [first["id"], second["id"]]

        third = graph.create(START + timedelta(hours=2))
        graph.call("DELETE", f"users/{MAILBOX}/events/{second['id']}")
        graph.call("PATCH", f"users/{MAILBOX}/events/{first['id']}", json={"subject": "Changed"})
        changes = graph.since(page)

        assert ids(changes) == [third["id"], second["id"], first["id"]]
        assert changes["value"][1] == {"id": second["id"], "@removed": {"reason": "deleted"}}
        assert changes["value"][2]["subject"] == "Changed"

    def test_tells_the_same_again_for_the_same_link(self, graph):
        page = graph.delta()
        made = graph.create()

        again = [ids(graph.since(page)) for _ in range(2)]

        assert again == [[made["id"]]] * 2
        assert ids(graph.since(graph.since(page))) == []

    def test_tells_what_moved_out_and_in(self, graph):
        leaves, comes = graph.create(), graph.create(START + timedelta(days=30))
        page = graph.delta()

        for event, start in ((leaves, START + timedelta(days=30)), (comes, START)):
            times = {"start": wall_time(start), "end": wall_time(start + timedelta(minutes=15))}
            graph.call("PATCH", f"users/{MAILBOX}/events/{event['id']}", json=times)
        out, into = graph.since(page)["value"]

        assert out == {"id": leaves["id"], "@removed": {"reason": "changed"}}
        assert (into["id"], into["start"]["dateTime"]) == (comes["id"], "2026-12-01T03:00:00.0000000")

    def test_says_nothing_of_what_came_and_went_unseen(self, graph):
        far = graph.create(START + timedelta(days=300))
        page = graph.delta()
        graph.call("PATCH", f"users/{MAILBOX}/events/{far['id']}", json={"subject": "Still far away"})
        graph.create(START + timedelta(days=300))

        graph.call("DELETE", f"users/{MAILBOX}/events/{graph.create()['id']}")
        graph.create(mailbox=OTHER)

        assert graph.since(page)["value"] == []

    def test_comes_in_pages_of_the_size_asked_for(self, graph):
        made = [graph.create(START + timedelta(minutes=15 * number))["id"] for number in range(5)]

        pages = [graph.delta(prefer="odata.maxpagesize=2")]
        while "@odata.nextLink" in pages[-1]:
            pages.append(graph.since(pages[-1], prefer="odata.maxpagesize=2"))

        assert [len(page["value"]) for page in pages] == [2, 2, 1]
        assert [id for page in pages for id in ids(page)] == made
        assert "@odata.deltaLink" in pages[-1]

    def test_tells_within_the_round_what_was_deleted_after_its_page(self, graph):
        first, second = graph.create(), graph.create(START + timedelta(hours=1))
        page = graph.delta(prefer="odata.maxpagesize=1")
        assert ids(page) == [first["id"]]

        graph.call("DELETE", f"users/{MAILBOX}/events/{first['id']}")
        rest = graph.since(page)

        assert ids(rest) == [second["id"], first["id"]]
        assert "@removed" in rest["value"][1]

    def test_is_gone_when_the_dial_says_so(self, sandbox, graph):
        page = graph.delta()
        sandbox.faults("graph", "delta_gone", calls=1)

        gone = graph.follow(page["@odata.deltaLink"])

        assert code_of(gone) == (410, "SyncStateNotFound")
        assert graph.follow(page["@odata.deltaLink"]).status_code == 200

    @pytest.mark.parametrize("lose", ["sync-state", "reset"])
    def test_is_gone_with_the_state(self, sandbox, graph, lose):
        link = graph.delta()["@odata.deltaLink"]

        if lose == "reset":
            sandbox.reset()
            del graph.__dict__["token"]
        else:
            sandbox.control("DELETE", "graph/sync-state", json={"mailbox": MAILBOX})

        assert code_of(graph.follow(link)) == (410, "SyncStateNotFound")

    @pytest.mark.parametrize("token", ["", "x", "bnVsbA==", "e30=", "W10=", "%00", "A" * 20_000])
    def test_refuses_a_token_that_is_none(self, graph, token):
        response = graph.call("GET", f"users/{MAILBOX}/calendarView/delta?$deltatoken={token}")

        assert response.status_code == 400

    def test_refuses_the_token_of_another_mailbox(self, graph):
        link = graph.delta()["@odata.deltaLink"]

        assert graph.follow(link.replace(MAILBOX, OTHER)).status_code == 400

    @pytest.mark.parametrize(
        "span", [{}, {"startDateTime": "2026-12-01T00:00:00Z"}, {"startDateTime": "x", "endDateTime": "y"}]
    )
    def test_refuses_a_span_that_is_none(self, graph, span):
        assert graph.call("GET", f"users/{MAILBOX}/calendarView/delta", params=span).status_code == 400


class TestSubscribe:
    def subscribe(self, graph, hook, **fields):
        return graph.call("POST", "subscriptions", json=subscription_body(hook, **fields))

    def test_shakes_hands_at_both_addresses(self, graph, hook):
        made = self.subscribe(graph, hook)

        assert made.status_code == 201
        assert [path for path, _ in hook.tokens] == ["/changes", "/lifecycle"]
        assert all(" " in token and ":" in token for _, token in hook.tokens)
        assert graph.call("GET", f"subscriptions/{made.json()['id']}").json()["clientState"] is None

    @pytest.mark.parametrize("path", ["/changes", "/lifecycle"])
    @pytest.mark.parametrize("wrong", [{"status": 202}, {"type": "text/html"}, {"body": "another"}], ids=str)
    def test_does_not_trust_an_address_that_answers_otherwise(self, graph, hook, path, wrong):
        hook.shakes[path] = wrong

        assert code_of(self.subscribe(graph, hook)) == (400, "ValidationError")
        assert graph.call("GET", "subscriptions").json()["value"] == []

    def test_does_not_trust_an_address_where_nobody_is(self, graph, hook):
        response = self.subscribe(graph, hook, notificationUrl="http://127.0.0.1:9/changes")

        assert code_of(response) == (400, "ValidationError")

    @pytest.mark.parametrize(
        "fields",
        [
            {"notificationUrl": "http://portal.example.com/hook"},
            {"notificationUrl": "file:///etc/passwd"},
            {"resource": "users"},
            {"resource": "users/nobody/messages"},
            {"changeType": "all"},
            {"clientState": "x" * 129},
            {"expirationDateTime": "2020-01-01T00:00:00Z"},
            {"expirationDateTime": "2099-01-01T00:00:00Z"},
            {"expirationDateTime": "tomorrow"},
        ],
        ids=str,
    )
    def test_refuses_what_graph_would(self, graph, hook, fields):
        assert self.subscribe(graph, hook, **fields).status_code == 400

    def test_raises_a_short_life_to_45_minutes(self, graph, hook):
        soon = datetime.now(UTC) + timedelta(minutes=1)

        made = self.subscribe(graph, hook, expirationDateTime=soon.isoformat()).json()

        left = datetime.fromisoformat(made["expirationDateTime"]) - datetime.now(UTC)
        assert timedelta(minutes=44) < left < timedelta(minutes=46)

    def test_lasts_until_it_is_renewed_or_ended(self, sandbox, graph, hook):
        one = f"subscriptions/{self.subscribe(graph, hook).json()['id']}"
        later = datetime.now(UTC) + timedelta(days=5)

        renewed = graph.call("PATCH", one, json={"expirationDateTime": later.isoformat()}).json()
        sandbox.control("POST", "graph/life", json={"event": "expired"})

        assert datetime.fromisoformat(renewed["expirationDateTime"]) == later
        for method in ("GET", "PATCH", "DELETE"):
            body = {"json": {"expirationDateTime": later.isoformat()}} if method == "PATCH" else {}
            assert graph.call(method, one, **body).status_code == 404
        assert graph.call("POST", f"{one}/reauthorize").status_code == 404


class TestNotify:
    @pytest.fixture
    def subscription(self, graph, hook):
        return graph.call("POST", "subscriptions", json=subscription_body(hook)).json()

    def test_tells_of_each_change_by_id_only(self, graph, hook, subscription):
        event = graph.create(subject="Secret")
        one = f"users/{MAILBOX}/events/{event['id']}"
        hook.wait_for(1)
        graph.call("PATCH", one, json={"subject": "Secret too"})
        hook.wait_for(2)
        graph.call("DELETE", one)

        notices = hook.wait_for(3)

        assert [notice["changeType"] for notice in notices] == ["created", "updated", "deleted"]
        assert {notice["path"] for notice in notices} == {"/changes"}
        assert {notice["resourceData"]["id"] for notice in notices} == {event["id"]}
        assert {notice["clientState"] for notice in notices} == {"only-graph-knows"}
        assert {notice["subscriptionId"] for notice in notices} == {subscription["id"]}
        assert {notice["tenantId"] for notice in notices} == {ENVIRONMENT["GRAPH_TENANT"]}
        assert "Secret" not in json.dumps(hook.arrived)

    def test_tells_a_burst_in_few_deliveries(self, graph, hook, subscription):
        sandbox_events = [graph.create(START + timedelta(minutes=15 * number))["id"] for number in range(20)]

        notices = hook.wait_for(20)

        assert [
            notice["resourceData"]["id"]
            for notice in sorted(notices, key=lambda one: sandbox_events.index(one["resourceData"]["id"]))
        ] == sandbox_events
        assert len(hook.arrived) < 20

    def test_tells_nobody_of_another_mailbox_or_another_kind_of_change(self, graph, hook):
        graph.call("POST", "subscriptions", json=subscription_body(hook, changeType="deleted"))

        for mailbox in (OTHER, MAILBOX):
            event = graph.create(mailbox=mailbox)
            graph.call("DELETE", f"users/{mailbox}/events/{event['id']}")

        assert [(notice["changeType"], notice["resourceData"]["id"]) for notice in hook.wait_for(1)] == [
            ("deleted", event["id"])
        ]

    def test_tries_again_until_the_portal_takes_it(self, graph, hook, subscription):
        hook.status = 500
        graph.create()
        hook.wait_for(1)

        hook.status = 202

        first, second = hook.wait_for(2)[:2]
        assert first == second

    def test_ends_with_the_subscription(self, sandbox, graph, hook, subscription):
        sandbox.faults("graph", "expired", calls=1)

        graph.create()

        assert graph.call("GET", f"subscriptions/{subscription['id']}").status_code == 404
        assert sandbox.state("graph")["deliveries"] == []

    @pytest.mark.parametrize("event", ["reauthorizationRequired", "subscriptionRemoved", "missed"])
    def test_tells_what_becomes_of_a_subscription(self, sandbox, graph, hook, subscription, event):
        met = sandbox.control("POST", "graph/life", json={"event": event, "mailbox": MAILBOX})["subscriptions"]

        [notice] = hook.wait_for(1)

        assert met == [subscription["id"]]
        assert (notice["path"], notice["lifecycleEvent"]) == ("/lifecycle", event)
        assert notice["subscriptionId"] == subscription["id"]
        still = graph.call("GET", f"subscriptions/{subscription['id']}").status_code
        assert still == (404 if event == "subscriptionRemoved" else 200)

    def test_says_nothing_where_it_expires(self, sandbox, graph, hook, subscription):
        assert sandbox.subscriptions("graph", "expired") == 1

        graph.create()

        assert sandbox.state("graph")["deliveries"] == []
        assert hook.arrived == []
