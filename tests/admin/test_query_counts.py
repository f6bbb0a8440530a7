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
    "accounts_user": 20,
    "auth_group": 19,
    "integrations_inboundevent": 18,
    "mail_message": 19,
    "wording_riskyword": 18,
    "wording_approval": 18,
    "services_form": 19,
    "services_formversion": 18,
    "services_service": 21,
    "services_interestentry": 20,
    "services_nurturestep": 20,
    "bookings_earliertimerequest": 19,
    "bookings_freedtime": 19,
    "bookings_earliertimeoffer": 19,
    "services_appointmenttype": 19,
    "practitioners_room": 18,
    "practitioners_calendlyeventtype": 19,
    "practitioners_busyperiod": 19,
    "practitioners_outsidecalendar": 18,
    "practitioners_diaryentry": 19,
    "bookings_consentwording": 18,
    "bookings_cancelreason": 18,
    "bookings_formanswers": 21,
    "bookings_patient": 19,
    "bookings_detailproposal": 19,
    "bookings_syncrecord": 19,
    "practitioners_practitioner": 18,
    "bookings_booking": 22,
    "triage_script": 18,
    "triage_redflag": 18,
    "triage_disposition": 18,
    "triage_triagesession": 20,
    "triage_override": 24,
    "integrations_subscription": 18,
    "integrations_incident": 18,
    "bookings_drift": 22,
}
PAGES = {
    "today": 38,
    "queue": 5,
    "search": 16,
    "calendar": 23,
    "desk": 22,
    "booking": 31,
    "patient": 24,
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
            "calendar": reverse("admin:calendar"),
            "desk": reverse("admin:triage_triagesession_desk", args=[session.pk]),
            "booking": reverse("admin:bookings_booking_change", args=[session.consultation_id]),
            "patient": reverse("admin:bookings_patient_change", args=[session.patient_id]),
        }

        found = {name: queries_of(admin_client, address) for name, address in addresses.items()}

        assert {name: count for name, count in found.items() if count > PAGES.get(name, 0)} == {}
