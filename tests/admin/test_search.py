"""The search over the whole portal: what it finds, for whom, and what it keeps to itself."""

import logging
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.admin.conftest import logged_in, somebody
from tests.factories import BookingFactory, PatientFactory, PractitionerFactory, ServiceFactory, SessionFactory

pytestmark = pytest.mark.django_db


def found(browser: Client, words: str) -> str:
    """What the dialog shows for some words."""
    return browser.post(reverse("admin:search"), {"q": words}, headers={"X-Fragment": "list"}).content.decode()


class TestPage:
    @pytest.mark.parametrize("words", ["leo m", "MARTIN", "leo.martin@", "0491 570 156", "+61491570156", "570 156"])
    def test_finds_a_patient_by_a_piece_of_name_mail_or_phone(self, operations, words):
        patient = PatientFactory()
        PatientFactory(name="Ava Nguyen", email="ava@example.com", phone="+61491570199")

        page = found(operations, words)

        assert reverse("admin:bookings_patient_change", args=[patient.pk]) in page
        assert not re.search(r"\bAva\b", page)

    def test_leads_to_the_call_at_the_desk(self, operations):
        session = SessionFactory()

        page = found(operations, "martin")

        assert reverse("admin:triage_triagesession_desk", args=[session.pk]) in page

    @pytest.mark.parametrize(
        "words", ["BOT-{year}-0123", "bot{year}0123", "{year}-0123", "bot-{year}-01", "123", "0123"]
    )
    def test_finds_a_booking_by_its_number(self, operations, words):
        year = timezone.localdate().year
        booking = BookingFactory(number=f"BOT-{year}-0123")
        BookingFactory(number=f"BOT-{year}-9999")

        page = found(operations, words.format(year=year))

        assert reverse("admin:bookings_booking_change", args=[booking.pk]) in page
        assert "9999" not in page

    def test_finds_people_services_and_pages_by_name(self, operations):
        PractitionerFactory(name="Dr Calendra")
        ServiceFactory(name="Calendula balm")

        page = found(operations, "calend")

        assert all(name in page for name in ("Dr Calendra", "Calendula balm", reverse("admin:calendar")))

    def test_leaves_out_a_record_that_was_merged_into_another(self, operations):
        kept = PatientFactory(name="Leo Kept")
        PatientFactory(name="Leo Gone", merged_into=kept)

        assert "Leo Gone" not in found(operations, "leo")

    def test_shows_consultants_whom_they_know_alone(self, consultant, sarah, tom):
        own, others = SessionFactory(consultant=sarah), SessionFactory(consultant=tom)
        BookingFactory(number="BOT-2026-0777", patient=others.patient)

        by_name, by_number = found(consultant, "leo martin"), found(consultant, "BOT-2026-0777")

        assert str(own.pk) in by_name
        assert str(own.patient.pk) in by_name
        assert str(others.pk) not in by_name
        assert str(others.patient.pk) not in by_name
        assert not re.search(r"\bLeo\b", by_number)

    def test_shows_management_no_patient(self):
        SessionFactory(patient=PatientFactory(name="Leonora Quill"))
        BookingFactory(number="BOT-2026-0777")
        browser = logged_in(somebody("management"))

        assert "Leonora" not in found(browser, "leonora")
        assert "0777" not in found(browser, "BOT-2026-0777")

    def test_names_pages_that_open_for_whoever_asks_alone(self, consultant, operations):
        assert "Subscriptions" in found(operations, "subscr")
        assert "Subscriptions" not in found(consultant, "subscr")

    def test_asks_for_three_letters(self, operations):
        PatientFactory(name="Jo")

        page = operations.post(reverse("admin:search"), {"q": " jo "}).content.decode()

        assert "Type at least 3 letters." in page
        assert "search-hit" not in page.split("<main")[1].split("</main>")[0]

    def test_shows_twenty_rows_at_most(self, operations):
        for n in range(8):
            name = f"Martina {n}"
            SessionFactory(patient=PatientFactory(name=name))
            PractitionerFactory(name=name)
            ServiceFactory(name=name)

        page = found(operations, "martina")

        assert page.count('role="option"') == 20

    def test_is_never_kept(self, operations):
        answer = operations.post(reverse("admin:search"), {"q": "leo"})

        assert "no-store" in answer.headers["Cache-Control"]

    def test_takes_no_name_from_an_address(self, operations):
        PatientFactory()

        assert "Leo Martin" not in operations.get(reverse("admin:search") + "?q=martin").content.decode()

    def test_writes_no_name_into_the_logs(self, operations, caplog):
        caplog.set_level(logging.DEBUG)

        found(operations, "Martin")

        assert not [line for line in caplog.messages if "martin" in line.lower() and "SELECT" not in line]

    def test_is_not_for_those_who_did_not_log_in(self, client):
        answer = client.post(reverse("admin:search"), {"q": "leo"})

        assert answer.status_code == 302
        assert reverse("admin:login") in answer.url

    def test_is_not_taken_from_another_site(self):
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(somebody("operations"))

        assert browser.post(reverse("admin:search"), {"q": "leo"}).status_code == 403

    def test_survives_what_no_name_holds(self, operations):
        assert operations.post(reverse("admin:search"), {"q": "a\x00%_\\'" * 200}).status_code == 200

    def test_costs_the_same_for_few_and_many(self, operations):
        SessionFactory()
        with CaptureQueriesContext(connection) as few:
            found(operations, "martin")
        for _ in range(5):
            SessionFactory()

        with CaptureQueriesContext(connection) as many:
            found(operations, "martin")

        assert len(many) == len(few) <= 12
