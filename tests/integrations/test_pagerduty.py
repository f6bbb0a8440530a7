from datetime import datetime, timedelta, timezone

import pytest
from pytest_django import Settings

from botaniqal.integrations.http import VendorBusy, VendorRefused, VendorUnavailable
from botaniqal.integrations.pagerduty import Link, PagerDuty, client
from tests.integrations.conftest import Vendor

KEY = "k" * 32
ACCEPTED = {"status": "success", "message": "Event processed", "dedup_key": "portal:calendar-sync"}
MELBOURNE_SUMMER = timezone(timedelta(hours=11))


@pytest.fixture
def pagerduty(vendor: Vendor) -> PagerDuty:
    return PagerDuty(base_url=vendor.url, routing_key=KEY, timeout=5)


def trigger(pagerduty: PagerDuty, **others: object) -> None:
    pagerduty.trigger(
        **{
            "key": "portal:calendar-sync",
            "summary": "Visits do not reach a calendar.",
            "severity": "critical",
            "source": "https://portal.example.com",
            "at": datetime(2026, 12, 1, 14, 0, tzinfo=MELBOURNE_SUMMER),
            **others,
        }
    )


class TestClient:
    def test_goes_where_the_settings_say(self, vendor: Vendor, settings: Settings) -> None:
        settings.PAGERDUTY_BASE_URL, settings.PAGERDUTY_ROUTING_KEY = vendor.url, KEY
        vendor.answers_with(ACCEPTED, status=202)

        client().resolve(key="portal:calendar-sync")

        assert vendor.seen[0].json["routing_key"] == KEY

    def test_holds_back_when_it_is_asked_to(self, vendor: Vendor, settings: Settings) -> None:
        settings.PAGERDUTY_BASE_URL = vendor.url
        vendor.answers_with({"status": "throttle exceeded"}, status=429, headers={"Retry-After": "60"})
        with pytest.raises(VendorUnavailable):
            client().resolve(key="portal:calendar-sync")

        with pytest.raises(VendorBusy):
            client().resolve(key="portal:calendar-sync")

        assert len(vendor.seen) == 1


class TestTrigger:
    def test_says_what_and_since_when(self, vendor: Vendor, pagerduty: PagerDuty) -> None:
        vendor.answers_with(ACCEPTED, status=202)

        trigger(pagerduty, component="calendar", link=Link(url="https://portal.example.com/admin/", text="Portal"))

        [seen] = vendor.seen
        assert (seen.method, seen.path) == ("POST", "/v2/enqueue")
        assert "Authorization" not in seen.headers
        assert seen.json == {
            "routing_key": KEY,
            "event_action": "trigger",
            "dedup_key": "portal:calendar-sync",
            "payload": {
                "summary": "Visits do not reach a calendar.",
                "source": "https://portal.example.com",
                "severity": "critical",
                "timestamp": "2026-12-01T03:00:00+00:00",
                "component": "calendar",
            },
            "links": [{"href": "https://portal.example.com/admin/", "text": "Portal"}],
        }

    def test_says_no_more_than_it_knows(self, vendor: Vendor, pagerduty: PagerDuty) -> None:
        vendor.answers_with(ACCEPTED, status=202)

        trigger(pagerduty)

        assert vendor.seen[0].json.keys() == {"routing_key", "event_action", "dedup_key", "payload"}
        assert vendor.seen[0].json["payload"].keys() == {"summary", "source", "severity", "timestamp"}

    def test_shortens_a_long_summary(self, vendor: Vendor, pagerduty: PagerDuty) -> None:
        vendor.answers_with(ACCEPTED, status=202)

        trigger(pagerduty, summary="x" * 2_000)

        assert len(vendor.seen[0].json["payload"]["summary"]) == 1_024

    def test_is_refused_by_name_of_no_field(self, vendor: Vendor, pagerduty: PagerDuty) -> None:
        vendor.answers_with({"status": "invalid event", "message": "no", "errors": ["x"]}, status=400)

        with pytest.raises(VendorRefused) as caught:
            trigger(pagerduty)

        assert str(caught.value) == "PagerDuty POST /v2/enqueue: 400"

    @pytest.mark.parametrize("raw", [b"", b"ok", b"[]", b"{}"])
    def test_takes_an_odd_answer_for_none(self, vendor: Vendor, pagerduty: PagerDuty, raw: bytes) -> None:
        vendor.answers_with(raw=raw, status=202)

        with pytest.raises(VendorUnavailable):
            trigger(pagerduty)


class TestEnd:
    @pytest.mark.parametrize("action", ["acknowledge", "resolve"])
    def test_names_the_event_alone(self, vendor: Vendor, pagerduty: PagerDuty, action: str) -> None:
        vendor.answers_with(ACCEPTED, status=202)

        getattr(pagerduty, action)(key="portal:calendar-sync")

        assert vendor.seen[0].json == {
            "routing_key": KEY,
            "event_action": action,
            "dedup_key": "portal:calendar-sync",
        }
