"""How many queries each page may cost, whatever it holds; the sidebar's counts are among them."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin.test_pages import some_rows
from triage.models import TriageSession

pytestmark = pytest.mark.django_db

LISTS = {
    "accounts_user": 22,
    "auth_group": 21,
    "integrations_inboundevent": 20,
    "mail_message": 21,
    "mail_messagewords": 20,
    "mail_suppression": 21,
    "wording_riskyword": 20,
    "wording_approval": 20,
    "services_form": 21,
    "services_formversion": 20,
    "services_service": 23,
    "services_interestentry": 22,
    "services_nurturestep": 22,
    "bookings_earliertimerequest": 21,
    "bookings_freedtime": 21,
    "bookings_earliertimeoffer": 21,
    "services_appointmenttype": 21,
    "practitioners_room": 20,
    "practitioners_calendlyeventtype": 21,
    "practitioners_busyperiod": 21,
    "practitioners_outsidecalendar": 20,
    "practitioners_diaryentry": 21,
    "bookings_consentwording": 20,
    "bookings_cancelreason": 20,
    "bookings_formanswers": 23,
    "bookings_patient": 21,
    "bookings_detailproposal": 21,
    "bookings_syncrecord": 21,
    "practitioners_practitioner": 20,
    "bookings_booking": 24,
    "triage_script": 20,
    "triage_redflag": 20,
    "triage_disposition": 20,
    "triage_triagesession": 22,
    "triage_override": 26,
    "integrations_subscription": 20,
    "integrations_incident": 20,
    "bookings_drift": 24,
    "bookings_checkout": 20,
    "bookings_refunddecision": 20,
    "bookings_refundrule": 20,
    "bookings_dispute": 20,
    "bookings_moneyday": 20,
}
PAGES = {
    "today": 43,
    "queue": 5,
    "search": 18,
    "price_book": 20,
    "publish_check": 27,
    "calendar": 26,
    "desk": 26,
    "booking": 36,
    "patient": 26,
}


def queries_of(browser, address: str) -> int:
    """Count what a page asks of the database when it is opened again."""
    browser.get(address)
    with CaptureQueriesContext(connection) as captured:
        answer = browser.get(address)
    assert answer.status_code == 200
    return len(captured)


class TestLists:
    def test_cost_no_more_queries_than_written_here(self, admin_client):
        some_rows(4)
        names = [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]

        found = {name: queries_of(admin_client, reverse(f"admin:{name}_changelist")) for name in names}

        assert {name: count for name, count in found.items() if count > LISTS.get(name, 0)} == {}


class TestWorkingPages:
    def test_cost_no_more_queries_than_written_here(self, admin_client):
        some_rows(4)
        session = TriageSession.objects.first()
        addresses = {
            "today": reverse("admin:index"),
            "queue": reverse("admin:today_queue"),
            "search": reverse("admin:search"),
            "price_book": reverse("admin:price_book"),
            "publish_check": reverse("admin:publish_check"),
            "calendar": reverse("admin:calendar"),
            "desk": reverse("admin:triage_triagesession_desk", args=[session.pk]),
            "booking": reverse("admin:bookings_booking_change", args=[session.consultation_id]),
            "patient": reverse("admin:bookings_patient_change", args=[session.patient_id]),
        }

        found = {name: queries_of(admin_client, address) for name, address in addresses.items()}

        assert {name: count for name, count in found.items() if count > PAGES.get(name, 0)} == {}
