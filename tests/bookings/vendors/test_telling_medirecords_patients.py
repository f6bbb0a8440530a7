"""Which patient at MediRecords a visit is entered for."""

import threading
from datetime import date

import pytest
from django.db import connection

from bookings.models import Patient, SyncRecord
from bookings.vendors import sync
from botaniqal.integrations import medirecords
from botaniqal.integrations.medirecords import PatientDraft
from tests.bookings.vendors.at_medirecords import appointments, patients, tell
from tests.factories import PatientFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db


def enter_patient(**fields):
    """Enter a patient at MediRecords behind the portal's back."""
    draft = PatientDraft(**{"name": "Leo Martin", "email": "leo.martin@example.com", "phone": None, **fields})
    return medirecords.client().create_patient(draft).id


@pytest.fixture
def dr_dia(vendors, visits):
    return PractitionerFactory(name="Dr Dia", gives=[visits])


class TestPatient:
    """Whose appointment it is there."""

    def test_is_entered_once_for_all_bookings(self, vendors, dr_dia, book):
        patient = PatientFactory()
        book(dr_dia, patient=patient)
        book(dr_dia, patient=patient, starts_at=next_morning(14))

        tell()

        patient.refresh_from_db()
        assert [row["id"] for row in patients(vendors)] == [str(patient.medirecords_id)]
        assert {row["patientId"] for row in appointments(vendors)} == {str(patient.medirecords_id)}

    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            ({"phone": "+61491570156"}, {}),
            ({"born_on": date(1980, 5, 1)}, {"phone": "", "date_of_birth": date(1980, 5, 1)}),
            ({"name": "LEO  martin", "phone": "+61491570156"}, {}),
            ({"name": "José O'Neil", "phone": "+61491570156"}, {"name": "Jose\u0301 O’Neil"}),
            ({"name": "Martin Leo", "born_on": date(1980, 5, 1)}, {"date_of_birth": date(1980, 5, 1)}),
        ],
        ids=["phone", "date of birth", "written otherwise", "typed otherwise", "names in another order"],
    )
    def test_is_one_whom_they_know_by_name_and_something_more(self, vendors, dr_dia, book, theirs, ours):
        known = enter_patient(**theirs)

        book(dr_dia, patient=PatientFactory(**ours))
        tell()

        assert [row["patientId"] for row in appointments(vendors)] == [known]

    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            ({}, {"phone": ""}),
            ({"name": "Ana Martin", "phone": "+61491570156"}, {}),
            ({"phone": "+61491570157"}, {}),
            ({"phone": "+61491570156", "born_on": date(2012, 5, 1)}, {"date_of_birth": date(1980, 5, 1)}),
            (
                {"name": "Ana Martin", "phone": "+61491570156", "born_on": date(2012, 5, 1)},
                {"date_of_birth": date(2012, 5, 1)},
            ),
            ({"name": "Martin Leo", "phone": "+61491570156"}, {}),
            ({"phone": "+6100000000"}, {"phone": "0"}),
        ],
        ids=[
            "name alone",
            "another name",
            "another phone",
            "another date of birth",
            "a twin",
            "names in another order, no date of birth",
            "no phone number in truth",
        ],
    )
    def test_is_a_new_one_where_it_is_not_sure(self, vendors, dr_dia, book, theirs, ours):
        known = enter_patient(**theirs)

        book(dr_dia, patient=PatientFactory(**ours))
        tell()

        assert known not in [row["patientId"] for row in appointments(vendors)]
        assert len(patients(vendors)) == 2

    def test_is_a_new_one_where_two_would_do(self, vendors, dr_dia, book):
        known = {enter_patient(phone="+61491570156"), enter_patient(phone="+61491570156")}

        book(dr_dia)
        tell()

        assert not known & {row["patientId"] for row in appointments(vendors)}

    def test_is_not_entered_twice_after_a_doubt_even_with_nothing_but_a_name(self, vendors, dr_dia, book):
        vendors.faults("medirecords", "error_after", operation="patients.write", calls=1)

        book(dr_dia, patient=PatientFactory(phone=""))
        tell()

        assert len(patients(vendors)) == 1

    def test_is_not_entered_twice_after_a_doubt_with_a_name_too_long_for_them(self, vendors, dr_dia, book):
        vendors.faults("medirecords", "error_after", operation="patients.write", calls=1)

        book(dr_dia, patient=PatientFactory(name=f"{'Ana' * 20} {'Martin' * 10}"))
        tell()

        assert len(patients(vendors)) == 1

    def test_may_be_written_down_twice_here(self, vendors, dr_dia, book):
        book(dr_dia, patient=PatientFactory())
        book(dr_dia, patient=PatientFactory(), starts_at=next_morning(14))

        tell()

        assert len(patients(vendors)) == 1
        assert len({row["patientId"] for row in appointments(vendors)}) == 1
        assert Patient.objects.exclude(medirecords_id=None).count() == 1


@pytest.mark.django_db(transaction=True)
class TestTwoWorkers:
    def test_enter_a_patient_and_each_appointment_once(self, vendors, dr_dia, book):
        patient = PatientFactory()
        for hour in range(10, 16):
            book(dr_dia, patient=patient, starts_at=next_morning(hour))
        vendors.faults("medirecords", "latency", operation="patients", milliseconds=100)
        start = threading.Barrier(3)

        def worker():
            start.wait()
            tell()
            connection.close()

        workers = [threading.Thread(target=worker) for _ in range(3)]
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join()

        assert len(patients(vendors)) == 1
        assert len(appointments(vendors)) == 6
        assert not SyncRecord.objects.filter(system=sync.System.MEDIRECORDS).open().exists()
