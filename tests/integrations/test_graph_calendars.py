"""What is asked of Graph for calendars: events, free times, changes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from botaniqal.integrations.graph import Change, Graph, SyncStateLost
from botaniqal.integrations.graph_shapes import BOOKING
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from tests.integrations.conftest import Vendor
from tests.integrations.graph_rows import DELTA, MAILBOX, START, draft, event_row, page, refusal, time_row
from tests.sandbox_server import Sandbox


class TestCreateEvent:
    def test_writes_what_the_calendar_is_to_say(self, vendor: Vendor, graph: Graph) -> None:
        vendor.answers_with(event_row(), status=201)

        event = graph.create_event(
            MAILBOX, draft(starts_at=START.astimezone(ZoneInfo("Australia/Melbourne"))), transaction_id="t1"
        )

        sent = vendor.seen[1].json
        properties = {row["id"].rpartition(" ")[2]: row["value"] for row in sent.pop("singleValueExtendedProperties")}
        assert properties == {
            "booking": "b1",
            "service": "Alternative medicine",
            "minutes": "15",
            "practitioner": "Dr Dia",
            "price": "119.00",
        }
        assert sent == {
            "subject": "Visit B-1042",
            "start": {"dateTime": "2026-12-01T03:00:00", "timeZone": "UTC"},
            "end": {"dateTime": "2026-12-01T03:15:00", "timeZone": "UTC"},
            "isAllDay": False,
            "body": {"contentType": "text", "content": "B-1042 in the portal."},
            "location": {"displayName": "https://zoom.us/j/1"},
            "categories": ["Alternative medicine"],
            "sensitivity": "private",
            "showAs": "busy",
            "isOnlineMeeting": False,
            "transactionId": "t1",
        }
        assert event.booking_id == "b1"

    def test_gives_the_same_event_for_the_same_request(self, stand_in: Graph, sandbox: Sandbox) -> None:
        first = stand_in.create_event(MAILBOX, draft(), transaction_id="t1")
        again = stand_in.create_event(MAILBOX, draft(), transaction_id="t1")

        assert first == again
        assert len(sandbox.state("graph")["events"]) == 1

    def test_leaves_one_event_when_its_answer_was_lost(self, stand_in: Graph, sandbox: Sandbox) -> None:
        sandbox.faults("graph", "error_after", operation="events.write", calls=1)
        with pytest.raises(VendorUnavailable) as caught:
            stand_in.create_event(MAILBOX, draft(), transaction_id="t1")

        event = stand_in.create_event(MAILBOX, draft(), transaction_id="t1")

        assert caught.value.is_ambiguous
        assert [row["id"] for row in sandbox.state("graph")["events"]] == [event.id]

    def test_finds_the_first_event_where_a_repeat_is_a_conflict(self, vendor: Vendor, graph: Graph) -> None:
        vendor.answers_with(refusal("ErrorDuplicateTransaction"), status=409)
        vendor.answers_with(page(event_row(singleValueExtendedProperties=[{"id": BOOKING, "value": "b1"}])))

        event = graph.create_event(MAILBOX, draft(), transaction_id="t1")

        assert (event.id, event.booking_id) == ("E1", "b1")

    def test_is_refused_where_a_conflict_has_no_event(self, vendor: Vendor, graph: Graph) -> None:
        vendor.answers_with(refusal("ErrorIrresolvableConflict"), status=409)
        vendor.answers_with(page())

        with pytest.raises(VendorRefused) as caught:
            graph.create_event(MAILBOX, draft(), transaction_id="t1")

        assert caught.value.status == 409


class TestEvents:
    def test_are_changed_found_and_taken_away(self, stand_in: Graph) -> None:
        made = stand_in.create_event(MAILBOX, draft(booking_id="it's b1"), transaction_id="t1")

        later = draft(booking_id="it's b1", starts_at=START + timedelta(hours=1), ends_at=START + timedelta(hours=2))
        changed = stand_in.update_event(MAILBOX, made.id, later)
        found = stand_in.find_event(MAILBOX, "it's b1")
        unknown = stand_in.find_event(MAILBOX, "' or 1 eq 1")
        for _ in range(2):
            stand_in.delete_event(MAILBOX, made.id)

        assert (changed.id, changed.starts_at, changed.ends_at) == (made.id, later.starts_at, later.ends_at)
        assert changed.change_key != made.change_key
        assert found == changed
        assert unknown is None
        assert stand_in.get_event(MAILBOX, made.id) is None
        with pytest.raises(VendorRefused) as caught:
            stand_in.update_event(MAILBOX, made.id, later)
        assert caught.value.status == 404

    def test_become_a_visit_again_after_somebody_made_them_a_day(self, stand_in: Graph, sandbox: Sandbox) -> None:
        made = stand_in.create_event(MAILBOX, draft(), transaction_id="t1")
        day = {"dateTime": "2026-12-02T00:00:00", "timeZone": "UTC"}
        times = {"start": day, "end": day | {"dateTime": "2026-12-03T00:00:00"}, "isAllDay": True}
        sandbox.control("PATCH", "graph/events", json={"mailbox": MAILBOX, "id": made.id, **times})

        changed = stand_in.get_event(MAILBOX, made.id)
        back = stand_in.update_event(MAILBOX, made.id, draft())

        assert changed.is_all_day
        assert (back.is_all_day, back.starts_at) == (False, START)

    def test_are_cancelled_and_stay_so(self, stand_in: Graph) -> None:
        made = stand_in.create_event(MAILBOX, draft(), transaction_id="t1")

        for _ in range(2):
            stand_in.cancel_event(MAILBOX, made.id, comment="The clinic cancelled it.")

        assert stand_in.find_event(MAILBOX, "b1") is None

    def test_are_found_only_while_they_stand(self, vendor: Vendor, graph: Graph) -> None:
        mark = [{"id": BOOKING, "value": "b1"}]
        cancelled = event_row(isCancelled=True, singleValueExtendedProperties=mark)
        vendor.answers_with(page(cancelled, event_row(id="E2", singleValueExtendedProperties=mark)))

        assert graph.find_event(MAILBOX, "b1").id == "E2"

    def test_of_a_missing_mailbox_are_not_gone(self, stand_in: Graph, sandbox: Sandbox) -> None:
        made = stand_in.create_event(MAILBOX, draft(), transaction_id="t1")
        sandbox.control("POST", "graph/mailboxes", json={"mailbox": MAILBOX, "exists": False})

        with pytest.raises(VendorRefused) as caught:
            stand_in.get_event(MAILBOX, made.id)

        assert caught.value.parameters == ("ErrorInvalidUser",)

    def test_of_ours_are_listed_page_by_page(
        self, stand_in: Graph, vendor: Vendor, graph: Graph, sandbox: Sandbox
    ) -> None:
        hand = {"mailbox": MAILBOX, "start": time_row(START), "end": time_row(START + timedelta(hours=1))}
        sandbox.control("POST", "graph/events", json=hand)
        for number in range(3):
            start = START + timedelta(days=number)
            times = {"starts_at": start, "ends_at": start + timedelta(minutes=15)}
            stand_in.create_event(MAILBOX, draft(booking_id=f"b{number}", **times), transaction_id=f"t{number}")
        link = f"{vendor.url}/v1.0/users/{MAILBOX}/events?$skip=1"
        vendor.answers_with(page(event_row(), nextLink=link))
        vendor.answers_with(page(event_row(id="E2")))

        listed = stand_in.own_events(MAILBOX, START, START + timedelta(days=2))
        paged = graph.own_events(MAILBOX, START, START + timedelta(days=2))

        assert [event.booking_id for event in listed] == ["b0", "b1"]
        assert [event.id for event in paged] == ["E1", "E2"]

    def test_are_not_sought_on_another_host(self, vendor: Vendor, graph: Graph) -> None:
        vendor.answers_with(page(event_row(), nextLink="https://elsewhere.example/v1.0/users/x/events"))

        with pytest.raises(VendorUnavailable, match="a link to another host"):
            graph.own_events(MAILBOX, START, START + timedelta(days=1))


class TestSchedule:
    def test_asks_for_twenty_mailboxes_at_once(self, vendor: Vendor, graph: Graph) -> None:
        mailboxes = [f"dr.{number}@example.com" for number in range(45)]
        for _ in range(3):
            vendor.answers_with({"value": []})

        graph.schedule(mailboxes, START, START + timedelta(days=1))

        assert [len(seen.json["schedules"]) for seen in vendor.seen[1:]] == [20, 20, 5]
        assert [seen.path.split("/")[3] for seen in vendor.seen[1:]] == [
            "dr.0%40example.com",
            "dr.20%40example.com",
            "dr.40%40example.com",
        ]

    def test_asks_nothing_for_nobody(self, vendor: Vendor, graph: Graph) -> None:
        assert graph.schedule([], START, START + timedelta(days=1)) == []
        assert vendor.seen == []

    def test_tells_each_mailbox_by_itself(self, stand_in: Graph) -> None:
        stand_in.create_event(MAILBOX, draft(), transaction_id="t1")

        mine, unknown = stand_in.schedule([MAILBOX, "nobody"], START, START + timedelta(days=1))

        assert [(item.starts_at, item.ends_at, item.show_as) for item in mine.items] == [
            (START, START + timedelta(minutes=15), "busy")
        ]
        assert mine.problem is None
        assert (unknown.mailbox, unknown.items, unknown.problem) == ("nobody", (), "ErrorMailRecipientNotFound")


class TestChanges:
    def test_are_read_from_the_beginning_and_from_a_link(self, stand_in: Graph, sandbox: Sandbox) -> None:
        span = START - timedelta(days=1), START + timedelta(days=30)
        ours = stand_in.create_event(MAILBOX, draft(), transaction_id="t1")
        all_day = {"start": time_row(datetime(2026, 12, 2)), "end": time_row(datetime(2026, 12, 3)), "isAllDay": True}  # noqa: DTZ001

        first = stand_in.calendar_view_delta(MAILBOX, *span)
        theirs = sandbox.control("POST", "graph/events", json={"mailbox": MAILBOX, "showAs": "oof", **all_day})
        stand_in.delete_event(MAILBOX, ours.id)
        second = stand_in.go_on(first.delta_link)
        third = stand_in.go_on(second.delta_link)

        assert [(change.id, change.change_key, change.starts_at) for change in first.events] == [
            (ours.id, ours.change_key, START)
        ]
        holiday, removed = second.events
        assert (holiday.id, holiday.is_all_day, holiday.show_as) == (theirs["id"], True, "oof")
        assert removed == Change(id=ours.id, is_removed=True)
        assert third.events == ()

    def test_are_followed_over_pages_and_told_once(self, vendor: Vendor, graph: Graph) -> None:
        links = [f"{vendor.url}/v1.0{DELTA}?$skiptoken={number}" for number in range(2)]
        vendor.answers_with(page(event_row(), event_row(id="E2"), nextLink=links[0]))
        vendor.answers_with(page(event_row(changeKey="k2"), nextLink=links[1]))
        vendor.answers_with(page({"id": "E2", "@removed": {"reason": "deleted"}}, deltaLink=f"{vendor.url}/v1.0/next"))

        changes = graph.calendar_view_delta(MAILBOX, START, START + timedelta(days=1))

        assert [(change.id, change.change_key, change.is_removed) for change in changes.events] == [
            ("E1", "k2", False),
            ("E2", "", True),
        ]
        assert changes.delta_link == f"{vendor.url}/v1.0/next"
        assert vendor.seen[1].query == {"startDateTime": "2026-12-01T03:00:00Z", "endDateTime": "2026-12-02T03:00:00Z"}
        assert all("odata.maxpagesize" in seen.headers["Prefer"] for seen in vendor.seen[1:])

    def test_take_from_a_series_what_its_visits_leave_out(self, vendor: Vendor, graph: Graph) -> None:
        visit = {"type": "occurrence", "start": time_row(START), "end": time_row(START + timedelta(hours=1))}
        vendor.answers_with(
            page(
                event_row(id="S1", type="seriesMaster", showAs="free"),
                {"id": "O1", "seriesMasterId": "S1", **visit},
                {"id": "O2", "seriesMasterId": "elsewhere", **visit},
                event_row(id="O3", seriesMasterId="S1", type="exception", showAs="oof"),
                deltaLink=f"{vendor.url}/v1.0/next",
            )
        )

        changes = graph.calendar_view_delta(MAILBOX, START, START + timedelta(days=1))

        assert [(change.id, change.show_as) for change in changes.events] == [
            ("O1", "free"),
            ("O2", "busy"),
            ("O3", "oof"),
        ]

    @pytest.mark.parametrize(
        ("status", "code"),
        [(410, "SyncStateNotFound"), (410, "Whatever"), (400, "syncStateNotFound"), (404, "SyncStateNotFound")],
    )
    def test_begin_anew_when_outlook_lost_its_place(self, vendor: Vendor, graph: Graph, status: int, code: str) -> None:
        vendor.answers_with(refusal(code), status=status)

        with pytest.raises(SyncStateLost):
            graph.go_on(f"{vendor.url}/v1.0{DELTA}?$deltatoken=x")

    @pytest.mark.parametrize(
        ("status", "code"), [(400, "BadRequest"), (403, "ErrorAccessDenied"), (404, "ErrorInvalidUser")]
    )
    def test_are_refused_for_any_other_reason(self, vendor: Vendor, graph: Graph, status: int, code: str) -> None:
        vendor.answers_with(refusal(code), status=status)

        with pytest.raises(VendorRefused):
            graph.go_on(f"{vendor.url}/v1.0{DELTA}?$deltatoken=x")

    def test_begin_anew_when_outlook_says_so_for_real(self, stand_in: Graph, sandbox: Sandbox) -> None:
        changes = stand_in.calendar_view_delta(MAILBOX, START, START + timedelta(days=1))

        sandbox.control("DELETE", "graph/sync-state", json={"mailbox": MAILBOX})

        with pytest.raises(SyncStateLost):
            stand_in.go_on(changes.delta_link)
        assert stand_in.calendar_view_delta(MAILBOX, START, START + timedelta(days=1)).events == ()

    @pytest.mark.parametrize("link", ["", "https://elsewhere.example/v1.0/x", "http://127.0.0.1:1/graph/v1.0/x"])
    def test_begin_anew_from_a_link_to_another_place(self, vendor: Vendor, graph: Graph, link: str) -> None:
        with pytest.raises(SyncStateLost):
            graph.go_on(link)

        assert vendor.seen == []

    def test_do_not_follow_a_page_to_another_host(self, vendor: Vendor, graph: Graph) -> None:
        vendor.answers_with(page(nextLink=f"{vendor.url}.elsewhere.example/v1.0{DELTA}"))

        with pytest.raises(VendorUnavailable, match="a link to another host"):
            graph.calendar_view_delta(MAILBOX, START, START + timedelta(days=1))

    @pytest.mark.parametrize(
        "answer",
        [
            page(),
            {"@odata.deltaLink": "x"},
            page(deltaLink=5),
            page({"@removed": {}}, deltaLink="x"),
            page({"id": ["E1"], "@removed": {}}, deltaLink="x"),
            page(event_row(end=None), deltaLink="x"),
            page(event_row(type={}, seriesMasterId=5), deltaLink="x"),
            page("E1", deltaLink="x"),
        ],
        ids=str,
    )
    def test_take_nonsense_for_no_answer(self, vendor: Vendor, graph: Graph, answer: Any) -> None:
        vendor.answers_with(answer)

        with pytest.raises(VendorUnavailable, match="not what it promised"):
            graph.calendar_view_delta(MAILBOX, START, START + timedelta(days=1))


class TestSpan:
    def test_is_that_of_the_clock(self) -> None:
        change = Change(id="E1", starts_at=START, ends_at=START + timedelta(minutes=15))

        assert change.span(ZoneInfo("Australia/Melbourne")) == (START, START + timedelta(minutes=15))

    @pytest.mark.parametrize(("day", "hours"), [(4, 25), (5, 24)], ids=["longest day", "day after"])
    def test_of_a_whole_day_is_the_owner_s_day(self, day: int, hours: int) -> None:
        midnight = datetime(2027, 4, day, tzinfo=UTC)
        change = Change(id="E1", starts_at=midnight, ends_at=midnight + timedelta(days=1), is_all_day=True)

        starts_at, ends_at = change.span(ZoneInfo("Australia/Melbourne"))

        assert starts_at.isoformat().startswith(f"2027-04-0{day}T00:00:00+1")
        assert ends_at.astimezone(UTC) - starts_at.astimezone(UTC) == timedelta(hours=hours)

    def test_of_a_removed_one_is_none(self) -> None:
        assert Change(id="E1", is_removed=True).span(ZoneInfo("UTC")) is None
