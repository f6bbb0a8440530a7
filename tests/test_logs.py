"""What the logs tell of errors."""

import logging
import sys

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from bookings.models import Booking
from bookings.self_service import links
from botaniqal.logs import WithoutWords
from tests.factories import BookingFactory


def logged() -> str:
    record = logging.LogRecord("django.request", logging.ERROR, __file__, 1, "Failed", (), sys.exc_info())
    return WithoutWords("%(message)s").format(record)


class TestWithoutWords:
    @pytest.mark.django_db
    def test_names_an_error_and_its_place_but_quotes_no_row(self):
        booking = BookingFactory(notes="something private")

        try:
            with transaction.atomic():
                Booking.objects.filter(pk=booking.pk).update(price=-1)
        except IntegrityError as error:
            said, text = str(error), logged()

        assert "something private" in said
        assert "something private" not in text
        assert "IntegrityError" in text
        assert "CheckViolation" in text
        assert "test_logs.py" in text

    @pytest.mark.django_db
    @pytest.mark.parametrize("page", ["visit", "visit-form"])
    def test_name_no_link_by_which_somebody_sees_what_is_a_patients_own(self, page):
        address = links.to_visit(BookingFactory(), page=page)
        record = logging.LogRecord("django.request", logging.WARNING, __file__, 1, "Gone: %s", (address,), None)

        text = WithoutWords("%(message)s").format(record)

        assert text == f"Gone: {settings.PUBLIC_BASE_URL}/visit/…{'/form' if page == 'visit-form' else ''}"

    def test_are_what_the_settings_name(self, settings):
        assert settings.LOGGING["formatters"]["line"]["class"] == f"botaniqal.logs.{WithoutWords.__name__}"
