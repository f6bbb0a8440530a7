import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from botaniqal.integrations.graph import Change, EventDraft, Graph, SyncStateLost, client
from botaniqal.integrations.graph_shapes import BOOKING
from botaniqal.integrations.graph_tokens import Tokens
from botaniqal.integrations.http import VendorBusy, VendorRefused, VendorUnavailable
from botaniqal.integrations.limits import Limit, within
from tests.integrations.conftest import Vendor
from tests.sandbox_server import ENVIRONMENT, Sandbox

MAILBOX = "dr.dia@example.com"
START = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
SECRET = "graph-secret"
KEY = {"token_type": "Bearer", "expires_in": 3599, "access_token": "key-1"}
OTHER_KEY = KEY | {"access_token": "key-2"}
DELTA = f"/users/{MAILBOX}/calendarView/delta"


def tokens_of(url: str, **kwargs: Any) -> Tokens:
    words = {"tenant": "contoso", "client_id": "app", "client_secret": SECRET, "timeout": 5}
    return Tokens(login_url=url, **{**words, **kwargs})


@pytest.fixture
def tokens(vendor: Vendor) -> Tokens:
    return tokens_of(vendor.url)


@pytest.fixture
def graph(vendor: Vendor, tokens: Tokens) -> Graph:
    """Graph's client, which will ask for its key first."""
    vendor.answers_with(KEY)
    return Graph(base_url=f"{vendor.url}/v1.0", tokens=tokens, timeout=5)


@pytest.fixture
def stand_in(sandbox: Sandbox) -> Iterator[Graph]:
    """The client at the sandbox, whose Outlook is empty."""
    sandbox.reset()
    names = {"tenant": "GRAPH_TENANT", "client_id": "GRAPH_CLIENT_ID", "client_secret": "GRAPH_CLIENT_SECRET"}
    tokens = tokens_of(sandbox.microsoft_url, **{word: ENVIRONMENT[name] for word, name in names.items()})
    yield Graph(base_url=sandbox.graph_url, tokens=tokens, timeout=5)
    sandbox.reset()


def draft(**kwargs: Any) -> EventDraft:
    return EventDraft(
        **{
            "subject": "Visit B-1042",
            "starts_at": START,
            "ends_at": START + timedelta(minutes=15),
            "body": "B-1042 in the portal.",
            "location": "https://zoom.us/j/1",
            "categories": ("Alternative medicine",),
            "booking_id": "b1",
            "service": "Alternative medicine",
            "minutes": 15,
            "practitioner": "Dr Dia",
            "price": Decimal("119.00"),
            **kwargs,
        }
    )


def time_row(moment: datetime, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": f"{moment:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": zone}


def event_row(**kwargs: Any) -> dict[str, Any]:
    return {
        "id": "E1",
        "changeKey": "k1",
        "subject": "Visit",
        "showAs": "busy",
        "isCancelled": False,
        "isAllDay": False,
        "type": "singleInstance",
        "start": time_row(START),
        "end": time_row(START + timedelta(minutes=15)),
        **kwargs,
    }


def refusal(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "Pat Example is not here"}}


def page(*rows: dict[str, Any], **links: str) -> dict[str, Any]:
    return {"value": list(rows), **{f"@odata.{name}": link for name, link in links.items()}}


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
