"""The stand-in for Graph, called over HTTP as the portal calls it."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.sandbox.graph_door import BOOKING, MAILBOX, START, event_body, wall_time
from tests.sandbox.graph_rows import EXPAND, OTHER, code_of, ids, marked


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
