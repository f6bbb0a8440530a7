"""The stand-in MediRecords, over HTTP."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.sandbox_server import ENVIRONMENT

PRACTICE = ENVIRONMENT["MEDIRECORDS_PRACTICE_ID"]
APPOINTMENTS = f"v1/practices/{PRACTICE}/appointments"
PROVIDER = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
def patient(medirecords):
    body = {"defaultPracticeId": PRACTICE, "lastName": "Nguyen", "patientStatusCode": 1, "email": "ava@example.com"}
    return medirecords.call("POST", "v2/patients", json=body).json()


@pytest.fixture
def appointment(medirecords, patient):
    """A body that can be posted."""
    types = medirecords.call("GET", f"v1/practices/{PRACTICE}/appointment-types").json()["data"]
    return {
        "patientId": patient["id"],
        "appointmentTypeId": next(row["id"] for row in types if row["name"] == "CONSULT_ALT_30"),
        "scheduleTime": "2027-03-01T10:00",
        "appointmentStatus": 2,
        "appointmentIntervalCode": 6,
        "providerId": PROVIDER,
        "notes": "[ref:b1]",
        "allowDoubleBookingForProvider": False,
    }


class TestKey:
    def test_lets_nobody_in_without_it(self, medirecords):
        response = requests.get(f"{medirecords.url}/{APPOINTMENTS}", timeout=10)

        assert response.status_code == 401
        assert response.json() == {"errors": [{"parameter": None, "message": "The access token is invalid"}]}

    def test_opens_no_other_practice(self, medirecords):
        other = APPOINTMENTS.replace(PRACTICE, "66666666-6666-4666-8666-666666666666")

        assert medirecords.call("GET", other).status_code == 403


class TestPatients:
    def test_are_found_by_email(self, medirecords, patient):
        response = medirecords.call("GET", "v1/patients/exist", params={"email": "AVA@example.com"})

        assert response.json() == [{"id": patient["id"]}]

    def test_are_shown_by_id(self, medirecords, patient):
        assert medirecords.call("GET", f"v1/patients/{patient['id']}").json() == patient

    def test_are_refused_with_a_field_that_is_unknown(self, medirecords):
        body = {"defaultPracticeId": PRACTICE, "lastName": "Nguyen", "patientStatusCode": 1, "shoeSize": 39}

        response = medirecords.call("POST", "v2/patients", json=body)

        assert response.status_code == 400
        assert response.json()["errors"] == [{"parameter": "shoeSize", "message": "is not known here"}]


class TestCreateAppointment:
    def test_keeps_what_it_is_told(self, medirecords, appointment):
        response = medirecords.call("POST", APPOINTMENTS, json=appointment)

        assert response.status_code == 201
        assert appointment.items() <= response.json().items()

    def test_refuses_to_double_book_a_provider(self, medirecords, appointment):
        medirecords.call("POST", APPOINTMENTS, json=appointment)

        response = medirecords.call("POST", APPOINTMENTS, json=appointment | {"scheduleTime": "2027-03-01T10:10:00"})

        assert response.status_code == 409

    def test_double_books_where_that_is_asked_for(self, medirecords, appointment):
        medirecords.call("POST", APPOINTMENTS, json=appointment)

        response = medirecords.call("POST", APPOINTMENTS, json=appointment | {"allowDoubleBookingForProvider": True})

        assert response.status_code == 201

    def test_takes_one_of_many_that_come_at_once(self, medirecords, appointment):
        with ThreadPoolExecutor(20) as people:
            responses = list(people.map(lambda _: medirecords.call("POST", APPOINTMENTS, json=appointment), range(20)))

        assert sorted(response.status_code for response in responses) == [201] + [409] * 19

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("patientId", "44444444-4444-4444-8444-444444444444"),
            ("appointmentTypeId", "44444444-4444-4444-8444-444444444444"),
            ("appointmentIntervalCode", 3),
            ("appointmentStatus", 9),
            ("scheduleTime", "2027-03-01T10:00+11:00"),
            ("scheduleTime", "2027-13-01T10:00"),
            ("notes", "x" * 501),
            ("walkIn", 1),
        ],
    )
    def test_refuses_what_does_not_fit(self, medirecords, appointment, field, value):
        response = medirecords.call("POST", APPOINTMENTS, json=appointment | {field: value})

        assert response.status_code == 400
        assert [error["parameter"] for error in response.json()["errors"]] == [field]


class TestReplaceAppointment:
    def test_puts_the_whole_record_in_place(self, medirecords, appointment):
        id = medirecords.call("POST", APPOINTMENTS, json=appointment).json()["id"]
        del appointment["notes"]

        changed = medirecords.call(
            "PUT", f"{APPOINTMENTS}/{id}", json=appointment | {"scheduleTime": "2027-03-02T09:00"}
        )

        assert changed.json()["scheduleTime"] == "2027-03-02T09:00"
        assert "notes" not in medirecords.call("GET", f"{APPOINTMENTS}/{id}").json()

    def test_asks_why_it_is_cancelled(self, medirecords, appointment):
        id = medirecords.call("POST", APPOINTMENTS, json=appointment).json()["id"]

        response = medirecords.call("PUT", f"{APPOINTMENTS}/{id}", json=appointment | {"appointmentStatus": 8})

        assert response.status_code == 400

    def test_frees_the_time_when_it_is_cancelled(self, medirecords, appointment):
        id = medirecords.call("POST", APPOINTMENTS, json=appointment).json()["id"]
        cancelled = appointment | {"appointmentStatus": 8, "cancellationReason": "patient request"}

        medirecords.call("PUT", f"{APPOINTMENTS}/{id}", json=cancelled)

        assert medirecords.call("POST", APPOINTMENTS, json=appointment).status_code == 201


class TestListAppointments:
    def test_filters_by_day_provider_and_patient(self, medirecords, appointment):
        wanted = medirecords.call("POST", APPOINTMENTS, json=appointment).json()
        medirecords.call("POST", APPOINTMENTS, json=appointment | {"scheduleTime": "2027-03-03T10:00"})
        query = {
            "appointmentDateRangeStart": "2027-02-28T10:00",
            "appointmentDateRangeEnd": "2027-03-02T10:00",
            "providerId": PROVIDER,
            "patientId": appointment["patientId"],
        }

        response = medirecords.call("GET", APPOINTMENTS, params=query)

        assert response.json()["data"] == [wanted]
        assert response.json()["last"] is True

    def test_hands_out_page_after_page(self, medirecords, appointment):
        for hour in range(10, 13):
            medirecords.call("POST", APPOINTMENTS, json=appointment | {"scheduleTime": f"2027-03-01T{hour}:00"})

        second = medirecords.call("GET", APPOINTMENTS, params={"size": 2, "page": 1}).json()

        assert (second["numberOfElements"], second["totalPages"], second["last"]) == (1, 2, True)


class TestDeleteAppointment:
    def test_forgets_it(self, medirecords, appointment):
        id = medirecords.call("POST", APPOINTMENTS, json=appointment).json()["id"]

        gone = medirecords.call("DELETE", f"{APPOINTMENTS}/{id}")

        assert gone.json()["id"] == id
        assert medirecords.call("GET", f"{APPOINTMENTS}/{id}").status_code == 404


class TestIntervalCodes:
    def test_name_every_length_of_the_catalogue(self, medirecords):
        rows = medirecords.call("GET", "v1/code-system/appointment-interval-code").json()

        assert {"10 min", "15 min", "20 min", "30 min", "45 min", "60 min"} <= {row["name"] for row in rows}
