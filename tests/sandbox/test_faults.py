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


class TestSeed:
    def statuses(self, medirecords, count=40):
        codes = "v1/code-system/appointment-interval-code"
        return [medirecords.call("GET", codes).status_code for _ in range(count)]

    def test_brings_the_same_faults_for_the_same_calls(self, sandbox, medirecords):
        sandbox.faults("medirecords", "error_before", rate=0.5)

        sandbox.seed(7)
        first = self.statuses(medirecords)
        sandbox.seed(7)
        second = self.statuses(medirecords)
        sandbox.seed(8)
        other = self.statuses(medirecords)

        assert first == second != other
        assert {200, 500} == set(first)

    def test_does_not_mind_what_goes_on_elsewhere(self, sandbox, medirecords, calendly):
        sandbox.faults("medirecords", "error_before", rate=0.5)
        sandbox.faults("calendly", "error_before", rate=0.5)

        sandbox.seed(7)
        alone = self.statuses(medirecords)
        sandbox.seed(7)
        beside = []
        for _ in range(40):
            medirecords.call("POST", "v2/patients", json=PATIENT)
            calendly.call("GET", "users/me")
            beside += self.statuses(medirecords, 1)

        assert alone == beside

    def test_ends_with_a_reset(self, sandbox):
        sandbox.seed(7)

        sandbox.reset()

        assert sandbox.control("GET", "seed") == {"seed": ""}


class TestPreset:
    def test_makes_a_bad_day_and_a_calm_one(self, sandbox):
        bad = sandbox.control("POST", "faults/preset", json={"preset": "bad_day"})["faults"]
        calm = sandbox.control("POST", "faults/preset", json={"preset": "calm"})["faults"]

        assert {"calendly", "graph", "medirecords", "pagerduty", "jotform", "stripe", "ses"} == {
            row["vendor"] for row in bad
        }
        assert all(row["rate"] <= 0.05 for row in bad)
        assert calm == []
