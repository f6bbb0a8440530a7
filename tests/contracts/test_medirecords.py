from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import requests

from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.medirecords import AppointmentDraft, MediRecords, PatientDraft, Status
from tests.contracts.conftest import breaches, untested

REF = UUID("0b8f0000-0000-4000-8000-000000000001")
# What the contract's own examples answer.
PATIENT = "11111111-1111-4111-8111-111111111111"
TYPE = "22222222-2222-4222-8222-222222222222"
PROVIDER = "33333333-3333-4333-8333-333333333333"
APPOINTMENT = "44444444-4444-4444-8444-444444444444"
PRACTICE = "55555555-5555-4555-8555-555555555555"
START = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)

DRAFT = AppointmentDraft(ref=REF, patient_id=PATIENT, provider_id=PROVIDER, type_id=TYPE, starts_at=START, minutes=15)
SHORT_PATIENT = PatientDraft(name="Pat", email="pat@example.com")
FULL_PATIENT = PatientDraft(
    name="Pat Example", email="pat@example.com", phone="+61412345678", born_on=date(1980, 1, 31)
)

READS: dict[str, Callable[[MediRecords], Any]] = {
    "find_patients": lambda medirecords: medirecords.find_patients(email="pat+tag@example.com"),
    "get_patient": lambda medirecords: medirecords.get_patient(PATIENT),
    "list_appointment_types": lambda medirecords: medirecords.list_appointment_types(),
    "interval_codes": lambda medirecords: medirecords.interval_codes,
    "list_appointments": lambda medirecords: list(
        medirecords.list_appointments(
            starts_from=START, starts_until=START + timedelta(days=1), provider_id=PROVIDER, patient_id=PATIENT
        )
    ),
    "list_all_appointments": lambda medirecords: list(
        medirecords.list_appointments(starts_from=START, starts_until=START + timedelta(days=60))
    ),
    "find_by_ref": lambda medirecords: medirecords.find_by_ref(REF, provider_id=PROVIDER, starts_at=START),
    "get_appointment": lambda medirecords: medirecords.get_appointment(APPOINTMENT),
}
WRITES: dict[str, Callable[[MediRecords], Any]] = {
    "create_patient": lambda medirecords: medirecords.create_patient(SHORT_PATIENT),
    "create_patient_in_full": lambda medirecords: medirecords.create_patient(FULL_PATIENT),
    "create_appointment": lambda medirecords: medirecords.create_appointment(DRAFT),
    "update_appointment": lambda medirecords: medirecords.update_appointment(APPOINTMENT, DRAFT),
    "cancel_appointment": lambda medirecords: medirecords.cancel_appointment(APPOINTMENT, reason="Patient asked"),
}
OPERATIONS = READS | WRITES


def medirecords_that_answers(url: str, status: int | None = None) -> MediRecords:
    return MediRecords(
        base_url=url,
        token="t",
        practice_id=PRACTICE,
        time_zone="Australia/Melbourne",
        timeout=10,
        headers={"Prefer": f"code={status}"} if status else {},
    )


@pytest.fixture
def medirecords(medirecords_url: str) -> MediRecords:
    return medirecords_that_answers(medirecords_url)


class TestRequests:
    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    def test_keep_to_the_contract(
        self, medirecords: MediRecords, answers: list[requests.Response], operation: Callable[[MediRecords], Any]
    ) -> None:
        operation(medirecords)

        assert answers
        assert breaches(answers) == []

    def test_are_all_here(self) -> None:
        assert untested(MediRecords, OPERATIONS.values()) == set()

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    @pytest.mark.parametrize("status", [401, 403, 409])
    def test_are_refused_by_the_vendor(
        self, medirecords_url: str, operation: Callable[[MediRecords], Any], status: int
    ) -> None:
        with pytest.raises(VendorRefused) as caught:
            operation(medirecords_that_answers(medirecords_url, status))

        assert caught.value.status == status

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
    @pytest.mark.parametrize(("status", "wait"), [(429, 5), (500, None)])
    def test_are_tried_later(
        self, medirecords_url: str, operation: Callable[[MediRecords], Any], status: int, wait: int | None
    ) -> None:
        with pytest.raises(VendorUnavailable) as caught:
            operation(medirecords_that_answers(medirecords_url, status))

        assert caught.value.retry_after == wait

    def test_miss_a_patient_who_is_gone(self, medirecords_url: str) -> None:
        assert medirecords_that_answers(medirecords_url, 404).get_patient(PATIENT) is None

    def test_cancel_what_is_gone(self, medirecords_url: str) -> None:
        medirecords_that_answers(medirecords_url, 404).cancel_appointment(APPOINTMENT, reason="Patient asked")

    def test_are_held_to_the_contract_at_all(self, medirecords: MediRecords) -> None:
        with pytest.raises(VendorRefused) as caught:
            medirecords.get_patient("no uuid")

        assert caught.value.status == 422


class TestAnswers:
    def test_are_understood(self, medirecords: MediRecords) -> None:
        [patient_id] = medirecords.find_patients(email="pat@example.com")
        patient = medirecords.get_patient(patient_id)
        [appointment_type] = medirecords.list_appointment_types()
        appointment = medirecords.get_appointment(APPOINTMENT)

        assert patient is not None
        assert (patient.id, patient.born_on) == (PATIENT, date(1980, 1, 31))
        assert (appointment_type.id, appointment_type.is_telehealth) == (TYPE, True)
        assert medirecords.interval_codes == {5: 2, 10: 4, 15: 6, 20: 7}
        assert appointment is not None
        assert (appointment.starts_at, appointment.minutes, appointment.ref) == (START, 15, "b1")
        assert appointment.status == Status.BOOKED
