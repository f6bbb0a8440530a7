"""What the desk shows of the forms that a patient filled in."""

from http import HTTPStatus

import pytest
from django.utils import timezone

from bookings.models import FormAnswers
from services.models import FormVersion
from tests.factories import BookingFactory

from .conftest import Desk

pytestmark = pytest.mark.django_db


def fill(booking, **fields):
    """Write down a form of a visit, sent in as it stands."""
    given = {
        "source": "portal",
        "form_id": "mini-intake",
        "external_id": f"{booking.pk.hex}",
        "version": FormVersion.objects.get(form__slug="mini-intake"),
        "answers": [{"name": "concern", "question": "What helps?", "answer": "Rest"}],
        "submitted_at": timezone.now(),
    }
    return FormAnswers.objects.create(booking=booking, **{**given, **fields})


class TestKnown:
    def test_gives_earlier_and_present_answers_with_version_and_visit(self, desk, session):
        fill(session.consultation)
        jotform = {"source": "jotform", "form_id": "1", "version": None, "fetched_at": timezone.now()}
        fill(BookingFactory(patient=session.patient), **jotform)
        fill(BookingFactory())  # somebody else's

        shown = desk.get("known").json()["forms"]

        assert [one["name"] for one in shown] == ["A form at JotForm", "Before your first visit, version 1"]
        assert shown[1]["answers"] == [{"question": "What helps?", "answer": "Rest"}]
        assert (shown[1]["appointment"], shown[1]["isDraft"]) == (session.consultation.appointment_type.name, False)

    def test_tells_of_a_draft_alone_that_there_is_one(self, desk, session):
        now = timezone.now()
        fill(session.consultation, submitted_at=None, saved_at=now, answers=[], draft={"concern": "Something private"})

        answer = desk.get("known")

        assert [(one["isDraft"], one["answers"]) for one in answer.json()["forms"]] == [(True, [])]
        assert "private" not in answer.content.decode()

    def test_gives_nothing_of_another_consultants_call(self, session, tom):
        fill(session.consultation)

        answer = Desk(tom.user, session).get("known")

        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert "Rest" not in answer.content.decode()
