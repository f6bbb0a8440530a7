"""The stand-in for Graph, called over HTTP as the portal calls it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.sandbox.graph_door import BOOKING, MAILBOX, START, event_body, subscription_body, wall_time
from tests.sandbox_server import ENVIRONMENT

OTHER = "dr.shivani@example.com"
EXPAND = f"singleValueExtendedProperties($filter=id eq '{BOOKING}')"


def ids(page):
    return [row["id"] for row in page["value"]]


def marked(booking):
    return [{"id": BOOKING, "value": booking}]


def code_of(response):
    return response.status_code, response.json()["error"]["code"]


class TestToken:
    def test_opens_graph_until_it_ends(self, sandbox, graph):
        sandbox.control("POST", "graph/tokens", json={"seconds": 1})
        assert graph.ask_for_token().json()["expires_in"] == 1

        before = graph.call("GET", f"users/{MAILBOX}/events").status_code
        time.sleep(1.1)
        after = graph.call("GET", f"users/{MAILBOX}/events")

        assert before == 200
        assert code_of(after) == (401, "InvalidAuthenticationToken")

    def test_can_be_taken_back(self, sandbox, graph):
        assert graph.call("GET", "subscriptions").status_code == 200

        sandbox.control("DELETE", "graph/tokens")

        assert graph.call("GET", "subscriptions").status_code == 401

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer made-up", "Basic Zm9v"])
    def test_cannot_be_made_up(self, sandbox, header):
        response = requests.get(f"{sandbox.graph_url}/subscriptions", headers={"Authorization": header}, timeout=10)

        assert code_of(response) == (401, "InvalidAuthenticationToken")


class TestCreate:
    def test_keeps_what_it_was_told(self, graph):
        made = graph.create(sensitivity="private", categories=["Visit"], location={"displayName": "Zoom"})

        event = graph.call("GET", f"users/{MAILBOX}/events/{made['id']}").json()

        assert event == made
        assert event["start"] == {"dateTime": "2026-12-01T03:00:00.0000000", "timeZone": "UTC"}
        assert (event["showAs"], event["sensitivity"], event["categories"]) == ("busy", "private", ["Visit"])
        assert not [name for name in event if name.startswith("_")]

    def test_gives_the_first_event_for_the_same_transaction(self, graph):
        first = graph.create(transactionId="t1")

        again = graph.create(transactionId="t1")
        other_body = graph.create(START + timedelta(hours=1), transactionId="t1", subject="Another")
        other_mailbox = graph.create(transactionId="t1", mailbox=OTHER)

        assert first == again == other_body
        assert other_mailbox["id"] != first["id"]

    def test_gives_one_event_to_many_who_ask_at_once(self, sandbox, graph):
        graph.token  # noqa: B018 - asked for before the rush
        with ThreadPoolExecutor(8) as threads:
            made = set(threads.map(lambda _: graph.create(transactionId="t1")["id"], range(16)))

        assert len(made) == 1
        assert len(sandbox.state("graph")["events"]) == 1

    def test_forgets_the_transaction_of_a_deleted_event(self, graph):
        first = graph.create(transactionId="t1")
        graph.call("DELETE", f"users/{MAILBOX}/events/{first['id']}")

        assert graph.create(transactionId="t1")["id"] != first["id"]

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            {"subject": "x"},
            event_body(minutes=-5),
            event_body(startsAt="2026-12-01"),
            event_body(showAs="away"),
            event_body(start={"dateTime": "2026-12-01T03:00:00Z", "timeZone": "UTC"}),
            event_body(start={"dateTime": "2026-13-41T03:00:00", "timeZone": "UTC"}),
            event_body(start={"dateTime": "0001-01-01T00:00:00", "timeZone": "Australia/Melbourne"}),
            event_body(start={"dateTime": "2026-12-01T03:00:00", "timeZone": "../UTC"}),
            event_body(isAllDay=True),
            event_body(singleValueExtendedProperties=[{"id": "booking", "value": "1"}]),
        ],
        ids=range(12),
    )
    def test_refuses_what_graph_would(self, graph, body):
        response = graph.call("POST", f"users/{MAILBOX}/events", json=body)

        assert response.status_code == 400, response.text
        assert graph.call("GET", f"users/{MAILBOX}/events").json()["value"] == []

    @pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"null", b'"' + b"x" * 100_000 + b'"', b"[" * 100_000])
    def test_refuses_a_body_that_is_none(self, graph, raw):
        response = graph.call("POST", f"users/{MAILBOX}/events", data=raw)

        assert response.status_code == 400

    def test_does_not_know_who_has_no_address(self, graph):
        response = graph.call("POST", "users/nobody/events", json=event_body())

        assert code_of(response) == (404, "ErrorInvalidUser")

    def test_does_not_know_a_mailbox_that_was_taken_away(self, sandbox, graph):
        graph.create()

        sandbox.control("POST", "graph/mailboxes", json={"mailbox": MAILBOX, "exists": False})
        gone = graph.call("GET", f"users/{MAILBOX}/events")
        sandbox.control("POST", "graph/mailboxes", json={"mailbox": MAILBOX, "exists": True})
        back = graph.call("GET", f"users/{MAILBOX}/events")

        assert code_of(gone) == (404, "ErrorInvalidUser")
        assert len(back.json()["value"]) == 1


class TestTimes:
    @pytest.mark.parametrize(
        ("zone", "wall"),
        [
            ("UTC", "2026-12-01T03:00:00"),
            ("Australia/Melbourne", "2026-12-01T14:00:00"),
            ("AUS Eastern Standard Time", "2026-12-01T14:00:00.0000000"),
            ("W. Australia Standard Time", "2026-12-01T11:00"),
        ],
    )
    def test_are_understood_in_every_zone(self, graph, zone, wall):
        made = graph.create(start={"dateTime": wall, "timeZone": zone})

        assert made["start"] == {"dateTime": "2026-12-01T03:00:00.0000000", "timeZone": "UTC"}

    def test_are_told_in_the_zone_that_is_asked_for(self, graph):
        made = graph.create()

        event = graph.call(
            "GET",
            f"users/{MAILBOX}/events/{made['id']}",
            headers={"Prefer": 'outlook.timezone="AUS Eastern Standard Time"'},
        ).json()

        assert event["start"] == {"dateTime": "2026-12-01T14:00:00.0000000", "timeZone": "AUS Eastern Standard Time"}

    def test_of_a_whole_day_are_midnights_of_every_zone(self, sandbox, graph):
        day = {"dateTime": "2026-12-02T00:00:00", "timeZone": "Australia/Melbourne"}
        after = day | {"dateTime": "2026-12-03T00:00:00"}
        sandbox.control("POST", "graph/events", json={"mailbox": MAILBOX, "start": day, "end": after, "isAllDay": True})

        zone = {"Prefer": 'outlook.timezone="AUS Eastern Standard Time"'}
        [event] = graph.call("GET", f"users/{MAILBOX}/events").json()["value"]
        [there] = graph.call("GET", f"users/{MAILBOX}/events", headers=zone).json()["value"]
        schedule = {
            "schedules": [MAILBOX],
            "startTime": wall_time(START - timedelta(days=1)),
            "endTime": wall_time(START + timedelta(days=3)),
        }
        [told] = graph.call("POST", f"users/{MAILBOX}/calendar/getSchedule", json=schedule).json()["value"]

        assert event["isAllDay"] is True
        assert there["start"] == {"dateTime": "2026-12-02T00:00:00.0000000", "timeZone": "AUS Eastern Standard Time"}
        assert event["start"] == {"dateTime": "2026-12-02T00:00:00.0000000", "timeZone": "UTC"}
        assert told["scheduleItems"][0]["start"]["dateTime"] == "2026-12-01T13:00:00.0000000"


class TestChange:
    def test_makes_a_new_change_key_and_keeps_the_id(self, graph):
        made = graph.create(singleValueExtendedProperties=marked("b1"))
        one = f"users/{MAILBOX}/events/{made['id']}"

        changed = graph.call("PATCH", one, json={"subject": "Moved", "end": wall_time(START + timedelta(hours=1))})

        event = graph.call("GET", one, params={"$expand": EXPAND}).json()
        assert changed.status_code == 200
        assert (event["id"], event["subject"]) == (made["id"], "Moved")
        assert event["changeKey"] != made["changeKey"]
        assert event["start"] == made["start"]
        assert event["singleValueExtendedProperties"] == marked("b1")

    def test_is_refused_for_an_older_change_key(self, graph):
        made = graph.create()
        one = f"users/{MAILBOX}/events/{made['id']}"
        graph.call("PATCH", one, json={"subject": "First"}, headers={"If-Match": made["@odata.etag"]})

        late = graph.call("PATCH", one, json={"subject": "Late"}, headers={"If-Match": made["@odata.etag"]})

        assert code_of(late) == (409, "ErrorIrresolvableConflict")
        assert graph.call("GET", one).json()["subject"] == "First"

    def test_is_refused_for_another_mailbox_s_event(self, graph):
        made = graph.create()

        response = graph.call("PATCH", f"users/{OTHER}/events/{made['id']}", json={"subject": "x"})

        assert code_of(response) == (404, "ErrorItemNotFound")

    def test_refuses_times_of_day_on_a_whole_day(self, graph):
        made = graph.create(wall_day := datetime(2026, 12, 2, tzinfo=UTC), minutes=24 * 60, isAllDay=True)
        one = f"users/{MAILBOX}/events/{made['id']}"

        as_it_is = graph.call("PATCH", one, json={"start": wall_time(wall_day + timedelta(hours=3))})
        as_a_visit = graph.call(
            "PATCH", one, json={"isAllDay": False, "start": wall_time(wall_day + timedelta(hours=3))}
        )

        assert (as_it_is.status_code, as_a_visit.status_code) == (400, 200)


class TestRemove:
    @pytest.mark.parametrize(("method", "path", "status"), [("DELETE", "", 204), ("POST", "/cancel", 202)])
    def test_takes_the_event_away_once(self, graph, method, path, status):
        one = f"users/{MAILBOX}/events/{graph.create()['id']}"

        first, again = (graph.call(method, one + path).status_code for _ in range(2))

        assert (first, again) == (status, 404)
        assert code_of(graph.call("GET", one)) == (404, "ErrorItemNotFound")


class TestList:
    def test_finds_by_an_extended_property(self, graph):
        mine = graph.create(singleValueExtendedProperties=marked("it's b1"))
        graph.create(singleValueExtendedProperties=marked("b2"))
        graph.create()
        wanted = f"singleValueExtendedProperties/Any(ep: ep/id eq '{BOOKING}' and ep/value eq 'it''s b1')"

        found = graph.call("GET", f"users/{MAILBOX}/events", params={"$filter": wanted, "$expand": EXPAND}).json()
        unexpanded = graph.call("GET", f"users/{MAILBOX}/events", params={"$filter": wanted}).json()

        assert ids(found) == [mine["id"]]
        assert found["value"][0]["singleValueExtendedProperties"] == marked("it's b1")
        assert "singleValueExtendedProperties" not in unexpanded["value"][0]

    def test_finds_by_time_and_mark(self, graph):
        for hours in range(3):
            graph.create(START + timedelta(hours=hours), singleValueExtendedProperties=marked(f"b{hours}"))
        graph.create(START + timedelta(hours=1))
        wanted = (
            "start/dateTime ge '2026-12-01T04:00:00' and start/dateTime lt '2026-12-01T05:00:00' and "
            f"singleValueExtendedProperties/Any(ep: ep/id eq '{BOOKING}' and ep/value ne null)"
        )

        found = graph.call("GET", f"users/{MAILBOX}/events", params={"$filter": wanted, "$expand": EXPAND}).json()

        assert [row["singleValueExtendedProperties"] for row in found["value"]] == [marked("b1")]

    @pytest.mark.parametrize(
        "wanted", ["", "subject eq 'x'", "start/dateTime ge '2026' or true", "1 eq 1 and", "x" * 9000]
    )
    def test_does_not_guess_what_a_filter_means(self, graph, wanted):
        response = graph.call("GET", f"users/{MAILBOX}/events", params={"$filter": wanted})

        assert response.status_code == 400

    def test_comes_in_pages(self, graph):
        made = {graph.create(START + timedelta(minutes=15 * number))["id"] for number in range(5)}

        first = graph.call("GET", f"users/{MAILBOX}/events", params={"$top": 2}).json()
        second = graph.since(first)
        third = graph.since(second)

        assert "@odata.nextLink" not in third
        assert {*ids(first), *ids(second), *ids(third)} == made
        assert [len(page["value"]) for page in (first, second, third)] == [2, 2, 1]

    def test_views_what_takes_some_of_a_span(self, graph):
        graph.create(START - timedelta(minutes=15))
        inside = graph.create(START - timedelta(minutes=5))
        graph.create(START + timedelta(minutes=30))
        span = {"startDateTime": "2026-12-01T03:00:00Z", "endDateTime": "2026-12-01T14:30:00+11:00"}

        view = graph.call("GET", f"users/{MAILBOX}/calendarView", params=span).json()

        assert ids(view) == [inside["id"]]


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


class TestSchedule:
    def test_tells_each_mailbox_by_itself(self, graph):
        graph.create(sensitivity="private", subject="Visit")
        graph.create(START + timedelta(hours=1), showAs="free", mailbox=OTHER, subject="Lunch")
        body = {
            "schedules": [MAILBOX, OTHER, "nobody"],
            "startTime": wall_time(START),
            "endTime": wall_time(START + timedelta(hours=2)),
            "availabilityViewInterval": 30,
        }

        mine, other, unknown = graph.call("POST", f"users/{MAILBOX}/calendar/getSchedule", json=body).json()["value"]

        assert mine["availabilityView"] == "2000"
        assert (mine["scheduleItems"][0]["isPrivate"], "subject" in mine["scheduleItems"][0]) == (True, False)
        assert other["availabilityView"] == "0000"
        assert other["scheduleItems"][0]["subject"] == "Lunch"
        assert unknown["error"]["responseCode"] == "ErrorMailRecipientNotFound"

    @pytest.mark.parametrize("count", [0, 21])
    def test_takes_twenty_mailboxes_at_most(self, graph, count):
        body = {"schedules": [MAILBOX] * count, "startTime": wall_time(START), "endTime": wall_time(START)}

        assert graph.call("POST", f"users/{MAILBOX}/calendar/getSchedule", json=body).status_code == 400

    def test_takes_62_days_at_most(self, graph):
        body = {
            "schedules": [MAILBOX],
            "startTime": wall_time(START),
            "endTime": wall_time(START + timedelta(days=63)),
        }

        assert graph.call("POST", f"users/{MAILBOX}/calendar/getSchedule", json=body).status_code == 400


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


class TestOwner:
    def test_adds_moves_and_deletes_by_hand(self, sandbox, graph, hook):
        graph.call("POST", "subscriptions", json=subscription_body(hook))
        page = graph.delta()

        event = sandbox.control("POST", "graph/events", json={"mailbox": MAILBOX, **event_body()})
        times = {"start": wall_time(START + timedelta(hours=1)), "end": wall_time(START + timedelta(hours=2))}
        sandbox.control("PATCH", "graph/events", json={"mailbox": MAILBOX, "id": event["id"], **times})
        [moved] = graph.since(page)["value"]
        sandbox.control("DELETE", "graph/events", json={"mailbox": MAILBOX, "id": event["id"]})

        assert event["by_hand"] is True
        assert moved["start"]["dateTime"] == "2026-12-01T04:00:00.0000000"
        assert [notice["changeType"] for notice in hook.wait_for(3)] == ["created", "updated", "deleted"]
        assert sandbox.state("graph")["events"] == []


class TestPages:
    def post(self, sandbox, path, status=200, **fields):
        """Press a button of a page as a browser does, with the page's token."""
        with requests.Session() as browser:
            browser.get(f"{sandbox.url}/outlook", timeout=10)
            fields["csrfmiddlewaretoken"] = browser.cookies["sandbox_csrf"]
            response = browser.post(f"{sandbox.url}/{path}", data=fields, timeout=10)
        assert response.status_code == status, response.text
        return response

    def add(self, sandbox, status=200, **fields):
        start = f"{datetime.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"  # noqa: DTZ005 - as a browser's clock says
        words = {"mailbox": MAILBOX, "subject": "Dentist", "start": start, "minutes": "45", "show_as": "busy"}
        return self.post(sandbox, "outlook/add", status, **words | fields)

    def test_show_mailboxes_with_their_events(self, sandbox, graph):
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        made = graph.create(tomorrow, subject="<b>Visit</b>", singleValueExtendedProperties=marked("b1"))

        page = requests.get(f"{sandbox.url}/outlook", timeout=10)
        event = requests.get(f"{sandbox.url}/outlook/{MAILBOX}/{made['id']}", timeout=10)

        assert (page.status_code, event.status_code) == (200, 200)
        assert MAILBOX in page.text
        assert "From the portal" in page.text
        assert "&lt;b&gt;Visit&lt;/b&gt;" in page.text
        assert "<b>Visit" not in page.text + event.text
        assert "b1" in event.text

    def test_add_move_and_delete_an_event(self, sandbox):
        page = self.add(sandbox)
        [event] = sandbox.state("graph")["events"]

        moved = self.post(sandbox, f"outlook/{MAILBOX}/{event['id']}/move", start="2030-01-07T10:00")
        [after] = sandbox.state("graph")["events"]
        deleted = self.post(sandbox, f"outlook/{MAILBOX}/{event['id']}/delete")

        assert "Added by the practitioner" in page.text
        assert "Moved by the practitioner" in moved.text
        assert "Deleted by the practitioner" in deleted.text
        assert after["start"]["dateTime"] == "2030-01-06T23:00:00.0000000"
        assert after["end"]["dateTime"] == "2030-01-06T23:45:00.0000000"
        assert sandbox.state("graph")["events"] == []

    def test_add_a_whole_day_and_move_it(self, sandbox):
        self.add(sandbox, is_all_day="on", start="2030-01-07T10:00")
        [event] = sandbox.state("graph")["events"]

        self.post(sandbox, f"outlook/{MAILBOX}/{event['id']}/move", start="2030-01-09T23:30")
        [after] = sandbox.state("graph")["events"]

        assert (event["isAllDay"], event["start"]["dateTime"]) == (True, "2030-01-07T00:00:00.0000000")
        assert (after["start"]["dateTime"], after["end"]["dateTime"]) == (
            "2030-01-09T00:00:00.0000000",
            "2030-01-10T00:00:00.0000000",
        )

    @pytest.mark.parametrize(
        "fields",
        [
            {"mailbox": "nobody"},
            {"start": "x"},
            {"minutes": "0"},
            {"minutes": "99999999"},
            {"show_as": "x"},
            {"subject": ""},
        ],
        ids=str,
    )
    def test_say_what_is_wrong(self, sandbox, fields):
        page = self.add(sandbox, 422, **fields)

        assert "errorlist" in page.text
        assert sandbox.state("graph")["events"] == []

    def test_do_not_know_an_event_that_is_gone(self, sandbox):
        for path in ("x", "x/move", "x/delete"):
            method = requests.get if path == "x" else None
            if method:
                assert method(f"{sandbox.url}/outlook/{MAILBOX}/x", timeout=10).status_code == 404
            else:
                self.post(sandbox, f"outlook/{MAILBOX}/{path}", 404, start="2030-01-07T10:00")

    @pytest.mark.parametrize("path", ["outlook/add", f"outlook/{MAILBOX}/x/delete"])
    def test_change_nothing_without_the_page_s_token(self, sandbox, path):
        assert requests.post(f"{sandbox.url}/{path}", timeout=10).status_code == 403
        assert requests.get(f"{sandbox.url}/{path}", timeout=10).status_code in (404, 405)
