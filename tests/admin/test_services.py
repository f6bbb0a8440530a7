"""Services in the admin: their words are approved, and they are opened by verbs."""

import pytest
from django.urls import reverse

from botaniqal.wording.models import Approval
from services.models import AppointmentType, Price, Service
from tests.admin.conftest import logged_in, somebody
from tests.factories import AppointmentTypeFactory, PractitionerFactory, ServiceFactory
from tests.offering import approve_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def sleep():
    return ServiceFactory(name="Sleep", slug="sleep", description="How to rest", status="coming_soon")


def page_of(service: Service) -> str:
    return reverse("admin:services_service_change", args=[service.pk])


def verb_of(service: Service, name: str) -> str:
    return reverse("admin:services_service_verb", args=[service.pk, name])


def approve(browser, service: Service, **typed):
    """Open the dialog, and send it as it came with what was typed."""
    form = browser.get(verb_of(service, "approve_words")).context["form"]
    return browser.post(verb_of(service, "approve_words"), {"seen": form["seen"].value(), **typed}, follow=True)


class TestApproveWords:
    def test_lets_the_public_read_them(self, operations, sleep):
        answer = approve(operations, sleep)

        assert "The words of Sleep are approved." in answer.content.decode()
        assert set(Approval.objects.filter(subject__startswith="service:sleep").values_list("text", flat=True)) == {
            "Sleep",
            "How to rest",
        }

    def test_shows_what_will_be_read_and_what_is_risky_in_it(self, operations, sleep):
        Service.objects.update(description="We cannot <b>guarantee</b> it")

        page = operations.get(verb_of(sleep, "approve_words")).content.decode()

        assert "We cannot &lt;b&gt;guarantee&lt;/b&gt; it" in page
        assert "guarantee*" in page
        assert "Never approved" in page

    def test_asks_for_a_reason_and_keeps_it(self, operations, sleep):
        Service.objects.update(description="We cannot guarantee it")

        without = approve(operations, sleep)
        approve(operations, sleep, reason="It promises nothing.")

        assert "Say why these words may stay: “guarantee*”." in without.content.decode()
        assert Approval.objects.get(subject="service:sleep:description").reason == "It promises nothing."

    def test_refuses_what_no_reason_makes_good(self, operations, sleep):
        Service.objects.update(description="Ozempic")

        answer = approve(operations, sleep, reason="Please")

        assert "These words cannot be published: “Ozempic”." in answer.content.decode()
        assert not Approval.objects.filter(subject__startswith="service:").exists()

    def test_approves_nothing_that_was_written_since_the_dialog_opened(self, operations, sleep):
        seen = operations.get(verb_of(sleep, "approve_words")).context["form"]["seen"].value()
        Service.objects.update(description="Something else")

        answer = operations.post(verb_of(sleep, "approve_words"), {"seen": seen}, follow=True)

        assert "The words were changed meanwhile." in answer.content.decode()

    @pytest.mark.parametrize("seen", ["", "x" * 10_000])
    def test_takes_no_dialog_that_was_made_up(self, operations, sleep, seen):
        operations.post(verb_of(sleep, "approve_words"), {"seen": seen})

        assert not Approval.objects.filter(subject__startswith="service:").exists()

    def test_is_managements_too_who_can_change_nothing_else(self, sleep):
        manager = logged_in(somebody("management"))

        approve(manager, sleep)

        assert Approval.objects.filter(subject="service:sleep:name").exists()
        assert manager.post(verb_of(sleep, "retire")).status_code == 403

    def test_is_not_for_consultants(self, consultant, sleep):
        assert consultant.post(verb_of(sleep, "approve_words"), {"seen": "x"}).status_code == 403


class TestWords:
    def test_stand_in_the_list_by_their_worst(self, operations, sleep):
        AppointmentTypeFactory(service=sleep, code="initial-sleep", name="Sleep, initial")

        def state():
            return operations.get(reverse("admin:services_service_changelist")).content.decode()

        assert "Never approved" in state()
        approve(operations, sleep)
        assert "Approved</span>" in state()
        AppointmentType.objects.update(name="Rest, initial")
        assert "Changed since" in state()

    def test_are_marked_beside_their_fields(self, operations, sleep):
        approve(operations, sleep)
        Service.objects.update(description="A miracle")

        page = operations.get(page_of(sleep)).content.decode()

        assert "The public still reads: “How to rest”." in page
        assert "miracle*" in page

    def test_of_a_type_are_marked_on_its_page(self, operations):
        kind = AppointmentTypeFactory(name="Miracle")

        page = operations.get(reverse("admin:services_appointmenttype_change", args=[kind.pk])).content.decode()

        assert "miracle*" in page


class TestStatus:
    def test_is_changed_by_no_form(self, operations, sleep):
        form = {"name": "Sleep", "position": 0, "colour": "#177a60", "status": "active"}
        none = {"appointment_types-TOTAL_FORMS": 0, "appointment_types-INITIAL_FORMS": 0}

        operations.post(page_of(sleep), form | none | {"description": "Anew"})

        sleep.refresh_from_db()
        assert (sleep.description, sleep.status) == ("Anew", "coming_soon")

    def test_opens_only_when_the_check_lets_it_and_says_why_not(self, operations, sleep):
        def press() -> str:
            return operations.post(verb_of(sleep, "open_for_booking"), follow=True).content.decode()

        assert "Sleep has no appointment type yet." in press()
        kind = AppointmentTypeFactory(service=sleep, name="First", price="none")
        assert "Nothing of Sleep could be booked yet. First: It has no price yet." in press()
        Price.objects.create(appointment_type=kind, amount=90, starts_on="2024-01-01")
        assert "First: Nobody active gives it." in press()
        PractitionerFactory(gives=[kind], calendar_provider="outlook", mailbox="dia@clinic.example")
        assert "First: Nobody approved these words yet:" in press()
        approve_words(sleep)
        assert "Sleep can be booked now." in press()
        assert Service.objects.get().status == "active"
        assert "no longer possible here" in press()

    @pytest.mark.parametrize(
        ("name", "was", "becomes"),
        [("announce", "paused", "coming_soon"), ("pause", "active", "paused"), ("retire", "active", "retired")],
    )
    def test_goes_by_verbs_that_are_logged(self, operations, sleep, name, was, becomes):
        Service.objects.update(status=was)

        operations.post(verb_of(sleep, name))

        sleep.refresh_from_db()
        history = operations.get(reverse("admin:services_service_history", args=[sleep.pk])).content.decode()
        assert sleep.status == becomes
        assert {"announce": "Announce", "pause": "Pause", "retire": "Retire"}[name] in history

    def test_changes_nothing_when_a_verb_is_only_looked_at(self, operations, sleep):
        operations.get(verb_of(sleep, "retire"))

        sleep.refresh_from_db()
        assert sleep.status == "coming_soon"

    def test_is_not_asked_of_a_new_service(self, operations):
        page = operations.get(reverse("admin:services_service_add")).content.decode()

        assert 'name="status"' not in page
