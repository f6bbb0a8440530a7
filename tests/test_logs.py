"""What the logs tell of errors."""

import logging
import sys

import pytest
from django.db import IntegrityError, transaction

from bookings.models import Booking
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

    def test_are_what_the_settings_name(self, settings):
        assert settings.LOGGING["formatters"]["line"]["class"] == f"botaniqal.logs.{WithoutWords.__name__}"
