"""The stand-in for Calendly: its pages, and what it makes of bad input."""

import json

import pytest

from tests.sandbox.conftest import DOCTOR
from tests.sandbox_server import ENVIRONMENT

ORGANIZATION = ENVIRONMENT["CALENDLY_ORGANIZATION"]


class TestHostileInput:
    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 100_000,
            b'{"event_type": NaN}',
            b"\xff",
            b"null",
            b'""',
            b'{"event_type": "' + b"x" * 1_000_000 + b'"}',
        ],
        ids=["deep", "NaN", "no UTF-8", "null", "text", "huge"],
    )
    def test_is_refused(self, calendly, body):
        assert calendly.call("POST", "invitees", data=body).status_code == 400

    def test_is_refused_as_a_number_without_end(self, calendly):
        query = {"organization": ORGANIZATION, "count": "9" * 5000}

        assert calendly.call("GET", "scheduled_events", params=query).status_code == 400

    @pytest.mark.parametrize("start", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2027-02-30T00:00:00Z", ""])
    def test_is_refused_as_a_time(self, calendly, booking, start):
        assert calendly.call("POST", "invitees", json=booking() | {"start_time": start}).status_code == 400

    def test_is_refused_as_half_a_character(self, calendly, booking, sandbox):
        body = json.dumps(booking()).replace("Ava Nguyen", "\\ud800")

        assert calendly.call("POST", "invitees", data=body).status_code == 400
        assert sandbox.state("calendly")["invitees"] == []

    @pytest.mark.parametrize("start", ["9999-12-31T23:59", "0001-01-01T00:00", "never", ""])
    def test_is_refused_on_pages(self, calendly, booking, browser, start):
        event = calendly.call("POST", "invitees", json=booking()).json()["resource"]["event"].rpartition("/")[2]

        assert browser.press(f"events/{event}/move", start=start).status_code == 422
        assert browser.press("calendars/busy", member="", start=start, minutes="5").status_code == 422


class TestPages:
    def test_let_the_host_cancel_and_mark_a_no_show(self, calendly, booking, browser, portal):
        event = calendly.call("POST", "invitees", json=booking()).json()["resource"]["event"].rpartition("/")[2]
        portal.wait_for(1)

        browser.press(f"events/{event}/no-show", missed="yes")
        portal.wait_for(2)
        browser.press(f"events/{event}/no-show", missed="no")
        portal.wait_for(3)
        browser.press(f"events/{event}/cancel", by="host", reason="Ill")

        told = [(delivery["body"]["event"], delivery["body"]["payload"]) for delivery in portal.wait_for(4)[1:]]
        assert [name for name, _ in told] == ["invitee_no_show.created", "invitee_no_show.deleted", "invitee.canceled"]
        assert told[-1][1]["cancellation"]["canceler_type"] == "host"

    def test_switch_an_event_type_off_and_on(self, calendly, booking, browser):
        address = f"calendars/event-types/{DOCTOR.rpartition('/')[2]}/switch"

        browser.press(address)
        query = {"organization": ORGANIZATION, "active": "true", "count": 100}
        offered = calendly.call("GET", "event_types", params=query).json()["collection"]
        refused = calendly.call("POST", "invitees", json=booking())
        browser.press(address)

        assert DOCTOR not in [row["uri"] for row in offered]
        assert refused.status_code == 404
        assert calendly.call("POST", "invitees", json=booking()).ok

    def test_enter_and_remove_something_of_a_connected_calendar(self, calendly, browser, sandbox):
        member = "https://api.calendly.com/users/0d0a1c6e-9b0c-4a3a-8d5f-55d6a7f0b001"

        browser.press("calendars/busy", member=member, start="2027-03-01T10:00", minutes="60")
        [entry] = sandbox.state("calendly")["busy"]
        browser.press(f"calendars/busy/{entry['id']}/remove")

        assert (entry["user"], entry["start_time"]) == (member, "2027-02-28T23:00:00.000000Z")
        assert sandbox.state("calendly")["busy"] == []
