"""Who sees what in the admin, and what nobody may ask of it."""

import pytest
from django.urls import reverse

from tests.admin.conftest import logged_in
from tests.factories import BookingFactory, PatientFactory, UserFactory

pytestmark = pytest.mark.django_db


class TestLimitedToOwn:
    @pytest.mark.parametrize("further", [[], ["clinician"], ["management"]], ids=["alone", "clinician", "management"])
    def test_keeps_others_patients_from_a_consultant_whatever_else_they_are(self, further):
        BookingFactory(patient=PatientFactory(name="Zebedee Quill"))
        consultant = logged_in(UserFactory(is_staff=True, roles=["consultant", *further]))

        page = consultant.get(reverse("admin:bookings_patient_changelist")).content.decode()

        assert "Quill" not in page

    def test_shows_all_patients_to_operations(self):
        BookingFactory(patient=PatientFactory(name="Zebedee Quill"))
        operations = logged_in(UserFactory(is_staff=True, roles=["consultant", "operations"]))

        page = operations.get(reverse("admin:bookings_patient_changelist")).content.decode()

        assert "Quill" in page


class TestAdminView:
    @pytest.mark.parametrize("query", ["q=%00", "state=%00", "view=%00", "practitioner__id__exact=%00"])
    def test_asks_the_database_for_no_nul(self, operations, query):
        answer = operations.get(f"{reverse('admin:bookings_booking_changelist')}?{query}")

        assert answer.status_code == 400
