"""The stand-in Calendly, over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import requests

from tests.sandbox.conftest import DOCTOR, TRIAGE
from tests.sandbox_server import ENVIRONMENT

ORGANIZATION = ENVIRONMENT["CALENDLY_ORGANIZATION"]
TRACKING = {
    "utm_campaign": None,
    "utm_source": "portal",
    "utm_medium": None,
    "utm_content": "booking-1",
    "utm_term": None,
    "salesforce_uuid": None,
}


class TestKey:
    def test_lets_nobody_in_without_it(self, calendly):
        response = requests.get(f"{calendly.url}/users/me", timeout=10)

        assert response.status_code == 401
        assert response.json() == {"title": "Unauthenticated", "message": "The access token is invalid"}

    def test_names_the_organization_of_its_member(self, calendly):
        response = calendly.call("GET", "users/me")

        assert response.json()["resource"]["current_organization"] == ORGANIZATION


class TestCreateInvitee:
    def test_books_and_keeps_the_tracking(self, calendly, booking):
        response = calendly.call("POST", "invitees", json=booking(tracking=TRACKING))

        invitee = response.json()["resource"]
        assert response.status_code == 201
        assert invitee["tracking"] == TRACKING
        assert invitee["scheduling_method"] == "api"
        assert invitee["event"].startswith("https://api.calendly.com/scheduled_events/")
        assert UUID(invitee["uri"].rsplit("/", 1)[1]).version == 4

    def test_gives_the_meeting_link_with_the_event(self, calendly, booking):
        invitee = calendly.call("POST", "invitees", json=booking()).json()["resource"]

        event = calendly.call("GET", f"scheduled_events/{invitee['event'].rsplit('/', 1)[1]}").json()["resource"]

        assert event["location"]["join_url"].startswith("https://")
        assert event["event_memberships"][0]["user_email"] == "dr.dia@example.com"

    def test_refuses_a_taken_time_of_the_same_owner(self, calendly, booking):
        calendly.call("POST", "invitees", json=booking())

        response = calendly.call("POST", "invitees", json=booking(minutes=10))

        assert response.status_code == 400
        assert response.json()["details"][0]["parameter"] == "start_time"

    def test_takes_the_time_right_after(self, calendly, booking):
        calendly.call("POST", "invitees", json=booking())

        response = calendly.call("POST", "invitees", json=booking(minutes=15))

        assert response.status_code == 201

    def test_takes_one_of_many_who_come_at_once(self, calendly, booking):
        with ThreadPoolExecutor(20) as people:
            responses = list(people.map(lambda _: calendly.call("POST", "invitees", json=booking()), range(20)))

        assert sorted(response.status_code for response in responses) == [201] + [400] * 19

    def test_does_not_know_other_event_types(self, calendly, booking):
        unknown = "https://api.calendly.com/event_types/00000000-0000-4000-8000-000000000000"

        response = calendly.call("POST", "invitees", json=booking(event_type=unknown))

        assert response.status_code == 404

    def test_refuses_a_time_that_is_past(self, calendly, booking):
        response = calendly.call("POST", "invitees", json=booking(minutes=-3 * 24 * 60))

        assert response.status_code == 400

    def test_names_each_fault_of_a_body(self, calendly, booking):
        body = booking(colour="green", tracking={"utm_source": "portal"})
        del body["invitee"]["timezone"]

        response = calendly.call("POST", "invitees", json=body)

        named = {detail["parameter"] for detail in response.json()["details"]}
        assert response.status_code == 400
        assert {"colour", "invitee.timezone", "tracking.utm_content"} <= named


class TestListEvents:
    def test_finds_a_booking_by_email_and_time(self, calendly, booking):
        calendly.call("POST", "invitees", json=booking(minutes=60))
        event = calendly.call("POST", "invitees", json=booking(minutes=120)).json()["resource"]["event"]

        response = calendly.call(
            "GET",
            "scheduled_events",
            params={
                "organization": ORGANIZATION,
                "invitee_email": "AVA@example.com",
                "status": "active",
                "min_start_time": booking(minutes=120)["start_time"],
                "max_start_time": booking(minutes=121)["start_time"],
            },
        )

        assert [row["uri"] for row in response.json()["collection"]] == [event]

    def test_hands_out_page_after_page(self, calendly, booking):
        for minutes in (0, 15, 30):
            calendly.call("POST", "invitees", json=booking(minutes=minutes))
        query = {"organization": ORGANIZATION, "count": 2}

        first = calendly.call("GET", "scheduled_events", params=query).json()
        link = first["pagination"]["next_page"]
        second = calendly.call("GET", link.removeprefix(f"{calendly.url}/")).json()

        assert [len(first["collection"]), len(second["collection"])] == [2, 1]
        assert second["pagination"]["next_page"] is None

    def test_asks_for_an_organization_or_a_member(self, calendly):
        assert calendly.call("GET", "scheduled_events").status_code == 400

    def test_shows_nothing_of_another_organization(self, calendly):
        another = "https://api.calendly.com/organizations/00000000-0000-4000-8000-000000000000"

        assert calendly.call("GET", "scheduled_events", params={"organization": another}).status_code == 403


class TestCancelEvent:
    def test_frees_the_time(self, calendly, booking):
        event = calendly.call("POST", "invitees", json=booking()).json()["resource"]["event"]

        response = calendly.call(
            "POST", f"scheduled_events/{event.rsplit('/', 1)[1]}/cancellation", json={"reason": "patient request"}
        )

        assert response.status_code == 201
        assert response.json()["resource"]["canceler_type"] == "host"
        assert calendly.call("POST", "invitees", json=booking()).status_code == 201

    def test_refuses_to_cancel_twice(self, calendly, booking):
        event = calendly.call("POST", "invitees", json=booking()).json()["resource"]["event"]
        address = f"scheduled_events/{event.rsplit('/', 1)[1]}/cancellation"
        calendly.call("POST", address)

        assert calendly.call("POST", address).status_code == 403


class TestTimes:
    def test_leaves_a_booked_time_out(self, calendly):
        start = datetime.now(UTC) + timedelta(days=1)
        span = {"start_time": start.isoformat(), "end_time": (start + timedelta(days=7)).isoformat()}
        before = calendly.call("GET", "event_type_available_times", params={"event_type": DOCTOR, **span}).json()
        taken = before["collection"][0]["start_time"]
        body = {
            "event_type": DOCTOR,
            "start_time": taken,
            "invitee": {"name": "Ava Nguyen", "email": "ava@example.com", "timezone": "Australia/Melbourne"},
        }

        calendly.call("POST", "invitees", json=body)

        after = calendly.call("GET", "event_type_available_times", params={"event_type": DOCTOR, **span}).json()
        assert taken not in [row["start_time"] for row in after["collection"]]
        assert len(after["collection"]) == len(before["collection"]) - 1

    def test_shows_a_booking_as_busy(self, calendly, booking):
        event = calendly.call("POST", "invitees", json=booking(minutes=120)).json()["resource"]["event"]
        user = calendly.call("GET", f"scheduled_events/{event.rsplit('/', 1)[1]}").json()["resource"]
        member = user["event_memberships"][0]["user"]
        start = datetime.now(UTC) + timedelta(minutes=1)

        response = calendly.call(
            "GET",
            "user_busy_times",
            params={
                "user": member,
                "start_time": start.isoformat(),
                "end_time": (start + timedelta(days=6)).isoformat(),
            },
        )

        assert [row["event"]["uri"] for row in response.json()["collection"]] == [event]

    def test_refuses_a_span_that_is_too_long(self, calendly):
        start = datetime.now(UTC) + timedelta(days=1)
        span = {"start_time": start.isoformat(), "end_time": (start + timedelta(days=32)).isoformat()}

        response = calendly.call("GET", "event_type_available_times", params={"event_type": DOCTOR, **span})

        assert response.status_code == 400


class TestNoShow:
    def test_is_marked_and_taken_back(self, calendly, booking):
        invitee = calendly.call("POST", "invitees", json=booking()).json()["resource"]["uri"]
        address = invitee.removeprefix("https://api.calendly.com/")

        note = calendly.call("POST", "invitee_no_shows", json={"invitee": invitee}).json()["resource"]
        marked = calendly.call("GET", address).json()["resource"]["no_show"]
        gone = calendly.call("DELETE", f"invitee_no_shows/{note['uri'].rsplit('/', 1)[1]}")

        assert marked["uri"] == note["uri"]
        assert gone.status_code == 204
        assert calendly.call("GET", address).json()["resource"]["no_show"] is None


class TestEventTypes:
    def test_come_from_the_environment(self, calendly):
        rows = calendly.call("GET", "event_types", params={"organization": ORGANIZATION}).json()["collection"]

        assert TRIAGE in [row["uri"] for row in rows]

    def test_are_booked_with_the_host_who_has_least_to_do(self, calendly, sandbox, booking):
        hosts = [{"email": f"{name}@example.com", "name": name} for name in ("sarah", "tom")]
        shared = {"uri": TRIAGE, "name": "Free consultation", "minutes": 15, "hosts": hosts}
        requests.post(f"{sandbox.url}/_control/event-types", json={"event_types": [shared]}, timeout=10)

        for _ in range(2):
            calendly.call("POST", "invitees", json=booking(event_type=TRIAGE))

        events = sandbox.state("calendly")["events"]
        assert {event["event_memberships"][0]["user_name"] for event in events} == {"sarah", "tom"}


class TestSchedulingLink:
    def test_is_made_for_one_booking(self, calendly):
        body = {"max_event_count": 1, "owner": DOCTOR, "owner_type": "EventType"}

        response = calendly.call("POST", "scheduling_links", json=body)

        assert response.status_code == 201
        assert response.json()["resource"]["booking_url"].startswith(f"{calendly.url.removesuffix('/calendly')}/d/")


class TestSubscription:
    def test_can_be_made_once_and_ended(self, calendly):
        body = {
            "url": "https://portal.example.com/hook",
            "events": ["invitee.created"],
            "organization": ORGANIZATION,
            "scope": "organization",
            "signing_key": "k",
        }

        made = calendly.call("POST", "webhook_subscriptions", json=body)
        again = calendly.call("POST", "webhook_subscriptions", json=body)
        address = f"webhook_subscriptions/{made.json()['resource']['uri'].rsplit('/', 1)[1]}"
        ended = calendly.call("DELETE", address)

        assert [made.status_code, again.status_code, ended.status_code] == [201, 409, 204]
        assert "k" not in made.json()["resource"].values()
        assert calendly.call("GET", address).status_code == 404


class TestPlan:
    def test_may_forbid_booking_by_api(self, calendly, sandbox, booking):
        sandbox.plan("free_no_booking")

        response = calendly.call("POST", "invitees", json=booking())

        assert response.status_code == 403
        assert "upgrade" in response.json()["message"]

    def test_is_paid_again_after_a_reset(self, calendly, sandbox, booking):
        sandbox.plan("free_no_booking")
        sandbox.reset()

        assert sandbox.control("GET", "plan") == {"plan": "paid"}


class TestLimits:
    def test_refuse_one_booking_too_many(self, calendly, sandbox, booking):
        sandbox.limits(invitees="2/60 5/3600")

        responses = [calendly.call("POST", "invitees", json=booking(minutes=15 * number)) for number in range(3)]

        assert [response.status_code for response in responses] == [201, 201, 429]
        assert [response.headers["X-RateLimit-Remaining"] for response in responses] == ["1", "0", "0"]
        assert responses[2].headers["X-RateLimit-Limit"] == "2"
        assert 50 < int(responses[2].headers["X-RateLimit-Reset"]) <= 61
        assert sandbox.control("GET", "limits")["invitees"]["windows"][0]["used"] == 2

    def test_take_bookings_again_when_the_span_is_over(self, calendly, sandbox, booking):
        sandbox.limits(invitees="1/0.3")

        statuses = []
        while statuses.count(201) < 2 and len(statuses) < 2_000:
            response = calendly.call("POST", "invitees", json=booking(minutes=15 * len(statuses)))
            statuses.append(response.status_code)

        assert (statuses[0], statuses[1], statuses[-1]) == (201, 429, 201)

    def test_leave_other_calls_alone(self, calendly, sandbox, booking):
        sandbox.limits(invitees="1/60")
        calendly.call("POST", "invitees", json=booking())

        response = calendly.call("GET", "users/me")

        assert response.ok
        assert "X-RateLimit-Remaining" not in response.headers

    def test_can_be_set_for_all_calls(self, calendly, sandbox):
        sandbox.limits(calls="1/60")

        assert [calendly.call("GET", "users/me").status_code for _ in range(2)] == [200, 429]

    def test_have_a_form(self, sandbox):
        response = requests.post(f"{sandbox.url}/_control/limits", json={"invitees": "ten a minute"}, timeout=10)

        assert response.status_code == 400


class TestBusy:
    def test_shows_what_is_in_a_connected_calendar_and_books_nothing_there(self, calendly, sandbox, booking):
        wanted = booking(minutes=60)
        start = datetime.fromisoformat(wanted["start_time"])
        entry = {"user": "dr.dia@example.com", "start_time": start.isoformat()}
        entry |= {"end_time": (start + timedelta(minutes=30)).isoformat()}
        added = sandbox.control("POST", "busy", json=entry)

        span = {"start_time": (start - timedelta(hours=1)).isoformat(), "end_time": (start + timedelta(1)).isoformat()}
        rows = calendly.call("GET", "user_busy_times", params={"user": added["user"], **span}).json()["collection"]
        taken = calendly.call("POST", "invitees", json=wanted)
        sandbox.control("DELETE", "busy", params={"id": added["id"]})

        assert [row["type"] for row in rows] == ["external"]
        assert taken.status_code == 400
        assert calendly.call("POST", "invitees", json=wanted).status_code == 201


class TestMove:
    def test_leads_to_another_host(self, calendly, sandbox, booking, portal):
        hosts = [{"email": f"{name}@example.com", "name": name} for name in ("sarah", "tom")]
        shared = {"uri": TRIAGE, "name": "Free consultation", "minutes": 15, "hosts": hosts}
        sandbox.control("POST", "event-types", json={"event_types": [shared]})
        event = calendly.call("POST", "invitees", json=booking(event_type=TRIAGE)).json()["resource"]["event"]
        portal.wait_for(1)

        move = {"event": event, "start_time": booking(minutes=90)["start_time"], "by": "host"}
        new = sandbox.control("POST", "moves", json=move | {"host": "tom@example.com"})

        told = {delivery["body"]["event"]: delivery["body"]["payload"] for delivery in portal.wait_for(3)[1:]}
        assert told["invitee.canceled"]["rescheduled"] is True
        assert told["invitee.canceled"]["new_invitee"] == new["uri"]
        assert told["invitee.canceled"]["cancellation"]["canceler_type"] == "host"
        assert told["invitee.created"]["scheduled_event"]["event_memberships"][0]["user_name"] == "tom"
