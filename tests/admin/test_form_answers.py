"""Answers of forms, in the hands of people."""

from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, FormAnswers
from botaniqal.messages.models import Message
from services.models import Form
from tests.admin.conftest import logged_in, somebody
from tests.admin.test_verbs import told, verb_of
from tests.factories import AppointmentTypeFactory, BookingFactory, ServiceFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:bookings_formanswers_changelist")


@pytest.fixture
def answers():
    return FormAnswers.objects.create(
        source="jotform",
        form_id="240000000000001",
        external_id="5810000000000000001",
        answers=[{"name": "concern", "question": "What helps?", "answer": "<b>Sleep</b>"}],
        submitted_at=timezone.now(),
        fetched_at=timezone.now(),
    )


class TestList:
    def test_opens_with_what_belongs_to_nobody_yet(self, operations, answers):
        linked = FormAnswers.objects.create(
            source="jotform",
            form_id="240000000000001",
            external_id="2",
            answers=[{"answer": "Already linked"}],
            submitted_at=timezone.now(),
            fetched_at=timezone.now(),
            booking=BookingFactory(),
        )

        page, everything = (operations.get(address).content.decode() for address in (LIST, f"{LIST}?view=all"))

        assert "&lt;b&gt;Sleep" in page
        assert "Already linked" not in page
        assert everything.index("Whose?") < everything.index(linked.booking.number)

    def test_shows_to_a_consultant_what_own_patients_answered_alone(self, consultant, sarah, answers):
        others = consultant.get(f"{LIST}?view=all").content.decode()
        answers.booking = BookingFactory(practitioner=sarah)
        answers.save()

        own = consultant.get(f"{LIST}?view=all").content.decode()

        assert "Sleep" not in others
        assert "Sleep" in own

    @pytest.mark.parametrize("role", ["management"])
    def test_is_kept_from_those_who_see_no_patients(self, answers, role):
        assert logged_in(somebody(role)).get(LIST).status_code == 403


class TestLink:
    def test_shows_them_on_the_bookings_page_from_then_on(self, operations, answers):
        booking = BookingFactory()

        answer = operations.post(verb_of(answers, "link"), {"number": booking.number.lower()})
        page = operations.get(reverse("admin:bookings_booking_change", args=[booking.pk])).content.decode()

        assert told(answer) == [f"These answers belong to {booking} now."]
        assert "What helps?" in page
        assert "&lt;b&gt;Sleep" in page

    def test_says_when_there_is_no_such_booking(self, operations, answers):
        answer = operations.post(verb_of(answers, "link"), {"number": "BOT-1"})

        assert "There is no booking of that number" in told(answer)[0]

    @pytest.mark.parametrize("role", ["consultant", "clinician", "management"])
    def test_is_for_those_who_run_the_clinic(self, answers, role):
        booking = BookingFactory()

        answer = logged_in(somebody(role)).post(verb_of(answers, "link"), {"number": booking.number})
        answers.refresh_from_db()

        assert answer.status_code in (302, 403, 404)
        assert answers.booking is None


@pytest.fixture
def asked():
    """A visit for which the first of the clinic's forms is asked."""
    service = ServiceFactory(initial_form=Form.objects.get(slug="mini-intake"))
    return BookingFactory(appointment_type=AppointmentTypeFactory(service=service))


def fill(booking, *, is_sent, **said):
    """Keep a draft of the form of a visit, or answers as they were sent."""
    version = booking.appointment_type.service.initial_form.versions.get()
    lines = [{"name": name, "question": f"What {name}?", "answer": text} for name, text in said.items()]
    return FormAnswers.objects.create(
        source="portal",
        form_id="mini-intake",
        external_id=uuid4().hex,
        version=version,
        booking=booking,
        answers=lines if is_sent else [],
        draft={} if is_sent else said,
        saved_at=timezone.now(),
        submitted_at=timezone.now() if is_sent else None,
    )


def page_of(client, row):
    return client.get(reverse(f"admin:bookings_{row._meta.model_name}_change", args=[row.pk])).content.decode()


class TestShown:
    def test_stands_on_the_pages_of_booking_and_patient_with_its_version(self, operations, asked):
        row = fill(asked, is_sent=True, helps="<i>Rest</i>")

        for page in (page_of(operations, asked), page_of(operations, asked.patient), page_of(operations, row)):
            assert "Before your first visit, version 1" in page
            assert "What helps?" in page
            assert "&lt;i&gt;Rest" in page

    def test_tells_of_a_draft_without_what_is_in_it(self, operations, asked):
        row = fill(asked, is_sent=False, concern="Something private")

        for page in (page_of(operations, asked), page_of(operations, asked.patient), page_of(operations, row)):
            assert "Draft, saved" in page
            assert "private" not in page

        listed = operations.get(f"{LIST}?view=drafts").content.decode()
        assert asked.number in listed
        assert "private" not in listed

    def test_stands_in_the_panel_and_the_day_of_whoever_gives_the_visit(self, asked):
        doctor = asked.practitioner
        doctor.user = somebody("clinician")
        doctor.save()
        fill(asked, is_sent=True, helps="Rest")
        day = timezone.localdate(asked.starts_at)
        browser = logged_in(doctor.user)

        panel = browser.get(reverse("admin:calendar_booking", args=[asked.pk])).content.decode()
        my_day = browser.get(f"{reverse('admin:my_day')}?date={day}").content.decode()

        for page in (panel, my_day):
            assert "What helps?" in page
            assert "Before your first visit, version 1" in page

    def test_shows_no_draft_to_whoever_gives_the_visit(self, asked):
        doctor = asked.practitioner
        doctor.user = somebody("clinician")
        doctor.save()
        fill(asked, is_sent=False, concern="Something private")

        panel = logged_in(doctor.user).get(reverse("admin:calendar_booking", args=[asked.pk])).content.decode()

        assert "Before your first visit" not in panel
        assert "private" not in panel


class TestSendForm:
    def test_sends_the_link_once_more(self, operations, asked):
        answer = operations.post(verb_of(asked, "send_form"))

        assert told(answer) == [f"The link to the form is on its way to {asked.patient.email}."]
        assert Message.objects.get().kind == Message.Kind.FORM_LINK

    def test_is_not_offered_once_it_was_sent_in(self, operations, asked):
        fill(asked, is_sent=True, helps="Rest")

        answer = operations.post(verb_of(asked, "send_form"))

        assert told(answer) == ["“Send the form again” is no longer possible here."]
        assert not Message.objects.exists()

    @pytest.mark.parametrize("role", ["clinician", "management"])
    def test_is_for_those_who_change_bookings(self, asked, role):
        logged_in(somebody(role)).post(verb_of(asked, "send_form"))

        assert not Message.objects.exists()


class TestCorrect:
    def test_writes_down_how_a_visit_ended_and_why(self, operations):
        booking = BookingFactory(state=Booking.State.NO_SHOW)

        operations.post(verb_of(booking, "correct"), {"state": "completed", "reason": "She joined by phone."})
        booking.refresh_from_db()

        assert (booking.state, booking.correction) == (Booking.State.COMPLETED, "She joined by phone.")

    @pytest.mark.parametrize("form", [{"state": "completed"}, {"state": "pending_payment", "reason": "x"}])
    def test_asks_again_for_what_is_missing_or_cannot_be(self, operations, form):
        booking = BookingFactory(state=Booking.State.NO_SHOW)

        operations.post(verb_of(booking, "correct"), form)

        assert Booking.objects.get().state == Booking.State.NO_SHOW

    def test_is_not_offered_for_what_has_not_ended(self, operations):
        booking = BookingFactory()

        answer = operations.post(verb_of(booking, "correct"), {"state": "completed", "reason": "x"})

        assert told(answer) == ["“Correct” is no longer possible here."]
