"""Webhooks from the stand-in Calendly to a portal that listens."""

import hashlib
import hmac

import requests

from tests.sandbox.conftest import TRIAGE
from tests.sandbox_server import ENVIRONMENT


def event_id(invitee):
    return invitee["event"].rsplit("/", 1)[1]


class TestDelivery:
    def test_is_signed_over_the_raw_body(self, calendly, booking, portal):
        calendly.call("POST", "invitees", json=booking())

        delivery = portal.wait_for(1)[0]

        stamp, digest = (part.split("=")[1] for part in delivery["headers"]["Calendly-Webhook-Signature"].split(","))
        key = ENVIRONMENT["CALENDLY_WEBHOOK_SIGNING_KEY"].encode()
        assert digest == hmac.new(key, f"{stamp}.".encode() + delivery["raw"], hashlib.sha256).hexdigest()

    def test_carries_the_invitee_and_the_event(self, calendly, booking, portal):
        invitee = calendly.call("POST", "invitees", json=booking()).json()["resource"]

        body = portal.wait_for(1)[0]["body"]

        assert body["event"] == "invitee.created"
        assert body["payload"]["uri"] == invitee["uri"]
        assert body["payload"]["event"] == body["payload"]["scheduled_event"]["uri"] == invitee["event"]
        assert not [name for name in body["payload"]["scheduled_event"] if name.startswith("_")]

    def test_goes_to_the_door_for_its_kind(self, calendly, booking, portal):
        calendly.call("POST", "invitees", json=booking())
        calendly.call("POST", "invitees", json=booking(event_type=TRIAGE))

        paths = {delivery["path"] for delivery in portal.wait_for(2)}

        assert paths == {"/webhooks/calendly/practitioner", "/webhooks/calendly/triage"}

    def test_goes_to_who_subscribed_with_their_own_key(self, calendly, booking, portal):
        subscription = {
            "url": f"{portal.url}/mine",
            "events": ["invitee.created"],
            "organization": ENVIRONMENT["CALENDLY_ORGANIZATION"],
            "scope": "organization",
            "signing_key": "their own",
        }
        calendly.call("POST", "webhook_subscriptions", json=subscription)

        calendly.call("POST", "invitees", json=booking())

        delivery = portal.wait_for(1)[0]
        stamp, digest = (part.split("=")[1] for part in delivery["headers"]["Calendly-Webhook-Signature"].split(","))
        assert delivery["path"] == "/mine"
        assert digest == hmac.new(b"their own", f"{stamp}.".encode() + delivery["raw"], hashlib.sha256).hexdigest()

    def test_is_tried_again_until_the_portal_takes_it(self, calendly, sandbox, booking, portal):
        portal.status = 500
        calendly.call("POST", "invitees", json=booking())
        portal.wait_for(1)

        portal.status = 200

        first, second = portal.wait_for(2)
        assert first["raw"] == second["raw"]

    def test_tells_of_a_cancellation(self, calendly, booking, portal):
        invitee = calendly.call("POST", "invitees", json=booking()).json()["resource"]
        portal.wait_for(1)

        calendly.call("POST", f"scheduled_events/{event_id(invitee)}/cancellation", json={"reason": "mistake"})

        body = portal.wait_for(2)[1]["body"]
        assert body["event"] == "invitee.canceled"
        assert body["payload"]["cancellation"]["reason"] == "mistake"
        assert body["payload"]["rescheduled"] is False
        assert body["payload"]["scheduled_event"]["status"] == "canceled"

    def test_tells_of_a_no_show_and_its_end(self, calendly, booking, portal):
        invitee = calendly.call("POST", "invitees", json=booking()).json()["resource"]
        portal.wait_for(1)

        note = calendly.call("POST", "invitee_no_shows", json={"invitee": invitee["uri"]}).json()["resource"]
        portal.wait_for(2)
        calendly.call("DELETE", f"invitee_no_shows/{note['uri'].rsplit('/', 1)[1]}")

        marked, taken_back = portal.wait_for(3)[1:]
        assert (marked["body"]["event"], marked["body"]["payload"]["no_show"]["uri"]) == (
            "invitee_no_show.created",
            note["uri"],
        )
        assert (taken_back["body"]["event"], taken_back["body"]["payload"]["no_show"]) == (
            "invitee_no_show.deleted",
            None,
        )


class TestPatientsPages:
    def post(self, sandbox, path, **fields):
        """Press a button of a page as a browser does, with the page's token."""
        with requests.Session() as browser:
            browser.get(sandbox.url, timeout=10)
            fields["csrfmiddlewaretoken"] = browser.cookies["sandbox_csrf"]
            response = browser.post(f"{sandbox.url}/{path}", data=fields, timeout=10)
        assert response.ok, response.text
        return response

    def book(self, sandbox, **fields):
        person = {"name": "Ava Nguyen", "email": "ava@example.com", "phone": "0491 570 006", "concern": "Sleep"}
        return self.post(sandbox, "book", **person, when="soon", **fields)

    def test_book_a_consultation_for_the_portal_to_hear_of(self, sandbox, portal):
        page = self.book(sandbox)

        payload = portal.wait_for(1)[0]["body"]["payload"]
        assert "Ava Nguyen" in page.text
        assert payload["scheduling_method"] is None
        assert payload["scheduled_event"]["event_type"] == TRIAGE
        assert [answer["answer"] for answer in payload["questions_and_answers"]] == ["0491 570 006", "Sleep"]

    def test_move_it_as_a_linked_pair(self, sandbox, portal):
        event = self.book(sandbox).url.split("/events/")[1].partition("?")[0]
        portal.wait_for(1)

        self.post(sandbox, f"events/{event}/move", start="2027-03-01T10:00")

        sent = {delivery["body"]["event"]: delivery["body"]["payload"] for delivery in portal.wait_for(3)[1:]}
        old, new = sent["invitee.canceled"], sent["invitee.created"]
        assert (old["rescheduled"], old["new_invitee"]) == (True, new["uri"])
        assert (new["rescheduled"], new["old_invitee"]) == (False, old["uri"])
        assert new["questions_and_answers"] == old["questions_and_answers"]

    def test_cancel_it(self, sandbox, portal):
        event = self.book(sandbox).url.split("/events/")[1].partition("?")[0]
        portal.wait_for(1)

        self.post(sandbox, f"events/{event}/cancel", reason="Feeling better")

        assert portal.wait_for(2)[1]["body"]["payload"]["cancellation"]["canceler_type"] == "invitee"

    def test_send_a_webhook_ten_times_more(self, sandbox, portal):
        self.book(sandbox)
        portal.wait_for(1)
        delivery = sandbox.state("calendly")["deliveries"][0]["id"]

        self.post(sandbox, f"deliveries/{delivery}/again", times="10")

        assert len({delivery["raw"] for delivery in portal.wait_for(11)}) == 1

    def test_refuse_a_press_that_comes_from_elsewhere(self, sandbox):
        response = requests.post(f"{sandbox.url}/book", data={"name": "Ava"}, timeout=10)

        assert response.status_code == 403
