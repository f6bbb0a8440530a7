"""The stand-in SES, through the very backend that the portal uses."""

import json

import pytest
import requests
from django.core.mail import EmailMultiAlternatives, get_connection

BACKEND = "anymail.backends.amazon_ses.EmailBackend"


@pytest.fixture
def message(sandbox):
    """A message with HTML and an invitation, ready to send."""
    connection = get_connection(
        BACKEND,
        client_params={
            "region_name": "ap-southeast-2",
            "endpoint_url": sandbox.ses_url,
            "aws_access_key_id": "any",
            "aws_secret_access_key": "any",
            "config": {"proxies": {}},
        },
    )
    message = EmailMultiAlternatives(
        "Your visit – Monday",
        "Hello Ava,\nsee you on Monday.",
        "Botaniqal <care@example.com>",
        ["ava@example.com"],
        connection=connection,
    )
    message.attach_alternative("<h1>See you on Monday</h1><script>alert(1)</script>", "text/html")
    message.attach_alternative("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar; method=REQUEST")
    message.attach("visit.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "application/ics")
    message.esp_extra = {"EmailTags": [{"Name": "message", "Value": "3f0c7d1e"}]}
    return message


def kept(sandbox):
    return sandbox.state("ses")["messages"][0]


def reports(portal, count):
    """What SNS posted: the headers, and what SES says in each."""
    arrived = portal.wait_for(count)
    return [(each["headers"], json.loads(json.loads(each["raw"])["Message"])) for each in arrived]


class TestSendEmail:
    def test_keeps_what_the_portal_sends(self, sandbox, message):
        message.send()

        sent = kept(sandbox)
        assert message.anymail_status.message_id == sent["id"]
        assert (sent["subject"], sent["to"]) == ("Your visit – Monday", ["ava@example.com"])
        assert sent["text"] == "Hello Ava,\nsee you on Monday."
        assert sent["html"].startswith("<h1>See you on Monday</h1>")
        assert sent["attachments"] == ["visit.ics"]

    def test_takes_no_call_without_a_signature(self, sandbox):
        response = requests.post(f"{sandbox.ses_url}/v2/email/outbound-emails", json={}, timeout=10)

        assert response.status_code == 401


class TestMailbox:
    def test_shows_subject_and_reader(self, sandbox, message):
        message.send()

        page = requests.get(f"{sandbox.url}/mailbox", timeout=10).text

        assert "Your visit – Monday" in page
        assert "ava@example.com" in page

    def test_lets_a_message_run_nothing(self, sandbox, message):
        message.send()
        id = kept(sandbox)["id"]

        response = requests.get(f"{sandbox.url}/mailbox/{id}/html", timeout=10)

        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "allow-scripts" not in policy

    def test_hands_out_the_invitation(self, sandbox, message):
        message.send()
        id = kept(sandbox)["id"]

        file = sandbox.file(id)

        assert file.startswith(b"BEGIN:VCALENDAR")

    def test_shows_one_persons_messages(self, sandbox, message):
        message.send()

        def found(address):
            page = requests.get(f"{sandbox.url}/mailbox", params={"to": address}, timeout=10).text
            return "Your visit – Monday" in page

        assert [found("AVA@example"), found("leo@example.com")] == [True, False]

    def test_shows_text_appointment_headers_and_what_came_of_it(self, sandbox, message):
        message.send()

        page = requests.get(f"{sandbox.url}/mailbox/{kept(sandbox)['id']}", timeout=10).text

        for said in ("see you on Monday.", "BEGIN:VCALENDAR", "MIME-Version", "Delivered"):
            assert said in page

    @pytest.mark.parametrize("path", ["", "/html", "/files/0"])
    def test_knows_no_message_that_was_not_sent(self, sandbox, path):
        assert requests.get(f"{sandbox.url}/mailbox/nothing{path}", timeout=10).status_code == 404


class TestReports:
    def test_are_posted_as_sns_posts_them(self, sandbox, message, portal):
        message.send()

        headers, event = reports(portal, 1)[0]
        assert portal.arrived[0]["path"] == "/anymail/amazon_ses/tracking/"
        assert headers["x-amz-sns-message-type"] == "Notification"
        assert headers["x-amz-sns-message-id"] == json.loads(portal.arrived[0]["raw"])["MessageId"]
        assert headers["Authorization"].startswith("Basic ")
        assert event["eventType"] == "Delivery"
        assert event["mail"]["messageId"] == kept(sandbox)["id"]
        assert event["mail"]["tags"] == {"message": ["3f0c7d1e"]}

    @pytest.mark.parametrize(
        ("address", "kinds"),
        [
            ("bounce@simulator.amazonses.com", ["Bounce"]),
            ("bounce+leo@example.com", ["Bounce"]),
            ("suppressionlist@example.com", ["Bounce"]),
            ("complaint@example.com", ["Complaint", "Delivery"]),
            ("ooto@example.com", ["Bounce", "Delivery"]),
            ("bouncer@example.com", ["Delivery"]),
        ],
    )
    def test_go_by_the_address_as_at_the_simulator_of_ses(self, message, portal, address, kinds):
        message.to = [address]

        message.send()

        assert sorted(event["eventType"] for _, event in reports(portal, len(kinds))) == kinds

    def test_are_made_by_the_mailboxs_switches(self, sandbox, message, portal, browser):
        message.send()
        portal.wait_for(1)

        for kind in ("bounced", "full", "delayed", "complained"):
            browser.press(f"mailbox/{kept(sandbox)['id']}/report", kind=kind)

        told = {event["eventType"]: event for _, event in reports(portal, 5)}
        assert set(told) == {"Delivery", "Bounce", "DeliveryDelay", "Complaint"}
        types = {event["bounce"]["bounceType"] for _, event in reports(portal, 5) if "bounce" in event}
        assert types == {"Permanent", "Transient"}

    def test_know_no_other_switch(self, sandbox, message, browser):
        message.send()

        assert browser.press(f"mailbox/{kept(sandbox)['id']}/report", kind="eaten").status_code == 404

    def test_meet_the_fault_dial(self, sandbox, message, portal):
        sandbox.faults("ses", "doubled")

        message.send()

        names = [headers["x-amz-sns-message-id"] for headers, _ in reports(portal, 2)]
        assert names[0] == names[1]
