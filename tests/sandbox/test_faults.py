"""The fault dial, seen from a client."""

import pytest
import requests

from tests.sandbox_server import ENVIRONMENT

PATIENT = {"defaultPracticeId": ENVIRONMENT["MEDIRECORDS_PRACTICE_ID"], "lastName": "Nguyen", "patientStatusCode": 1}


class TestFaults:
    def test_throttle_with_the_time_to_wait(self, sandbox, medirecords):
        sandbox.faults("medirecords", "throttled", retry_after=7)

        response = medirecords.call("POST", "v2/patients", json=PATIENT)

        assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
        assert response.json() == {"errors": [{"parameter": None, "message": "Too many requests"}]}

    def test_end_after_so_many_calls(self, sandbox, medirecords):
        sandbox.faults("medirecords", "error_before", calls=2)

        statuses = [medirecords.call("POST", "v2/patients", json=PATIENT).status_code for _ in range(3)]

        assert statuses == [500, 500, 201]
        assert len(sandbox.state("medirecords")["patients"]) == 1

    def test_fail_after_the_work_is_done(self, sandbox, medirecords):
        sandbox.faults("medirecords", "error_after", calls=1)

        response = medirecords.call("POST", "v2/patients", json=PATIENT)

        assert response.status_code == 500
        assert len(sandbox.state("medirecords")["patients"]) == 1

    @pytest.mark.parametrize(("fault", "kept"), [("timeout_before", 0), ("timeout_after", 1)])
    def test_stay_silent(self, sandbox, fault, kept):
        sandbox.faults("medirecords", fault, calls=1)
        headers = {"Authorization": f"Bearer {ENVIRONMENT['MEDIRECORDS_API_KEY']}"}

        with pytest.raises(requests.ReadTimeout):
            requests.post(f"{sandbox.medirecords_url}/v2/patients", json=PATIENT, headers=headers, timeout=0.5)

        assert len(sandbox.state("medirecords")["patients"]) == kept
        assert sandbox.calls("medirecords")[-1]["status"] is None

    def test_answer_late(self, sandbox, medirecords):
        sandbox.faults("medirecords", "latency", milliseconds=200)

        medirecords.call("POST", "v2/patients", json=PATIENT)

        assert sandbox.calls("medirecords")[-1]["milliseconds"] >= 200

    def test_meet_only_the_calls_they_are_set_for(self, sandbox, medirecords, calendly):
        sandbox.faults("medirecords", "error_before", operation="appointments.write")

        responses = [
            medirecords.call("POST", "v2/patients", json=PATIENT),
            medirecords.call("GET", f"v1/practices/{PATIENT['defaultPracticeId']}/appointments"),
            medirecords.call("POST", f"v1/practices/{PATIENT['defaultPracticeId']}/appointments", json={}),
            calendly.call("GET", "users/me"),
        ]

        assert [response.status_code for response in responses] == [201, 200, 500, 200]

    def test_are_turned_off_together(self, sandbox, medirecords, calendly):
        sandbox.faults("medirecords", "error_before")
        sandbox.faults("calendly", "error_before")

        sandbox.clear_faults()

        assert medirecords.call("GET", "v1/code-system/appointment-interval-code").ok
        assert calendly.call("GET", "users/me").ok

    def test_are_refused_for_an_operation_that_does_not_exist(self, sandbox):
        fault = {"vendor": "ses", "fault": "latency", "operation": "appointments"}

        response = requests.post(f"{sandbox.url}/_control/faults", json=fault, timeout=10)

        assert response.status_code == 400
        assert "messages.write" in response.json()["details"][0]


class TestCallLog:
    def test_names_nobody(self, sandbox, medirecords):
        medirecords.call("GET", "v1/patients/exist", params={"email": "ava@example.com"})

        call = sandbox.calls("medirecords")[-1]

        assert call["path"] == "/medirecords/v1/patients/exist"
        assert "ava" not in str(call)
