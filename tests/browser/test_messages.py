"""Messages in a browser: every e-mail as it is read, and the pages on which people look after them."""

import os

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from bookings import notices
from botaniqal.messages import samples, suppression, words
from botaniqal.messages.models import Message, MessageReport, MessageWords
from tests.factories import BookingFactory, PractitionerFactory, UserFactory

from .looks import LOOKS, Looks, faults

pytestmark = pytest.mark.django_db(transaction=True)

BOUNCED = {"wanted": 2, "told": 1, "needs_person": True, "delivery": "bounced", "problem": "It bounced."}


@pytest.fixture
def olive(transactional_db):
    return UserFactory(is_staff=True, first_name="Olive", roles=["operations"])


@pytest.fixture
def bounced(transactional_db):
    booking = BookingFactory(practitioner=PractitionerFactory(name="Dr Dia"))
    now = timezone.now()
    notices.send_confirmation(booking=booking, now=now)
    Message.objects.update(**BOUNCED, sent_at=now, delivery_at=now)
    message = Message.objects.get()
    MessageReport.objects.create(event_id="1", message=message, kind="bounced", is_lasting=True, at=now)
    return message


def keep(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


class TestMails:
    @pytest.mark.parametrize("kind", Message.Kind)
    def test_have_no_faults_in_any_look(self, open_as, axe, kind):
        own = MessageWords(kind=kind, opening="Good to hear from you.", closing="Your team")
        shown = samples.rendered(kind, words=own if kind in words.PLACEHOLDERS else None)
        page = open_as(None)
        wrong = []

        for scheme, width, height in LOOKS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": height})
            page.set_content(shown.html)
            wrong += [f"{scheme}, {width}: {fault}" for fault in faults(axe, page)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append(f"{scheme}, {width}: wider than the window")

        assert wrong == []


class TestPages:
    @pytest.mark.main_way
    def test_send_again_what_bounced_by_keyboard_alone(self, open_as, olive, bounced):
        page = open_as(olive)
        page.goto(reverse("admin:mail_message_change", args=(bounced.pk,)))

        page.get_by_role("link", name="Send again").focus()
        page.keyboard.press("Enter")
        expect(page.locator("dialog[open]")).to_contain_text(bounced.to)
        page.get_by_role("radio", name=bounced.to).focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")

        expect(page.get_by_text("It is sent to leo.martin@example.com within seconds.")).to_be_visible()
        assert Message.objects.count() == 2

    def test_have_no_faults(self, open_as, olive, bounced, axe):
        suppression.suppress(address=bounced.to, cause="bounced", by=None, now=timezone.now())
        draft = words.begin(kind="confirmation", by=olive, now=timezone.now())
        MessageWords.objects.update(opening="We look forward to {day}, {first_name}.", closing="Your team")
        page, looks = open_as(olive), Looks(axe)

        for name, arguments in {
            "mail_message_changelist": (),
            "mail_message_change": (bounced.pk,),
            "mail_suppression_changelist": (),
            "mail_suppression_change": (suppression.Suppression.objects.get().pk,),
            "mail_messagewords_changelist": (),
            "mail_messagewords_change": (draft.pk,),
            "mail_messagewords_add": (),
            "mail_messagewords_samples": (),
        }.items():
            page.goto(reverse(f"admin:{name}", args=arguments))
            keep(page, name)
            looks.at(page, name)
        page.goto(reverse("admin:mail_messagewords_change", args=(draft.pk,)))
        page.get_by_role("link", name="Approve", exact=True).click()
        expect(page.locator("dialog[open]")).to_be_visible()
        keep(page, "approve")
        looks.at(page, "approve")

        assert looks.wrong == []

    def test_show_a_message_as_it_was_sent(self, open_as, olive, bounced):
        page = open_as(olive)
        page.goto(reverse("admin:mail_message_change", args=(bounced.pk,)))

        page.get_by_role("link", name="See it as it was sent").click()

        expect(page.get_by_role("heading", name="Your appointment is booked")).to_be_visible()
        assert page.title() == bounced.subject
