"""How many queries each page may cost, whatever it holds; the sidebar's counts are among them."""

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin.test_pages import page_of, some_rows
from triage.models import TriageSession

pytestmark = pytest.mark.django_db

LISTS = {
    "accounts_user": 11,
    "auth_group": 10,
    "integrations_inboundevent": 9,
    "mail_messagewords": 9,
    "mail_suppression": 10,
    "wording_riskyword": 9,
    "wording_approval": 9,
    "services_form": 10,
    "services_formversion": 9,
    "services_interestentry": 11,
    "services_nurturestep": 12,
    "services_service": 12,
    "services_appointmenttype": 10,
    "practitioners_room": 9,
    "practitioners_calendlyeventtype": 10,
    "practitioners_busyperiod": 10,
    "practitioners_outsidecalendar": 9,
    "practitioners_diaryentry": 10,
    "bookings_consentwording": 9,
    "mail_message": 10,
    "bookings_refunddecision": 9,
    "bookings_refundrule": 9,
    "bookings_checkout": 9,
    "bookings_dispute": 9,
    "bookings_moneyday": 9,
    "bookings_cancelreason": 9,
    "bookings_earliertimerequest": 10,
    "bookings_freedtime": 10,
    "bookings_earliertimeoffer": 9,
    "bookings_formanswers": 12,
    "bookings_patient": 10,
    "bookings_detailproposal": 10,
    "bookings_syncrecord": 10,
    "practitioners_practitioner": 9,
    "bookings_booking": 13,
    "triage_script": 9,
    "triage_redflag": 9,
    "triage_disposition": 9,
    "triage_triagesession": 11,
    "triage_override": 15,
    "integrations_subscription": 9,
    "integrations_incident": 9,
    "alerts_alertrule": 10,
    "bookings_drift": 13,
}
PAGES = {
    "today": 32,
    "queue": 5,
    "search": 7,
    "price_book": 9,
    "publish_check": 16,
    "calendar": 15,
    "desk": 27,
    "booking": 25,
    "patient": 15,
}


def queries_of(browser, address: str) -> int:
    """Count what a page asks of the database."""
    with CaptureQueriesContext(connection) as captured:
        answer = browser.get(address)
    assert answer.status_code == 200
    return len(captured)


def whole_list(browser, model: type[Model]) -> str:
    """Open a list, and find the address at which it shows all of its rows."""
    address = page_of(model, "changelist")
    has_views = "?view=all" in browser.get(address).content.decode()
    return f"{address}?view=all" if has_views else address


class TestLists:
    def test_cost_no_more_queries_than_written_here_however_many_rows(self, admin_client):
        some_rows(2)
        addresses = {
            f"{model._meta.app_label}_{model._meta.model_name}": whole_list(admin_client, model)
            for model in admin.site._registry
        }
        few = {name: queries_of(admin_client, address) for name, address in addresses.items()}
        some_rows(4)

        many = {name: queries_of(admin_client, address) for name, address in addresses.items()}
        opened = {name: queries_of(admin_client, address.partition("?")[0]) for name, address in addresses.items()}

        for found in (many, opened):
            assert {name: count for name, count in found.items() if count > LISTS.get(name, 0)} == {}
        assert {name: count for name, count in many.items() if count != few[name]} == {}


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

        for address in addresses.values():
            admin_client.get(address)  # what is found out once a process is known then
        found = {name: queries_of(admin_client, address) for name, address in addresses.items()}

        assert {name: count for name, count in found.items() if count > PAGES.get(name, 0)} == {}
