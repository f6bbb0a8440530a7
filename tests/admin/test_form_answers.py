"""Answers of forms, in the hands of people."""

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, FormAnswers
from tests.admin.conftest import logged_in, somebody
from tests.admin.test_verbs import told, verb_of
from tests.factories import BookingFactory

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
