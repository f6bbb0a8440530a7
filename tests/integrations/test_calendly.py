from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from botaniqal.integrations.calendly import (
    Answer,
    Calendly,
    InviteeDraft,
    Location,
    client,
    uuid_of,
)
from botaniqal.integrations.http import VendorBusy, VendorRefused, VendorUnavailable
from tests.integrations.calendly_rows import API, ORGANIZATION, START, event_row, invitee_row, page
from tests.integrations.conftest import Vendor


@pytest.fixture
def calendly(vendor: Vendor) -> Calendly:
    return Calendly(base_url=vendor.url, token="t", timeout=5)


class TestClient:
    def test_goes_where_the_settings_say(self, vendor: Vendor, settings: Settings) -> None:
        settings.CALENDLY_BASE_URL, settings.CALENDLY_API_KEY = vendor.url, "key"
        vendor.answers_with({"resource": event_row()})

        client().event("EV1")

        assert vendor.seen[0].headers["Authorization"] == "Bearer key"


class TestUuidOf:
    @pytest.mark.parametrize("uri", [f"{API}/scheduled_events/EV1", f"{API}/scheduled_events/EV1/", "EV1"])
    def test_takes_the_last_part(self, uri: str) -> None:
        assert uuid_of(uri) == "EV1"

    def test_finds_nothing_in_nothing(self) -> None:
        assert uuid_of("") == ""


class TestEvent:
    def test_knows_times_members_and_link(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({"resource": event_row()})

        event = calendly.event("EV1")

        assert (event.starts_at, event.ends_at) == (START, START + timedelta(minutes=15))
        assert event.is_active
        assert event.join_url == "https://zoom.us/j/1"
        assert [(member.uri, member.email) for member in event.members] == [(f"{API}/users/US1", "dia@example.com")]

    @pytest.mark.parametrize("location", [None, {"type": "zoom_conference", "status": "processing", "join_url": None}])
    def test_has_no_link_before_zoom_made_one(
        self, vendor: Vendor, calendly: Calendly, location: dict[str, Any] | None
    ) -> None:
        vendor.answers_with({"resource": event_row(location=location)})

        assert calendly.event("EV1").join_url is None


class TestEventTypes:
    def test_walks_every_page(self, vendor: Vendor, calendly: Calendly) -> None:
        row = {
            "name": "Triage",
            "active": True,
            "deleted_at": None,
            "duration": 15,
            "scheduling_url": "https://calendly.com/triage",
            "profile": None,
            "pooling_type": "round_robin",
            "locations": [{"kind": "zoom_conference"}],
            "custom_questions": [
                {"name": "Phone", "position": 0, "required": True, "enabled": True},
                {"name": "Old", "position": 1, "required": True, "enabled": False},
            ],
        }
        vendor.answers_with(page({**row, "uri": "ET1"}, next_page=f"{vendor.url}/event_types?page_token=two"))
        vendor.answers_with(page({**row, "uri": "ET2", "deleted_at": "2026-11-01T00:00:00Z"}))

        first, second = calendly.event_types(organization=ORGANIZATION)

        assert (first.uri, first.is_active, first.minutes, first.location_kinds) == (
            "ET1",
            True,
            15,
            ("zoom_conference",),
        )
        assert [question.text for question in first.questions] == ["Phone"]
        assert (second.uri, second.is_active) == ("ET2", False)
        assert [seen.query for seen in vendor.seen] == [
            {"organization": ORGANIZATION, "count": "100"},
            {"page_token": "two"},
        ]

    def test_does_not_go_where_a_page_on_another_host_points(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with(page(next_page="https://elsewhere.example/event_types"))

        with pytest.raises(VendorUnavailable, match="a link to another host"):
            calendly.event_types(organization=ORGANIZATION)

        assert len(vendor.seen) == 1


class TestAvailableTimes:
    def test_asks_in_spans_that_the_vendor_allows(self, vendor: Vendor, calendly: Calendly) -> None:
        def slot(time: str, status: str = "available") -> dict[str, str]:
            return {"start_time": time, "status": status, "scheduling_url": "https://calendly.com/x"}

        border = "2027-01-01T03:00:00Z"
        vendor.answers_with({"collection": [slot("2026-12-01T03:00:00Z"), slot(border)]})
        vendor.answers_with({"collection": [slot(border), slot("2027-01-05T03:00:00Z", "unavailable")]})

        times = calendly.available_times(event_type="ET1", start=START, end=START + timedelta(days=40))

        assert [time.starts_at for time in times] == [START, START + timedelta(days=31)]
        assert [(seen.query["start_time"], seen.query["end_time"]) for seen in vendor.seen] == [
            ("2026-12-01T03:00:00Z", border),
            (border, "2027-01-10T03:00:00Z"),
        ]


class TestCreateInvitee:
    def test_sends_our_mark_among_all_six_keys(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({"resource": invitee_row()}, status=201)

        invitee = calendly.create_invitee(
            InviteeDraft(
                event_type_uri=f"{API}/event_types/ET1",
                starts_at=START,
                name="Pat Example",
                email="pat@example.com",
                timezone="Australia/Melbourne",
                utm_content="B1",
                phone="+61412345678",
                location=Location(kind="outbound_call", place="+61412345678"),
                answers=(Answer(question="Phone", answer="+61412345678", position=0),),
            )
        )

        assert invitee.uri == f"{API}/scheduled_events/EV1/invitees/IV1"
        assert vendor.seen[0].json == {
            "event_type": f"{API}/event_types/ET1",
            "start_time": "2026-12-01T03:00:00Z",
            "invitee": {
                "name": "Pat Example",
                "email": "pat@example.com",
                "timezone": "Australia/Melbourne",
                "text_reminder_number": "+61412345678",
            },
            "tracking": {
                "utm_campaign": None,
                "utm_source": "botaniqal",
                "utm_medium": None,
                "utm_content": "B1",
                "utm_term": None,
                "salesforce_uuid": None,
            },
            "location": {"kind": "outbound_call", "location": "+61412345678"},
            "questions_and_answers": [{"question": "Phone", "answer": "+61412345678", "position": 0}],
        }

    def test_never_posts_twice(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({}, status=503)
        draft = InviteeDraft(
            event_type_uri="ET1",
            starts_at=START,
            name="Pat",
            email="pat@example.com",
            timezone="Australia/Melbourne",
            utm_content="B1",
        )

        with pytest.raises(VendorUnavailable) as caught:
            calendly.create_invitee(draft)

        assert caught.value.is_ambiguous
        assert [seen.method for seen in vendor.seen] == ["POST"]


class TestFindInvitee:
    def find(self, calendly: Calendly) -> str | None:
        invitee = calendly.find_invitee(
            organization=ORGANIZATION, email="pat@example.com", starts_at=START, utm_content="B1"
        )
        return invitee and invitee.uri

    def test_finds_our_mark_on_a_later_page(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with(page(next_page=f"{vendor.url}/scheduled_events?page_token=two"))
        vendor.answers_with(page(event_row()))
        vendor.answers_with(page(invitee_row(utm_content="B2"), invitee_row(utm_content=None), invitee_row()))

        found = self.find(calendly)

        assert found == f"{API}/scheduled_events/EV1/invitees/IV1"
        assert vendor.seen[0].query == {
            "organization": ORGANIZATION,
            "invitee_email": "pat@example.com",
            "min_start_time": "2026-12-01T02:59:00Z",
            "max_start_time": "2026-12-01T03:01:00Z",
            "sort": "start_time:asc",
            "count": "100",
        }
        assert vendor.seen[2].path == "/scheduled_events/EV1/invitees"

    @pytest.mark.parametrize("event", [{"status": "canceled"}, {"start_time": "2026-12-01T03:01:00Z"}])
    def test_passes_over_where_the_booking_stood_before(
        self, vendor: Vendor, calendly: Calendly, event: dict[str, Any]
    ) -> None:
        vendor.answers_with(page(event_row(**event)))

        assert self.find(calendly) is None

    @pytest.mark.parametrize("invitee", [{"status": "canceled"}, {"utm_content": "B2"}])
    def test_passes_over_other_invitees(self, vendor: Vendor, calendly: Calendly, invitee: dict[str, Any]) -> None:
        vendor.answers_with(page(event_row()))
        vendor.answers_with(page(invitee_row(**invitee)))

        assert self.find(calendly) is None


class TestCancelEvent:
    def test_gives_the_reason(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({"resource": {}}, status=201)

        calendly.cancel_event("EV1", reason="Patient asked")

        assert (vendor.seen[0].path, vendor.seen[0].json) == (
            "/scheduled_events/EV1/cancellation",
            {"reason": "Patient asked"},
        )

    def test_is_content_when_it_was_cancelled_before(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({}, status=403)
        vendor.answers_with({"resource": event_row(status="canceled")})

        calendly.cancel_event("EV1", reason="Patient asked")

        assert [seen.method for seen in vendor.seen] == ["POST", "GET"]

    def test_is_refused_when_it_still_stands(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({}, status=403)
        vendor.answers_with({"resource": event_row()})

        with pytest.raises(VendorRefused) as caught:
            calendly.cancel_event("EV1", reason="Patient asked")

        assert caught.value.status == 403

    def test_does_not_take_every_refusal_for_cancelled(self, vendor: Vendor, calendly: Calendly) -> None:
        vendor.answers_with({}, status=404)

        with pytest.raises(VendorRefused):
            calendly.cancel_event("EV1", reason="Patient asked")

        assert len(vendor.seen) == 1


class TestLimits:
    DRAFT = InviteeDraft(
        event_type_uri="ET1", starts_at=START, name="Pat", email="p@example.com", timezone="UTC", utm_content="B1"
    )

    @pytest.fixture
    def limited(self, vendor: Vendor, settings: Settings) -> Calendly:
        settings.CALENDLY_BASE_URL = vendor.url
        settings.CALENDLY_LIMITS, settings.CALENDLY_INVITEE_LIMITS = [(5, 60)], [(2, 60), (3, 3600)]
        return client()

    def test_let_no_more_bookings_out_than_the_plan_allows(self, vendor: Vendor, limited: Calendly) -> None:
        for _ in range(3):
            vendor.answers_with({"resource": invitee_row()}, status=201)
        limited.create_invitee(self.DRAFT)
        limited.create_invitee(self.DRAFT)

        with pytest.raises(VendorBusy) as caught:
            limited.create_invitee(self.DRAFT)

        assert str(caught.value) == "Waits for Calendly's limit: 2 bookings a minute."
        assert len(vendor.seen) == 2

    def test_leave_the_other_calls_alone(self, vendor: Vendor, limited: Calendly) -> None:
        vendor.answers_with({}, status=429, headers={"X-RateLimit-Reset": "60", "X-RateLimit-Remaining": "0"})
        vendor.answers_with({"resource": event_row()})
        with pytest.raises(VendorUnavailable) as caught:
            limited.create_invitee(self.DRAFT)

        limited.event("EV1")

        assert (caught.value.retry_after, caught.value.is_ambiguous) == (60, False)
        with pytest.raises(VendorBusy, match="asked for a pause"):
            limited.create_invitee(self.DRAFT)

    def test_count_every_page(self, vendor: Vendor, limited: Calendly) -> None:
        for _ in range(5):
            vendor.answers_with(page(next_page=f"{vendor.url}/event_types?page_token=two"))

        with pytest.raises(VendorBusy, match="5 calls a minute"):
            limited.event_types(organization=ORGANIZATION)
