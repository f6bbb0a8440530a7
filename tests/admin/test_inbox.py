"""What vendors told us, in the hands of people."""

import pytest
from django.urls import reverse

from bookings.models import Booking
from botaniqal.integrations import inbox
from botaniqal.integrations.models import InboundEvent
from tests.admin.conftest import logged_in, somebody
from tests.admin.test_verbs import told, verb_of
from tests.calendly_deliveries import delivery
from tests.factories import AppointmentTypeFactory, CalendlyEventTypeFactory, PractitionerFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:integrations_inboundevent_changelist")
WHY = "Nobody here knows this Calendly event type."


@pytest.fixture
def event():
    """A booking from Calendly, not worked yet."""
    visit = AppointmentTypeFactory()
    doctor = PractitionerFactory(gives=[visit], calendar_provider="calendly")
    CalendlyEventTypeFactory(calendly_id="DIA", appointment_type=visit, practitioner=doctor)
    return inbox.keep(vendor="calendly", key="1", kind="created", payload=delivery(event_type="DIA"))[0]


@pytest.fixture
def stuck(event):
    InboundEvent.objects.update(needs_person=True, problem=WHY)
    event.refresh_from_db()
    return event


@pytest.fixture
def done(event):
    InboundEvent.objects.update(told=1, outcome="Booked as BOT-2026-0012.")
    event.refresh_from_db()
    return event


def act(browser, action, *events, view="person", **fields):
    return browser.post(
        f"{LIST}?view={view}", {"action": action, "_selected_action": [event.pk for event in events], **fields}
    )


class TestList:
    def test_opens_with_what_needs_a_person_and_why(self, operations, stuck):
        page = operations.get(LIST).content.decode()

        assert WHY in page

    def test_keeps_what_is_worked_out_of_the_first_view(self, operations, done):
        assert "BOT-2026-0012" not in operations.get(LIST).content.decode()


class TestDryRun:
    def test_says_what_would_come_of_it_and_books_nothing(self, operations, event):
        answer = operations.post(verb_of(event, "dry_run"))

        [said] = told(answer)
        assert said.startswith("Would do this: Booked as BOT-")
        assert not Booking.objects.exists()

    def test_says_for_what_a_person_would_be_asked(self, operations, event):
        PractitionerFactory._meta.model.objects.all().delete()

        [said] = told(operations.post(verb_of(event, "dry_run")))

        assert said.startswith("Would wait for a person: Nobody here knows this Calendly event type.")


class TestReplay:
    def test_has_it_worked_again(self, operations, done):
        operations.post(verb_of(done, "replay"))
        done.refresh_from_db()

        assert (done.state, done.wanted) == (InboundEvent.State.PENDING, 2)

    def test_is_not_offered_once_it_was_purged(self, operations, done):
        InboundEvent.objects.update(payload=None)

        page = operations.get(reverse("admin:integrations_inboundevent_change", args=[done.pk])).content.decode()
        answer = operations.post(verb_of(done, "replay"))

        assert "Deleted for its age." in page
        assert told(answer) == ["“Replay” is no longer possible here."]

    def test_of_many_leaves_out_what_was_purged_and_says_so(self, operations, done):
        purged, _ = inbox.keep(vendor="calendly", key="2", kind="created", payload={})
        InboundEvent.objects.filter(pk=purged.pk).update(payload=None, told=1)

        answer = act(operations, "replay_all", done, purged, view="all")

        assert told(answer) == [
            "1 are worked again within seconds.",
            "1 cannot be: what they said was deleted for its age.",
        ]
        assert InboundEvent.objects.open().get() == done


class TestSetAside:
    def test_keeps_the_reason_and_whose_it_is(self, operations, stuck):
        operations.post(verb_of(stuck, "set_aside"), {"reason": "A test of ours."})
        stuck.refresh_from_db()

        assert stuck.outcome == "Set aside by Operations: A test of ours."
        assert not InboundEvent.objects.for_a_person().exists()

    @pytest.mark.parametrize("reason", ["", " ", "4111 1111 1111 1111", "x" * 121])
    def test_asks_again_for_a_reason_that_is_none(self, operations, stuck, reason):
        answer = operations.post(verb_of(stuck, "set_aside"), {"reason": reason})

        assert answer.status_code == 200
        assert InboundEvent.objects.for_a_person().exists()

    def test_of_many_asks_for_one_reason(self, operations, stuck):
        inbox.keep(vendor="calendly", key="2", kind="created", payload={}, problem=WHY)
        both = list(InboundEvent.objects.all())

        asked = act(operations, "set_all_aside", *both)
        page = asked.content.decode()
        act(operations, "set_all_aside", *both, reason="A rehearsal.")

        assert "Set 2 aside" in page
        assert page.count('name="_selected_action"') == 2
        assert set(InboundEvent.objects.values_list("outcome", flat=True)) == {"Set aside by Operations: A rehearsal."}


class TestRights:
    @pytest.mark.parametrize("name", ["try_again_now", "dry_run", "replay", "set_aside"])
    @pytest.mark.parametrize("role", ["consultant", "management", "clinician"])
    def test_are_asked_of_each_verb(self, event, name, role):
        before = InboundEvent.objects.values().get()

        answer = logged_in(somebody(role)).post(verb_of(event, name), {"reason": "Mine."})

        assert answer.status_code == 403
        assert InboundEvent.objects.values().get() == before

    @pytest.mark.parametrize("action", ["try_again", "replay_all", "set_all_aside"])
    def test_are_asked_of_each_action(self, stuck, action):
        before = InboundEvent.objects.values().get()

        act(logged_in(somebody("consultant")), action, stuck, reason="Mine.")

        assert InboundEvent.objects.values().get() == before

    def test_are_not_enough_without_a_post(self, operations, stuck):
        before = InboundEvent.objects.values().get()

        operations.get(verb_of(stuck, "set_aside"), {"reason": "By a link."})

        assert InboundEvent.objects.values().get() == before
