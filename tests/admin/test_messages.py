"""Messages in the hands of people: what did not arrive, sending again, stopped addresses, words of one's own."""

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings import notices
from bookings.models import Booking
from botaniqal.messages import suppression
from botaniqal.messages.models import Message, MessageReport, MessageWords, Suppression
from tests.admin.conftest import logged_in, somebody
from tests.admin.test_verbs import told, verb_of
from tests.factories import BookingFactory, PractitionerFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:mail_message_changelist")
BOUNCED = {"told": 1, "wanted": 2, "needs_person": True, "problem": "It bounced.", "delivery": "bounced"}


@pytest.fixture
def booking():
    return BookingFactory(practitioner=PractitionerFactory(name="Dr Dia"))


@pytest.fixture
def message(booking):
    """A confirmation that bounced."""
    notices.send_confirmation(booking=booking, now=timezone.now())
    now = timezone.now()
    Message.objects.update(**BOUNCED, sent_at=now, delivery_at=now)
    return Message.objects.get()


def do(browser, message, name, **fields):
    return browser.post(verb_of(message, name), fields, follow=True)


class TestList:
    def test_opens_with_what_needs_a_person_and_why(self, operations, message):
        page = operations.get(LIST).content.decode()

        assert "It bounced." in page
        assert 'badge bad">Bounced' in page

    @pytest.mark.parametrize(
        ("view", "is_listed"),
        [("undelivered", True), ("factual", True), ("marketing", False), ("open", True), ("all", True)],
    )
    def test_has_views_of_what_people_look_for(self, operations, message, view, is_listed):
        assert (message.subject in operations.get(f"{LIST}?view={view}").content.decode()) == is_listed

    def test_shows_nothing_to_those_who_see_own_patients_alone(self, consultant, message):
        assert consultant.get(LIST).status_code == 403


class TestPage:
    def test_shows_the_text_the_reports_and_the_visit(self, operations, message, booking):
        MessageReport.objects.create(event_id="1", message=message, kind="bounced", at=timezone.now())

        page = operations.get(reverse("admin:mail_message_change", args=(message.pk,))).content.decode()

        for said in (booking.number, "METHOD:REQUEST", "What the mail service reported", "Bounced this time"):
            assert said in page

    def test_shows_it_as_it_was_sent_where_nothing_can_run(self, operations, message):
        answer = operations.get(reverse("admin:mail_message_as_sent", args=(message.pk,)))

        assert answer.content.decode() == message.html
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert policy.endswith("sandbox")

    def test_shows_it_to_nobody_else(self, consultant, message):
        answer = consultant.get(reverse("admin:mail_message_as_sent", args=(message.pk,)))

        assert message.subject not in answer.content.decode()

    def test_is_on_the_bookings_time_line(self, operations, message, booking):
        page = operations.get(reverse("admin:bookings_booking_change", args=(booking.pk,))).content.decode()

        assert 'badge bad">Bounced' in page


class TestSendAgain:
    def test_goes_to_the_address_of_today_and_says_what_holds_now(self, operations, message, booking):
        booking.patient.email = "leo@example.org"
        booking.patient.save()
        Booking.objects.update(join_link="https://meet.example.com/new")

        assert "leo@example.org" in operations.get(verb_of(message, "send_again")).content.decode()
        do(operations, message, "send_again", to="leo@example.org")

        again = Message.objects.exclude(pk=message.pk).get()
        message.refresh_from_db()
        assert (again.to, again.kind, again.state) == ("leo@example.org", message.kind, Message.State.PENDING)
        assert "https://meet.example.com/new" in again.text
        assert message.state == Message.State.SYNCED
        assert message.outcome.startswith("Sent again by")

    def test_asks_again_when_the_address_was_changed_meanwhile(self, operations, message, booking):
        booking.patient.email = "leo@example.org"
        booking.patient.save()

        do(operations, message, "send_again", to="leo.martin@example.com")

        assert Message.objects.count() == 1

    def test_sends_nothing_to_an_address_that_bounced(self, operations, message):
        stop(message.to)

        answer = do(operations, message, "send_again", to=message.to)

        assert "is not written to" in " ".join(told(answer))
        assert Message.objects.count() == 1

    @pytest.mark.parametrize("state", ["cancelled", "completed"])
    def test_says_nothing_that_holds_no_more(self, operations, message, state):
        Booking.objects.update(state=state, cancel_reason="ill", cancelled_at=timezone.now())

        answer = do(operations, message, "send_again", to=message.to)

        assert "does not lie ahead" in " ".join(told(answer))
        assert Message.objects.count() == 1

    def test_copies_what_is_about_no_time(self, operations, message):
        Message.objects.update(kind=Message.Kind.NO_ANSWER)

        do(operations, message, "send_again", to=message.to)

        again = Message.objects.exclude(pk=message.pk).get()
        assert (again.text, again.html, again.subject) == (message.text, message.html, message.subject)

    @pytest.mark.parametrize("kind", ["payment_link", "portal_link", "earlier_offer"])
    def test_sends_no_link_that_has_ended(self, operations, message, kind):
        Message.objects.update(kind=kind)

        answer = do(operations, message, "send_again", to=message.to)

        assert "ends by itself" in " ".join(told(answer))

    def test_is_not_offered_for_marketing_or_what_waits(self, operations, message):
        Message.objects.update(stream="marketing", unsubscribe_link="https://portal.example.com/u")
        assert operations.get(verb_of(message, "send_again")).status_code == 302

        Message.objects.update(stream="factual", needs_person=False)
        assert operations.get(verb_of(message, "send_again")).status_code == 302

    def test_happens_on_post_alone(self, operations, message):
        operations.get(verb_of(message, "send_again"))

        assert Message.objects.count() == 1


class TestSetAside:
    def test_ends_the_work_and_keeps_why(self, operations, message):
        do(operations, message, "set_aside", reason="Rang him")

        message.refresh_from_db()
        assert (message.state, message.problem) == (Message.State.SYNCED, "")
        assert message.outcome.endswith("Rang him")

    @pytest.mark.parametrize("reason", ["", "4242 4242 4242 4242"])
    def test_asks_for_a_reason_without_a_card_number(self, operations, message, reason):
        do(operations, message, "set_aside", reason=reason)

        message.refresh_from_db()
        assert message.state == Message.State.NEEDS_PERSON


class TestTryAgain:
    def test_is_not_for_what_went_out_and_bounced(self, operations, message):
        assert operations.get(verb_of(message, "try_again_now")).status_code == 302

        operations.post(f"{LIST}?view=person", {"action": "try_again", "_selected_action": [message.pk]})

        message.refresh_from_db()
        assert message.needs_person


def stop(address):
    return suppression.suppress(address=address, cause="bounced", by=None, now=timezone.now())


class TestStoppedAddresses:
    def test_are_stopped_from_a_message_with_a_reason(self, operations, message):
        do(operations, message, "stop", reason="She asked us to")

        row = Suppression.objects.get()
        assert (row.address, row.cause, row.reason) == (message.to, "staff", "She asked us to")
        assert row.by

    def test_are_written_to_again_with_a_reason(self, operations):
        row = stop("leo@example.com")

        do(operations, row, "lift", reason="Rang him")

        assert not suppression.is_suppressed("leo@example.com")

    def test_are_listed_with_why(self, operations):
        stop("leo@example.com")

        assert "It does not exist" in operations.get(reverse("admin:mail_suppression_changelist")).content.decode()

    @pytest.mark.parametrize("role", ["consultant", "clinician", "management"])
    def test_are_operations_matter(self, role):
        row = stop("leo@example.com")
        browser = logged_in(somebody(role))

        browser.post(verb_of(row, "lift"), {"reason": "Because"})

        assert suppression.is_suppressed("leo@example.com")


class TestWords:
    ADD = reverse("admin:mail_messagewords_add")

    def begin(self, browser):
        browser.post(self.ADD, {"kind": "confirmation"})
        return MessageWords.objects.get()

    def change(self, browser, row, **texts):
        page = reverse("admin:mail_messagewords_change", args=(row.pk,))
        return browser.post(page, {"subject": "", "opening": "", "closing": "", **texts}, follow=True)

    def test_are_written_looked_at_and_approved(self, operations, booking):
        row = self.begin(operations)
        self.change(operations, row, opening="We look forward to {day}.")
        look = operations.get(reverse("admin:mail_messagewords_preview", args=(row.pk,)))
        assert "We look forward to Monday 23 November." in look.content.decode()
        assert "sandbox" in look["Content-Security-Policy"]

        do(operations, row, "approve", reason="")
        notices.send_confirmation(booking=booking, now=timezone.now())

        assert "We look forward to" in Message.objects.get().text

    @pytest.mark.parametrize("opening", ["<script>", "{nobody}", "see https://evil.example", "4242 4242 4242 4242"])
    def test_say_at_once_what_cannot_be_said(self, operations, opening):
        row = self.begin(operations)

        page = self.change(operations, row, opening=opening)

        row.refresh_from_db()
        assert row.opening == ""
        assert "errorlist" in page.content.decode()

    def test_are_not_changed_once_they_are_in_use(self, operations):
        row = self.begin(operations)
        self.change(operations, row, opening="Hello")
        do(operations, row, "approve", reason="")

        assert self.change(operations, row, opening="Other").status_code == 403
        row.refresh_from_db()
        assert row.opening == "Hello"

    @pytest.mark.parametrize("role", ["consultant", "clinician"])
    def test_are_no_matter_of_others(self, role):
        browser = logged_in(somebody(role))

        assert browser.get(self.ADD).status_code == 403
        assert browser.get(reverse("admin:mail_messagewords_samples")).status_code in (403, 404)

    def test_list_every_e_mail_with_made_up_facts(self, operations):
        page = operations.get(reverse("admin:mail_messagewords_samples")).content.decode()

        for kind in Message.Kind:
            for part in ("html", "text"):
                address = reverse("admin:mail_messagewords_sample", args=(kind, part))
                assert address in page
                assert operations.get(address).status_code == 200

    @pytest.mark.parametrize("tail", ["nothing/html/", "confirmation/js/"])
    def test_show_no_e_mail_that_there_is_not(self, operations, tail):
        address = reverse("admin:mail_messagewords_samples") + tail

        assert operations.get(address).status_code == 404
