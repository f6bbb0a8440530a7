from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.medirecords import (
    AppointmentDraft,
    MediRecords,
    NotExpressible,
    Patient,
    PatientDraft,
    Status,
    client,
)
from tests.integrations.conftest import Vendor

MELBOURNE = ZoneInfo("Australia/Melbourne")
APPOINTMENTS = "/v1/practices/PRACTICE/appointments"
REF = UUID("0b8f0000-0000-4000-8000-000000000001")
START = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
CODES = [
    {"code": 2, "name": "5 min"},
    {"code": 6, "name": "15 min"},
    {"code": 11, "name": "1 Hour"},
    {"code": 13, "name": "1 hr 30 mins"},
    {"code": 20, "name": "Custom"},
]


@pytest.fixture
def medirecords(vendor: Vendor) -> MediRecords:
    return MediRecords(
        base_url=vendor.url, token="t", practice_id="PRACTICE", time_zone="Australia/Melbourne", timeout=5
    )


DRAFT = AppointmentDraft(
    ref=REF, patient_id="PATIENT", provider_id="PROVIDER", type_id="TYPE", starts_at=START, minutes=15
)


def row(**kwargs: Any) -> dict[str, Any]:
    return {
        "id": "A1",
        "patientId": "PATIENT",
        "providerId": "PROVIDER",
        "appointmentTypeId": "TYPE",
        "scheduleTime": "2026-12-01T14:00:00",
        "appointmentStatus": 2,
        "appointmentIntervalCode": 6,
        "notes": f"[ref:{REF}]",
        "confirmationLink": None,
        "createdDateTime": "2026-11-20T07:43:52.529+0000",
        **kwargs,
    }


def page(*rows: dict[str, Any], last: bool = True, page: int = 0) -> dict[str, Any]:
    return {"data": list(rows), "last": last, "page": page}


WRITTEN = {
    "patientId": "PATIENT",
    "providerId": "PROVIDER",
    "appointmentTypeId": "TYPE",
    "scheduleTime": "2026-12-01T14:00:00",
    "appointmentIntervalCode": 6,
    "appointmentStatus": 2,
    "notes": f"[ref:{REF}]",
    "allowDoubleBookingForPatient": False,
    "allowDoubleBookingForProvider": False,
}


class TestClient:
    def test_goes_where_the_settings_say(self, vendor: Vendor, settings: Settings) -> None:
        settings.MEDIRECORDS_BASE_URL, settings.MEDIRECORDS_API_KEY = vendor.url, "key"
        settings.MEDIRECORDS_PRACTICE_ID = "PRACTICE"
        vendor.answers_with(page())

        client().list_appointment_types()

        assert vendor.seen[0].headers["Authorization"] == "Bearer key"
        assert vendor.seen[0].path == "/v1/practices/PRACTICE/appointment-types"


class TestFindPatients:
    def test_lists_everybody_with_the_email(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with([{"id": "P1"}, {"id": "P2"}])

        found = medirecords.find_patients(email="family@example.com")

        assert found == ["P1", "P2"]
        assert vendor.seen[0].query == {"email": "family@example.com"}


class TestGetPatient:
    def test_knows_what_tells_people_apart(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with({"id": "P1", "firstName": None, "lastName": "Example", "dob": "1980-01-31"})

        patient = medirecords.get_patient("P1")

        assert patient == Patient(
            id="P1", first_name="", last_name="Example", email=None, phone=None, born_on=date(1980, 1, 31)
        )

    def test_finds_nobody_where_there_is_nobody(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with({}, status=404)

        assert medirecords.get_patient("P1") is None


class TestCreatePatient:
    @pytest.mark.parametrize(
        ("name", "first_name", "last_name"),
        [
            ("Pat Example", "Pat", "Example"),
            ("  Mary Jane   Example ", "Mary Jane", "Example"),
            ("Cher", None, "Cher"),
            (f"{'A' * 50} {'B' * 50}", "A" * 40, "B" * 40),
        ],
    )
    def test_splits_the_name(
        self, vendor: Vendor, medirecords: MediRecords, name: str, first_name: str | None, last_name: str
    ) -> None:
        vendor.answers_with({"id": "P1"}, status=201)

        medirecords.create_patient(PatientDraft(name=name, email="pat@example.com", born_on=date(1980, 1, 31)))

        assert vendor.seen[0].json == {
            "defaultPracticeId": "PRACTICE",
            "patientStatusCode": 1,
            "firstName": first_name,
            "lastName": last_name,
            "email": "pat@example.com",
            "dob": "1980-01-31",
        }

    @pytest.mark.parametrize(
        ("phone", "sent"),
        [
            ("+61412345678", "0412345678"),
            ("0412345678", "0412345678"),
            ("+64211234567", None),
            ("+611300123456", None),
            (None, None),
        ],
    )
    def test_leaves_out_a_phone_that_the_vendor_cannot_hold(
        self, vendor: Vendor, medirecords: MediRecords, phone: str | None, sent: str | None
    ) -> None:
        vendor.answers_with({"id": "P1"}, status=201)

        medirecords.create_patient(PatientDraft(name="Pat Example", email="pat@example.com", phone=phone))

        assert vendor.seen[0].json.get("mobilePhone") == sent

    def test_refuses_a_patient_without_a_name(self, vendor: Vendor, medirecords: MediRecords) -> None:
        with pytest.raises(NotExpressible, match="without a name"):
            medirecords.create_patient(PatientDraft(name=" ", email="pat@example.com"))

        assert vendor.seen == []


class TestIntervalCodes:
    def test_are_read_from_their_names_once(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)

        codes = [medirecords.interval_codes for _ in range(2)]

        assert codes == [{5: 2, 15: 6, 60: 11, 90: 13}] * 2
        assert len(vendor.seen) == 1


class TestListAppointments:
    def test_walks_every_page(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with(page(row(), last=False))
        vendor.answers_with(page(row(id="A2", notes=None, appointmentIntervalCode=99, appointmentStatus=8), page=1))

        first, second = medirecords.list_appointments(
            starts_from=START, starts_until=START + timedelta(days=1), provider_id="PROVIDER", patient_id="PATIENT"
        )

        assert (first.id, first.ref, first.starts_at, first.minutes) == ("A1", str(REF), START, 15)
        assert (second.id, second.ref, second.minutes, second.is_cancelled) == ("A2", None, None, True)
        assert vendor.seen[1].query == {
            "appointmentDateRangeStart": "2026-12-01T14:00",
            "appointmentDateRangeEnd": "2026-12-02T14:00",
            "providerId": "PROVIDER",
            "patientId": "PATIENT",
            "page": "0",
            "size": "100",
        }
        assert vendor.seen[2].query["page"] == "1"

    def test_takes_nonsense_for_no_answer(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with(page(row(scheduleTime="soon")))

        with pytest.raises(VendorUnavailable):
            list(medirecords.list_appointments(starts_from=START, starts_until=START))


class TestFindByRef:
    def test_prefers_the_appointment_that_stands(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with(page(row(id="A0", notes="[ref:other]"), row(appointmentStatus=8), row(id="A2")))

        found = medirecords.find_by_ref(REF, provider_id="PROVIDER", starts_at=START)

        assert found is not None
        assert found.id == "A2"
        assert vendor.seen[1].query["appointmentDateRangeStart"] == "2026-11-30T14:00"
        assert vendor.seen[1].query["appointmentDateRangeEnd"] == "2026-12-02T14:00"

    def test_finds_nothing_that_is_not_ours(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with(page(row(notes=f"Asked about [ref:{REF}]")))

        assert medirecords.find_by_ref(REF, provider_id="PROVIDER", starts_at=START) is None


class TestGetAppointment:
    def test_finds_nothing_where_there_is_nothing(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with({}, status=404)

        assert medirecords.get_appointment("A1") is None

    def test_does_not_take_missing_codes_for_a_missing_appointment(
        self, vendor: Vendor, medirecords: MediRecords
    ) -> None:
        vendor.answers_with({}, status=404)

        with pytest.raises(VendorRefused):
            medirecords.get_appointment("A1")

    def test_passes_other_refusals_on(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with({}, status=403)

        with pytest.raises(VendorRefused):
            medirecords.get_appointment("A1")


class TestCreateAppointment:
    def test_writes_the_practices_wall_time_and_our_mark(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with(row(), status=201)

        appointment = medirecords.create_appointment(DRAFT)

        assert (appointment.id, appointment.starts_at, appointment.minutes) == ("A1", START, 15)
        assert (vendor.seen[1].method, vendor.seen[1].path) == ("POST", APPOINTMENTS)
        assert vendor.seen[1].json == WRITTEN

    @pytest.mark.parametrize(
        ("starts_at", "wall_time"),
        [
            (datetime(2026, 10, 3, 15, 55, tzinfo=UTC), "2026-10-04T01:55:00"),
            (datetime(2026, 10, 3, 16, 0, tzinfo=UTC), "2026-10-04T03:00:00"),
            (datetime(2026, 4, 4, 14, 55, tzinfo=UTC), "2026-04-05T01:55:00"),
            (datetime(2026, 4, 4, 17, 0, tzinfo=UTC), "2026-04-05T03:00:00"),
        ],
    )
    def test_keeps_the_time_around_both_changes_of_the_clocks(
        self, vendor: Vendor, medirecords: MediRecords, starts_at: datetime, wall_time: str
    ) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with(row(scheduleTime=wall_time), status=201)

        appointment = medirecords.create_appointment(replace(DRAFT, starts_at=starts_at))

        assert vendor.seen[1].json["scheduleTime"] == wall_time
        assert appointment.starts_at == starts_at

    @pytest.mark.parametrize("hour", [15, 16])
    def test_refuses_a_wall_time_that_comes_twice(self, vendor: Vendor, medirecords: MediRecords, hour: int) -> None:
        vendor.answers_with(CODES)

        with pytest.raises(NotExpressible, match=r"^02:30 comes twice on 05 April 2026, when the clocks go back\."):
            medirecords.create_appointment(replace(DRAFT, starts_at=datetime(2026, 4, 4, hour, 30, tzinfo=UTC)))

        assert [seen.method for seen in vendor.seen] == ["GET"]

    @pytest.mark.parametrize("fold", [0, 1])
    def test_refuses_a_wall_time_that_the_clocks_leave_out(
        self, vendor: Vendor, medirecords: MediRecords, fold: int
    ) -> None:
        vendor.answers_with(CODES)

        with pytest.raises(
            NotExpressible, match=r"^02:30 is left out on 04 October 2026, when the clocks go forward\."
        ):
            medirecords.create_appointment(
                replace(DRAFT, starts_at=datetime(2026, 10, 4, 2, 30, fold=fold, tzinfo=MELBOURNE))
            )

        assert [seen.method for seen in vendor.seen] == ["GET"]

    def test_refuses_a_length_that_the_practice_does_not_know(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)

        with pytest.raises(NotExpressible, match="45 minutes"):
            medirecords.create_appointment(replace(DRAFT, minutes=45))

        assert [seen.method for seen in vendor.seen] == ["GET"]

    def test_never_posts_twice(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with({}, status=500)

        with pytest.raises(VendorUnavailable) as caught:
            medirecords.create_appointment(DRAFT)

        assert caught.value.is_ambiguous
        assert [seen.method for seen in vendor.seen] == ["GET", "POST"]


class TestUpdateAppointment:
    def test_leaves_what_the_practice_added(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with(row(roomId="ROOM", urgency=1, appointmentStatus=3, notes=f"[ref:{REF}]\nBring the form"))
        vendor.answers_with(row())

        medirecords.update_appointment("A1", replace(DRAFT, starts_at=START + timedelta(hours=1)))

        assert (vendor.seen[2].method, vendor.seen[2].path) == ("PUT", f"{APPOINTMENTS}/A1")
        assert vendor.seen[2].json == {
            **WRITTEN,
            "scheduleTime": "2026-12-01T15:00:00",
            "appointmentStatus": Status.CONFIRMED,
            "notes": f"[ref:{REF}] Bring the form",
            "roomId": "ROOM",
            "urgency": 1,
        }

    def test_books_a_cancelled_one_anew(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with(row(appointmentStatus=8, cancellationReason="Mistake", notes="x" * 500))
        vendor.answers_with(row())

        medirecords.update_appointment("A1", DRAFT)

        assert vendor.seen[2].json["appointmentStatus"] == Status.BOOKED
        assert vendor.seen[2].json["notes"].startswith(f"[ref:{REF}] xxx")
        assert len(vendor.seen[2].json["notes"]) == 500
        assert "cancellationReason" not in vendor.seen[2].json

    def test_is_refused_when_there_is_none(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(CODES)
        vendor.answers_with({}, status=404)

        with pytest.raises(VendorRefused) as caught:
            medirecords.update_appointment("A1", DRAFT)

        assert caught.value.status == 404


class TestCancelAppointment:
    def test_puts_the_whole_record_back_with_a_reason(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(row(roomId="ROOM"))
        vendor.answers_with(row(appointmentStatus=8))

        medirecords.cancel_appointment("A1", reason="Patient asked")

        assert vendor.seen[1].json == {
            **WRITTEN,
            "roomId": "ROOM",
            "appointmentStatus": Status.CANCELLED,
            "cancellationReason": "Patient asked",
        }

    def test_is_content_when_it_was_cancelled_before(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with(row(appointmentStatus=8))

        medirecords.cancel_appointment("A1", reason="Patient asked")

        assert len(vendor.seen) == 1

    def test_is_content_when_it_is_gone(self, vendor: Vendor, medirecords: MediRecords) -> None:
        vendor.answers_with({}, status=404)

        medirecords.cancel_appointment("A1", reason="Patient asked")

        assert len(vendor.seen) == 1

    @pytest.mark.parametrize("status", [400, 403, 409])
    def test_is_refused_when_it_still_stands(self, vendor: Vendor, medirecords: MediRecords, status: int) -> None:
        vendor.answers_with(row())
        vendor.answers_with({}, status=status)

        with pytest.raises(VendorRefused):
            medirecords.cancel_appointment("A1", reason="Patient asked")
