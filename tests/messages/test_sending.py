from datetime import timedelta

import pytest
from django.utils import timezone

from botaniqal import logs
from botaniqal.integrations.models import Owed
from botaniqal.messages import sending, suppression
from botaniqal.messages.models import Message

pytestmark = pytest.mark.django_db


def write(**fields):
    return Message.objects.create(
        **{
            "kind": Message.Kind.CONFIRMATION,
            "reference": "0b6d38a3-6a2c-4ff3-b7a9-5c2b86a3c2b5",
            "to": "leo.martin@example.com",
            "subject": "Booked: your appointment",
            "text": "Hello Leo\n",
            "html": "<p>Hello Léo</p>",
            "calendar": "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nEND:VCALENDAR\r\n",
            **fields,
        }
    )


def suppress(address):
    suppression.suppress(address=address, cause=suppression.Cause.BOUNCED, by=None, now=timezone.now())


def mailbox(ses):
    return ses.state("ses")["messages"]


class TestSendDue:
    def test_tells_the_mail_service_the_requests_id(self, ses):
        with logs.under("from-the-website-1"):
            write()

        sending.send_due()

        assert [call["request_id"] for call in ses.calls("ses")] == ["from-the-website-1"]

    def test_sends_each_message_once(self, ses):
        message = write()

        sent = [sending.send_due(), sending.send_due()]

        message.refresh_from_db()
        received = mailbox(ses)
        assert sent == [1, 0]
        assert [(mail["to"], mail["subject"], mail["text"]) for mail in received] == [
            (["leo.martin@example.com"], "Booked: your appointment", "Hello Leo\n")
        ]
        assert message.state == Owed.State.SYNCED
        assert message.external_id == received[0]["id"]
        assert message.sent_at <= timezone.now()

    def test_sends_html_and_the_appointment_with_it_for_mail_clients_and_as_a_file(self, mailoutbox):
        write()

        sending.send_due()

        parts = {part.get_content_type(): part for part in mailoutbox[0].message().walk()}
        assert parts["text/html"].get_payload(decode=True).decode() == "<p>Hello Léo</p>"
        assert parts["text/calendar"].get_param("method") == "CANCEL"
        assert parts["text/calendar"].get_filename() is None
        assert parts["application/ics"].get_filename() == "appointment.ics"
        assert "METHOD:CANCEL" in parts["application/ics"].get_payload(decode=True).decode()

    def test_names_our_row_to_the_mail_service(self, mailoutbox):
        message = write()

        sending.send_due()

        assert mailoutbox[0].message()["X-Botaniqal-Message"] == str(message.pk)
        assert mailoutbox[0].metadata == {"message": str(message.pk)}

    @pytest.mark.parametrize("fault", ["error_before", "throttled", "timeout_before"])
    def test_tries_again_when_the_mail_service_is_in_trouble(self, ses, fault):
        message = write()
        ses.faults("ses", fault)

        sending.send_due()

        message.refresh_from_db()
        assert message.state == Owed.State.RETRYING
        assert message.sent_at is None
        ses.clear_faults()
        Message.objects.update(next_try_at=timezone.now())
        assert sending.send_due() == 1

    def test_asks_for_a_person_when_the_address_is_none(self, ses):
        message = write(to="not an address")

        sending.send_due()

        message.refresh_from_db()
        assert message.state == Owed.State.NEEDS_PERSON
        assert "not an address" not in message.problem
        assert mailbox(ses) == []

    def test_leaves_a_message_that_is_to_wait(self, ses):
        write(next_try_at=timezone.now() + timedelta(minutes=1))

        assert sending.send_due() == 0

    @pytest.mark.parametrize("address", ["leo.martin@example.com", "LEO.Martin@example.com"])
    def test_asks_for_a_person_when_the_address_is_suppressed(self, ses, address):
        message = write()
        suppress(address)

        sending.send_due()

        message.refresh_from_db()
        assert message.state == Owed.State.NEEDS_PERSON
        assert message.problem == sending.SUPPRESSED
        assert mailbox(ses) == []

    def test_lets_marketing_to_a_suppressed_address_end_unsent(self, ses):
        message = write(stream="marketing", unsubscribe_link="https://portal.example.com/unsubscribe/abc")
        suppress(message.to)

        sending.send_due()

        message.refresh_from_db()
        assert message.state == Owed.State.SYNCED
        assert message.sent_at is None
        assert mailbox(ses) == []

    def test_gives_marketing_the_button_of_the_mail_client_and_nothing_else(self, mailoutbox):
        write()
        write(stream="marketing", unsubscribe_link="https://portal.example.com/unsubscribe/abc")

        sending.send_due()

        factual, marketing = (mail.message() for mail in mailoutbox)
        assert marketing["List-Unsubscribe"] == "<https://portal.example.com/unsubscribe/abc>"
        assert marketing["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "List-Unsubscribe" not in factual

    def test_lets_be_what_would_come_too_late(self, ses):
        message = write(good_until=timezone.now())

        sending.send_due()

        message.refresh_from_db()
        assert (message.state, message.sent_at) == (Owed.State.SYNCED, None)
        assert "too late" in message.outcome
        assert mailbox(ses) == []
