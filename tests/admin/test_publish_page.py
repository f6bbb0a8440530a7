"""The publish check as a page."""

import pytest
from django.urls import reverse

from services.models import AppointmentType
from tests.admin.conftest import logged_in, somebody
from tests.factories import AppointmentTypeFactory

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:publish_check")


class TestPublishPage:
    def test_says_what_is_missing_and_where_it_is_mended(self, operations):
        kind = AppointmentTypeFactory(name="Sleep, initial", price="none")

        page = " ".join(operations.get(PAGE).content.decode().split())

        assert "It has no price yet." in page
        assert f'href="{reverse("admin:price_book")}"' in page
        assert f'href="{reverse("admin:services_service_change", args=[kind.service_id])}"' in page
        assert '<span class="badge bad">Missing</span>' in page
        assert "Not all of it is stored yet" in page

    def test_stores_the_verdicts_on_wish(self, operations):
        AppointmentTypeFactory(price="none")

        page = operations.post(PAGE, follow=True).content.decode()

        assert "1 verdicts changed." in page
        assert AppointmentType.objects.get().verdict == "red"

    def test_stores_nothing_when_it_is_only_looked_at(self, operations):
        AppointmentTypeFactory(price="none")

        operations.get(PAGE)

        assert AppointmentType.objects.get().verdict == "green"

    @pytest.mark.parametrize("role", ["consultant", "management"])
    def test_is_only_shown_to_others(self, role):
        browser = logged_in(somebody(role))

        assert (browser.get(PAGE).status_code, browser.post(PAGE).status_code) == (200, 403)

    def test_says_what_to_do_when_there_is_nothing(self, operations):
        assert "No appointment type yet." in operations.get(PAGE).content.decode()
