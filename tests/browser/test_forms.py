"""Filling in a form before a visit, and writing one, in a real browser."""

import re

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from bookings.models import Booking, FormAnswers
from bookings.self_service import links
from services import form_schema, forms
from services.models import Form
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory, ServiceFactory, UserFactory

from .looks import Looks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def booking(transactional_db):
    """A visit for which the first of the clinic's forms is asked."""
    service = ServiceFactory(initial_form=Form.objects.get(slug="mini-intake"))
    kind = AppointmentTypeFactory(service=service)
    return BookingFactory(appointment_type=kind, practitioner=PractitionerFactory(gives=[kind]))


@pytest.fixture
def operations(transactional_db):
    return UserFactory(roles=["operations"], is_staff=True)


def address(booking: Booking) -> str:
    """Where the form of a visit is."""
    return links.to_visit(booking, page="visit-form").removeprefix(settings.PUBLIC_BASE_URL)


def saved(page: Page) -> None:
    """Wait until the page says that it has saved."""
    expect(page.locator("[data-status]")).to_contain_text("Saved")


def answer_all(page: Page) -> None:
    """Answer what has to be answered."""
    for box in page.get_by_role("group").all():
        for word in ("No", "Less than a month"):
            choice = box.get_by_label(word, exact=True)
            if choice.count():
                choice.check()
    page.get_by_label("I have answered for myself").check()


class TestFilling:
    @pytest.mark.main_way
    def test_keeps_a_draft_over_a_reload_and_asks_only_what_is_to_be_asked(self, open_as, booking):
        page = open_as(None)
        page.goto(address(booking))

        page.get_by_label("What would you like help with?").fill("Sleep")
        expect(page.get_by_label("Which illness or illnesses?")).to_be_hidden()
        page.get_by_role("group", name="Has a doctor ever told you").get_by_label("Yes").check()
        page.get_by_label("Which illness or illnesses?").fill("Asthma")
        saved(page)
        page.reload()

        expect(page.get_by_label("What would you like help with?")).to_have_value("Sleep")
        expect(page.get_by_label("Which illness or illnesses?")).to_have_value("Asthma")
        answer_all(page)  # the illness is not asked any more, and not sent
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
        assert [row["name"] for row in FormAnswers.objects.sent_in().get().answers][:2] == ["concern", "since"]
        assert "Asthma" not in str(FormAnswers.objects.get().answers)

    def test_works_without_javascript_and_leads_to_what_is_wrong(self, open_as, booking):
        page = open_as(None, java_script_enabled=False)
        page.goto(address(booking))
        expect(page.get_by_text("Only if you answered “Yes” to “Has a doctor ever")).to_be_visible()

        page.get_by_label("What would you like help with?").fill("Sleep")
        page.get_by_role("button", name="Save and finish later").click()
        expect(page.get_by_text("Saved. Come back with the same link")).to_be_visible()
        page.get_by_role("button", name="Send").click()
        alert = page.get_by_role("alert")
        expect(alert).to_be_focused()
        expect(alert).to_contain_text("How long has this been going on?")
        expect(page.get_by_label("What would you like help with?")).to_have_value("Sleep")
        answer_all(page)
        page.get_by_role("button", name="Send").click()

        expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")

    def test_never_overwrites_what_another_window_saved(self, open_as, booking):
        first, second = open_as(None), open_as(None)
        for page in (first, second):
            page.goto(address(booking))
        first.get_by_label("What would you like help with?").fill("Sleep")
        saved(first)

        second.get_by_label("What would you like help with?").fill("Pain")
        expect(second.locator("[data-status]")).to_contain_text("another window")
        second.get_by_role("button", name="Save and finish later").click()

        expect(second.get_by_role("alert")).to_be_focused()
        expect(second.get_by_text("In the other window: Sleep")).to_be_visible()
        assert FormAnswers.objects.get().draft == {"concern": "Sleep"}
        second.get_by_role("button", name="Save and finish later").click()
        expect(second.get_by_text("Saved. Come back")).to_be_visible()
        assert FormAnswers.objects.get().draft == {"concern": "Pain"}

    def test_is_for_everybody_in_every_look(self, open_as, booking, axe):
        page, looks = open_as(None), Looks(axe)
        page.goto(address(booking))
        looks.at(page, "form")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("alert")).to_be_visible()
        looks.at(page, "form with faults")
        answer_all(page)
        page.get_by_label("What would you like help with?").fill("Sleep")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
        looks.at(page, "sent")

        assert looks.wrong == []


class TestDesk:
    def test_opens_what_was_sent_in(self, desk, session):
        answers = [{"name": "concern", "question": "What helps?", "answer": "<b>Rest</b>"}]
        version = Form.objects.get(slug="mini-intake").versions.get()
        row = {"source": "portal", "form_id": "mini-intake", "external_id": "1", "version": version}
        FormAnswers.objects.create(booking=session.consultation, answers=answers, submitted_at=timezone.now(), **row)
        desk.page.reload()
        desk.wait_until_ready()

        desk.page.get_by_text("Forms: 1").click()
        desk.page.get_by_text("Before your first visit, version 1").click()

        expect(desk.page.get_by_text("<b>Rest</b>")).to_be_visible()


def move_up(page: Page, number: int) -> Locator:
    """Find the button that moves a question up."""
    return page.get_by_role("button", name=re.compile(f"^Up ?: question {number}$"))


class TestWriting:
    @pytest.fixture
    def draft(self, transactional_db):
        return forms.begin_draft(form_id=Form.objects.get(slug="mini-intake").pk, by=None)

    def test_goes_by_keyboard(self, open_as, operations, draft):
        page = open_as(operations)
        page.goto(reverse("admin:services_formversion_edit", args=[draft.pk]))
        count = len(form_schema.read(draft.schema))

        page.get_by_role("button", name="Add a question").press("Enter")
        expect(page.locator(f"#text-{count}")).to_be_focused()
        page.keyboard.type("How do you sleep?")
        page.locator(f"#kind-{count}").select_option("choice")
        page.locator(f"#choices-{count}").fill("Well\nBadly")
        move_up(page, count + 1).press("Enter")
        expect(move_up(page, count)).to_be_focused()
        page.get_by_role("button", name="Save and look at it").press("Enter")
        expect(page.get_by_role("group", name="How do you sleep?")).to_be_visible()

        draft.refresh_from_db()
        assert [one.name for one in form_schema.read(draft.schema)][-2:] == ["how_do_you_sleep", "is_own"]

    def test_is_for_everybody_in_every_look(self, open_as, operations, draft, axe):
        page, looks = open_as(operations), Looks(axe)
        for name in ("edit", "preview", "compare"):
            page.goto(reverse(f"admin:services_formversion_{name}", args=[draft.pk]))
            looks.at(page, name)
        page.goto(reverse("admin:services_formversion_edit", args=[draft.pk]))
        page.locator("#text-0").fill("")
        page.get_by_role("button", name="Save the draft").last.click()
        expect(page.get_by_role("alert")).to_be_visible()
        looks.at(page, "edit with faults")
        for address in (
            f"{reverse('admin:services_formversion_edit', args=[draft.pk])}?as=json",
            reverse("admin:services_form_changelist"),
            reverse("admin:services_form_change", args=[draft.form_id]),
            reverse("admin:services_formversion_change", args=[draft.pk]),
        ):
            page.goto(address)
            looks.at(page, address)

        assert looks.wrong == []
