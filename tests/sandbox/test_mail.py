"""The stand-in SES, through the very backend that the portal uses."""

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
    message.attach("visit.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar")
    return message


class TestSendEmail:
    def test_keeps_what_the_portal_sends(self, sandbox, message):
        message.send()

        kept = sandbox.state("ses")["messages"][0]
        assert message.anymail_status.message_id == kept["id"]
        assert (kept["subject"], kept["to"]) == ("Your visit – Monday", ["ava@example.com"])
        assert kept["text"] == "Hello Ava,\nsee you on Monday."
        assert kept["html"].startswith("<h1>See you on Monday</h1>")
        assert kept["attachments"] == ["visit.ics"]

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
        id = sandbox.state("ses")["messages"][0]["id"]

        response = requests.get(f"{sandbox.url}/mailbox/{id}/html", timeout=10)

        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "allow-scripts" not in policy

    def test_hands_out_the_invitation(self, sandbox, message):
        message.send()
        id = sandbox.state("ses")["messages"][0]["id"]

        file = sandbox.file(id)

        assert file.startswith(b"BEGIN:VCALENDAR")
