from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from botaniqal.integrations.calendly import MAX_PAGES, Calendly, prefilled, uuid_of
from botaniqal.integrations.calendly_shapes import Rule
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from tests.integrations.calendly_rows import API, ORGANIZATION, START, event_row, invitee_row, page
from tests.integrations.conftest import Vendor


@pytest.fixture
def calendly(vendor: Vendor) -> Calendly:
    return Calendly(base_url=vendor.url, token="t", timeout=5)


class TestBusyTimes:
    def busy(self, start: str, end: str, kind: str = "external", **others: Any) -> dict[str, Any]:
        return {"type": kind, "start_time": start, "end_time": end, **others}

    def test_asks_in_weeks_and_names_what_lies_across_their_border_once(
        self, vendor: Vendor, calendly: Calendly
    ) -> None:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        across = self.busy("2026-12-08T02:30:00.000000Z", "2026-12-08T03:30:00.000000Z")
        own = self.busy("2026-12-02T02:00:00Z", "2026-12-02T02:15:00Z", "calendly", event={"uri": "EV1"})
        vendor.answers_with({"collection": [across, own]})
        vendor.answers_with({"collection": [across]})

        found = calendly.busy_times(user=f"{API}/users/US1", start=start, end=start + timedelta(days=9))

        assert [(row.kind, row.event_uri, row.starts_at.day) for row in found] == [
            ("calendly", "EV1", 2),
            ("external", None, 8),
        ]
        spans = [(seen.query["start_time"], seen.query["end_time"]) for seen in vendor.seen]
        moments = [f"{start + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (0, 7, 9)]
        assert spans == [(moments[0], moments[1]), (moments[1], moments[2])]

    def test_never_begins_in_the_past(self, vendor: Vendor, calendly: Calendly) -> None:
        now = datetime.now(UTC)
        vendor.answers_with({"collection": []})

        calendly.busy_times(user="US1", start=now - timedelta(days=3), end=now + timedelta(days=3))

        assert datetime.fromisoformat(vendor.seen[0].query["start_time"]) > now

    @pytest.mark.parametrize("seconds", [-86_400, 0, 30])
    def test_asks_nothing_of_what_is_over(self, vendor: Vendor, calendly: Calendly, seconds: int) -> None:
        now = datetime.now(UTC)

        assert calendly.busy_times(user="US1", start=now, end=now + timedelta(seconds=seconds)) == []
        assert vendor.seen == []

    @pytest.mark.parametrize(
        "row", [{}, "text", {"type": "external", "start_time": "soon", "end_time": "2026-12-02T02:00:00Z"}]
    )
    def test_takes_an_odd_answer_for_none(self, vendor: Vendor, calendly: Calendly, row: Any) -> None:
        vendor.answers_with({"collection": [row]})
        now = datetime.now(UTC)

        with pytest.raises(VendorUnavailable, match="not what it promised"):
            calendly.busy_times(user="US1", start=now, end=now + timedelta(days=1))


class TestSchedules:
    def test_knows_days_and_dates(self, vendor: Vendor, calendly: Calendly) -> None:
        rules = [
            {"type": "wday", "wday": "monday", "intervals": [{"from": "09:00", "to": "12:30"}]},
            {"type": "date", "date": "2026-12-25", "intervals": []},
        ]
        row = {"uri": "AS1", "name": "Hours", "default": True, "timezone": "Australia/Melbourne", "rules": rules}
        vendor.answers_with({"collection": [row]})

        [schedule] = calendly.schedules(user="US1")

        assert (schedule.timezone, schedule.is_default) == ("Australia/Melbourne", True)
        assert schedule.rules == (
            Rule(weekday="monday", on=None, intervals=((time(9), time(12, 30)),)),
            Rule(weekday=None, on=date(2026, 12, 25), intervals=()),
        )


class TestEvents:
    def ask(self, listing: Callable[..., Iterator[Any]], **others: Any) -> list[Any]:
        end = START + timedelta(days=1)
        return list(listing(organization=ORGANIZATION, min_start=START, max_start=end, **others))

    def test_walks_every_page_of_what_begins_in_a_span(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with(page(event_row(), next_page=f"{vendor.url}/scheduled_events?page_token=two"))
        vendor.answers_with(page(event_row(status="canceled")))

        found = self.ask(calendly.events)

        assert [event.is_active for event in found] == [True, False]
        assert vendor.seen[0].query == {
            "organization": ORGANIZATION,
            "min_start_time": "2026-12-01T03:00:00Z",
            "max_start_time": "2026-12-02T03:00:00Z",
            "sort": "start_time:asc",
            "count": "100",
        }

    def test_can_keep_to_those_in_one_state(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with(page())

        self.ask(calendly.events, status="active")

        assert vendor.seen[0].query["status"] == "active"

    def test_come_as_they_are_for_those_who_want_to_keep_them(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with(page(event_row(name="Visit")))
        vendor.answers_with(page(invitee_row(questions_and_answers=[])))

        assert self.ask(calendly.raw_events) == [event_row(name="Visit")]
        assert list(calendly.raw_invitees("EV1")) == [invitee_row(questions_and_answers=[])]

    @pytest.mark.parametrize("row", [None, "text", []])
    def test_are_none_where_a_row_is_no_object(self, vendor: Vendor, calendly: Calendly, row: Any) -> None:
        vendor.answers_with(page(row))

        with pytest.raises(VendorUnavailable, match="not what it promised"):
            self.ask(calendly.raw_events)

    def test_end_where_the_pages_do_not(self, vendor: Vendor, calendly: Calendly) -> None:
        for _ in range(MAX_PAGES + 1):
            vendor.answers_with(page(next_page=f"{vendor.url}/scheduled_events?page_token=same"))

        with pytest.raises(VendorUnavailable, match="a list without an end"):
            self.ask(calendly.events)


class TestInvitees:
    def test_say_who_came_and_who_was_moved(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with(
            page(
                invitee_row(name="Pat Example", text_reminder_number="+61412345678", timezone="Australia/Perth"),
                invitee_row(status="canceled", new_invitee="IV9", old_invitee="IV0", no_show={"uri": "NS1"}),
            )
        )

        first, second = calendly.invitees("EV1")

        assert (first.name, first.phone, first.timezone) == ("Pat Example", "+61412345678", "Australia/Perth")
        assert (first.old_invitee, first.new_invitee, first.no_show_uri) == (None, None, None)
        assert (second.old_invitee, second.new_invitee, second.no_show_uri) == ("IV0", "IV9", "NS1")


class TestCreateLink:
    def test_is_for_one_person(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({"resource": {"booking_url": "https://calendly.com/d/abc"}}, status=201)

        assert calendly.create_link("ET1") == "https://calendly.com/d/abc"
        assert vendor.seen[0].json == {"max_event_count": 1, "owner": "ET1", "owner_type": "EventType"}


class TestPrefilled:
    def fill(self, url: str = "https://calendly.com/d/abc", **others: Any) -> dict[str, str]:
        words = {
            "name": "Pat O'Example & Söhne",
            "email": "pat+tag@example.com",
            "starts_at": datetime(2026, 11, 30, 22, 0, tzinfo=UTC),
            "timezone": "Australia/Melbourne",
            "utm_content": "B1",
            **others,
        }
        page = prefilled(url, **words)
        assert page.startswith("https://calendly.com/d/abc?")
        return dict(parse_qsl(urlsplit(page).query))

    def test_fills_the_patient_in_at_the_day_that_they_know(self) -> None:
        assert self.fill() == {
            "name": "Pat O'Example & Söhne",
            "email": "pat+tag@example.com",
            "month": "2026-12",
            "date": "2026-12-01",
            "utm_source": "botaniqal",
            "utm_content": "B1",
        }

    def test_names_the_day_in_the_patient_s_zone(self) -> None:
        assert self.fill(timezone="Pacific/Honolulu")["date"] == "2026-11-30"

    def test_gives_the_number_for_a_meeting_by_phone(self) -> None:
        assert self.fill(phone="+61412345678")["location"] == "+61412345678"

    def test_keeps_what_the_page_says_already(self) -> None:
        query = self.fill("https://calendly.com/d/abc?hide_gdpr_banner=1&utm_content=old")

        assert (query["hide_gdpr_banner"], query["utm_content"]) == ("1", "B1")


class TestNoShow:
    def test_is_noted_and_taken_back(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({"resource": {"uri": f"{API}/invitee_no_shows/NS1"}}, status=201)
        vendor.answers_with(status=204)

        uuid = calendly.mark_no_show("IV1")
        calendly.unmark_no_show(uuid)

        assert [(seen.method, seen.path, seen.json) for seen in vendor.seen] == [
            ("POST", "/invitee_no_shows", {"invitee": "IV1"}),
            ("DELETE", "/invitee_no_shows/NS1", None),
        ]

    def test_is_content_when_it_is_gone(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({}, status=404)

        calendly.unmark_no_show("NS1")

    def test_is_refused_for_any_other_reason(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({}, status=403)

        with pytest.raises(VendorRefused):
            calendly.unmark_no_show("NS1")


class TestWebhookSubscriptions:
    ROW: ClassVar[dict[str, Any]] = {
        "uri": f"{API}/webhook_subscriptions/WH1",
        "callback_url": "https://portal.example.com/webhooks/calendly/triage",
        "state": "active",
        "events": ["invitee.created"],
        "scope": "organization",
        "retry_started_at": None,
    }

    def test_are_made_for_the_organization_and_signed(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({"resource": self.ROW}, status=201)

        made = calendly.create_webhook_subscription(
            url=self.ROW["callback_url"],
            events={"invitee.canceled", "invitee.created"},
            organization=ORGANIZATION,
            signing_key="key",
        )

        assert (uuid_of(made.uri), made.is_active, made.events) == ("WH1", True, {"invitee.created"})
        assert vendor.seen[0].json == {
            "url": self.ROW["callback_url"],
            "events": ["invitee.canceled", "invitee.created"],
            "organization": ORGANIZATION,
            "scope": "organization",
            "signing_key": "key",
        }

    def test_are_listed_with_those_that_calendly_gave_up_on(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with(
            page(self.ROW, {**self.ROW, "state": "disabled", "retry_started_at": "2026-11-20T00:00:00Z"})
        )

        first, second = calendly.webhook_subscriptions(organization=ORGANIZATION)

        assert (first.is_active, second.is_active) == (True, False)
        assert second.retrying_since == datetime(2026, 11, 20, tzinfo=UTC)
        assert vendor.seen[0].query == {"organization": ORGANIZATION, "scope": "organization", "count": "100"}

    def test_end(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with(status=204)
        vendor.answers_with({}, status=404)

        calendly.delete_webhook_subscription("WH1")
        calendly.delete_webhook_subscription("WH1")

        assert [seen.path for seen in vendor.seen] == ["/webhook_subscriptions/WH1"] * 2
