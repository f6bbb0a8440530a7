"""Two windows with one form at one moment."""

import pytest
from django.utils import timezone

from bookings.intake import form_filling
from bookings.models import FormAnswers
from services.models import Form
from tests.factories import AppointmentTypeFactory, BookingFactory, ServiceFactory
from tests.races.test_desk import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def booking():
    service = ServiceFactory(initial_form=Form.objects.get(slug="mini-intake"))
    return BookingFactory(appointment_type=AppointmentTypeFactory(service=service))


def save(booking, revision, words):
    form_filling.save_draft(
        booking_id=booking.pk,
        version=booking.appointment_type.service.initial_form.versions.get(),
        said={"concern": words},
        revision=revision,
        now=timezone.now(),
    )
    return words


class TestSaveDraft:
    @pytest.mark.parametrize("revision", [0, 1], ids=["the first", "a later one"])
    def test_lets_one_window_win_and_tells_the_others(self, booking, revision):
        if revision:
            save(booking, 0, "Before")

        results = at_once(lambda n: save(booking, revision, f"Window {n}"), range(6))

        [won] = [result for result in results if result != "other_answers"]
        row = FormAnswers.objects.get()
        assert (row.draft, row.draft_revision) == ({"concern": won}, revision + 1)
