"""What the logs tell of errors."""

import json
import logging
import os
import subprocess
import sys
import threading
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from bookings.models import Booking
from bookings.self_service import links
from botaniqal.logs import JsonLines, WithoutWords, request_id, under
from tests.factories import BookingFactory

# What a worker does before and around a task that fails.
WORKER = """
from botaniqal.celery import app
from celery.app.trace import build_tracer

app.loader.init_worker()
app.log.setup(loglevel="INFO", redirect_stdouts=True)

@app.task
def remind():
    raise ValueError("Leo Martin")

build_tracer(remind.name, remind, app=app)("an-id", (), {}, {})
"""


def made(message: str, *arguments: object, is_failure: bool = False) -> logging.LogRecord:
    failure = sys.exc_info() if is_failure else None
    return logging.LogRecord("django.request", logging.WARNING, __file__, 1, message, arguments, failure)


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

    def test_says_nothing_of_an_error_that_the_message_quotes(self):
        words = "Leo Martin, +61 400 000 009"
        try:
            raise ValueError(words)
        except ValueError as error:  # as Celery writes of a task that failed
            record = made(
                "Task %(name)s raised unexpected: %(exc)s", {"name": "remind", "exc": repr(error)}, is_failure=True
            )

        for formatter in (WithoutWords("%(message)s"), JsonLines()):
            text = formatter.format(record)

            assert "Leo" not in text
            assert "ValueError" in text

    @pytest.mark.parametrize("sign", ["\n", "\r\n", "\x1b[2K", "\x85", "\u2028", "\0"])
    def test_let_nobody_write_a_line_of_their_own(self, sign):
        record = made("Not Found: %s", f"/x{sign}2026-11-22 ERROR forged")

        for formatter in (WithoutWords("%(message)s"), JsonLines()):
            text = formatter.format(record)

            assert len(text.splitlines()) == 1
            assert sign not in text

    def test_are_what_the_settings_name(self, settings):
        formatters = settings.LOGGING["formatters"]

        assert formatters["line"]["class"] == f"botaniqal.logs.{WithoutWords.__name__}"
        assert formatters["json"]["class"] == f"botaniqal.logs.{JsonLines.__name__}"


class TestJsonLines:
    def test_are_one_object_each_under_the_requests_id(self):
        record = made("Took %d", 3)
        record.created = datetime(2026, 10, 4, 2, 30, tzinfo=ZoneInfo("Australia/Melbourne")).timestamp()

        with under("from-calendly-0001"):
            told = json.loads(JsonLines().format(record))

        assert told == {
            "at": "2026-10-03T16:30:00.000+00:00",
            "level": "WARNING",
            "logger": "django.request",
            "message": "Took 3",
            "requestId": "from-calendly-0001",
        }

    def test_name_errors_and_those_that_they_came_from(self):
        try:
            try:
                {}["Leo Martin"]
            except KeyError as cause:
                raise ValueError from cause
        except ValueError:
            told = json.loads(JsonLines().format(made("Failed", is_failure=True)))

        assert [error["kind"] for error in told["errors"]] == ["ValueError", "KeyError"]
        assert told["errors"][0]["place"][0].startswith(__file__)

    def test_stand_with_arguments_that_do_not_fit(self):
        assert json.loads(JsonLines().format(made("%d of %d", "x")))["message"] == "%d of %d"


class TestUnder:
    def test_goes_on_where_nothing_else_is_known(self):
        with under("from-calendly-0001"), under(""), under() as current:
            assert current == request_id() == "from-calendly-0001"

        assert request_id() == ""

    def test_is_each_threads_own(self):
        seen = []
        with under("from-calendly-0001"):
            thread = threading.Thread(target=lambda: seen.append(request_id()))
            thread.start()
            thread.join()

        assert seen == [""]


class TestCelery:
    def test_writes_as_the_portal_does(self):
        """Also what a failing task says, in a worker of its own."""
        done = subprocess.run(
            [sys.executable, "-c", WORKER],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=os.environ | {"LOG_FORMAT": "json"},
        )

        [failure] = [line for line in map(json.loads, done.stderr.splitlines()) if line["level"] == "ERROR"]
        assert failure["errors"][0]["kind"] == "ValueError"
        assert "Leo" not in done.stderr + done.stdout
