"""Answers of forms: fetched as they stand, and linked where that is certain."""

from datetime import UTC, datetime

import pytest
import requests
from django.utils import timezone

from bookings.intake import form_answers
from bookings.models import FormAnswers
from botaniqal import webhooks
from botaniqal.errors import Malformed
from botaniqal.integrations import inbox
from botaniqal.integrations.jotform import FormAnswer, Submission
from botaniqal.integrations.models import InboundEvent
from tests.factories import BookingFactory, PatientFactory, UserFactory
from tests.sandbox_server import ENVIRONMENT

pytestmark = pytest.mark.django_db

FORM = "240000000000001"


@pytest.fixture(autouse=True)
def forms(settings):
    settings.JOTFORM_FORM_IDS = [FORM]


@pytest.fixture
def booking():
    return BookingFactory(patient=PatientFactory(name="Leo Martin", email="leo.martin@example.com"))


def submission(*, form_id=FORM, status="ACTIVE", **answers):
    return Submission(
        id="5810000000000000001",
        form_id=form_id,
        status=status,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
        updated_at=None,
        answers=tuple(FormAnswer(name=name, question=f"{name}?", answer=said) for name, said in answers.items()),
    )


def keep(**answers):
    said = form_answers.keep(submission=submission(**answers), now=timezone.now())
    return said, FormAnswers.objects.first()


class TestKeep:
    def test_writes_down_what_was_answered_in_its_order(self):
        _, row = keep(fullName="Leo Martin", concern="Sleep", medicines="")

        assert row.answers == [
            {"name": "fullName", "question": "fullName?", "answer": "Leo Martin"},
            {"name": "concern", "question": "concern?", "answer": "Sleep"},
        ]

    @pytest.mark.parametrize("name", ["booking", "bookingNumber", "bookingReference"])
    @pytest.mark.parametrize(
        "person", [{"fullName": "leo  MARTIN"}, {"email": "Leo.Martin@example.com"}], ids=["name", "e-mail"]
    )
    @pytest.mark.parametrize("said", ["number", "pk"])
    def test_links_what_names_the_booking_and_its_patient(self, booking, name, person, said):
        named = str(getattr(booking, said)).lower()

        sentence, row = keep(**{name: f" {named} "}, **person)

        assert row.booking == booking
        assert sentence == f"Answers kept with {booking}."

    @pytest.mark.parametrize(
        "answers",
        [
            {"booking": "{number}"},
            {"booking": "{number}", "fullName": "Somebody Else", "email": "else@example.com"},
            {"fullName": "Leo Martin", "email": "leo.martin@example.com"},
            {"concern": "{number}", "fullName": "Leo Martin"},
            {"booking": "BOT-1999-0001", "fullName": "Leo Martin"},
            {"booking": "' or 1=1", "fullName": "Leo Martin"},
        ],
        ids=["number alone", "another person", "no number", "number elsewhere", "unknown number", "nonsense"],
    )
    def test_leaves_what_is_not_certain_to_a_person(self, booking, answers):
        sentence, row = keep(**{name: said.format(number=booking.number) for name, said in answers.items()})

        assert row.booking is None
        assert "Somebody has to say whose they are" in sentence

    def test_takes_no_empty_e_mail_for_a_sign(self):
        nameless = BookingFactory(patient=PatientFactory(email=""))

        _, row = keep(booking=nameless.number, email="")

        assert row.booking is None

    def test_blanks_card_numbers(self):
        _, row = keep(concern="Charge 4111 1111 1111 1111, please")

        assert row.answers[0]["answer"] == "Charge [card number], please"

    def test_writes_an_edit_over_what_stood_there_and_keeps_whose_it_is(self, booking):
        _, row = keep(concern="Sleep")
        form_answers.link(answers_id=row.pk, number=booking.number, by=UserFactory(), now=timezone.now())

        _, row = keep(concern="Sleep and pain")

        assert FormAnswers.objects.count() == 1
        assert (row.answers[0]["answer"], row.booking) == ("Sleep and pain", booking)

    @pytest.mark.parametrize("other", [{"form_id": "666"}, {"status": "DELETED"}], ids=["form", "deleted"])
    def test_keeps_nothing_of_another_form_or_a_deleted_submission(self, other):
        form_answers.keep(submission=submission(concern="Sleep", **other), now=timezone.now())

        assert not FormAnswers.objects.exists()


class TestLink:
    def test_says_when_there_is_no_such_booking(self):
        _, row = keep(concern="Sleep")

        with pytest.raises(Malformed, match="no booking of that number"):
            form_answers.link(answers_id=row.pk, number="BOT-1", by=UserFactory(), now=timezone.now())


@pytest.fixture
def sent_in(settings, sandbox, booking):
    """A form that somebody filled at JotForm, of which nobody told us."""
    sandbox.reset()
    settings.JOTFORM_BASE_URL, settings.JOTFORM_API_KEY = f"{sandbox.url}/jotform", ENVIRONMENT["JOTFORM_API_KEY"]
    form = ENVIRONMENT["JOTFORM_FORM_IDS"].split(",")[0]
    settings.JOTFORM_FORM_IDS = [form]
    filled = {
        "first_name": "Leo",
        "last_name": "Martin",
        "email": "leo.martin@example.com",
        "phone": "0491 570 156",
        "concern": "Sleep",
        "booking": booking.number,
    }
    with requests.Session() as visitor:
        visitor.trust_env = False
        visitor.get(page := f"{sandbox.url}/forms/{form}", timeout=10)
        answer = visitor.post(page, data=filled, headers={"X-CSRFToken": visitor.cookies["sandbox_csrf"]}, timeout=10)
    assert answer.ok, answer.text
    [row] = sandbox.state("jotform")["submissions"]
    return row["id"]


class TestFetch:
    def test_keeps_what_jotform_told_of(self, sent_in, booking):
        payload = {"formID": "any", "submissionID": sent_in}
        inbox.keep(vendor="jotform", key=sent_in, kind="submission", payload=payload)

        inbox.work_due(webhooks.HANDLERS)

        assert InboundEvent.objects.get().outcome == f"Answers kept with {booking}."
        assert FormAnswers.objects.get().external_id == sent_in

    def test_is_tried_again_while_jotform_is_down(self, sent_in, sandbox, settings):
        settings.SYNC_BACKOFF_SECONDS = 0
        sandbox.faults("jotform", "error_before", calls=1)
        payload = {"formID": "any", "submissionID": sent_in}
        inbox.keep(vendor="jotform", key=sent_in, kind="submission", payload=payload)

        inbox.work_due(webhooks.HANDLERS)

        assert FormAnswers.objects.exists()

    def test_is_not_done_by_a_dry_run(self, sent_in, sandbox):
        payload = {"formID": "any", "submissionID": sent_in}
        event, _ = inbox.keep(vendor="jotform", key=sent_in, kind="submission", payload=payload)
        before = len(sandbox.calls("jotform"))

        said = inbox.dry_run(event=event, handlers=webhooks.HANDLERS)

        assert said == "Would fetch the submission from JotForm and keep its answers."
        assert len(sandbox.calls("jotform")) == before


class TestFetchMissed:
    def test_keeps_what_nobody_told_of(self, sent_in, booking):
        counts = [form_answers.fetch_missed(now=timezone.now()) for _ in range(2)]

        assert counts == [1, 1]
        assert FormAnswers.objects.get().booking == booking

    def test_lets_it_be_while_jotform_is_down(self, sent_in, sandbox):
        sandbox.faults("jotform", "error_before")

        assert form_answers.fetch_missed(now=timezone.now()) == 0

        sandbox.clear_faults()
